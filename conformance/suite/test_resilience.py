"""RESILIENCE: banks are slow, fail and come back with all they have; connectors are killed. No payment is lost."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from conformance.bench import POLL_S, QUERY_PAUSE_S, Bench, Visit, short
from conformance.halfway import half_sent, leave_unread, send_bare
from conformance.requirement import Failure, Level, NotApplicable, expect, requirement
from conformance.target import Checkout, CheckoutKind, DossierStatus, Refused
from simulator.client import Answer, JournalEntry, Message

CREATED = ("redirect", "server_create")
BROKEN = ("http_500", "connection_reset")
UNREADABLE = (
    *("malformed_body", "truncated_body", "wrong_content_type", "empty_answer", "gateway_error", "reset_during"),
    *("huge_body", "gzip_bomb"),
)
CLOSED: Mapping[str, Mapping[str, int]] = {"maintenance": {"times": 0}, "throttled": {"times": 0, "limit": 1}}
COPIES = 4
MISSED = 2
"""Of how many repetitions the connector misses all but the last."""

MOMENT_S = 2.0
"""How long the suite waits for something that usually happens at once."""

PROMPT_S = 5.0
"""What is done at once takes less, on a busy machine too; below any bank's own limit."""

SILENCE_S = 2 * PROMPT_S
"""How much longer than the connector waits the bank says nothing."""

HUGE = b" " * 3_000_000
LONG = "0" * 200_000


@requirement(
    "RESILIENCE-01",
    level=Level.MUST,
    source="portal-defects#lost-answer",
    says="The connector books nothing when the bank fails while an order is made, and takes the payer's next try.",
    vi="Bộ kết nối không ghi nhận gì khi ngân hàng lỗi lúc tạo lệnh, và chấp nhận lần thử sau của người nộp.",
    why="One error of the bank's, and the dossier can never be paid online again.",
    why_vi="Ngân hàng lỗi một lần mà hồ sơ không bao giờ nộp trực tuyến được nữa.",
    shapes=("server_create",),
    guards=("egov D34", "gateways D64"),
    once_a_bank=True,
)
def test_a_failed_order_can_be_tried_again(bench: Bench) -> None:
    _expect_next_try_taken(bench, BROKEN)


@requirement(
    "RESILIENCE-02",
    level=Level.MUST,
    source="portal-defects#lost-answer",
    says="The connector settles once each of many payments that the bank tells over and over at the same moment.",
    vi="Bộ kết nối ghi nhận đúng một lần mỗi khoản khi ngân hàng báo dồn dập nhiều khoản, nhiều lần, cùng lúc.",
    why="After an outage the bank sends everything it has at once: what gets no place is lost, or booked twice.",
    why_vi="Sau sự cố ngân hàng gửi dồn mọi thứ: khoản nào chen không kịp thì mất, hoặc bị ghi hai lần.",
    guards=("gateways D30", "gateways D34", "egov D12", "egov D16"),
    once_a_bank=True,
)
def test_a_burst_after_an_outage_loses_and_doubles_nothing(bench: Bench) -> None:
    visits = bench.open_at_once(5)
    told = {visit.order_ref: bench.messages(visit) for visit in visits}
    messages = [bench.true_callback(visit) for visit in visits]
    burst = messages * COPIES
    bench.chance.shuffle(burst)
    answers = bench.send_at_once(burst, f"the callbacks of {len(visits)} payments, each {COPIES} times")
    for visit, message in zip(visits, messages, strict=True):
        mine = [answer for answer, sent in zip(answers, burst, strict=True) if sent is message]
        _expect_one_acknowledged(bench, mine, message)
        bench.expect_paid_once(visit)
        bench.expect_notified_once(visit, told[visit.order_ref])


