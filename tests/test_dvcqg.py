"""Facts about the national payment platform."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from simulator.banks import dvcqg
from simulator.banks.dvcqg import DIALECT, acknowledged, ask, authentication_code, callback, read, return_url
from simulator.dialect import Command, Create, Endpoint, GetReceipt, Notice, Query, Question, Reply
from simulator.merchants import default_merchants
from simulator.payment import Bill, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request, Response
from tests.worlds import connector, courier_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "dvcqg" / "messages.json"
VECTORS = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
DIRECT = next(each for each in default_merchants() if each.bank == "dvcqg")
LGSP = msgspec.structs.replace(DIRECT, options={"reply": "lgsp"})
INIT, QUERY, BILL = DIALECT.endpoints
SIGNED = {"init": dvcqg.INIT_SIGNED, "query": dvcqg.ASKED_SIGNED, "get_bill": dvcqg.ASKED_SIGNED}
ORDERED_AT = datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)
PAID_AT = datetime(2025, 1, 2, 8, 5, 5, tzinfo=UTC)
INFO = {
    "MaDichVu": "2",
    "MaDonVi": "000.00.00.G17",
    "TenDonVi": "Sở Xây dựng",
    "MaHoSo": "HS01",
    "TKThuHuong": "1",
    "MaNHThuHuong": "2",
    "TenTKThuHuong": "3",
    "HoTenNguoiNop": "Nguyễn Thị Ưu <&\"'>",
    "PhiLePhi": [
        {"LoaiPhiLePhi": "1", "TenPhiLePhi": "Phí thẩm định", "SoTien": "30000"},
        {"LoaiPhiLePhi": "2", "TenPhiLePhi": "Lệ phí cấp phép", "SoTien": 20000},
    ],
}


def merchants(code: str) -> Merchant | None:
    return DIRECT if code == "DEMO" else None


def sealed(message: str, **changes: Any) -> dict[str, Any]:
    """A portal's request, signed here and not by the platform's own code."""
    fields = {**VECTORS[message]["fields"], **changes}
    text = "|".join([*(str(fields.get(name, "")) for name in SIGNED[message].split("|")), "demo-secret"])
    return {**fields, "MaXacThuc": sha256(text.encode()).hexdigest()}


def posted(endpoint: Endpoint, fields: object) -> Request:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return Request("POST", endpoint.path, body=body)


def decoded(endpoint: Endpoint, fields: object) -> Command:
    return endpoint.decode(posted(endpoint, fields), merchants)


def refused(endpoint: Endpoint, fields: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(endpoint, fields)
    return caught.value


def order(**changes: Any) -> Order:
    command = decoded(INIT, {**sealed("init", **changes), "ThongTinBienLai": INFO})
    assert isinstance(command, Create)
    return command.order


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    given_order = order()
    made = Payment(
        payment_id="0123abcd",
        bank="dvcqg",
        merchant_code="DEMO",
        order=given_order,
        amount_vnd=given_order.amount_vnd,
        bank_ref="GD0001",
        created_at=ORDERED_AT,
        state=state,
        outcome=Outcome.SUCCESS,
        issuer_code="VCB",
        settled_at=None if state is State.PENDING else PAID_AT,
    )
    return msgspec.structs.replace(made, **changes)


def notice(merchant: Merchant = DIRECT, **changes: Any) -> Notice:
    return Notice(payment=payment(**changes), merchant=merchant, now=PAID_AT)


def confirm(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(callback(notice(**changes)).body)
    return fields


def answered(endpoint: Endpoint, fields: object, result: Payment | Refusal) -> Response:
    """The platform's answer when the use case found that payment, or refused."""
    reply = (
        result
        if isinstance(result, Refusal)
        else Reply(now=PAID_AT, reply_ref="0" * 32, payment=result, page_url="http://bank/pay/1")
    )
    request = posted(endpoint, fields)
    return endpoint.encode(request, endpoint.decode(request, merchants), reply)


