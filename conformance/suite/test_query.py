"""QUERY: what no callback told, the connector finds out by asking; and it checks the answer as strictly."""

import time

from conformance.bench import POLL_S, QUERY_PAUSE_S, Bench
from conformance.forge import Asked
from conformance.requirement import Level, NotApplicable, expect, requirement

CREATED = ("redirect", "server_create")


@requirement(
    "QUERY-01",
    level=Level.MUST,
    source="vnpay-querydr-refund#querydr",
    says="The connector finds a payment whose callback was lost, by asking the bank.",
    vi="Bộ kết nối tìm ra khoản thanh toán bị mất thông báo bằng cách hỏi ngân hàng.",
    why="The payer's money is at the bank, and nobody at the office will ever know.",
    why_vi="Tiền của người nộp đã ở ngân hàng mà cơ quan không bao giờ biết.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D40", "egov D13"),
    once_a_bank=True,
)
def test_a_lost_callback_is_found_by_asking(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.fault("lost")
    bench.pay(visit)
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "QUERY-02",
    level=Level.MUST,
    source="dvcqg-td#poller",
    says="The connector goes on asking while the bank says pending, and settles the payment in the end.",
    vi="Bộ kết nối tiếp tục hỏi khi ngân hàng báo đang xử lý, và cuối cùng ghi nhận khoản thanh toán.",
    why="The bank was slow once: the payment is given up while the money is on its way.",
    why_vi="Ngân hàng chỉ chậm một lần mà khoản thanh toán bị bỏ khi tiền đang chuyển.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D13", "gateways D54", "gateways D55"),
    once_a_bank=True,
)
def test_pending_is_followed_to_the_end(bench: Bench) -> None:
    if bench.chooses("queries", "paced"):
        raise NotApplicable("the connector keeps an interval of its own between its questions, by its policy")
    visit = bench.open()
    bench.arrive(visit)
    for _ in range(2):
        bench.run_jobs(visit)
        bench.expect_nothing_booked(visit)
        bench.advance(QUERY_PAUSE_S)
    bench.fault("lost")
    bench.pay(visit)
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-03",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector settles nothing on a query's answer that is signed with another key.",
    vi="Bộ kết nối không ghi nhận gì từ câu trả lời truy vấn ký bằng khóa khác.",
    why="Whoever stands between connector and bank settles what was never paid.",
    why_vi="Kẻ đứng giữa bộ kết nối và ngân hàng có thể ghi nhận khoản chưa từng nộp.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D31", "egov D24", "gateways D12"),
    once_a_bank=True,
)
def test_a_forged_answer_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.fault("forged_signature", operation="query", times=0)
    bench.run_jobs(visit)
    bench.needs_query()
    bench.expect_nothing_booked(visit)


@requirement(
    "QUERY-04",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector settles nothing on a query's answer that names another amount.",
    vi="Bộ kết nối không ghi nhận gì khi câu trả lời truy vấn nêu số tiền khác.",
    why="The sum that the bank holds is not the fee, and the books say that it is.",
    why_vi="Số tiền ở ngân hàng không phải lệ phí mà sổ sách lại ghi là đủ.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D31", "gateways D21"),
    once_a_bank=True,
)
def test_an_answer_of_another_amount_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.fault("wrong_amount", operation="query", times=0, amount_delta_vnd=-1000)
    bench.run_jobs(visit)
    bench.needs_query()
    bench.expect_nothing_booked(visit)


