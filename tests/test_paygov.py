"""Facts about PayGov behind a provincial integration platform."""

import base64
import hmac
import io
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from simulator.bank import act
from simulator.banks.paygov import DIALECT, ORDER_SIGNED, RESULT, checksum, receipt_checksum
from simulator.dialect import Ack, Ask, Command, Create, Endpoint, GetReceipt, Notice, Reply
from simulator.merchants import default_merchants
from simulator.payment import COLLECTED, Event, Merchant, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request, Response
from tests.samples import paygov as says
from tests.samples.sample import JSON_HEADERS
from tests.worlds import START, ask, connector, courier_of, endpoint_of, worlds_in

OURS = msgspec.structs.replace(
    next(each for each in default_merchants() if each.bank == "paygov"), callback_url="http://portal.test/callback"
)
HAUGIANG = msgspec.structs.replace(
    OURS, merchant_code="PAYGOV-HAUGIANG", options={**OURS.options, "variant": "haugiang", "checksum": "sha256"}
)
PAYGATE, TOKEN, VERIFY, RECEIPT, PDF = DIALECT.endpoints
NOW = datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)
STATIC = {**JSON_HEADERS, "authorization": "Bearer SIMULATORPAYGOVTOKEN", "lgspaccesstoken": says.LGSP_TOKEN}


def merchants(code: str) -> Merchant | None:
    return {"PAYGOV-DEMO": OURS, "PAYGOV-HAUGIANG": HAUGIANG}.get(code)


def decoded(request: Request) -> Any:
    endpoint, request = endpoint_of(DIALECT, request)
    return endpoint.decode(request, merchants)


def refused(request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value


def sent(**changes: object) -> Request:
    return says.paygate("HS01", 50_000, NOW, **changes)


def in_haugiang(headers: dict[str, str] = STATIC, **changes: object) -> Request:
    """A well-formed request of that province, its checksum in the style of a receipt's; then `changes`."""
    fields = {**says.paygate_fields("HS01", 50_000, NOW), "partnerCode": "PAYGOV-HAUGIANG"}
    fields |= {"accessKey": says.ACCESS_KEY, "serviceCode": "1.004194"}
    fields["checksum"] = says.over_values({name: fields[name] for name in ORDER_SIGNED})
    return says.posted(PAYGATE.path, {**fields, **changes}, headers)


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="paygov",
        merchant_code="PAYGOV-DEMO",
        order=decoded(sent()).order,
        amount_vnd=50_000,
        bank_ref="14226112",
        created_at=NOW,
        state=state,
        outcome=Outcome.SUCCESS,
        issuer_code="VCB",
        settled_at=None if state is State.PENDING else NOW,
    )
    return msgspec.structs.replace(made, **changes)


def notice(merchant: Merchant = OURS, **changes: Any) -> Notice:
    return Notice(payment=payment(**changes), merchant=merchant, now=NOW)


def told(merchant: Merchant = OURS, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(DIALECT.callback(notice(merchant, **changes)).body)
    return fields


def brought(**changes: Any) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(DIALECT.return_url(payment(**changes), OURS)).query))


def fields_of(response: Response, status: int = 200) -> dict[str, Any]:
    assert response.status == status
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def replied(request: Request, result: Payment | Refusal | None) -> Response:
    endpoint, request = endpoint_of(DIALECT, request)
    page_url = "http://bank/s/ci/pay/0123abcd"
    reply = result if isinstance(result, Refusal) else Reply(now=NOW, reply_ref="", payment=result, page_url=page_url)
    return endpoint.encode(request, endpoint.decode(request, merchants), reply)


# --- the token -----------------------------------------------------------------------------------------------


def test_a_token_is_given_for_the_right_password_and_opens_the_paygate() -> None:  # paygov-opencps#token
    fields = fields_of(replied(says.token_request(), None))
    assert set(fields) == {"token", "refreshToken", "expiryDate"}
    assert fields["expiryDate"] == "20250103150405"
    headers = {"authorization": f"Bearer {fields['token']}"}
    command = decoded(msgspec.structs.replace(sent(), headers=headers))
    assert isinstance(command, Create)
    DIALECT.judge(command, None, NOW + timedelta(hours=24, seconds=-1))
    with pytest.raises(Refusal, match="unknown_merchant"):
        DIALECT.judge(command, None, NOW + timedelta(hours=24))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, Reason.MALFORMED),
        ({"auth": ""}, Reason.MALFORMED),
        ({"auth": "abc"}, Reason.MALFORMED),
        ({"auth": "é:é"}, Reason.MALFORMED),
        ({"auth": "////:////"}, Reason.MALFORMED),
        ({"auth": "YQ==:YQ==:YQ=="}, Reason.MALFORMED),
        (dict(says.token_request("NOBODY").headers), Reason.UNKNOWN_MERCHANT),
        (dict(says.token_request(password="wrong").headers), Reason.UNKNOWN_MERCHANT),
        (dict(says.token_request(password="").headers), Reason.UNKNOWN_MERCHANT),
    ],
)
def test_a_wrong_auth_gets_no_token(headers: dict[str, str], reason: Reason) -> None:
    request = Request("POST", TOKEN.path, headers=headers)
    refusal = refused(request)
    assert refusal.reason is reason
    fields = fields_of(TOKEN.encode(request, None, refusal), 401 if reason is Reason.UNKNOWN_MERCHANT else 200)
    assert fields == {"error_code": "FAILED", "error_message": str(reason)}