@requirement(
    "RESILIENCE-03",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector that is killed while it works on a callback settles once when the bank repeats it.",
    vi="Bộ kết nối bị tắt đột ngột giữa lúc xử lý thông báo sẽ ghi nhận đúng một lần khi ngân hàng gửi lại.",
    why="Half of the work is done for ever: the money is booked and no receipt issued, or all of it twice.",
    why_vi="Việc dang dở mãi mãi: tiền đã ghi mà không có biên lai, hoặc mọi thứ bị làm hai lần.",
    needs=("restart",),
    guards=("egov D35", "egov D16", "gateways D37", "gateways D41"),
    once_a_shape=True,
)
def test_killed_between_callback_and_acknowledgement(bench: Bench) -> None:
    visits = [bench.open(), bench.open()]
    before = [bench.messages(visit) for visit in visits]
    messages = [bench.true_callback(visit) for visit in visits]
    with ThreadPoolExecutor(max_workers=1) as side:
        bench.tell("the connector is sent the first callback")
        answer = side.submit(bench.sandbox.send, messages[0], bank=bench.bank, note="the first callback")
        _wait(lambda: answer.done() or bench.status(visits[0]).status is not DossierStatus.PENDING)
        bench.tell("it is sent the second one, and is not left the time to answer")
        leave_unread(messages[1])
        bench.restart()
    for visit, message, told in zip(visits, messages, before, strict=True):
        bench.expect_acknowledged(bench.send(message, "the same callback once more"), message)
        bench.expect_paid_once(visit)
        bench.expect_notified_once(visit, told)