def fields_of(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def truly_signed(answer: Mapping[str, Any]) -> bool:
    names = [name for name in answer if name not in ("MoTaLoi", "MaXacThuc")]
    text = "|".join([*(str(answer[name]) for name in names), "demo-secret"])
    return bool(answer["MaXacThuc"] == sha256(text.encode()).hexdigest())


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", sorted(VECTORS))
def test_a_known_message_has_its_known_code(message: str) -> None:
    vector = VECTORS[message]
    signed = {**SIGNED, "confirm": dvcqg.CONFIRM_SIGNED}[message]
    assert authentication_code(vector["fields"], signed, vector["secret"]) == vector["signature"]
    assert sha256(vector["string_to_sign"].encode()).hexdigest() == vector["signature"]


@pytest.mark.parametrize(
    ("endpoint", "message", "command"),
    [(INIT, "init", Create), (QUERY, "query", Query), (BILL, "get_bill", GetReceipt)],
)
def test_a_known_request_is_understood(endpoint: Endpoint, message: str, command: type[Command]) -> None:
    vector = VECTORS[message]
    understood = decoded(endpoint, {**vector["fields"], "MaXacThuc": vector["signature"]})
    assert type(understood) is command
    assert understood.merchant.merchant_code == "DEMO"


def test_a_confirm_is_the_known_one_with_its_amount_as_a_number() -> None:
    vector = VECTORS["confirm"]
    sent = callback(notice(msgspec.structs.replace(DIRECT, callback_url="http://portal/confirm")))
    assert (sent.method, sent.url) == ("POST", "http://portal/confirm")
    fields = json.loads(sent.body)
    assert fields == {**vector["fields"], "MaXacThuc": vector["signature"], "MaHoSo": "HS01"}
    assert isinstance(fields["SoTien"], int)


# --- requests ------------------------------------------------------------------------------------------------


def test_an_init_becomes_an_order() -> None:
    made = order(MaNganHang="VCB", NgonNgu="en-US")
    assert (made.order_ref, made.order_key, made.amount_vnd) == ("MTC0001", "MTC0001", 50_000)
    assert (made.issuer_code, made.locale, made.client_ip) == ("VCB", "en", "10.0.0.1")
    assert made.ordered_at == ORDERED_AT
    assert order().issuer_code == ""
    assert order().locale == "vi"


@pytest.mark.parametrize("amount_vnd", [1, 2_147_483_648, 3_000_000_000, 99_999_999_999, 999_999_999_999_999])
def test_an_amount_may_exceed_32_bits(amount_vnd: int) -> None:
    assert order(SoTien=str(amount_vnd)).amount_vnd == amount_vnd


@pytest.mark.parametrize("text", ["", "0", "-1", "+1", "1.0", "1e3", " 1", "1\n", "050000", "1,000", "٣", "9" * 16])
def test_an_amount_that_is_no_plain_whole_number_is_refused(text: str) -> None:
    assert refused(INIT, sealed("init", SoTien=text)).reason is Reason.INVALID_AMOUNT


def test_another_currency_is_refused() -> None:
    assert refused(INIT, sealed("init", MaTienTe="USD")).reason is Reason.INVALID_CURRENCY


@pytest.mark.parametrize("name", dvcqg.INIT_SIGNED.split("|"))
def test_changing_any_signed_field_of_an_init_is_noticed(name: str) -> None:
    true = sealed("init")
    changed = {"SoTien": "50001", "ThoiGianGD": "20250102150406", "MaDoiTac": "DEMO2", "LoaiBanTin": "INIT2"}
    refusal = refused(INIT, {**true, name: changed.get(name, f"{true[name]}x")})
    expected = {"MaDoiTac": Reason.UNKNOWN_MERCHANT, "LoaiBanTin": Reason.UNKNOWN_COMMAND}
    assert refusal.reason is expected.get(name, Reason.BAD_SIGNATURE)


@pytest.mark.parametrize(
    "code", ["", "0" * 64, VECTORS["init"]["signature"].upper(), VECTORS["init"]["signature"][:32]]
)
def test_a_missing_wrong_upper_case_or_short_code_is_refused(code: str) -> None:
    assert refused(INIT, {**VECTORS["init"]["fields"], "MaXacThuc": code}).reason is Reason.BAD_SIGNATURE
    assert refused(INIT, VECTORS["init"]["fields"]).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [
        {"MaThamChieu": ""},
        {"MaThamChieu": "x" * 256},
        {"MaDoiTac": "x" * 51},
        {"ThoiGianGD": "2025-01-02"},
        {"ThoiGianGD": "20250102250405"},
        {"ThoiGianGD": "00010101000000"},
        {"PhienBan": None},
        {"SoTien": 50_000},
        {"Ip": ["10.0.0.1"]},
        {"ThongTinGiaoDich": "a\x00b"},
    ],
)
def test_what_is_too_long_missing_or_of_another_type_is_malformed(changes: dict[str, Any]) -> None:
    assert refused(INIT, sealed("init", **changes)).reason is Reason.MALFORMED


