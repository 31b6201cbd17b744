"""ACKNOWLEDGEMENT: the answer tells the bank whether to repeat itself, in words that the bank understands."""

from dataclasses import replace

from conformance.bench import Bench, short, stranger
from conformance.forge import No, Word
from conformance.requirement import Level, NotApplicable, expect, requirement
from simulator.client import Answer

CREATED = ("redirect", "server_create")


@requirement(
    "ACKNOWLEDGEMENT-01",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector acknowledges a true callback in the bank's form.",
    vi="Bộ kết nối xác nhận thông báo thật đúng định dạng của ngân hàng.",
    why="The bank does not understand, repeats itself until it gives up, and disputes the payment.",
    why_vi="Ngân hàng không hiểu, gửi lại đến khi bỏ cuộc rồi coi giao dịch là tranh chấp.",
    guards=("gateways D33", "egov D15"),
    once_a_bank=True,
)
def test_a_true_callback_is_acknowledged_in_the_banks_form(bench: Bench) -> None:
    visit = bench.open()
    message = bench.true_callback(visit)
    bench.expect_acknowledged(bench.send(message, "the true callback"), message)


@requirement(
    "ACKNOWLEDGEMENT-02",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector acknowledges a failed payment as received.",
    vi="Bộ kết nối xác nhận đã nhận cả thông báo thanh toán thất bại.",
    why="The bank repeats every failure ten times: a queue of nothing in front of the true ones.",
    why_vi="Ngân hàng gửi lại mỗi lần thất bại mười lượt, làm nghẽn các thông báo thật.",
    shapes=CREATED,
    guards=("gateways D33", "egov D15"),
    once_a_bank=True,
)
def test_a_recorded_failure_is_acknowledged(bench: Bench) -> None:
    if "failed" not in bench.view.announces:
        raise NotApplicable("this bank tells nothing of payments that failed")
    visit = bench.open()
    bench.decline(visit, "insufficient_funds")
    bench.deliver()
    bench.expect_delivered(visit)
    bench.expect_not_paid(visit)


@requirement(
    "ACKNOWLEDGEMENT-03",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector answers a callback for an order that it does not know with the bank's code, not an error.",
    vi="Bộ kết nối trả lời thông báo về lệnh lạ bằng mã của ngân hàng, không phải lỗi máy chủ.",
    why="Money without an order is acknowledged and forgotten, or the bank sees a broken server.",
    why_vi="Tiền không rõ lệnh bị xác nhận rồi bỏ quên, hoặc ngân hàng thấy máy chủ hỏng.",
    guards=("egov D15", "gateways D34", "gateways D43"),
    once_a_bank=True,
)
def test_an_unknown_order_is_answered_with_the_banks_code(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.changed(bench.callback(visit), {Word.ORDER_REF: stranger(visit.order_ref)})
    answer = bench.send(message, "a rightly signed callback for an unknown order")
    said = bench.expect_well_formed(answer, message)
    if bench.judges_before_answering and bench.shape != "advice":
        bench.expect_refused(answer, message, No.UNKNOWN_ORDER)
    bench.tell(f"the bank reads the code {said.code}")


@requirement(
    "ACKNOWLEDGEMENT-04",
    level=Level.MUST,
    source="portal-defects#one-handler",
    says="The connector never answers a bank's server with a redirect or a page.",
    vi="Bộ kết nối không bao giờ trả lời máy chủ ngân hàng bằng chuyển hướng hay trang web.",
    why="The bank's server reads no pages: to it the callback was never received.",
    why_vi="Máy chủ ngân hàng không đọc trang web: với nó thông báo chưa từng được nhận.",
    guards=("egov D28", "gateways D33"),
    once_a_bank=True,
)
def test_a_bank_is_never_answered_like_a_browser(bench: Bench) -> None:
    visit = bench.open()
    true = bench.true_callback(visit)
    bare = replace(true, url=true.url.partition("?")[0], body=b"")
    unknown = bench.forge.changed(true, {Word.ORDER_REF: stranger(visit.order_ref)})
    messages = {
        "a callback signed with another key": bench.forge.signed_by_another(true),
        "a callback for an unknown order": unknown,
        "a callback without any field": bare,
        "the true callback": true,
    }
    for told, message in messages.items():
        answer = bench.send(message, told)
        expect(
            not _is_for_browsers(answer),
            "a bank's server is answered like a server",
            expected="neither a redirect nor a page",
            actual=f"{told}: {short(answer)}",
        )


@requirement(
    "ACKNOWLEDGEMENT-05",
    level=Level.MUST,
    source="client-defects#always-acknowledged",
    says="The connector does not acknowledge money that it has not booked.",
    vi="Bộ kết nối không xác nhận khoản tiền mà nó chưa ghi nhận.",
    why="The bank stops repeating; the payment is lost for ever.",
    why_vi="Ngân hàng ngừng gửi lại; khoản tiền mất vĩnh viễn.",
    shapes=(*CREATED, "bill"),
    guards=("gateways D34", "egov D16"),
    once_a_bank=True,
)
def test_what_is_not_booked_is_not_acknowledged(bench: Bench) -> None:
    bench.needs_codes()
    visit = bench.open()
    message = bench.forge.changed(bench.callback(visit), {Word.ORDER_REF: stranger(visit.order_ref)})
    answer = bench.send(message, "a rightly signed callback for an unknown order")
    said = bench.forge.said(answer, message)
    expect(
        not bench.forge.accepts(said, message),
        "money for an order that is not known is not acknowledged",
        expected="a refusal",
        actual=short(answer),
    )
    bench.settle(visit)
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)


