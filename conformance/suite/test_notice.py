"""NOTICE: the payer is told once, and told how much."""

import re

from conformance.bench import Bench, Visit
from conformance.requirement import Level, expect, requirement

TRIES = 2


@requirement(
    "NOTICE-01",
    level=Level.SHOULD,
    source="portal-defects#notice",
    says="The connector tells the payer once that the fee is paid, and how much it was.",
    vi="Bộ kết nối báo cho người nộp đúng một lần rằng lệ phí đã nộp, kèm số tiền.",
    why="The payer has nothing to show when the office asks, and cannot see a wrong sum.",
    why_vi="Người nộp không có gì làm bằng chứng và không phát hiện được số tiền sai.",
    guards=("egov D35",),
    once_a_bank=True,
)
def test_the_payer_is_told_the_amount(bench: Bench) -> None:
    bench.needs_messages()
    visit = bench.open()
    before = bench.messages(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)
    told = bench.messages(visit)[-1]
    expect(
        told.amount_vnd == visit.amount_vnd or _names(told.text, visit.amount_vnd),
        "the payer is told how much was paid",
        expected=visit.amount_vnd,
        actual=told.text,
    )


@requirement(
    "NOTICE-02",
    level=Level.SHOULD,
    source="portal-defects#notice",
    says="The connector tells the payer nothing of a payment that was not made.",
    vi="Bộ kết nối không báo đã nộp khi chưa có khoản nộp nào.",
    why="The payer believes the message and loses the deadline.",
    why_vi="Người nộp tin vào tin nhắn và lỡ thời hạn.",
    guards=("egov D35",),
    once_a_bank=True,
)
def test_no_payment_makes_no_message(bench: Bench) -> None:
    bench.needs_messages()
    visit = bench.open()
    before = bench.messages(visit)
    bench.send(bench.forge.signed_by_another(bench.callback(visit)), "a callback signed with another key")
    bench.expect_not_paid(visit)
    told = [notice.text for notice in bench.messages(visit)[len(before) :]]
    expect(not told, "the payer is told of no payment", expected="no message", actual=told)


@requirement(
    "NOTICE-03",
    level=Level.MUST,
    source="portal-defects#notice",
    says="The connector tells the payer once, later, when the gateway for messages was down.",
    vi="Bộ kết nối báo lại cho người nộp đúng một lần sau khi cổng tin nhắn hoạt động trở lại.",
    why="The gateway was down for a minute: nobody who paid in it has anything to show.",
    why_vi="Cổng tin nhắn hỏng một phút: ai nộp lúc đó không có gì làm bằng chứng.",
    needs=("run_jobs",),
    guards=("egov D35",),
    once_a_bank=True,
)
def test_a_payer_is_told_once_the_gateway_works_again(bench: Bench) -> None:
    bench.needs_messages()
    visit = bench.open()
    before = bench.messages(visit)
    bench.break_gateway("http_500", times=TRIES)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    for _ in range(TRIES):
        bench.run_jobs(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "NOTICE-04",
    level=Level.TENTATIVE,
    source="portal-defects#notice",
    says="The connector repeats a message whose fate it does not know under its old number.",
    vi="Bộ kết nối gửi lại tin nhắn chưa rõ kết quả với đúng mã tin cũ.",
    why="Payers who are told twice believe that they paid twice, and ask for their money.",
    why_vi="Người nộp nhận hai tin tưởng mình nộp hai lần và đòi lại tiền.",
    needs=("run_jobs",),
    guards=("egov D12", "egov D35"),
    once_a_bank=True,
)
def test_a_message_that_was_taken_without_an_answer_is_not_told_twice(bench: Bench) -> None:
    bench.needs_messages()
    visit = bench.open()
    before = bench.messages(visit)
    bench.break_gateway("answer_lost")
    bench.settle(visit)
    bench.expect_paid_once(visit)
    for _ in range(TRIES):
        bench.run_jobs(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "NOTICE-05",
    level=Level.MUST,
    source="portal-defects#notice",
    says="The connector does not tell the payer of a payment that failed what it tells of one that was made.",
    vi="Bộ kết nối không báo khoản thanh toán thất bại bằng lời báo của khoản đã nộp.",
    why="The payer believes that the fee is paid, and loses the deadline.",
    why_vi="Người nộp tưởng lệ phí đã nộp và lỡ thời hạn.",
    shapes=("redirect", "server_create"),
    guards=("egov D35", "egov D4"),
    once_a_bank=True,
)
def test_a_failure_is_not_told_as_a_success(bench: Bench) -> None:
    bench.needs_messages()
    paid, failed = bench.open(), bench.open()
    before = bench.messages(paid)
    bench.settle(paid)
    bench.expect_paid_once(paid)
    bench.expect_notified_once(paid, before)
    success = _wording(bench.messages(paid)[-1].text, paid)
    told_before = len(bench.messages(failed))
    bench.decline(failed, "insufficient_funds")
    bench.deliver()
    bench.expect_not_paid(failed)
    if bench.polls:
        bench.run_jobs(failed)
    told = [notice.text for notice in bench.messages(failed)[told_before:]]
    expect(
        all(_wording(text, failed) != success for text in told),
        "the payer of a payment that failed is not told that it was made",
        expected="no such message",
        actual=told,
    )


@requirement(
    "NOTICE-06",
    level=Level.MUST,
    source="portal-defects#receipt",
    says="The connector books a payment whose receipt cannot be issued, and issues the receipt once, later.",
    vi="Bộ kết nối vẫn ghi nhận khoản nộp khi chưa lập được biên lai, và lập đúng một biên lai sau đó.",
    why="The issuer was down for an hour: who paid in it has no receipt, or two, or is not paid at all.",
    why_vi="Nơi lập biên lai hỏng một giờ: ai nộp lúc đó không có biên lai, có hai, hoặc không được ghi nhận.",
    needs=("outage_receipts", "run_jobs"),
    guards=("egov D35", "egov D12", "egov D16"),
    once_a_bank=True,
)
def test_a_receipt_is_issued_once_when_its_issuer_was_down(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    with bench.receipts_out_of_order():
        bench.settle(visit)
        bench.run_jobs(visit)
        bench.expect_booked(visit)
        if bench.merchant.callback_url:
            bench.expect_delivered(visit)
    for _ in range(TRIES):
        bench.run_jobs(visit)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


def _wording(text: str, visit: Visit) -> str:
    """A message without what is its dossier's own: code, reference and numbers."""
    for own in (visit.dossier_code, visit.order_ref):
        text = text.replace(own, "")
    return re.sub(r"[\d.,\s]+", " ", text).strip()


def _names(text: str, amount_vnd: int) -> bool:
    """Whether the text names the amount, written 50000, 50.000 or 50,000."""
    plain = re.sub(r"(?<=\d)[.,\s](?=\d)", "", text)
    return re.search(rf"(?<!\d){amount_vnd}(?!\d)", plain) is not None