@requirement(
    "QUERY-05",
    level=Level.MUST,
    source="vnpay-querydr-refund#codes",
    says="The connector keeps a payment open when the bank says that it was asked too soon.",
    vi="Bộ kết nối giữ khoản thanh toán ở trạng thái chờ khi ngân hàng báo hỏi quá sớm.",
    why="A second question within five minutes fails the payment for good.",
    why_vi="Hỏi lần hai trong năm phút khiến khoản thanh toán bị coi là thất bại vĩnh viễn.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D66",),
    once_a_bank=True,
)
def test_asking_too_soon_fails_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    for _ in range(3):
        bench.run_jobs(visit)
    bench.expect_nothing_booked(visit)
    bench.settle(visit)
    bench.advance(QUERY_PAUSE_S)
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-06",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector keeps a payment open when a query ends in an error of the bank's.",
    vi="Bộ kết nối giữ khoản thanh toán ở trạng thái chờ khi truy vấn gặp lỗi phía ngân hàng.",
    why="The bank's maintenance at night fails every payment of the evening.",
    why_vi="Ngân hàng bảo trì ban đêm làm mọi khoản buổi tối bị coi là thất bại.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D24", "gateways D54"),
    once_a_bank=True,
)
def test_a_broken_query_fails_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    for kind in ("http_500", "connection_reset", "answer_lost"):
        bench.fault(kind, operation="query")
        bench.run_jobs(visit)
        bench.expect_nothing_booked(visit)
    bench.settle(visit)
    bench.advance(QUERY_PAUSE_S)
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-07",
    level=Level.MUST,
    source="vnpay-querydr-refund#querydr",
    says="The connector asks with the time at which the order was made.",
    vi="Bộ kết nối truy vấn kèm đúng thời điểm đã tạo lệnh.",
    why="The next day the bank finds nothing under today's date.",
    why_vi="Sang ngày hôm sau ngân hàng không tìm thấy gì với ngày hôm nay.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D62", "egov D14"),
    once_a_bank=True,
)
def test_a_query_names_the_orders_own_time(bench: Bench) -> None:
    if not bench.forge.asks("query", Asked.TIME):
        raise NotApplicable("this bank's query names no time of the order")
    visit = bench.open()
    bench.arrive(visit)
    ordered = bench.asked("create", visit).get(Asked.TIME, "")
    _wait_for_next_second()
    bench.run_jobs(visit)
    bench.needs_query()
    asked = bench.asked("query", visit).get(Asked.TIME, "")
    expect(asked == ordered, "a query names the order's own time", expected=ordered, actual=asked)


@requirement(
    "QUERY-08",
    level=Level.MUST,
    source="vnpay-querydr-refund#querydr",
    says="The connector gives each question a number of its own.",
    vi="Bộ kết nối cấp cho mỗi lần truy vấn một mã yêu cầu riêng.",
    why="The bank takes every further question for a copy and never answers it.",
    why_vi="Ngân hàng coi mọi câu hỏi sau là bản sao và không trả lời.",
    needs=("run_jobs",),
    banks=("vnpay", "vietcombank_qn", "vietinbank_dn"),
    guards=("gateways D66",),
    once_a_bank=True,
)
def test_each_query_has_a_number_of_its_own(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    for _ in range(2):
        bench.run_jobs(visit)
        bench.advance(QUERY_PAUSE_S)
    numbers = [asked.get(Asked.NUMBER, "") for asked in bench.all_asked("query", visit)]
    if len(numbers) < 2:
        raise NotApplicable("the connector did not ask twice")
    expect(
        len(set(numbers)) == len(numbers),
        "no two questions have the same number",
        expected=len(numbers),
        actual=numbers,
    )


@requirement(
    "QUERY-09",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#transaction-status",
    says="The connector does not settle a payment of which the bank answers that it failed.",
    vi="Bộ kết nối không ghi nhận khoản mà ngân hàng trả lời là thất bại.",
    why="The question was answered, and the answer was no: read as paid, the service is free.",
    why_vi="Câu hỏi được trả lời, và câu trả lời là không: đọc thành đã nộp thì dịch vụ thành miễn phí.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D55", "egov D13"),
    once_a_bank=True,
)
def test_a_failure_found_by_asking_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.decline(visit, "insufficient_funds")
    bench.run_jobs(visit)
    bench.needs_query()
    bench.expect_not_paid(visit)