def test_a_reference_of_255_letters_is_taken() -> None:
    assert order(MaThamChieu="x" * 255).order_ref == "x" * 255


def test_one_message_at_anothers_address_is_refused() -> None:
    assert refused(QUERY, sealed("get_bill")).reason is Reason.UNKNOWN_COMMAND
    assert refused(BILL, sealed("query")).reason is Reason.UNKNOWN_COMMAND
    assert refused(INIT, {**sealed("init"), "LoaiBanTin": "QUERY"}).reason is Reason.UNKNOWN_COMMAND


def test_unknown_fields_and_vietnamese_text_are_taken() -> None:
    fields = {**sealed("init", ThongTinGiaoDich="Thanh toán hồ sơ Đ"), "MoiThem": {"a": [1]}}
    made = decoded(INIT, fields)
    assert isinstance(made, Create)
    assert made.order.description == "Thanh toán hồ sơ Đ"


def test_a_bar_inside_a_value_makes_two_messages_sign_alike() -> None:
    """A weakness of the rule: values are not escaped."""
    one = sealed("init", ThongTinGiaoDich="HS01|20250102150405", ThoiGianGD="20250102150406", Ip="10.0.0.1")
    other = {**one, "ThongTinGiaoDich": "HS01", "ThoiGianGD": "20250102150405", "Ip": "20250102150406|10.0.0.1"}
    assert isinstance(decoded(INIT, one), Create)
    assert isinstance(decoded(INIT, other), Create)


@pytest.mark.parametrize("info", [None, "x", [], 5, {}, {"MaDichVu": ["2"]}, {"MaDichVu": "2", "PhiLePhi": {"a": 1}}])
def test_receipt_information_of_any_form_is_noted_and_not_refused(info: object) -> None:
    command = decoded(INIT, {**sealed("init"), "ThongTinBienLai": info})
    assert any("ThongTinBienLai" in warning for warning in command.warnings)


def test_complete_receipt_information_leaves_no_remark() -> None:
    assert decoded(INIT, {**sealed("init"), "ThongTinBienLai": INFO}).warnings == ()


@pytest.mark.parametrize(("name", "text"), [("PhienBan", "1.0.5"), ("LoaiHinhThanhToan", "AUTH")])
def test_another_version_or_kind_of_payment_is_noted(name: str, text: str) -> None:
    command = decoded(INIT, {**sealed("init", **{name: text}), "ThongTinBienLai": INFO})
    assert len(command.warnings) == 1
    assert command.warnings[0].startswith(name)


# --- answers -------------------------------------------------------------------------------------------------


