"""ORDER: what the connector tells a bank when a payer sets out to pay."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import quote_plus

from conformance.bench import Bench, Visit
from conformance.forge import Asked
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import Refused, Unreachable
from simulator.client import JournalEntry, Message

VIETNAM = timezone(timedelta(hours=7))
BEYOND_INT32_VND = 3_000_000_000
BEYOND_FLOAT32_VND = 16_777_217
"""The first whole number that a single-precision floating-point number cannot hold."""
COMMON_DIGITS = 24
BURST = 8
CLOCK_TOLERANCE = timedelta(minutes=15)
AFTERNOON = 15


@requirement(
    "ORDER-01",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#request",
    says="The connector tells the bank the dossier's fee, in the bank's own unit.",
    vi="Bộ kết nối báo cho ngân hàng đúng lệ phí của hồ sơ, theo đơn vị của ngân hàng.",
    why="A payer is debited a hundredth or the hundredfold of the fee.",
    why_vi="Người nộp bị trừ tiền bằng một phần trăm hoặc gấp một trăm lần lệ phí.",
    guards=("gateways D20", "egov D20"),
)
def test_the_bank_is_told_the_fee_in_its_own_unit(bench: Bench) -> None:
    visit = bench.open()
    payment = bench.payment(visit)
    expect(
        payment.order_amount_vnd == visit.amount_vnd,
        "the bank is asked for the dossier's fee",
        expected=visit.amount_vnd,
        actual=payment.order_amount_vnd,
    )


@requirement(
    "ORDER-02",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#request",
    says="The connector gives every payment order a reference of its own, also in one and the same moment.",
    vi="Bộ kết nối cấp cho mỗi lệnh thanh toán một mã tham chiếu riêng, kể cả khi tạo cùng một thời điểm.",
    why="Two payers share a reference: one pays, the other's dossier is settled or both are refused.",
    why_vi="Hai người nộp trùng mã: một người trả tiền, hồ sơ người kia được ghi nhận hoặc cả hai bị từ chối.",
    guards=("gateways D63", "egov D18", "egov D14"),
)
def test_orders_of_one_moment_have_different_references(bench: Bench) -> None:
    visits = bench.open_at_once(BURST)
    references = [visit.order_ref for visit in visits]
    expect(
        len(set(references)) == BURST,
        f"{BURST} orders of one moment have {BURST} references",
        expected=BURST,
        actual=sorted(references),
    )


@requirement(
    "ORDER-03",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#request",
    says="The connector writes an order's time in GMT+7 and on the 24-hour clock.",
    vi="Bộ kết nối ghi thời gian của lệnh thanh toán theo GMT+7 và theo 24 giờ.",
    why="Orders are expired at birth or live for hours too long, and queries do not find them.",
    why_vi="Lệnh hết hạn ngay khi tạo hoặc sống thừa nhiều giờ, và truy vấn không tìm thấy.",
    shapes=("redirect", "server_create"),
    guards=("gateways D60", "egov D14"),
)
def test_an_orders_time_is_vietnams(bench: Bench) -> None:
    dated = bench.forge.asks("create", Asked.TIME)
    if not dated and not bench.forge.asks("create", Asked.EXPIRY):
        raise NotApplicable("this bank's order names no time")
    visit = bench.open()
    asked = bench.asked("create", visit)
    told = asked.get(Asked.TIME, "")
    now = bench.sandbox.clock().now
    expect(
        not dated or _is_near(told, now),
        "the order's time is now, in GMT+7",
        expected=now.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
        actual=told,
    )
    expiry = asked.get(Asked.EXPIRY, "")
    expect(
        not expiry or _is_later(expiry, now),
        "the order does not expire before it begins",
        expected="a time to come, in GMT+7",
        actual=expiry,
    )


@requirement(
    "ORDER-04",
    level=Level.MUST,
    source="portal-defects#secret-in-url",
    says="The connector shows no secret in an address, a form, a page or an answer that leaves it.",
    vi="Bộ kết nối không để lộ khóa bí mật trong địa chỉ, biểu mẫu, trang hay câu trả lời gửi ra ngoài.",
    why="Whoever reads it signs payments that were never made.",
    why_vi="Ai đọc được sẽ tự ký những giao dịch chưa từng có.",
    guards=("egov D17", "gateways D69"),
)
def test_no_secret_leaves_the_connector(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    seen_by_all = [visit.checkout.url, visit.checkout.payload, *visit.checkout.fields.values()]
    seen_by_all.append(bench.status(visit).raw)
    seen_by_bank = [text for entry in bench.exchanges() for text in _sent_by_connector(entry)]
    secrets = bench.forge.secrets
    kept = {name: secret for name, secret in secrets.items() if name not in bench.forge.sent_secrets}
    leaks = _leaks(seen_by_all, secrets) + _leaks(seen_by_bank, kept)
    expect(not leaks, "no secret stands in what leaves the connector", expected="no secret", actual=leaks)


@requirement(
    "ORDER-05",
    level=Level.SHOULD,
    source="portal-defects#amount-as-int",
    says="The connector opens and settles payments beyond 2,147,483,647 VND.",
    vi="Bộ kết nối mở và ghi nhận được khoản thanh toán trên 2.147.483.647 đồng.",
    why="A large land levy overflows: the payer is debited and the dossier stays unpaid.",
    why_vi="Khoản tiền sử dụng đất lớn bị tràn số: người nộp mất tiền mà hồ sơ vẫn chưa được ghi nhận.",
    guards=("egov D26",),
)
def test_three_billion_dong_are_paid_like_any_amount(bench: Bench) -> None:
    try:
        visit = bench.open(BEYOND_INT32_VND)
    except Refused:
        if BEYOND_INT32_VND in bench.refused_amounts():
            raise NotApplicable("the bank itself takes no such amount") from None
        raise
    bench.settle(visit)
    bench.expect_paid_once(visit)
    bench.expect_delivered(visit)


@requirement(
    "ORDER-06",
    level=Level.MUST,
    source="portal-defects#session-overwritten",
    says="The connector still honours a dossier's first payment order after a second one was opened.",
    vi="Bộ kết nối vẫn ghi nhận lệnh thanh toán đầu của hồ sơ sau khi đã mở lệnh thứ hai.",
    why="The payer pays in the first tab, and the money finds no order.",
    why_vi="Người nộp trả tiền ở thẻ trình duyệt đầu tiên và số tiền không khớp với lệnh nào.",
    guards=("egov D30",),
)
def test_the_first_order_is_honoured_after_a_second_was_opened(bench: Bench) -> None:
    first = bench.open()
    bench.arrive(first)
    try:
        second = bench.open_again(first)
    except Refused:
        bench.tell("the connector refuses a second order while the first is open")
    else:
        bench.arrive(second)
    bench.settle(first)
    bench.expect_paid_once(first)
    bench.expect_delivered(first)


@requirement(
    "ORDER-07",
    level=Level.MUST,
    source="portal-defects#paid-reopened",
    says="The connector refuses to open a payment of a dossier that is paid.",
    vi="Bộ kết nối từ chối mở thanh toán cho hồ sơ đã nộp tiền.",
    why="The payer pays the same fee twice.",
    why_vi="Người nộp phải trả cùng một khoản lệ phí hai lần.",
    guards=("egov D29",),
)
def test_a_paid_dossier_is_not_opened_again(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    try:
        again = bench.open_again(visit)
    except Refused:
        return
    expect(False, "the payment of a paid dossier is refused", expected="a refusal", actual=f"order {again.order_ref}")


@requirement(
    "ORDER-08",
    level=Level.MUST,
    source="portal-defects#recorded-after-answer",
    says="The connector has recorded an attempt before the bank answers, so that a lost answer loses no money.",
    vi="Bộ kết nối ghi lại lần thanh toán trước khi ngân hàng trả lời, nên mất câu trả lời không làm mất tiền.",
    why="The bank took the order and the money, the connector knows neither.",
    why_vi="Ngân hàng đã nhận lệnh và nhận tiền mà bộ kết nối không hề biết.",
    shapes=("server_create",),
    guards=("egov D34",),
)
def test_a_lost_answer_to_the_order_loses_no_money(bench: Bench) -> None:
    bench.fault("answer_lost", operation="create")
    visit = bench.open_blindly()
    bench.settle(visit)
    bench.expect_money_not_lost(visit)


@requirement(
    "ORDER-09",
    level=Level.SHOULD,
    source="client-defects#create-retried",
    says="The connector takes one payment, not two, when the payer tries again after an order that failed.",
    vi="Bộ kết nối chỉ nhận một khoản thanh toán khi người nộp thử lại sau một lệnh bị lỗi.",
    why="A time-out and a second try debit the payer twice.",
    why_vi="Hết thời gian chờ rồi thử lại khiến người nộp bị trừ tiền hai lần.",
    shapes=("server_create",),
    guards=("gateways D64",),
)
def test_a_second_try_after_a_failed_order_is_paid_once(bench: Bench) -> None:
    bench.fault("http_500", operation="create")
    dossier_code, amount_vnd = bench.new_dossier()
    try:
        visit = bench.open(amount_vnd, dossier_code=dossier_code)
    except (Refused, Unreachable):
        bench.tell("the order failed, as the bank made it; the payer tries again")
        visit = _tried_again(bench, dossier_code, amount_vnd)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    orders = [each for each in bench.sandbox.payments(bank=bench.bank) if each.state == "paid"]
    expect(len(orders) == 1, "the bank took one payment", expected=1, actual=len(orders))


@requirement(
    "ORDER-10",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#request",
    says="The connector sends the payment's text without diacritics and special characters where the bank asks so.",
    vi="Bộ kết nối gửi nội dung thanh toán không dấu và không ký tự đặc biệt khi ngân hàng yêu cầu.",
    why="Each side encodes such letters in its own way: the signature fails for some names only.",
    why_vi="Mỗi bên mã hóa các chữ ấy một cách: chữ ký sai chỉ với một số họ tên.",
    banks=("vnpay", "onepay_domestic"),
    guards=("gateways D01",),
)
def test_the_text_of_an_order_is_plain(bench: Bench) -> None:
    visit = bench.open(payer="Đặng Thị Ngọc Ánh & Lê O'Brien (mẹ)")
    text = bench.asked("create", visit).get(Asked.DESCRIPTION, "")
    plain = text.isascii() and all(letter.isalnum() or letter in " :.,_-" for letter in text)
    expect(plain and text, "the order's text has only plain letters and digits", expected="A-Z 0-9", actual=text)


@requirement(
    "ORDER-11",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#signature",
    says="The connector signs an order so that the bank takes it, whatever letters the payer's name has.",
    vi="Bộ kết nối ký lệnh đúng để ngân hàng chấp nhận, dù họ tên người nộp có ký tự nào.",
    why="Payers with an unusual name can never pay.",
    why_vi="Người có họ tên đặc biệt không bao giờ nộp được tiền.",
    guards=("gateways D01", "gateways D02"),
)
def test_an_order_of_a_payer_with_an_awkward_name_is_taken(bench: Bench) -> None:
    visit = bench.open(payer="Y Bhăm Êban ~*'!(100%) #1+2=3 & <b>|\"H'Hen")
    bench.settle(visit)
    bench.expect_paid_once(visit)


@requirement(
    "ORDER-12",
    level=Level.MUST,
    source="portal-defects#amount-from-browser",
    says="The connector asks for the dossier's own fee, not for an amount that the browser sends.",
    vi="Bộ kết nối thu đúng lệ phí của hồ sơ, không theo số tiền mà trình duyệt gửi lên.",
    why="A payer chooses what to pay.",
    why_vi="Người nộp tự chọn số tiền phải trả.",
    shapes=("redirect", "server_create"),
    guards=("egov D20",),
)
def test_an_amount_from_the_browser_is_not_believed(bench: Bench) -> None:
    if not bench.chooses("fee", "fixed"):
        raise NotApplicable('a dossier\'s fee may change when its payment is opened (no policy fee = "fixed")')
    visit = bench.open(600_000)
    again = bench.open(1_000, dossier_code=visit.dossier_code)
    asked_vnd = bench.payment(again).order_amount_vnd
    expect(
        asked_vnd == visit.amount_vnd,
        "the fee stays that of the dossier",
        expected=visit.amount_vnd,
        actual=asked_vnd,
    )


@requirement(
    "ORDER-13",
    level=Level.SHOULD,
    source="vnpay-pay-2-1-0#request",
    says="The connector writes an order as the bank's document has it, and not only so that it passes.",
    vi="Bộ kết nối viết lệnh đúng như tài liệu của ngân hàng, không chỉ vừa đủ để được chấp nhận.",
    why="What one bank tolerates today, another or the next version refuses.",
    why_vi="Điều ngân hàng này hôm nay bỏ qua thì ngân hàng khác hoặc phiên bản sau sẽ từ chối.",
    shapes=("redirect", "server_create"),
    guards=("gateways D01", "gateways D06"),
)
def test_the_bank_has_no_remark_on_an_order(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    remarks = [entry.note for entry in bench.journal("create") if entry.note]
    expect(not remarks, "the bank has no remark on the order", expected="no remark", actual=remarks)


@requirement(
    "ORDER-14",
    level=Level.MUST,
    source="portal-defects#ids-cut",
    says="The connector keeps apart the orders of dossiers whose codes differ only at the end.",
    vi="Bộ kết nối phân biệt được các lệnh của những hồ sơ có mã chỉ khác nhau ở cuối.",
    why="References are cut to the bank's length: two dossiers share one, and one citizen pays for the other.",
    why_vi="Mã tham chiếu bị cắt ngắn: hai hồ sơ trùng mã, người này nộp tiền cho hồ sơ của người kia.",
    guards=("egov D18", "gateways D63"),
    once_a_bank=True,
)
def test_codes_with_a_long_common_prefix_are_kept_apart(bench: Bench) -> None:
    code, amount_vnd = bench.new_dossier()
    prefix = f"{code}-{'0' * COMMON_DIGITS}"
    try:
        first = bench.open(amount_vnd, dossier_code=f"{prefix}1")
    except Refused as refused:
        raise NotApplicable("the connector takes no dossier codes of that length") from refused
    second = bench.open(amount_vnd + 1000, dossier_code=f"{prefix}2")
    bench.arrive(first)
    bench.arrive(second)
    bench.settle(second)
    bench.expect_paid_once(second)
    bench.expect_nothing_booked(first)
    bench.settle(first)
    bench.expect_paid_once(first)


@requirement(
    "ORDER-15",
    level=Level.SHOULD,
    source="client-defects#create-retried",
    says="The connector repeats an order whose answer was lost under the same reference, or not at all.",
    vi="Bộ kết nối gửi lại lệnh bị mất câu trả lời với đúng mã cũ, hoặc không gửi lại.",
    why="The bank has two orders of one fee, and either may be paid.",
    why_vi="Ngân hàng có hai lệnh cho một khoản phí và lệnh nào cũng có thể được trả.",
    shapes=("server_create",),
    guards=("gateways D64",),
    once_a_bank=True,
)
def test_a_lost_answer_makes_no_second_order(bench: Bench) -> None:
    bench.fault("answer_lost", operation="create")
    bench.open_blindly()
    orders = [each.order_ref for each in bench.sandbox.payments(bank=bench.bank)]
    expect(len(orders) == 1, "the bank has one order of the dossier", expected="one order", actual=orders)


@requirement(
    "ORDER-16",
    level=Level.MUST,
    source="client-defects#float",
    says="The connector keeps a fee to the last dong, however many digits it has.",
    vi="Bộ kết nối giữ lệ phí chính xác đến từng đồng, dù số có bao nhiêu chữ số.",
    why="Beyond seven digits the fee is rounded: the payer pays another sum, or the right one is refused.",
    why_vi="Quá bảy chữ số, lệ phí bị làm tròn: người nộp trả sai số tiền, hoặc trả đúng mà bị từ chối.",
    guards=("gateways D22", "gateways D20", "banks 6.6"),
    once_a_bank=True,
)
def test_a_fee_of_many_digits_is_kept_to_the_dong(bench: Bench) -> None:
    for fee_vnd in (BEYOND_FLOAT32_VND, 123_456_789):
        visit = bench.open(fee_vnd)
        asked_vnd = bench.payment(visit).order_amount_vnd
        expect(asked_vnd == fee_vnd, "the bank is asked for the very fee", expected=fee_vnd, actual=asked_vnd)
        bench.settle(visit)
        bench.expect_paid_once(visit)


def _tried_again(bench: Bench, dossier_code: str, amount_vnd: int) -> Visit:
    try:
        return bench.open(amount_vnd, dossier_code=dossier_code)
    except Refused as refused:
        raise NotApplicable("the connector first finds out what became of the order that failed") from refused


def _sent_by_connector(entry: JournalEntry) -> list[str]:
    return [entry.url, entry.request_body] if entry.direction == "in" else [entry.response_body]


def _leaks(texts: list[str], secrets: Mapping[str, str]) -> list[str]:
    return [text[:300] for text in texts for secret in _spellings(secrets) if secret in text]


def _spellings(secrets: Mapping[str, str]) -> list[str]:
    """How the connector's secrets may look in an address or a text; of a key pair, any private key."""
    shared = [text for text in secrets.values() if "-----BEGIN" not in text]
    return ["PRIVATE KEY", *shared, *map(quote_plus, shared)]


