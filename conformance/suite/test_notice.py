"""NOTICE: the payer is told once, and told how much."""

import re

from conformance.bench import Bench
from conformance.requirement import Level, expect, requirement


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


def _names(text: str, amount_vnd: int) -> bool:
    """Whether the text names the amount, written 50000, 50.000 or 50,000."""
    plain = re.sub(r"(?<=\d)[.,\s](?=\d)", "", text)
    return re.search(rf"(?<!\d){amount_vnd}(?!\d)", plain) is not None