def test_an_init_is_answered_with_the_payers_page() -> None:
    fields = fields_of(answered(INIT, sealed("init"), payment(State.PENDING)))
    assert (fields["MaLoi"], fields["UrlThanhToan"]) == ("00", "http://bank/pay/1")
    assert (fields["MaThamChieu"], fields["ThoiGianGD"]) == ("MTC0001", "20250102150405")
    assert truly_signed(fields)


def test_an_lgsp_wraps_the_init_reply_into_a_text() -> None:
    request = posted(INIT, sealed("init"))
    command = INIT.decode(request, lambda code: LGSP)
    reply = Reply(now=PAID_AT, reply_ref="", payment=payment(State.PENDING), page_url="http://bank/pay/1")
    good = fields_of(INIT.encode(request, command, reply))
    assert good["error_code"] == "0"
    assert json.loads(good["message"])["UrlThanhToan"] == "http://bank/pay/1"
    bad = fields_of(INIT.encode(request, command, Refusal(Reason.DUPLICATE_ORDER)))
    assert bad["error_code"] == "99"
    assert json.loads(bad["message"])["MaLoi"] == "99"


@pytest.mark.parametrize("endpoint", [INIT, QUERY, BILL], ids=["INIT", "QUERY", "GET_BILL"])
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_is_99_with_its_reason_and_no_url(endpoint: Endpoint, reason: Reason) -> None:
    message = {INIT: "init", QUERY: "query", BILL: "get_bill"}[endpoint]
    fields = fields_of(answered(endpoint, sealed(message), Refusal(reason)))
    assert fields["MaLoi"] == "99"
    assert fields["MoTaLoi"] == f"Các lỗi khác: {reason}"
    assert "UrlThanhToan" not in fields
    assert truly_signed(fields)


def test_who_has_not_proved_himself_gets_no_signature() -> None:
    request = posted(QUERY, {**sealed("query"), "MaXacThuc": "0" * 64})
    refusal = refused(QUERY, {**sealed("query"), "MaXacThuc": "0" * 64})
    fields = fields_of(QUERY.encode(request, None, refusal))
    assert (fields["MaLoi"], fields["MaXacThuc"]) == ("99", "")


def test_a_refused_amount_is_answered_with_a_signature_and_echoes() -> None:
    fields = sealed("init", SoTien="0")
    answer = fields_of(INIT.encode(posted(INIT, fields), None, refused(INIT, fields)))
    assert answer["MaThamChieu"] == "MTC0001"
    assert truly_signed(answer)


def test_garbage_is_answered_in_the_banks_form() -> None:
    for body in (b"", b"[]", b"[" * 100_000, b"\xff", b'{"MaDoiTac":7}'):
        answer = fields_of(INIT.encode(posted(INIT, body), None, refused(INIT, body)))
        assert (answer["MaLoi"], answer["MaDoiTac"]) == ("99", "")


EXPECTED_STATES = {
    **{State.PAID: "1", State.PARTLY_REFUNDED: "1", State.REFUNDED: "1"},
    **{State.PENDING: "3", State.SUSPECTED: "3"},
    **{State.FAILED: "4", State.CANCELLED: "4", State.EXPIRED: "4", State.REVERSED: "4"},
}


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_code_and_the_query_itself_worked(state: State) -> None:
    fields = fields_of(answered(QUERY, sealed("query"), payment(state)))
    assert (fields["MaLoi"], fields["TrangThaiGD"]) == ("00", EXPECTED_STATES[state])
    assert fields["SoTien"] == 50_000
    assert truly_signed(fields)


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_confirmed_with_00(state: State) -> None:
    fields = confirm(state=state)
    assert fields["MaLoi"] == ("00" if EXPECTED_STATES[state] == "1" else "99")
    assert authentication_code(fields, dvcqg.CONFIRM_SIGNED, "demo-secret") == fields["MaXacThuc"]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_failed_outcome_is_99(outcome: Outcome) -> None:
    assert confirm(state=State.FAILED, outcome=outcome)["MaLoi"] == "99"