@requirement(
    "ORDER-17",
    level=Level.MUST,
    source="client-defects#twelve-hours",
    says="The connector writes the hours of the afternoon on the 24-hour clock, in an order's number and its time.",
    vi="Bộ kết nối ghi giờ buổi chiều theo 24 giờ, trong mã và trong thời gian của lệnh thanh toán.",
    why="What is ordered at three in the afternoon has the number of an order of three in the morning, or its time.",
    why_vi="Lệnh tạo lúc ba giờ chiều trùng mã hoặc trùng thời gian với lệnh tạo lúc ba giờ sáng.",
    needs=("kill", "start_with_clock_ahead"),
    shapes=("redirect", "server_create"),
    guards=("egov D14", "gateways D60", "gateways D63"),
    once_a_shape=True,
)
def test_hours_of_the_afternoon_are_not_those_of_the_morning(bench: Bench) -> None:
    with bench.clock_at(AFTERNOON) as ahead:
        ordered = [_ordered_at(bench, ahead) for _ in range(2)]
    for moments, order_ref, times in ordered:
        for told in (f"the reference {order_ref}", *(f"the order's time {time}" for time in times)):
            expect(
                not any(f"{moment:%I%M%S}" in told and f"{moment:%H%M%S}" not in told for moment in moments),
                f"{told.rpartition(' ')[0]} tells the afternoon from the morning",
                expected=f"{moments[0]:%H%M%S}, or no time of day",
                actual=told.rpartition(" ")[2],
            )


