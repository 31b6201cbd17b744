"""ORDERING: messages come late, early and in the wrong order; money is never lost by it."""

from conformance.bench import DAY_S, Bench, seen
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import DossierStatus, Refused

WEEK_S = 7 * DAY_S
CREATED = ("redirect", "server_create")


@requirement(
    "ORDERING-01",
    level=Level.MUST,
    source="portal-defects#late-failure",
    says="The connector keeps a dossier paid when a failure for the same order comes after the success.",
    vi="Bộ kết nối giữ hồ sơ ở trạng thái đã nộp khi thông báo thất bại đến sau thông báo thành công.",
    why="The money is taken, the dossier is unpaid again, and the payer is asked once more.",
    why_vi="Tiền đã thu, hồ sơ lại thành chưa nộp, người nộp bị đòi thêm lần nữa.",
    shapes=CREATED,
    guards=("egov D11", "gateways D38"),
    once_a_bank=True,
)
def test_a_late_failure_does_not_undo_a_success(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("success_then_failure", delay_s=60)
    bench.pay(visit)
    bench.advance(120)
    bench.expect_paid_once(visit)


@requirement(
    "ORDERING-02",
    level=Level.MUST,
    source="client-defects#failure-final",
    says="The connector settles the success that follows a failure of the same order.",
    vi="Bộ kết nối ghi nhận lần thành công đến sau một lần thất bại của cùng lệnh.",
    why="The payer's second try on the bank's page takes the money, and the connector does not listen any more.",
    why_vi="Người nộp thử lại và đã bị trừ tiền nhưng bộ kết nối không còn nghe nữa.",
    shapes=CREATED,
    guards=("gateways D38",),
    once_a_bank=True,
)
def test_a_success_after_a_failure_is_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("failure_then_success", delay_s=60)
    bench.pay(visit)
    bench.advance(120)
    bench.expect_paid_once(visit)


@requirement(
    "ORDERING-03",
    level=Level.MUST,
    source="portal-defects#recorded-after-answer",
    says="The connector settles a callback that comes before the bank has answered the order.",
    vi="Bộ kết nối ghi nhận được thông báo đến trước khi ngân hàng trả lời lệnh.",
    why="A quick payer's money meets an order that is not written down yet.",
    why_vi="Người nộp nhanh tay trả tiền khi lệnh còn chưa được ghi lại.",
    shapes=(*CREATED, "bill"),
    guards=("egov D34",),
    once_a_bank=True,
)
def test_a_callback_before_the_answer_is_settled(bench: Bench) -> None:
    bench.fault("callback_before_answer", operation="inquiry" if bench.shape == "bill" else "create")
    visit = bench.open_blindly()
    bench.arrive(visit)
    bench.advance(DAY_S)
    bench.expect_paid_once(visit)


@requirement(
    "ORDERING-04",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles a callback that comes after the payer's browser was back.",
    vi="Bộ kết nối ghi nhận được thông báo đến sau khi trình duyệt người nộp đã quay về.",
    why="The return closed the order, and the money's own message comes too late.",
    why_vi="Trang quay về đã đóng lệnh, thông báo về tiền đến sau bị bỏ qua.",
    shapes=CREATED,
    guards=("gateways D31",),
    once_a_bank=True,
)
def test_a_callback_after_the_return_is_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("callback_after_return")
    bench.pay(visit)
    bench.go_back(visit)
    bench.advance(10)
    bench.expect_paid_once(visit)


@requirement(
    "ORDERING-05",
    level=Level.MUST,
    source="client-defects#late-success",
    says="The connector books or flags money that arrives after the order had expired.",
    vi="Bộ kết nối ghi nhận hoặc đánh dấu hoàn khoản tiền đến sau khi lệnh đã hết hạn.",
    why="The payer's money is at the bank, the connector has forgotten the order.",
    why_vi="Tiền của người nộp đã ở ngân hàng mà bộ kết nối đã quên lệnh.",
    guards=("gateways D65",),
    once_a_bank=True,
)
def test_money_after_expiry_is_not_lost(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    bench.advance(WEEK_S)
    bench.event(visit, "approve_late", "turns out to have paid, after the order had expired")
    bench.deliver()
    bench.expect_money_not_lost(visit)


@requirement(
    "ORDERING-06",
    level=Level.MUST,
    source="portal-defects#cancelled-bill",
    says="The connector books or flags money that arrives for a cancelled dossier.",
    vi="Bộ kết nối ghi nhận hoặc đánh dấu hoàn khoản tiền đến cho hồ sơ đã hủy.",
    why="The callback is acknowledged and the money written down nowhere.",
    why_vi="Thông báo được xác nhận mà khoản tiền không được ghi ở đâu.",
    needs=("cancel",),
    guards=("egov D29", "gateways D65"),
    once_a_bank=True,
)
def test_money_for_a_cancelled_dossier_is_not_lost(bench: Bench) -> None:
    if bench.chooses("cancelled_bill", "refuses"):
        raise NotApplicable("the connector refuses money for a cancelled bill, by its policy")
    visit = bench.open()
    bench.arrive(visit)
    bench.cancel_dossier(visit)
    if bench.payment(visit).state == "cancelled":
        bench.event(visit, "approve_late", "turns out to have paid, though the connector took the order back")
        bench.deliver()
    else:
        bench.settle(visit)
    bench.expect_money_not_lost(visit)


@requirement(
    "ORDERING-07",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles a callback that the bank repeats after its answer was lost.",
    vi="Bộ kết nối ghi nhận đúng khi ngân hàng gửi lại thông báo vì không nhận được câu trả lời.",
    why="What was done before the connection broke is done again, or never.",
    why_vi="Việc đã làm trước khi đứt kết nối bị làm lại lần nữa, hoặc không bao giờ được làm.",
    guards=("egov D16", "gateways D34"),
    once_a_bank=True,
)
def test_a_repeated_callback_after_a_lost_answer_settles_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.fault("answer_lost", operation="callback")
    bench.pay(visit)
    bench.advance(DAY_S)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "ORDERING-08",
    level=Level.MUST,
    source="client-defects#failure-final",
    says="The connector settles a new order of a dossier whose first order failed.",
    vi="Bộ kết nối ghi nhận lệnh mới của hồ sơ có lệnh đầu thất bại.",
    why="After one failed try the payer can never pay.",
    why_vi="Chỉ một lần thất bại là người nộp không bao giờ nộp được nữa.",
    shapes=CREATED,
    guards=("gateways D38",),
    once_a_bank=True,
)
def test_a_dossier_can_be_paid_after_a_failed_try(bench: Bench) -> None:
    first = bench.open()
    bench.decline(first, "insufficient_funds")
    bench.deliver()
    second = bench.open_again(first)
    found = bench.payment(second).state
    expect(found == "pending", "the new try is an order that can be paid", expected="pending", actual=found)
    bench.settle(second)
    bench.expect_paid_once(second)


@requirement(
    "ORDERING-09",
    level=Level.MUST,
    source="portal-defects#replay",
    says="The connector leaves a refunded dossier refunded when the callback of its payment comes once more.",
    vi="Bộ kết nối giữ hồ sơ đã hoàn tiền ở trạng thái đã hoàn khi thông báo nộp tiền cũ đến lần nữa.",
    why="Whoever kept the old callback has the service and the money back.",
    why_vi="Ai giữ lại thông báo cũ thì vừa được hoàn tiền vừa được giải quyết hồ sơ.",
    needs=("refund",),
    guards=("egov D33", "gateways D31"),
    once_a_bank=True,
)
def test_an_old_callback_does_not_undo_a_refund(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    old = bench.callback(visit)
    try:
        bench.refund(visit, None)
    except Refused as refused:
        raise NotApplicable("the connector gives no money back over this bank") from refused
    before = bench.calm_status(visit, lambda found: found.status is DossierStatus.REFUNDED)
    bench.send(old, "the old callback of the payment")
    after = bench.calm_status(visit)
    expect(seen(after) == seen(before), "the old callback changes nothing", expected=seen(before), actual=seen(after))
