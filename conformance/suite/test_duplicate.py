"""DUPLICATE: banks repeat themselves; a payment is settled once however often it is told."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from conformance.bench import Bench, Visit
from conformance.requirement import Level, NotApplicable, requirement

MANY = 20


@requirement(
    "DUPLICATE-01",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles once when the same callback comes twice.",
    vi="Bộ kết nối chỉ ghi nhận một lần khi cùng một thông báo đến hai lần.",
    why="Two receipts for one payment: the books are short of the second.",
    why_vi="Hai biên lai cho một khoản tiền: sổ sách thiếu khoản thứ hai.",
    guards=("egov D12", "gateways D31"),
    once_a_bank=True,
)
def test_a_callback_that_comes_twice_settles_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.settle(visit)
    bench.send(bench.callback(visit, state=None), "the same callback once more")
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-02",
    level=Level.MUST,
    source="portal-defects#no-idempotency",
    says="The connector settles once when the same callback comes twenty times, one after another.",
    vi="Bộ kết nối chỉ ghi nhận một lần khi cùng một thông báo đến hai mươi lần liên tiếp.",
    why="A bank that comes back after an outage repeats everything it has.",
    why_vi="Ngân hàng hoạt động lại sau sự cố sẽ gửi lại tất cả.",
    guards=("egov D12", "gateways D31"),
    once_a_bank=True,
)
def test_twenty_callbacks_in_a_row_settle_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.fault("duplicate", copies=MANY)
    bench.pay(visit)
    bench.advance(MANY)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-03",
    level=Level.MUST,
    source="client-defects#race",
    says="The connector settles once when the same callback comes twenty times at the same moment.",
    vi="Bộ kết nối chỉ ghi nhận một lần khi cùng một thông báo đến hai mươi lần cùng lúc.",
    why="Between looking and writing another copy slips in: several receipts, several services.",
    why_vi="Giữa lúc kiểm tra và lúc ghi, bản sao khác chen vào: nhiều biên lai, nhiều lần giải quyết.",
    guards=("gateways D30", "gateways D41", "egov D12"),
    once_a_bank=True,
)
def test_twenty_callbacks_at_once_settle_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.fault("duplicate", copies=MANY, at_once=True)
    bench.pay(visit)
    bench.deliver()
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-04",
    level=Level.MUST,
    source="client-defects#return-and-ipn",
    says="The connector settles once by callback, return and its own query together.",
    vi="Bộ kết nối chỉ ghi nhận một lần dù có cả thông báo, trang quay về và truy vấn.",
    why="Each way settles for itself, and the receipt is issued two or three times.",
    why_vi="Mỗi đường tự ghi nhận, biên lai bị phát hành hai ba lần.",
    guards=("gateways D31", "egov D28"),
    once_a_bank=True,
)
def test_callback_return_and_query_settle_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.pay(visit)
    _go_back_if_possible(bench, visit)
    bench.deliver()
    _go_back_if_possible(bench, visit)
    bench.send(bench.callback(visit, state=None), "the same callback once more")
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-05",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector still knows after a restart which callbacks it has settled.",
    vi="Sau khi khởi động lại, bộ kết nối vẫn biết thông báo nào đã ghi nhận.",
    why="A deployment between two copies of a callback issues a second receipt.",
    why_vi="Cập nhật phần mềm giữa hai lần gửi làm phát hành biên lai thứ hai.",
    needs=("restart",),
    guards=("gateways D37",),
    once_a_shape=True,
)
def test_a_callback_from_before_a_restart_settles_nothing_more(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    bench.restart()
    bench.send(bench.callback(visit, state=None), "the same callback once more")
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-06",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector answers a repeated callback so that the bank stops.",
    vi="Bộ kết nối trả lời thông báo lặp lại sao cho ngân hàng ngừng gửi.",
    why="The bank repeats for hours, then calls the payment disputed.",
    why_vi="Ngân hàng gửi lại hàng giờ rồi coi giao dịch là có tranh chấp.",
    guards=("gateways D33", "egov D12"),
    once_a_bank=True,
)
def test_a_repeated_callback_is_acknowledged(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    again = bench.callback(visit, state=None)
    bench.expect_acknowledged(bench.send(again, "the same callback once more"), again)


@requirement(
    "DUPLICATE-07",
    level=Level.MUST,
    source="portal-defects#two-dossiers",
    says="The connector settles every one of many payments that are told at the same moment.",
    vi="Bộ kết nối ghi nhận đủ mọi khoản khi nhiều thông báo khác nhau đến cùng lúc.",
    why="A lock or a key too coarse takes different payments for copies of one.",
    why_vi="Khóa quá thô khiến các khoản khác nhau bị coi là bản sao của một khoản.",
    guards=("gateways D30", "egov D18"),
    once_a_bank=True,
)
def test_different_payments_at_once_are_all_settled(bench: Bench) -> None:
    visits = bench.open_at_once(5)
    for visit in visits:
        bench.pay(visit)
    bench.deliver()
    for visit in visits:
        bench.expect_paid_once(visit)


@requirement(
    "DUPLICATE-08",
    level=Level.MUST,
    source="client-defects#return-and-ipn",
    says="The connector takes a callback that comes after its own query for the same money, not for a second payment.",
    vi="Bộ kết nối coi thông báo đến sau khi đã tự truy vấn là cùng một khoản tiền, không phải lần nộp thứ hai.",
    why="Money that came once is given back as if it had come twice.",
    why_vi="Tiền chỉ đến một lần lại bị hoàn trả như đã đến hai lần.",
    needs=("run_jobs",),
    shapes=("redirect", "server_create"),
    guards=("gateways D31", "egov D29"),
    once_a_bank=True,
)
def test_a_callback_behind_the_query_is_the_same_money(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    message = bench.true_callback(visit)
    bench.run_jobs(visit)
    bench.needs_query()
    bench.expect_acknowledged(bench.send(message, "the callback, late"), message)
    bench.expect_paid_once(visit)
    bench.expect_nothing_due(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "DUPLICATE-09",
    level=Level.MUST,
    source="client-defects#return-and-ipn",
    says="The connector settles once when callbacks, the payer's return and its own query come at the same moment.",
    vi="Bộ kết nối chỉ ghi nhận một lần khi thông báo, trang quay về và truy vấn cùng xảy ra một lúc.",
    why="Each of them finds the bill unpaid and issues a receipt of its own.",
    why_vi="Mỗi đường đều thấy chưa nộp và tự phát hành biên lai.",
    guards=("gateways D30", "gateways D31", "egov D12"),
    once_a_bank=True,
)
def test_callbacks_return_and_query_at_one_moment_settle_once(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    message = bench.true_callback(visit)
    address = _address_of_return(bench, visit)
    bench.tell("five callbacks, the payer's return and the connector's own query come at the same moment")
    with ThreadPoolExecutor(max_workers=3) as crowd:
        doings: list[Future[object]] = []
        doings.append(crowd.submit(bench.sandbox.send_together, [message] * 5, bank=bench.bank, note="a copy"))
        if address:
            doings.append(crowd.submit(bench.browse, address, "the connector's page"))
        if bench.polls:
            doings.append(crowd.submit(bench.target.run_jobs, visit.dossier_code))
    for done in doings:
        done.result()
    bench.expect_paid_once(visit)
    bench.expect_nothing_due(visit)
    bench.expect_notified_once(visit, before)


def _address_of_return(bench: Bench, visit: Visit) -> str:
    """Where the bank sends the browser; "" = nowhere, or by a form."""
    with suppress(NotApplicable):
        return bench.return_url(visit)
    return ""


def _go_back_if_possible(bench: Bench, visit: Visit) -> None:
    with suppress(NotApplicable):
        bench.go_back(visit)