@requirement(
    "QUERY-10",
    level=Level.MUST,
    source="client-defects#unknown-code",
    says="The connector does not give up an order that the bank does not know yet.",
    vi="Bộ kết nối không bỏ lệnh mà ngân hàng chưa biết.",
    why="It asked before the payer had come to the bank; the payment that follows is not believed.",
    why_vi="Bộ kết nối hỏi trước khi người nộp tới trang ngân hàng; khoản nộp sau đó không được ghi nhận.",
    needs=("run_jobs",),
    shapes=("redirect",),
    guards=("gateways D54", "gateways D40"),
    once_a_bank=True,
)
def test_an_order_that_the_bank_has_not_seen_is_not_given_up(bench: Bench) -> None:
    visit = bench.open()
    bench.run_jobs(visit)
    bench.settle(visit)
    bench.advance(QUERY_PAUSE_S)
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-11",
    level=Level.SHOULD,
    source="client-defects#failure-final",
    says="The connector goes on asking about an order whose first try failed, for the payer may try again.",
    vi="Bộ kết nối vẫn hỏi tiếp về lệnh có lần thử đầu thất bại, vì người nộp có thể thử lại.",
    why="The second try took the money, its callback was lost, and nobody asks.",
    why_vi="Lần thử sau đã trừ tiền, thông báo bị mất và không ai hỏi lại.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D38", "gateways D40"),
    once_a_bank=True,
)
def test_an_order_whose_first_try_failed_is_asked_about(bench: Bench) -> None:
    if "failed" not in bench.view.announces:
        raise NotApplicable("this bank tells nothing of payments that failed")
    visit = bench.open()
    failure = bench.callback(visit, state="failed", outcome="insufficient_funds")
    bench.send(failure, "a callback of a first try that failed")
    bench.fault("lost")
    bench.pay(visit)
    bench.advance(QUERY_PAUSE_S)
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-12",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector waits while the bank is closed for maintenance, and settles what it finds out afterwards.",
    vi="Bộ kết nối chờ khi ngân hàng bảo trì, và ghi nhận những gì biết được sau đó.",
    why="A night of maintenance turns every payment of that evening into a failure.",
    why_vi="Một đêm bảo trì biến mọi khoản nộp tối hôm đó thành thất bại.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("banks 6.12", "egov D24", "gateways D54"),
    once_a_bank=True,
)
def test_maintenance_is_waited_for(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.fault("maintenance", operation="query")
    bench.run_jobs(visit)
    bench.needs_query()
    bench.expect_nothing_booked(visit)
    bench.sandbox.clear_faults()
    bench.tell("the bank's maintenance is over")
    bench.advance(QUERY_PAUSE_S)
    bench.run_jobs(visit)
    if bench.chooses("queries", "paced"):
        raise NotApplicable("the connector keeps an interval of its own between its questions, by its policy")
    bench.expect_paid_once(visit)


@requirement(
    "QUERY-13",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector settles nothing on a query's answer that lacks the signature it should have.",
    vi="Bộ kết nối không ghi nhận gì từ câu trả lời truy vấn thiếu chữ ký lẽ ra phải có.",
    why="Whoever stands between connector and bank need not even forge: it is enough to leave something out.",
    why_vi="Kẻ đứng giữa không cần giả mạo chữ ký: chỉ cần bỏ nó đi là đủ.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D24", "egov D8", "egov D31"),
    once_a_bank=True,
)
def test_an_unsigned_answer_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.fault("unsigned_answer", operation="query", times=0)
    bench.run_jobs(visit)
    bench.needs_query()
    if any("no signature" in each.note for each in bench.journal("query")):
        raise NotApplicable("this bank does not sign its answers")
    bench.expect_nothing_booked(visit)


def _wait_for_next_second() -> None:
    """Times on the wire have whole seconds: what is written now must differ from what was written before."""
    began = int(time.time())
    while int(time.time()) == began:
        time.sleep(POLL_S)