@pytest.mark.parametrize(("endpoint", "message"), [(QUERY, "query"), (BILL, "get_bill")])
def test_a_question_with_another_time_than_the_inits_finds_nothing(endpoint: Endpoint, message: str) -> None:
    asked = sealed(message, ThoiGianGD="20250102030405")
    fields = fields_of(answered(endpoint, asked, payment()))
    assert (fields["MaLoi"], fields["MoTaLoi"]) == ("99", "Các lỗi khác: unknown_order")
    assert "TrangThaiGD" not in fields


def test_the_receipt_is_a_pdf_that_names_fees_payer_and_amount() -> None:
    response = answered(BILL, sealed("get_bill"), payment())
    assert dict(response.headers)["content-type"] == "application/pdf"
    text = " ".join(PdfReader(io.BytesIO(response.body)).pages[0].extract_text().split())
    for shown in (
        "Sở Xây dựng",
        "Nguyễn Thị Ưu <&\"'>",
        "Mã hồ sơ: HS01",
        "Phí thẩm định 30.000",
        "Lệ phí cấp phép 20.000",
        "Tổng số tiền đã nộp 50.000",
        "Năm mươi nghìn đồng",
        "Ngày 02 tháng 01 năm 2025",
    ):
        assert shown in text, shown


def test_a_receipt_without_fees_names_the_order() -> None:
    bare = msgspec.structs.replace(order(), wire={"ThoiGianGD": "20250102150405"})
    response = answered(BILL, sealed("get_bill"), payment(order=bare))
    text = " ".join(PdfReader(io.BytesIO(response.body)).pages[0].extract_text().split())
    assert "THANH TOAN HO SO HS01 50.000" in text
    assert f"{DIRECT.name}" in text


@pytest.mark.parametrize("state", [state for state in State if EXPECTED_STATES[state] != "1"])
def test_there_is_no_receipt_before_success(state: State) -> None:
    fields = fields_of(answered(BILL, sealed("get_bill"), payment(state)))
    assert (fields["MaLoi"], fields["MoTaLoi"]) == ("99", "Các lỗi khác: not_paid")


# --- acknowledgements and the return -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "done", "text"),
    [
        (Answer(200, (), b'{"MaLoi":"00"}'), True, "MaLoi 00"),
        (Answer(200, (), '{"MaLoi":"00","MoTaLoi":"Thành công","MaXacThuc":"x"}'.encode()), True, "MaLoi 00"),
        (Answer(200, (), b'{"MaLoi":"99"}'), False, "MaLoi 99"),
        (Answer(200, (), b'{"MaLoi":0}'), False, "no MaLoi"),
        (Answer(200, (), b"{}"), False, "no MaLoi"),
        (Answer(200, (), b"OK"), False, None),
        (Answer(200, (), b'{"MaLoi":' + b"[" * 100_000), False, None),
        (Answer(500, (), b'{"MaLoi":"00"}'), False, "HTTP 500"),
        (Answer(302, (), b'{"MaLoi":"00"}'), False, "HTTP 302"),
        (Answer(error="no answer within 30 s"), False, "no answer within 30 s"),
    ],
)
def test_only_200_with_00_ends_the_retries(answer: Answer, done: bool, text: str | None) -> None:
    ack = acknowledged(answer, notice())
    assert ack.done is done
    assert text is None or ack.text == text


def back(target: str, **changes: Any) -> tuple[str, dict[str, str]]:
    merchant = msgspec.structs.replace(DIRECT, options={"return_url": target})
    url = return_url(payment(**changes), merchant)
    return url, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_browser_brings_reference_code_and_secure_code() -> None:
    url, query = back("http://portal/return")
    assert url.startswith("http://portal/return?")
    assert query["data"].split("_")[2] == "MTC0001"
    assert query["responseCode"] == "00"
    assert query["secureCode"] == sha256(f"{query['data']}|00|demo-secret".encode()).hexdigest()
    assert "demo-secret" not in url