@requirement(
    "RESILIENCE-04",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector that is killed right after its acknowledgement has lost nothing of the payment.",
    vi="Bộ kết nối bị tắt đột ngột ngay sau khi xác nhận không làm mất gì của khoản thanh toán.",
    why="The bank has its acknowledgement and never repeats: what was only in memory is gone for good.",
    why_vi="Ngân hàng đã được xác nhận nên không gửi lại: những gì chỉ nằm trong bộ nhớ mất hẳn.",
    needs=("restart",),
    guards=("gateways D37", "gateways D34", "egov D16", "egov D35"),
    once_a_shape=True,
)
def test_killed_right_after_the_acknowledgement(bench: Bench) -> None:
    bench.needs_callbacks()
    visit = bench.open()
    before = bench.messages(visit)
    bench.settle(visit)
    bench.restart()
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "RESILIENCE-05",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector that was started anew while the payer was at the bank settles the payment all the same.",
    vi="Bộ kết nối khởi động lại trong lúc người nộp đang ở trang ngân hàng vẫn ghi nhận khoản thanh toán đó.",
    why="Every deployment loses the payments of those who are paying at that moment.",
    why_vi="Mỗi lần cập nhật phần mềm là mất các khoản đang được nộp lúc đó.",
    needs=("restart",),
    guards=("gateways D37", "egov D30"),
    once_a_shape=True,
)
def test_started_anew_while_the_payer_is_at_the_bank(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    bench.restart()
    bench.settle(visit)
    bench.expect_paid_once(visit)


@requirement(
    "RESILIENCE-06",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector still asks, after a restart, about payments that it had opened before.",
    vi="Sau khi khởi động lại, bộ kết nối vẫn hỏi về các khoản đã mở trước đó.",
    why="The callback was lost in the outage, and the list of what to ask about with it.",
    why_vi="Thông báo mất trong lúc sự cố, và danh sách cần hỏi cũng mất theo.",
    needs=("restart", "run_jobs"),
    shapes=CREATED,
    guards=("gateways D37", "gateways D40"),
    once_a_shape=True,
)
def test_open_payments_are_asked_about_after_a_restart(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.restart()
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)


@requirement(
    "RESILIENCE-07",
    level=Level.MUST,
    source="portal-defects#notice",
    says="The connector books and acknowledges a payment also when messages to payers cannot be sent.",
    vi="Bộ kết nối vẫn ghi nhận và xác nhận khoản thanh toán khi không gửi được tin báo cho người nộp.",
    why="The gateway for text messages is down, and with it every payment of the day.",
    why_vi="Cổng tin nhắn hỏng kéo theo mọi khoản thanh toán trong ngày.",
    guards=("egov D35", "egov D16", "gateways D34"),
    once_a_bank=True,
)
def test_a_payment_is_booked_though_nobody_can_be_told(bench: Bench) -> None:
    visit = bench.open()
    bench.break_gateway("http_500", times=2)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    if bench.merchant.callback_url:
        bench.expect_delivered(visit)


@requirement(
    "RESILIENCE-08",
    level=Level.MUST,
    source="client-defects#race",
    says="The connector changes nothing by a callback that is cut off in the middle, and takes the next one.",
    vi="Bộ kết nối không thay đổi gì bởi thông báo bị đứt giữa chừng, và nhận thông báo kế tiếp.",
    why="A broken line leaves a lock behind, and every true callback after it is turned away.",
    why_vi="Đường truyền đứt để lại một khóa, và mọi thông báo thật sau đó bị từ chối.",
    guards=("gateways D41", "gateways D39"),
    once_a_bank=True,
)
def test_a_callback_that_is_cut_off_changes_nothing(bench: Bench) -> None:
    bench.needs_callbacks()
    visit = bench.open()
    bench.fault("connection_reset", operation="callback")
    bench.settle(visit)
    bench.expect_nothing_booked(visit)
    message = bench.callback(visit, state=None)
    bench.expect_acknowledged(bench.send(message, "the same callback, whole"), message)
    bench.expect_paid_once(visit)


@requirement(
    "RESILIENCE-09",
    level=Level.MUST,
    source="client-defects#race",
    says="The connector answers other callbacks while one of them arrives slowly, and settles that one too.",
    vi="Bộ kết nối vẫn trả lời các thông báo khác khi một thông báo đến chậm, và ghi nhận cả thông báo đó.",
    why="One bad line, or one attacker, stops the callbacks of all banks.",
    why_vi="Một đường truyền xấu hay một kẻ tấn công chặn thông báo của mọi ngân hàng.",
    guards=("gateways D41",),
    once_a_bank=True,
)
def test_a_slow_callback_holds_up_no_other(bench: Bench) -> None:
    bench.needs_callbacks()
    slow, quick = bench.open(), bench.open()
    late, prompt = bench.true_callback(slow), bench.true_callback(quick)
    bench.tell("a callback begins to arrive, and stops in the middle")
    with half_sent(late) as go_on:
        bench.expect_acknowledged(bench.send(prompt, "the callback of another payment"), prompt)
        bench.expect_paid_once(quick)
        answer = go_on()
    bench.tell(f"the rest of the first callback arrives, and is answered {short(answer)}")
    bench.expect_acknowledged(answer, late)
    bench.expect_paid_once(slow)


@requirement(
    "RESILIENCE-10",
    level=Level.SHOULD,
    source="client-defects#race",
    says="The connector refuses a callback far larger than any message of the bank, at once and without harm.",
    vi="Bộ kết nối từ chối ngay thông báo lớn hơn nhiều so với mọi thông điệp của ngân hàng, không bị ảnh hưởng.",
    why="A few of them fill the memory, or keep the connector busy while true callbacks time out.",
    why_vi="Vài thông báo như thế làm đầy bộ nhớ hoặc khiến thông báo thật bị quá hạn.",
    guards=("gateways D41", "egov D15"),
    once_a_bank=True,
)
def test_a_huge_callback_does_no_harm(bench: Bench) -> None:
    bench.needs_callbacks()
    visit = bench.open()
    forged = bench.forge.signed_by_another(bench.callback(visit))
    began = time.monotonic()
    answer = send_bare(_huge(forged))
    took_s = time.monotonic() - began
    bench.tell(f"the connector is sent a huge message signed with another key, and answers {short(answer)}")
    expect(
        answer.status < 500, "what is too large is refused, not an error", expected="a refusal", actual=short(answer)
    )
    expect(took_s < PROMPT_S, "it is refused at once", expected=f"below {PROMPT_S:g} s", actual=f"{took_s:.1f} s")
    bench.expect_not_paid(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)


@requirement(
    "RESILIENCE-11",
    level=Level.MUST,
    source="portal-defects#lost-answer",
    says="The connector books nothing on an answer to an order that cannot be read, and takes the payer's next try.",
    vi="Bộ kết nối không ghi nhận gì từ câu trả lời tạo lệnh không đọc được, và chấp nhận lần thử sau.",
    why="A page of the bank's gateway in place of its answer ends the dossier, or stops the whole connector.",
    why_vi="Trang lỗi của cổng ngân hàng thay cho câu trả lời làm hồ sơ đứng lại, hoặc làm sập cả bộ kết nối.",
    shapes=("server_create",),
    guards=("egov D34", "gateways D64"),
    once_a_bank=True,
)
def test_an_unreadable_answer_to_an_order_can_be_tried_again(bench: Bench) -> None:
    _expect_next_try_taken(bench, UNREADABLE)


@requirement(
    "RESILIENCE-12",
    level=Level.MUST,
    source="portal-defects#query-unchecked",
    says="The connector keeps a payment open when the answer to its query cannot be read, and settles it later.",
    vi="Bộ kết nối giữ khoản thanh toán ở trạng thái chờ khi câu trả lời truy vấn không đọc được, rồi ghi nhận sau.",
    why="One page of a gateway in place of the bank's answer, and money that is on its way is given up.",
    why_vi="Chỉ một trang lỗi thay cho câu trả lời mà khoản tiền đang chuyển bị bỏ.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D24", "gateways D54", "egov D13"),
    once_a_bank=True,
)
def test_an_unreadable_answer_to_a_query_fails_nothing(bench: Bench) -> None:
    _expect_waits_through(bench, {kind: {} for kind in UNREADABLE})