def test_a_refresh_token_is_no_token() -> None:
    given_token = fields_of(replied(says.token_request(), None))["refreshToken"]
    request = msgspec.structs.replace(sent(), headers={"authorization": f"Bearer {given_token}"})
    assert refused(request).reason is Reason.UNKNOWN_MERCHANT


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer PAYGOV-DEMO.29991231235959." + "0" * 64,
        "Bearer PAYGOV-DEMO..",
        "Bearer SIMULATORPAYGOVTOKEN",
        "Basic " + says.bearer()["authorization"].removeprefix("Bearer "),
        says.bearer()["authorization"].replace("2999", "3999"),
        says.bearer()["authorization"] + "0",
    ],
)
def test_without_a_token_of_its_own_nobody_is_served(authorization: str) -> None:
    request = msgspec.structs.replace(sent(), headers={"authorization": authorization})
    assert refused(request).reason is Reason.UNKNOWN_MERCHANT
    assert PAYGATE.encode(request, None, refused(request)).status == 401


# --- paygate -------------------------------------------------------------------------------------------------


def test_a_request_becomes_an_order() -> None:  # paygov-opencps#paygate
    command = decoded(sent())
    assert isinstance(command, Create)
    assert command.warnings == ()
    made = command.order
    assert (made.order_ref, made.order_key, made.amount_vnd) == ("HS01", "HS011735805045000", 50_000)
    assert made.return_url == "http://portal.test/return/paygov"


def test_a_request_is_answered_with_the_payers_page() -> None:
    fields = fields_of(replied(sent(), payment(State.PENDING)))
    assert fields["data"] == {"url": "http://bank/s/ci/pay/0123abcd"}


def test_what_looks_like_a_number_may_be_one() -> None:
    """The known client writes its texts of digits as numbers."""
    made = decoded(sent(requestCode=1764000000000, orderId=7, orderInfo=5)).order
    assert (made.order_key, made.order_ref, made.description) == ("1764000000000", "7", "5")


def test_diacritics_in_order_info_are_remarked_on() -> None:
    assert len(decoded(sent(orderInfo="Lệ phí")).warnings) == 1


@pytest.mark.parametrize("amount_vnd", [1, 3_000_000_000, 999_999_999_999_999])
def test_an_amount_may_exceed_32_bits(amount_vnd: int) -> None:
    assert decoded(sent(amount=amount_vnd)).order.amount_vnd == amount_vnd


@pytest.mark.parametrize("amount", [0, -1, 10**15, 10**40, 1.5, 50_000.0, "50000", None, True, [1]])
def test_an_amount_that_is_no_whole_number_is_refused(amount: object) -> None:
    assert refused(sent(amount=amount)).reason is Reason.INVALID_AMOUNT


@pytest.mark.parametrize(
    "changes",
    [
        {"orderId": ""},
        {"orderId": "x" * 101},
        {"orderId": "a\x00"},
        {"orderId": ["x"]},
        {"requestCode": None},
        {"requestCode": True},
        {"ipAddress": ""},
        {"orderInfo": "x" * 501},
        {"returnUrl": ""},
        {"returnUrl": "javascript:alert(1)"},
        {"returnUrl": "http://[portal.test/"},
        {"returnUrl": "http://portal.test/" + "x" * 2000},
    ],
)
def test_what_is_missing_too_long_or_of_another_type_is_malformed(changes: dict[str, Any]) -> None:
    assert refused(sent(**changes)).reason is Reason.MALFORMED


@pytest.mark.parametrize("partner", ["", "NOBODY", "PAYGOV-HAUGIANG"])
def test_a_partner_who_is_unknown_or_anothers_is_refused(partner: str) -> None:
    assert refused(sent(partnerCode=partner)).reason is Reason.UNKNOWN_MERCHANT