def _ordered_at(bench: Bench, ahead: timedelta) -> tuple[list[datetime], str, list[str]]:
    """The seconds in which an order may have been made, by the connector's clock, and its reference and times."""
    began = datetime.now(VIETNAM) + ahead
    try:
        visit = bench.open()
    except Refused as refused:
        raise NotApplicable("the bank takes no order of another hour than its own") from refused
    took = datetime.now(VIETNAM) + ahead - began
    moments = [began + timedelta(seconds=second) for second in range(-1, int(took.total_seconds()) + 2)]
    sent = [Message(each.method, each.url, (), each.request_bytes) for each in bench.journal("create")]
    sent = [each for each in sent if visit.order_ref in each.url + each.body.decode("utf-8", "replace")]
    if bench.shape == "redirect":
        sent = [Message("GET", visit.checkout.url)]
    times = [bench.forge.asked("create", each).get(Asked.TIME, "") for each in sent]
    return moments, visit.order_ref, [each for each in times if each]


def _is_near(told: str, now: datetime) -> bool:
    said = _instant(told)
    return said is not None and abs(said - now) < CLOCK_TOLERANCE


def _is_later(told: str, now: datetime) -> bool:
    said = _instant(told)
    return said is not None and said > now


def _instant(told: str) -> datetime | None:
    try:
        return datetime.strptime(told, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return None