@requirement(
    "RESILIENCE-13",
    level=Level.MUST,
    source="vnpay-querydr-refund#codes",
    says="The connector waits while the bank is closed for maintenance or asks for fewer questions, and settles later.",
    vi="Bộ kết nối chờ khi ngân hàng bảo trì hoặc yêu cầu hỏi thưa hơn, rồi ghi nhận sau.",
    why="The bank's hour of maintenance at night fails every payment of the evening.",
    why_vi="Giờ bảo trì ban đêm của ngân hàng làm mọi khoản buổi tối bị coi là thất bại.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("egov D24", "gateways D54", "gateways D66"),
    once_a_bank=True,
)
def test_maintenance_is_waited_through(bench: Bench) -> None:
    _expect_waits_through(bench, CLOSED)


@requirement(
    "RESILIENCE-14",
    level=Level.MUST,
    source="portal-defects#lost-answer",
    says="The connector answers the payer in bounded time when the bank does not, and still takes what is paid there.",
    vi="Bộ kết nối trả lời người nộp trong thời gian có hạn khi ngân hàng im lặng, và vẫn nhận khoản đã nộp ở đó.",
    why="One silent bank keeps all workers waiting, and no other bank's payment can be opened.",
    why_vi="Một ngân hàng im lặng giữ hết tiến trình chờ, không mở được khoản thanh toán ở ngân hàng khác.",
    shapes=("server_create",),
    guards=("egov D34",),
    once_a_shape=True,
)
def test_a_silent_bank_is_not_waited_for_long(bench: Bench) -> None:
    limit_s = bench.bank_timeout_s
    bench.fault("timeout_after", operation="create", delay_s=limit_s + SILENCE_S)
    bench.fault("slow_drip", operation="create", skip=1, delay_s=limit_s + SILENCE_S)
    dossiers = [bench.new_dossier() for _ in range(2)]
    bench.tell("two payers open a payment: the bank is silent to one order, and answers the other drop by drop")
    with ThreadPoolExecutor(max_workers=len(dossiers)) as crowd:
        took = list(crowd.map(lambda dossier: _time_to_open(bench, *dossier), dossiers))
    expect(
        max(took) < limit_s + PROMPT_S,
        "the payer is answered in bounded time",
        expected=f"{limit_s:g} s, as the connector promises",
        actual=[f"{each:.1f} s" for each in took],
    )
    for visit in [_as_bank_has_it(bench, *dossier) for dossier in dossiers]:
        bench.expect_nothing_booked(visit)
        bench.settle(visit)
        bench.expect_paid_once(visit)


