"""QR: money comes by transfer, and its text, which the payer and two banks have written, is all that there is."""

from functools import partial

from conformance.bench import Bench, accounted, seen
from conformance.requirement import Level, expect, requirement
from conformance.target import DossierStatus, Status

TRANSFERS = ("advice",)
LIMIT_VND = 500_000_000
"""napas-qr-2021#limit: instant transfers are of less; a code for more must leave the sum to the payer's bank."""


@requirement(
    "QR-01",
    level=Level.MUST,
    source="napas-qr-1-5-2#objects",
    says="The connector shows a code that a banking app can pay, with the right sum and the order's text.",
    vi="Mã QR do bộ kết nối hiển thị quét được bằng ứng dụng ngân hàng, đúng số tiền và nội dung.",
    why="The payer's app refuses the code, or the money arrives without anything that tells whose it is.",
    why_vi="Ứng dụng từ chối mã, hoặc tiền đến mà không biết của ai.",
    shapes=TRANSFERS,
    guards=("gateways D20",),
    once_a_bank=True,
)
def test_the_shown_code_can_be_paid(bench: Bench) -> None:
    for amount_vnd in (None, LIMIT_VND - 1, LIMIT_VND):
        visit = bench.open(amount_vnd)
        bench.arrive(visit)
        bench.settle(visit)
        bench.expect_paid_once(visit)


@requirement(
    "QR-02",
    level=Level.MUST,
    source="vcb-account-advice#remark",
    says="The connector finds the order in a text to which banks have added words before and behind.",
    vi="Bộ kết nối vẫn tìm ra lệnh khi ngân hàng thêm chữ vào trước và sau nội dung chuyển khoản.",
    why="The money of whoever pays from another bank settles nothing.",
    why_vi="Tiền chuyển từ ngân hàng khác không ghi nhận được cho hồ sơ nào.",
    shapes=TRANSFERS,
    guards=("gateways D34",),
    once_a_bank=True,
)
def test_an_order_is_found_among_the_banks_words(bench: Bench) -> None:
    for wording in (
        "{} nop le phi",
        "MBVCB.6960980.{}.CT tu 0011000994178 NGUYEN VAN A toi 0011004110847",
        "CHUYEN TIEN {} FT26326000123",
    ):
        visit = bench.open()
        bench.transfer(visit, wording.format(visit.order_ref), visit.amount_vnd)
        bench.expect_paid_once(visit)


@requirement(
    "QR-03",
    level=Level.MUST,
    source="portal-defects#amount-not-compared",
    says="The connector settles nothing on a transfer of another sum, and does not lose that money.",
    vi="Bộ kết nối không ghi nhận đã nộp khi số tiền chuyển khác lệ phí, và không làm mất khoản tiền đó.",
    why="A payer who types a smaller sum has paid, or one who mistypes has lost the money.",
    why_vi="Người chuyển thiếu vẫn được coi là đã nộp, hoặc người gõ nhầm mất tiền.",
    shapes=TRANSFERS,
    guards=("egov D10",),
    once_a_bank=True,
)
def test_another_sum_is_neither_enough_nor_lost(bench: Bench) -> None:
    visit = bench.open()
    part_vnd = visit.amount_vnd - 1_000
    bench.transfer(visit, visit.order_ref, part_vnd)
    status = bench.calm_status(visit, lambda found: accounted(found) >= part_vnd)
    expect(
        status.status is not DossierStatus.PAID and status.receipts == 0,
        "a part of the fee does not settle the dossier",
        expected="not paid, no receipt",
        actual=seen(status),
    )
    if status.refund_due_vnd is not None:
        expect(
            accounted(status) >= part_vnd,
            "the money that came is booked, or flagged to be given back",
            expected=f"{part_vnd} VND booked or to give back",
            actual=seen(status),
        )