@pytest.mark.parametrize("state", State)
def test_the_browser_says_00_only_for_collected_money(state: State) -> None:
    assert back("http://portal/return", state=state)[1]["responseCode"] == (
        "00" if EXPECTED_STATES[state] == "1" else "99"
    )


def test_a_return_url_keeps_its_own_query_and_fragment() -> None:
    url, query = back("http://portal/return?a=1#top")
    assert query["a"] == "1"
    assert query["responseCode"] == "00"
    assert urlsplit(url).fragment == "top"


def test_without_a_return_url_the_browser_goes_nowhere() -> None:
    assert return_url(payment(), DIRECT) == ""


# --- fee lookup ----------------------------------------------------------------------------------------------

QUESTION = Question(bill_code="HS01", trans_ref="123", channel=Channel.INTERNET_BANKING, now=PAID_AT)


def looked_up(code: object, message: object) -> Bill:
    body = json.dumps({"error_code": code, "message": message}).encode()
    return read(Answer(200, (), body), QUESTION, DIRECT)


def test_the_lookup_asks_for_the_code_and_nothing_else() -> None:
    sent = ask(QUESTION, msgspec.structs.replace(DIRECT, inquiry_url="http://portal/lookup"))
    assert (sent.method, sent.url, json.loads(sent.body)) == ("POST", "http://portal/lookup", {"MaHoSo": "HS01"})


@pytest.mark.parametrize("code", [1, "1"])
def test_what_is_owed_is_read(code: object) -> None:
    bill = looked_up(code, {**INFO, "MaTraCuuTT": "HS0120250102150405"})
    assert (bill.bill_code, bill.amount_vnd) == ("HS01", 50_000)
    assert bill.payer_name == "Nguyễn Thị Ưu <&\"'>"


def test_a_payment_found_by_lookup_is_confirmed_under_the_lookups_number() -> None:
    bill = looked_up(1, {**INFO, "MaTraCuuTT": "HS0120250102150405"})
    found = Order(order_ref="HS01", order_key="123", amount_vnd=bill.amount_vnd, wire=bill.wire)
    fields = confirm(order=found)
    assert (fields["MaThamChieu"], fields["MaHoSo"]) == ("HS0120250102150405", "HS01")