def test_haugiang_sends_a_checksum_and_two_static_tokens() -> None:  # paygov-opencps#paygate
    command = decoded(in_haugiang())
    assert isinstance(command, Create)
    assert command.order.wire["serviceCode"] == "1.004194"
    DIALECT.judge(command, None, NOW + timedelta(days=10_000))


@pytest.mark.parametrize("name", [*ORDER_SIGNED, "checksum"])
def test_in_haugiang_changing_any_field_is_noticed(name: str) -> None:
    other: object = {"amount": 50_001, "returnUrl": "http://portal.test/elsewhere"}.get(name, "x")
    unknown = name in ("partnerCode", "accessKey")
    assert refused(in_haugiang(**{name: other})).reason is (
        Reason.UNKNOWN_MERCHANT if unknown else Reason.BAD_SIGNATURE
    )


@pytest.mark.parametrize("name", ["checksum", "accessKey", "serviceCode"])
def test_in_haugiang_the_further_fields_are_needed(name: str) -> None:
    assert refused(in_haugiang(**{name: ""})).reason is Reason.MALFORMED


@pytest.mark.parametrize("name", ["authorization", "lgspaccesstoken"])
def test_in_haugiang_both_tokens_are_needed(name: str) -> None:
    assert refused(in_haugiang({**STATIC, name: ""})).reason is Reason.UNKNOWN_MERCHANT
    assert refused(in_haugiang({**STATIC, name: STATIC[name] + "x"})).reason is Reason.UNKNOWN_MERCHANT


# --- our checksums -------------------------------------------------------------------------------------------


def test_the_formula_is_the_merchants_choice() -> None:
    fields = {"b": "2", "a": "1"}
    pairs = hmac.digest(says.SECRET_KEY.encode(), b"a=1&b=2", "sha256").hex()
    values = sha256(f"{says.SECRET_KEY}21".encode()).hexdigest()
    assert checksum(fields, OURS) == pairs
    assert checksum(fields, HAUGIANG) == values
    assert checksum(fields, msgspec.structs.replace(OURS, options={})) == pairs


def test_a_receipts_checksum_is_plain_sha_256_behind_the_secret() -> None:  # paygov-opencps-receipt#checksum
    fields = {name: str(value) for name, value in says.receipt_fields("PG1").items()}
    given_sum = fields.pop("checksum")
    assert receipt_checksum(dict(sorted(fields.items())), says.SECRET_KEY) == given_sum
    assert given_sum == sha256((says.SECRET_KEY + "".join(fields.values())).encode()).hexdigest()


# --- the result ----------------------------------------------------------------------------------------------


def test_the_callback_and_the_return_say_the_same() -> None:  # paygov-opencps#result
    outgoing = DIALECT.callback(notice())
    assert (outgoing.method, outgoing.url) == ("POST", "http://portal.test/callback")
    fields = told()
    assert fields == {
        "amount": 50_000,
        "orderId": "HS01",
        "orderInfo": "Thanh toan le phi ho so HS01",
        "requestCode": "HS011735805045000",
        "transactionNo": "14226112",
        "transactionCode": "PG14226112",
        "payDate": "20250102150405",
        "errorCode": "00",
        "paygate": "VCB",
        "type": "PAY",
        "checksum": says.over_pairs({name: fields[name] for name in RESULT}),
    }
    assert brought() == {name: str(value) for name, value in fields.items()}


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_00(state: State) -> None:
    code = "00" if state in COLLECTED else "99"
    assert (told(state=state)["errorCode"], brought(state=state)["errorCode"]) == (code, code)


def test_a_failure_an_amount_and_a_key_change_the_checksum() -> None:
    other = msgspec.structs.replace(OURS, secrets={**OURS.secrets, "secret_key": "other"})
    sums = [told(), told(state=State.FAILED), told(amount_vnd=49_999), told(other), told(HAUGIANG)]
    assert len({fields["checksum"] for fields in sums}) == 5


@pytest.mark.parametrize("state", [State.PAID, State.FAILED])
def test_what_a_browser_brought_may_be_verified(state: State) -> None:  # paygov-opencps#checksum
    request = says.posted(VERIFY.path, brought(state=state), says.bearer())
    assert isinstance(decoded(request), Ask)
    assert fields_of(replied(request, None)) == {"error_code": "SUCCESSFUL"}
    as_told = says.posted(VERIFY.path, told(state=state), says.bearer())
    assert isinstance(decoded(as_told), Ask)


