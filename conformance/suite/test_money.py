"""MONEY: a true signature is not enough; what was paid must be what was owed, to whom it was owed."""

from conformance.bench import Bench, Visit, accounted, seen
from conformance.forge import No, Word
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import DossierStatus, Refused


@requirement(
    "MONEY-01",
    level=Level.MUST,
    source="portal-defects#amount-not-compared",
    says="The connector does not settle a dossier on a callback for less than its fee.",
    vi="Bộ kết nối không ghi nhận hồ sơ đã nộp khi số tiền trong thông báo ít hơn lệ phí.",
    why="A fee of a million is settled by a payment of one dong.",
    why_vi="Lệ phí một triệu được coi là đã nộp chỉ với một đồng.",
    guards=("egov D10", "gateways D21", "gateways D20"),
    once_a_bank=True,
)
def test_less_than_the_fee_does_not_pay(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    for amount_vnd in (visit.amount_vnd - 1, visit.amount_vnd // 100, 1, 0):
        bench.send(
            bench.forge.changed(true, {Word.AMOUNT: amount_vnd}), f"a rightly signed callback of {amount_vnd} VND"
        )
    bench.expect_unsettled(visit)


@requirement(
    "MONEY-02",
    level=Level.MUST,
    source="portal-defects#amount-not-compared",
    says="The connector does not swallow what a callback brings beyond the fee.",
    vi="Bộ kết nối không nuốt phần tiền vượt quá lệ phí trong thông báo.",
    why="The payer's surplus disappears from both books, or an amount in the wrong unit is booked.",
    why_vi="Phần tiền thừa của người nộp biến mất khỏi sổ, hoặc số tiền sai đơn vị bị ghi nhận.",
    guards=("egov D10", "gateways D20", "gateways D21"),
    once_a_bank=True,
)
def test_more_than_the_fee_is_not_swallowed(bench: Bench) -> None:
    for factor, surplus_vnd in ((1, 1), (100, 0)):
        visit = bench.open()
        sent_vnd = visit.amount_vnd * factor + surplus_vnd
        message = bench.forge.changed(bench.callback(visit), {Word.AMOUNT: sent_vnd})
        bench.send(message, f"a rightly signed callback of {sent_vnd} VND where {visit.amount_vnd} are owed")
        status = bench.calm_status(visit)
        flagged = accounted(status) == sent_vnd
        expect(
            status.status is not DossierStatus.PAID or flagged,
            "the dossier is not paid, or what is too much is to be given back",
            expected=f"not paid, or {sent_vnd - visit.amount_vnd} VND to give back",
            actual=seen(status),
        )


@requirement(
    "MONEY-03",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles nothing on an amount that is negative, a fraction, text or beyond reason.",
    vi="Bộ kết nối không ghi nhận gì khi số tiền âm, có phần lẻ, là chữ hoặc vô lý.",
    why="A number read too kindly becomes another number, and the service stops on the rest.",
    why_vi="Con số bị đọc dễ dãi thành số khác, hoặc làm dừng dịch vụ.",
    guards=("gateways D22", "egov D26"),
    once_a_bank=True,
)
def test_an_amount_that_is_none_does_not_pay(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    wire = bench.forge.field(true, Word.AMOUNT)
    for amount in (f"-{wire}", f"{wire}.5", f"{wire}e2", "một triệu", "", "9" * 40):
        message = bench.forge.changed(true, {Word.AMOUNT: amount})
        bench.send(message, f"a rightly signed callback of the amount {amount!r}")
    bench.expect_unsettled(visit)


@requirement(
    "MONEY-04",
    level=Level.MUST,
    source="client-defects#merchant-not-compared",
    says="The connector settles nothing on a rightly signed callback for another merchant.",
    vi="Bộ kết nối không ghi nhận gì từ thông báo ký đúng nhưng của đơn vị khác.",
    why="The money went into someone else's account, and the dossier counts as paid.",
    why_vi="Tiền vào tài khoản đơn vị khác mà hồ sơ vẫn được coi là đã nộp.",
    guards=("gateways D42", "egov D3"),
    once_a_bank=True,
)
def test_another_merchants_callback_does_not_pay(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    code = bench.forge.field(true, Word.MERCHANT)
    other = code[:-1] + ("1" if code[-1] != "1" else "2")
    message = bench.forge.changed(true, {Word.MERCHANT: other})
    bench.send(message, f"a rightly signed callback for the merchant {other}")
    bench.expect_not_paid(visit)


@requirement(
    "MONEY-05",
    level=Level.MUST,
    source="portal-defects#two-attempts",
    says="The connector settles a dossier once when it is paid twice, and flags the second payment for refund.",
    vi="Bộ kết nối chỉ ghi nhận một lần khi hồ sơ bị nộp hai lần, và đánh dấu khoản thứ hai để hoàn.",
    why="The payer paid in two tabs; the second payment is in nobody's books.",
    why_vi="Người nộp trả tiền ở hai thẻ trình duyệt; khoản thứ hai không nằm trong sổ nào.",
    guards=("egov D29", "gateways D35", "banks 6.4"),
    once_a_bank=True,
)
def test_a_dossier_paid_twice_is_settled_once_and_the_rest_flagged(bench: Bench) -> None:
    first = bench.open()
    payments = [bench.arrive(first)]
    if not bench.announced:
        payments.append(bench.arrive_anew(first))
    else:
        payments.append(bench.arrive(_second_order(bench, first)))
    for payment_id in payments:
        bench.approve(payment_id, f"dossier {first.dossier_code} is paid at the bank")
    bench.deliver()
    bench.expect_second_flagged(first)


def _second_order(bench: Bench, first: Visit) -> Visit:
    try:
        second = bench.open_again(first)
    except Refused as refused:
        raise NotApplicable("the connector opens no second order while one is open") from refused
    if second.order_ref == first.order_ref:
        raise NotApplicable("a dossier has one order for all attempts, which the bank takes once")
    return second


@requirement(
    "MONEY-09",
    level=Level.MUST,
    source="portal-defects#two-attempts",
    says="The connector settles a dossier once that is paid at two banks, and flags the second payment for refund.",
    vi="Bộ kết nối chỉ ghi nhận một lần hồ sơ được nộp ở hai ngân hàng, và đánh dấu khoản thứ hai để hoàn.",
    why="The payer gave up at one bank and paid at another; both took the money, and one of them is forgotten.",
    why_vi="Người nộp bỏ dở ở ngân hàng này và nộp ở ngân hàng khác; cả hai đều trừ tiền và một khoản bị quên.",
    guards=("banks 6.2", "egov D29"),
    once_a_bank=True,
)
def test_a_dossier_paid_at_two_banks_is_settled_once_and_the_rest_flagged(bench: Bench) -> None:
    other = bench.elsewhere()
    first = bench.open()
    bench.arrive(first)
    try:
        second = other.open_again(first)
    except Refused as refused:
        raise NotApplicable("the connector opens no order at another bank while one is open") from refused
    other.arrive(second)
    bench.pay(first)
    other.pay(second)
    bench.deliver()
    bench.expect_second_flagged(first)


@requirement(
    "MONEY-06",
    level=Level.MUST,
    source="dvcqg-td#confirm",
    says="The connector settles nothing on the same number in another currency.",
    vi="Bộ kết nối không ghi nhận gì khi cùng con số nhưng khác loại tiền.",
    why="50,000 of a currency that is worth less pays 50,000 dong, or the sum cannot be booked.",
    why_vi="50.000 đơn vị loại tiền khác được coi như 50.000 đồng.",
    banks=("dvcqg", "vietinbank", "vietcombank_qn", "vietinbank_dn", "onepay_domestic", "payos"),
    guards=("gateways D21",),
    once_a_bank=True,
)
def test_another_currency_does_not_pay(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.changed(bench.callback(visit), {Word.CURRENCY: "LAK"})
    bench.send(message, "a rightly signed callback of the same number in LAK")
    bench.expect_unsettled(visit)


@requirement(
    "MONEY-07",
    level=Level.SHOULD,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector answers a wrong amount with the bank's code for it.",
    vi="Bộ kết nối trả lời số tiền sai bằng đúng mã lỗi của ngân hàng.",
    why="The bank takes the discrepancy for settled, and nobody looks for it.",
    why_vi="Ngân hàng coi chênh lệch là đã xong và không ai tìm nữa.",
    banks=("vnpay", "vietcombank_qn", "vietinbank_dn"),
    guards=("gateways D33", "gateways D34"),
    once_a_bank=True,
)
def test_a_wrong_amount_is_refused_with_the_banks_code(bench: Bench) -> None:
    bench.needs_codes()
    visit = bench.open()
    message = bench.forge.changed(bench.callback(visit), {Word.AMOUNT: visit.amount_vnd - 1000})
    answer = bench.send(message, "a rightly signed callback of 1,000 VND less")
    bench.expect_refused(answer, message, No.WRONG_AMOUNT)


@requirement(
    "MONEY-08",
    level=Level.MUST,
    source="portal-defects#two-dossiers",
    says="The connector books each payment to the dossier it was made for, and to no other.",
    vi="Bộ kết nối ghi mỗi khoản tiền vào đúng hồ sơ của nó, không vào hồ sơ khác.",
    why="One citizen's money settles another citizen's dossier.",
    why_vi="Tiền của người này lại ghi nhận cho hồ sơ của người khác.",
    guards=("egov D18",),
    once_a_bank=True,
)
def test_each_payment_settles_its_own_dossier(bench: Bench) -> None:
    visits = [bench.open() for _ in range(3)]
    for visit in visits:
        bench.arrive(visit)
    bench.settle(visits[1])
    bench.expect_paid_once(visits[1])
    bench.expect_not_paid(visits[0], visits[2])