def test_the_sum_to_be_paid_goes_before_the_sum_of_fees() -> None:
    assert looked_up(1, {**INFO, "DSKhoanNop": [{"NoiDung": "Phí", "SoTien": "45000"}]}).amount_vnd == 45_000


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (0, [], Reason.ALREADY_PAID),
        ("0", [], Reason.ALREADY_PAID),
        (-1, [], Reason.UNKNOWN_ORDER),
        (7, [], Reason.UNKNOWN),
        (None, [], Reason.UNKNOWN),
        (True, INFO, Reason.UNKNOWN),
        (1, [], Reason.MALFORMED),
        (1, {**INFO, "MaHoSo": "HS02"}, Reason.MALFORMED),
        (1, {"MaHoSo": "HS01"}, Reason.INVALID_AMOUNT),
        (1, {**INFO, "PhiLePhi": [{"SoTien": "0"}]}, Reason.INVALID_AMOUNT),
        (1, {**INFO, "PhiLePhi": [{"SoTien": "-5"}, {"SoTien": "10"}]}, Reason.INVALID_AMOUNT),
        (1, {**INFO, "PhiLePhi": [{"SoTien": True}]}, Reason.INVALID_AMOUNT),
        (1, {**INFO, "PhiLePhi": [{"SoTien": 1.5}]}, Reason.INVALID_AMOUNT),
    ],
)
def test_a_lookups_no_and_nonsense_are_refusals(code: object, message: object, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        looked_up(code, message)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(error="refused"), Reason.TIMED_OUT),
        (Answer(503), Reason.MAINTENANCE),
        (Answer(401), Reason.UNKNOWN),
        (Answer(200, (), b"[" * 100_000), Reason.MALFORMED),
    ],
)
def test_no_answer_to_a_lookup_is_a_refusal(answer: Answer, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        read(answer, QUESTION, DIRECT)
    assert caught.value.reason is reason


async def test_a_refused_lookup_leads_to_no_confirm(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, connector() as portal, courier_of(worlds) as courier:
        portal.answer = lambda method, path, body: web.json_response({"error_code": -1, "message": []})
        merchant = msgspec.structs.replace(
            DIRECT, callback_url=f"{portal.url}/confirm", inquiry_url=f"{portal.url}/lookup"
        )
        world = await worlds.create("a", seed="1", clock_at=PAID_AT, merchants=(merchant,))
        with pytest.raises(Refusal, match="unknown_order"):
            await courier.inquire(world, DIALECT, merchant, "HS01", Channel.MOBILE)
        assert await courier.advance(world, PAID_AT + timedelta(days=1)) == 0
        assert [path for _, path, _ in portal.requests] == ["/lookup"]


# --- whatever comes ------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*dvcqg.INIT_SIGNED.split("|"), "MaXacThuc", "ThongTinBienLai", *INFO, "MaLoi", "SoTien"])
CODES = st.sampled_from(["error_code", "message", "DSKhoanNop"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just("DEMO"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | CODES | st.text(), inner, max_size=6),
    max_leaves=15,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=10)
BODIES = st.binary(max_size=200) | OBJECTS.map(lambda value: json.dumps(value).encode())


@given(body=BODIES, endpoint=st.sampled_from([INIT, QUERY, BILL]))
def test_any_body_is_refused_with_an_answer(body: bytes, endpoint: Endpoint) -> None:
    refusal = refused(endpoint, body)
    assert fields_of(endpoint.encode(posted(endpoint, body), None, refusal))["MaLoi"] == "99"


def understood(endpoint: Endpoint, fields: object) -> Command | Refusal:
    try:
        return decoded(endpoint, fields)
    except Refusal as refusal:
        return refusal


@given(changes=OBJECTS)
def test_any_field_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, Any]) -> None:
    fields = {**sealed("init", **changes), "ThongTinBienLai": changes.get("ThongTinBienLai", changes)}
    command = understood(INIT, fields)
    if isinstance(command, Refusal):
        assert fields_of(INIT.encode(posted(INIT, fields), None, command))["MaLoi"] == "99"
    else:
        assert isinstance(command, Create)
        assert command.order.amount_vnd > 0
        assert isinstance(msgspec.json.decode(command.order.wire.get("PhiLePhi", "[]")), list)


@given(info=OBJECTS)
def test_a_receipt_can_be_made_of_any_receipt_information(info: dict[str, Any]) -> None:
    command = understood(INIT, {**sealed("init"), "ThongTinBienLai": info})
    assert isinstance(command, Create)
    assert dvcqg._receipt(payment(order=command.order), DIRECT).fees


@given(status=st.sampled_from([0, 200, 200, 500]), body=BODIES)
def test_any_answer_is_read_as_an_acknowledgement_or_not(status: int, body: bytes) -> None:
    ack = acknowledged(Answer(status, (), body), notice())
    assert not ack.done
    assert isinstance(ack.text, str)


@given(code=st.just(1) | JSON, message=OBJECTS | JSON)
def test_any_answer_to_a_lookup_is_a_bill_or_a_refusal(code: object, message: object) -> None:
    try:
        bill = looked_up(code, message)
    except Refusal:
        return
    assert 0 < bill.amount_vnd < 10**15


def test_every_assumption_says_what_and_why() -> None:
    assert len({each.key for each in DIALECT.assumptions}) == len(DIALECT.assumptions) > 10
    assert all(each.key and each.value and each.why for each in DIALECT.assumptions)