@pytest.mark.parametrize("name", [*RESULT, "checksum"])
def test_what_a_browser_forged_is_found_out(name: str) -> None:
    forged = {**brought(), name: "51"}
    request = says.posted(VERIFY.path, forged, says.bearer())
    refusal = refused(request)
    assert refusal.reason is Reason.BAD_SIGNATURE
    assert fields_of(VERIFY.encode(request, None, refusal)) == {
        "error_code": "FAILED",
        "error_message": "bad_signature",
    }
    without = {key: text for key, text in brought().items() if key != name}
    assert refused(says.posted(VERIFY.path, without, says.bearer())).reason is Reason.BAD_SIGNATURE


def test_only_a_partner_may_have_a_result_verified() -> None:
    assert refused(says.posted(VERIFY.path, brought(), JSON_HEADERS)).reason is Reason.UNKNOWN_MERCHANT
    ours = told(HAUGIANG)
    assert refused(says.posted(VERIFY.path, ours, STATIC)).reason is Reason.UNKNOWN_MERCHANT
    named = says.posted(VERIFY.path, {**ours, "partnerCode": "PAYGOV-HAUGIANG"}, STATIC)
    assert isinstance(decoded(named), Ask)


@pytest.mark.parametrize(
    ("answer", "ack"),
    [
        (Answer(200, (), b'{"error_code":"SUCCESSFUL","error_message":""}'), Ack(True, "error_code SUCCESSFUL")),
        (Answer(200, (), b'{"error_code":"FAILED","error_message":"x"}'), Ack(False, "error_code FAILED")),
        (Answer(200, (), b'{"error_code":"successful"}'), Ack(False, "error_code successful")),
        (Answer(200, (), b'{"error_code":0}'), Ack(False, "no error_code")),
        (Answer(200, (), b"{}"), Ack(False, "no error_code")),
        (Answer(500, (), b'{"error_code":"SUCCESSFUL"}'), Ack(False, "HTTP 500")),
        (Answer(302, (), b'{"error_code":"SUCCESSFUL"}'), Ack(False, "HTTP 302")),
        (Answer(error="no answer within 30 s"), Ack(False, "no answer within 30 s")),
    ],
)
def test_only_200_with_successful_ends_the_retries(answer: Answer, ack: Ack) -> None:
    assert DIALECT.acknowledged(answer, notice()) == ack


@pytest.mark.parametrize("body", [b"OK", b"", b"[" * 100_000, b'["SUCCESSFUL"]'])
def test_an_answer_that_is_no_object_acknowledges_nothing(body: bytes) -> None:
    assert not DIALECT.acknowledged(Answer(200, (), body), notice()).done


# --- receipts ------------------------------------------------------------------------------------------------


def test_a_receipt_has_an_address_where_it_is_found() -> None:  # paygov-opencps-receipt#reply
    command = decoded(says.receipt("PG14226112"))
    assert isinstance(command, GetReceipt)
    assert command.name == "PG14226112"
    assert DIALECT.names(payment()) == ("PG14226112",)
    url = fields_of(replied(says.receipt("PG14226112"), payment()))["transactionReceipt"]
    base = "http://bank/s/ci/paygov"
    assert url == base + says.pdf("PG14226112").path
    response = replied(Request("GET", url.removeprefix(base)), payment())
    assert dict(response.headers)["content-type"] == "application/pdf"
    text = " ".join(PdfReader(io.BytesIO(response.body)).pages[0].extract_text().split())
    assert "Thanh toan le phi ho so HS01 50.000" in text


@pytest.mark.parametrize("name", [name for name in says.receipt_fields("PG1") if name != "partnerCode"])
def test_changing_any_field_of_a_receipt_is_noticed(name: str) -> None:
    reason = Reason.UNKNOWN_MERCHANT if name == "accessKey" else Reason.BAD_SIGNATURE
    assert refused(says.receipt("PG14226112", **{name: "x"})).reason is reason


def test_a_receipt_is_for_partners_with_their_token_only() -> None:
    assert refused(says.receipt("PG1", partnerCode="NOBODY")).reason is Reason.UNKNOWN_MERCHANT
    bare = msgspec.structs.replace(says.receipt("PG1"), headers=says.bearer())
    assert refused(bare).reason is Reason.UNKNOWN_MERCHANT


@pytest.mark.parametrize(
    "paids", ["", "é", "x", base64.b64encode(b"\xff").decode(), *map(says.base64_of, ("{}", "[]", '["a","b"]', '[""]'))]
)
def test_paids_must_name_one_transaction(paids: str) -> None:
    fields = {**says.receipt_fields("PG1"), "paids": paids}
    del fields["checksum"]
    request = says.receipt("PG1", paids=paids, checksum=says.over_values(fields))
    assert refused(request).reason is Reason.MALFORMED