@requirement(
    "RESILIENCE-15",
    level=Level.SHOULD,
    source="client-defects#slow-handler",
    says="The connector answers a callback without waiting for a bank that is slow to answer its questions.",
    vi="Bộ kết nối trả lời thông báo mà không chờ ngân hàng đang chậm trả lời truy vấn.",
    why="The bank gives the callback up and repeats it, while the first one is still being worked on.",
    why_vi="Ngân hàng bỏ lượt thông báo và gửi lại trong khi lượt đầu vẫn đang được xử lý.",
    needs=("run_jobs",),
    shapes=CREATED,
    guards=("gateways D41",),
    once_a_shape=True,
)
def test_a_callback_does_not_wait_for_a_slow_bank(bench: Bench) -> None:
    limit_s = bench.bank_timeout_s
    slow, quick = bench.open(), bench.open()
    bench.arrive(slow)
    message = bench.true_callback(quick)
    bench.fault("latency_fixed", operation="query", times=2, delay_s=limit_s)
    with ThreadPoolExecutor(max_workers=1) as side:
        asking = side.submit(bench.run_jobs, slow)
        _wait(lambda: asking.done() or any(fault.times == 1 for fault in bench.sandbox.faults()))
        if asking.done():
            raise NotApplicable("the connector did not ask the bank")
        answer = bench.send(message, "the callback of another payment, while the bank is slow to answer a query")
        waited = asking.done()
    expect(not waited, "a callback is answered before the slow bank answers", expected="at once", actual=short(answer))
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(quick)
    bench.expect_nothing_booked(slow)
    bench.settle(slow)
    bench.expect_paid_once(slow)


@requirement(
    "RESILIENCE-16",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector settles once what the bank told it in vain while it was down, when the bank repeats it.",
    vi="Bộ kết nối ghi nhận đúng một lần các khoản ngân hàng báo lúc nó ngừng chạy, khi ngân hàng gửi lại.",
    why="Whoever pays during a deployment or a power cut has paid for nothing.",
    why_vi="Ai nộp trong lúc cập nhật phần mềm hay mất điện đều không được ghi nhận.",
    needs=("kill",),
    guards=("gateways D34", "gateways D37", "egov D30"),
    once_a_shape=True,
)
def test_what_was_told_while_it_was_down_is_settled_when_it_is_repeated(bench: Bench) -> None:
    bench.needs_callbacks()
    delays_s = bench.view.retry_delays_s
    if not delays_s:
        raise NotApplicable("this bank does not repeat its callbacks")
    visits = [bench.open(), bench.open()]
    before = [bench.messages(visit) for visit in visits]
    for visit in visits:
        bench.arrive(visit)
    *missed_s, next_s = delays_s[:MISSED]
    with bench.down():
        for visit in visits:
            bench.pay(visit)
        bench.deliver()
        for delay_s in missed_s:
            bench.advance(delay_s)
    bench.advance(next_s)
    for visit, told in zip(visits, before, strict=True):
        bench.expect_delivered(visit)
        bench.expect_paid_once(visit)
        bench.expect_notified_once(visit, told)


@requirement(
    "RESILIENCE-17",
    level=Level.MUST,
    source="client-defects#memory",
    says="The connector that was down until the bank gave up telling it finds the payment by asking.",
    vi="Bộ kết nối ngừng chạy đến khi ngân hàng thôi gửi lại vẫn tìm ra khoản nộp bằng cách tự hỏi.",
    why="Ten repetitions end within the hour; a server that stands still for a night loses all of its evening.",
    why_vi="Mười lượt gửi lại hết trong một giờ; máy chủ hỏng một đêm mất mọi khoản của buổi tối.",
    needs=("kill", "run_jobs"),
    shapes=CREATED,
    guards=("gateways D40", "gateways D37", "egov D30"),
    once_a_shape=True,
)
def test_what_the_bank_gave_up_telling_is_found_by_asking(bench: Bench) -> None:
    visit = bench.open()
    before = bench.messages(visit)
    bench.arrive(visit)
    with bench.down():
        bench.pay(visit)
        bench.deliver()
        bench.advance(sum(bench.view.retry_delays_s))
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