@requirement(
    "ACKNOWLEDGEMENT-06",
    level=Level.SHOULD,
    source="dvcqg-td#ack",
    says="The connector answers a callback that it cannot read without an error of its own.",
    vi="Bộ kết nối trả lời thông báo không đọc được mà không tự phát sinh lỗi máy chủ.",
    why="One unreadable message stops the queue, and the log fills with traces.",
    why_vi="Một thông báo không đọc được làm dừng hàng đợi và tràn nhật ký.",
    guards=("egov D15", "gateways D39"),
    once_a_bank=True,
)
def test_an_unreadable_callback_is_no_server_error(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    address = true.url.partition("?")[0]
    unreadable = {
        "a callback without any field": replace(true, url=address, body=b""),
        "a callback of bytes that are no text": replace(true, url=f"{address}?%FF%FE=%00", body=b"\xff\xfe\x00"),
        "a callback of deeply nested lists": replace(true, url=address, body=b"[" * 5_000),
    }
    for told, message in unreadable.items():
        answer = bench.send(message, told)
        expect(
            0 < answer.status < 500,
            "what cannot be read is refused, not an error",
            expected="a refusal",
            actual=f"{told}: {short(answer)}",
        )


@requirement(
    "ACKNOWLEDGEMENT-07",
    level=Level.SHOULD,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector calls an acknowledgement that is JSON by its name, in the content type.",
    vi="Bộ kết nối khai đúng kiểu nội dung JSON cho câu xác nhận dạng JSON.",
    why="A bank whose reader goes by the content type sees no acknowledgement, and repeats itself for hours.",
    why_vi="Ngân hàng đọc theo kiểu nội dung sẽ không thấy xác nhận và gửi lại hàng giờ.",
    guards=("gateways D33",),
    once_a_bank=True,
)
def test_json_is_called_json(bench: Bench) -> None:
    visit = bench.open()
    message = bench.true_callback(visit)
    answer = bench.send(message, "the true callback")
    if not answer.body.lstrip().startswith(b"{"):
        raise NotApplicable("this bank is not answered in JSON")
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    expect("json" in kind, "an acknowledgement in JSON is called so", expected="application/json", actual=kind)


@requirement(
    "ACKNOWLEDGEMENT-08",
    level=Level.MUST,
    source="client-defects#always-acknowledged",
    says="The connector whose own books fail does not acknowledge a callback, and settles its repetition once.",
    vi="Khi sổ sách của chính mình hỏng, bộ kết nối không xác nhận thông báo, và ghi nhận một lần khi được gửi lại.",
    why="Its database was away for a minute: the bank has its acknowledgement, and the money belongs to nobody.",
    why_vi="Cơ sở dữ liệu hỏng một phút: ngân hàng đã được xác nhận, còn khoản tiền thành vô chủ.",
    needs=("outage_books",),
    guards=("gateways D34", "gateways D36", "egov D16"),
    once_a_bank=True,
)
def test_an_error_of_its_own_is_not_acknowledged(bench: Bench) -> None:
    bench.needs_callbacks()
    if not bench.view.retry_delays_s:
        raise NotApplicable("this bank does not repeat its callbacks")
    visit = bench.open()
    before = bench.messages(visit)
    payment_id = bench.arrive(visit)
    with bench.books_out_of_order():
        bench.pay(visit)
        bench.deliver()
        told = bench.sandbox.deliveries(payment_id=payment_id)
    expect(told, "the bank tells the connector of the payment", expected="a callback", actual="none")
    acknowledged = [each.last_answer for each in told if each.state == "acknowledged"]
    # Who acknowledges first may have kept the message elsewhere; then it settles it without being told again.
    expect(
        not (acknowledged and bench.judges_before_answering),
        "what could not be booked is not acknowledged",
        expected="an answer after which the bank repeats itself",
        actual=acknowledged,
    )
    bench.repeat(visit)
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)
    bench.expect_notified_once(visit, before)


def _is_for_browsers(answer: Answer) -> bool:
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    return 300 <= answer.status < 400 or "html" in kind or answer.body.lstrip().lower().startswith((b"<!", b"<html"))