@requirement(
    "QR-04",
    level=Level.MUST,
    source="sepay-webhooks#fields",
    says="The connector does not take money that leaves the account for a payment.",
    vi="Bộ kết nối không coi tiền chuyển ra khỏi tài khoản là khoản nộp.",
    why="The refund of a fee, which names the same order, pays the fee a second time.",
    why_vi="Khoản hoàn phí mang cùng nội dung lại bị coi là một lần nộp mới.",
    shapes=TRANSFERS,
    guards=("gateways D52",),
    once_a_bank=True,
)
def test_money_that_goes_out_pays_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.send(bench.callback(visit, state="reversed", outcome="reversed"), "a callback of money that goes out")
    bench.expect_not_paid(visit)


@requirement(
    "QR-05",
    level=Level.MUST,
    source="sepay-webhooks#duplicates",
    says="The connector loses nothing of a fee that comes in two transfers, and settles it on no part of it.",
    vi="Bộ kết nối không làm mất phần nào của lệ phí chuyển thành hai lần, và không ghi nhận khi chỉ có một phần.",
    why="The second transfer counts as a repetition of the first, and half the payer's money is in no books.",
    why_vi="Lần chuyển thứ hai bị coi là bản sao, một nửa số tiền không nằm trong sổ nào.",
    shapes=TRANSFERS,
    guards=("egov D29", "banks 6.2", "gateways D21"),
    once_a_bank=True,
)
def test_a_fee_in_two_transfers_is_not_lost(bench: Bench) -> None:
    visit = bench.open()
    part_vnd = visit.amount_vnd // 2
    for amount_vnd in (part_vnd, visit.amount_vnd - part_vnd):
        before = bench.status(visit)
        bench.transfer(visit, visit.order_ref, amount_vnd)
        come_vnd = accounted(before) + amount_vnd
        status = bench.calm_status(visit, partial(_accounts_for, come_vnd))
        early = status.status is DossierStatus.PAID and come_vnd < visit.amount_vnd
        expect(not early, "a part of the fee does not settle the dossier", expected="not paid", actual=seen(status))
    if status.refund_due_vnd is not None:
        expect(
            accounted(status) >= visit.amount_vnd,
            "all that came is booked, or flagged to be given back",
            expected=f"{visit.amount_vnd} VND booked or to give back",
            actual=seen(status),
        )


@requirement(
    "QR-06",
    level=Level.MUST,
    source="vcb-account-advice#remark",
    says="The connector finds the order in a text that a bank has written in small letters.",
    vi="Bộ kết nối vẫn tìm ra lệnh khi ngân hàng viết nội dung bằng chữ thường.",
    why="One banking app writes texts its own way, and none of its customers' fees is settled.",
    why_vi="Một ứng dụng ngân hàng viết nội dung theo cách riêng, và lệ phí của khách hàng ấy đều không được ghi nhận.",
    shapes=TRANSFERS,
    guards=("banks 6.5", "gateways D34"),
    once_a_bank=True,
)
def test_an_order_is_found_in_small_letters(bench: Bench) -> None:
    visit = bench.open()
    bench.transfer(visit, f"nop phi {visit.order_ref.lower()} tu nguyen van a", visit.amount_vnd)
    bench.expect_paid_once(visit)


@requirement(
    "QR-07",
    level=Level.MUST,
    source="sepay-webhooks#fields",
    says="The connector settles no dossier on a transfer whose text names none, though the sum would fit.",
    vi="Bộ kết nối không ghi nhận hồ sơ nào khi nội dung chuyển khoản không nêu mã, dù số tiền trùng khớp.",
    why="Fees are alike: the money of one citizen settles the dossier of another.",
    why_vi="Lệ phí thường bằng nhau: tiền của người này lại ghi nhận cho hồ sơ người khác.",
    shapes=TRANSFERS,
    guards=("banks 6.5", "egov D18"),
    once_a_bank=True,
)
def test_a_transfer_is_not_matched_by_its_sum(bench: Bench) -> None:
    visit = bench.open()
    for text in ("NGUYEN VAN A chuyen tien", visit.order_ref[:8]):
        bench.transfer(visit, text, visit.amount_vnd)
    bench.expect_not_paid(visit)


def _accounts_for(sum_vnd: int, found: Status) -> bool:
    return accounted(found) >= sum_vnd