@requirement(
    "RESILIENCE-18",
    level=Level.MUST,
    source="rfc-9110#4.3.4",
    says="The connector sends nothing to a bank whose certificate it cannot verify, and goes on once it can.",
    vi="Bộ kết nối không gửi gì cho ngân hàng có chứng thư không kiểm chứng được, và tiếp tục khi đã kiểm chứng được.",
    why="Whoever stands between it and the bank reads its secrets, and makes it believe that anything was paid.",
    why_vi="Kẻ đứng giữa đọc được khóa bí mật và làm bộ kết nối tin rằng khoản nào cũng đã nộp.",
    needs=("kill", "start_with_banks_at"),
    shapes=CREATED,
    guards=("egov D24", "egov D31"),
    once_a_bank=True,
)
def test_nothing_is_sent_to_a_bank_that_cannot_be_verified(bench: Bench) -> None:
    server = bench.sandbox.banksim.listeners().tls_untrusted_url
    _expect_waits_for_tls(bench, server, "an address whose certificate nobody vouches for")


@requirement(
    "RESILIENCE-19",
    level=Level.MUST,
    source="portal-defects#lost-answer",
    says="The connector whose bank refuses the TLS handshake answers the payer soon, books nothing, and goes on later.",
    vi="Khi ngân hàng từ chối bắt tay TLS, bộ kết nối sớm trả lời người nộp, không ghi nhận gì, và tiếp tục về sau.",
    why="The bank renews its certificate at night, and in the morning no payment of the evening is asked about.",
    why_vi="Ngân hàng thay chứng thư ban đêm, đến sáng không khoản nào của buổi tối được hỏi lại.",
    needs=("kill", "start_with_banks_at"),
    shapes=CREATED,
    guards=("egov D34", "gateways D64", "egov D24"),
    once_a_shape=True,
)
def test_a_refused_handshake_is_waited_through(bench: Bench) -> None:
    server = bench.sandbox.banksim.listeners().tls_refused_url
    took_s = _expect_waits_for_tls(bench, server, "an address where every TLS handshake is refused")
    limit_s = PROMPT_S + (getattr(bench.target, "bank_timeout_s", 0.0) or SILENCE_S)
    expect(took_s < limit_s, "the payer is answered soon", expected=f"below {limit_s:g} s", actual=f"{took_s:.1f} s")


def _expect_waits_for_tls(bench: Bench, server: str, told: str) -> float:
    """No order and no query goes out, nothing is booked; afterwards both are made as if nothing had been.

    For how many seconds a payer who came meanwhile was kept waiting.
    """
    took_s = 0.0
    orders = bench.shape == "server_create"
    if not (orders or bench.polls):
        raise NotApplicable("the connector did not ask the bank")
    waiting = bench.open()
    bench.fault("lost")
    bench.pay(waiting)
    code, amount_vnd = bench.new_dossier()
    heard = len(_calls(bench))
    with bench.banks_at(server, told):
        if bench.polls:
            with suppress(Refused):
                bench.run_jobs(waiting)
        if orders:
            bench.tell(f"a payer opens a payment of {amount_vnd:,} VND for dossier {code}")
            took_s = _time_to_open(bench, code, amount_vnd)
        sent = [entry.operation for entry in _calls(bench)[heard:]]
        expect(not sent, "nothing is sent there", expected="no request", actual=sent)
        bench.expect_nothing_booked(waiting)
    if bench.polls:
        bench.run_jobs(waiting)
        if bench.journal("query"):
            bench.expect_paid_once(waiting)
    if orders:
        visit = _tried_again(bench, code, amount_vnd, "failed handshake")
        bench.expect_nothing_booked(visit)
        bench.settle(visit)
        bench.expect_paid_once(visit)
    else:
        bench.needs_query()
    return took_s