def test_a_receipts_address_cannot_be_guessed() -> None:
    true = says.pdf("PG14226112").path
    assert refused(Request("GET", true[:-1] + ("0" if true[-1] != "0" else "1"))).reason is Reason.BAD_SIGNATURE
    assert refused(Request("GET", true.replace("PG14226112", "PG14226113"))).reason is Reason.BAD_SIGNATURE
    assert refused(Request("GET", true.replace(says.PARTNER, "NOBODY"))).reason is Reason.UNKNOWN_MERCHANT


# --- in a world ----------------------------------------------------------------------------------------------


async def test_a_payment_is_opened_paid_told_and_has_a_receipt(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, connector() as portal, courier_of(worlds) as courier:
        portal.answer = lambda method, path, body: web.json_response({"error_code": "SUCCESSFUL", "error_message": ""})
        merchant = msgspec.structs.replace(OURS, callback_url=f"{portal.url}/callback")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))

        async def says_bank(request: Request, status: int = 200) -> dict[str, Any]:
            return fields_of((await ask(world, "paygov", request)).response, status)

        token = (await says_bank(says.token_request()))["token"]
        opening = msgspec.structs.replace(
            says.paygate("HS01", 50_000, START), headers={"authorization": f"Bearer {token}"}
        )
        assert (await says_bank(opening))["data"]["url"].startswith("http://banksim.test/s/ci/pay/")
        assert (await says_bank(opening))["error_message"] == "duplicate_order"
        again = says.paygate("HS01", 50_000, START + timedelta(seconds=1))
        assert "data" in await says_bank(again), "another try for the same dossier"
        made = (await world.store.payments(world.name))[-1]
        code = f"PG{made.bank_ref}"
        assert (await says_bank(says.receipt(code)))["error_message"] == "not_paid"
        await act(world, made.payment_id, Event.APPROVE)
        assert await courier.advance(world, START + timedelta(minutes=1)) == 1
        assert json.loads(portal.requests[0][2])["transactionCode"] == code
        receipt_url = (await says_bank(says.receipt(code)))["transactionReceipt"]
        pdf = (
            await ask(world, "paygov", Request("GET", urlsplit(receipt_url).path.removeprefix("/s/ci/paygov")))
        ).response
        assert pdf.body.startswith(b"%PDF")
        assert (await says_bank(says.receipt("PG0")))["error_message"] == "unknown_order"
        assert await courier.advance(world, START + timedelta(days=1)) == 1, "the first try has expired"
        assert await says_bank(opening, 401) == {"error_code": "FAILED", "error_message": "unknown_merchant"}


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("endpoint", DIALECT.endpoints, ids=lambda endpoint: endpoint.path)
def test_every_refusal_is_failed_with_its_reason(endpoint: Endpoint, reason: Reason) -> None:
    response = endpoint.encode(Request(endpoint.method, endpoint.path), None, Refusal(reason))
    fields = fields_of(response, 401 if reason is Reason.UNKNOWN_MERCHANT else 200)
    assert fields == {"error_code": "FAILED", "error_message": str(reason)}


# --- whatever comes ------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from([*ORDER_SIGNED, *RESULT, "checksum", "paids"])


def understood(request: Request) -> Command | Refusal:
    try:
        command: Command = decoded(request)
        return command
    except Refusal as refusal:
        return refusal


@given(changes=st.dictionaries(NAMES, JSON, max_size=5), headers=st.sampled_from([says.bearer(), STATIC, {}]))
def test_any_field_of_any_type_is_understood_or_refused(changes: dict[str, Any], headers: dict[str, str]) -> None:
    for request in (sent(**changes), in_haugiang(**changes), says.receipt("PG1", **changes)):
        command = understood(request)
        if isinstance(command, Create):
            assert 0 < command.order.amount_vnd < 10**15
    bodies = [{**says.result_fields("HS01"), **changes}, changes]
    for fields in bodies:
        for path in (PAYGATE.path, VERIFY.path, RECEIPT.path):
            assert isinstance(understood(says.posted(path, fields, headers)), Command | Refusal)


@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    for path in (PAYGATE.path, VERIFY.path, RECEIPT.path):
        assert refused(Request("POST", path, headers=says.bearer(), body=body)).reason in (
            Reason.MALFORMED,
            Reason.UNKNOWN_MERCHANT,
            Reason.BAD_SIGNATURE,
        )