def _calls(bench: Bench) -> list[JournalEntry]:
    """What was sent to this bank so far."""
    return [entry for entry in bench.exchanges() if entry.direction == "in"]


def _expect_waits_through(bench: Bench, faults: Mapping[str, Mapping[str, int]]) -> None:
    """Whatever a query is answered: the payment stays open, and its money is booked when it comes."""
    visits = [bench.open() for _ in faults]
    for visit, (kind, how) in zip(visits, faults.items(), strict=True):
        bench.arrive(visit)
        bench.fault(kind, operation="query", **how)
        for _ in range(2 if how else 1):
            bench.run_jobs(visit)
        bench.needs_query()
        bench.expect_nothing_booked(visit)
        bench.sandbox.clear_faults()
        bench.settle(visit)
    bench.advance(QUERY_PAUSE_S)
    for visit in visits:
        bench.expect_paid_once(visit)


def _time_to_open(bench: Bench, code: str, amount_vnd: int) -> float:
    """Seconds until the payer has an answer, whatever it is."""
    began = time.monotonic()
    with suppress(Refused):
        bench.target.open(code, amount_vnd, bench.bank, bench.method)
    return time.monotonic() - began


def _as_bank_has_it(bench: Bench, code: str, amount_vnd: int) -> Visit:
    """The order that the bank has, though its answer did not arrive in time."""
    known = [each for each in bench.sandbox.payments(bank=bench.bank) if each.order_amount_vnd == amount_vnd]
    expect(known, "the bank was told of the order", expected=f"an order of {amount_vnd} VND", actual="none")
    return Visit(code, amount_vnd, Checkout(kind=CheckoutKind.QR, order_ref=known[0].order_ref))


def _expect_next_try_taken(bench: Bench, kinds: tuple[str, ...]) -> None:
    """Whatever goes wrong with an order's answer: nothing is booked, and the next try is taken and paid."""
    for kind in kinds:
        code, amount_vnd = bench.new_dossier()
        bench.fault(kind, operation="create")
        try:
            bench.open(amount_vnd, dossier_code=code)
        except Refused as refused:
            bench.tell(f"the payer is told that it cannot be done now ({refused.actual[:100]})")
        visit = _tried_again(bench, code, amount_vnd, kind)
        bench.expect_nothing_booked(visit)
        bench.settle(visit)
        bench.expect_paid_once(visit)


def _tried_again(bench: Bench, code: str, amount_vnd: int, kind: str) -> Visit:
    try:
        return bench.open(amount_vnd, dossier_code=code)
    except Refused as refused:
        wanted = f"the payer may try again after the bank's {kind.replace('_', ' ')}"
        raise Failure(wanted, expected="a checkout", actual=refused.actual) from refused


def _expect_one_acknowledged(bench: Bench, answers: list[Answer], message: Message) -> None:
    """Some copies may be told to come again, but the bank must learn that it can stop."""
    said = [bench.forge.said(answer, message) for answer in answers]
    expect(
        any(bench.forge.accepts(each, message) for each in said),
        "of a burst, one copy of each callback at least is acknowledged",
        expected="an acknowledgement",
        actual=[short(answer) for answer in answers],
    )


def _huge(message: Message) -> Message:
    """Three million bytes more; where all stands in the address, far more than an address has."""
    if message.body:
        return replace(message, body=message.body + HUGE)
    joint = "&" if "?" in message.url else "?"
    return replace(message, url=f"{message.url}{joint}x={LONG}")


def _wait(holds: Callable[[], bool]) -> None:
    """Until it holds, but no longer than a moment."""
    deadline = time.monotonic() + MOMENT_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(POLL_S)
