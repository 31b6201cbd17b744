"""VNPAY PAY 2.1.0 to the byte: signatures, codes in both directions, acknowledgements, addresses, and any garbage."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, quote_plus, urlencode, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from simulator import form, qr
from simulator.banks import vnpay
from simulator.banks.vnpay import DIALECT, RESPONSE_CODES, STATUS_CODES
from simulator.clock import compact
from simulator.dialect import Ask, Command, Create, Endpoint, Notice, Query, RefundOrder, Reply
from simulator.outbox import Delivery, DeliveryState, after_attempt
from simulator.payment import (
    Channel,
    Event,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    Refusal,
    State,
    apply,
)
from simulator.wire import Answer, Request, Response

SECRET = "SIMULATORSECRETKEY0123456789ABCD"
MERCHANT = Merchant(
    bank="vnpay",
    merchant_code="DEMOV210",
    name="Cổng dịch vụ công (thử nghiệm)",
    secrets={"secret": SECRET},
    callback_url="https://portal.test/callbacks/vnpay",
)
NOW = datetime(2021, 8, 1, 8, 35, 12, tzinfo=UTC)
"""15:35:12 in Vietnam."""
HOSTILE = "Nộp lệ phí (hồ sơ) #5 * a~b 'x' !100% A+B/C&D=E"
VECTORS = {
    vector["key"]: vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "fixtures/wire/vnpay/signatures.json").read_text(encoding="utf-8")
    )
}
PAY, API, LIST = DIALECT.endpoints


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == MERCHANT.merchant_code else None


def sha512(text: str | bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), text if isinstance(text, bytes) else text.encode(), "sha512").hex()


def pay_fields(**changes: str | None) -> dict[str, str]:
    fields: dict[str, str | None] = {
        "vnp_Version": "2.1.0",
        "vnp_Command": "pay",
        "vnp_TmnCode": "DEMOV210",
        "vnp_Amount": "1806000",
        "vnp_CreateDate": "20210801153333",
        "vnp_CurrCode": "VND",
        "vnp_ExpireDate": "20210801154833",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": "Thanh toan don hang :5",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": "https://portal.test/return",
        "vnp_TxnRef": "HS-0001",
    } | {f"vnp_{name}": value for name, value in changes.items()}
    return {name: value for name, value in fields.items() if value is not None}


def signed_query(fields: dict[str, str]) -> bytes:
    query = urlencode(sorted(fields.items()))
    return f"{query}&vnp_SecureHash={sha512(query)}".encode()


def pay_request(query: bytes) -> Request:
    return Request("GET", PAY.path, query)


def pay(**changes: str | None) -> Create:
    command = PAY.decode(pay_request(signed_query(pay_fields(**changes))), merchants)
    assert isinstance(command, Create)
    return command


def refused(endpoint: Endpoint, request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value


def error_code(query: bytes) -> str:
    """The code on the error page to which the browser is sent."""
    request = pay_request(query)
    response = PAY.encode(request, None, refused(PAY, request))
    assert response.status == 302
    location = dict(response.headers)["location"]
    assert location.startswith("Payment/Error.html?code=")
    return location.removeprefix("Payment/Error.html?code=")


QUERYDR = "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
REFUND = (
    "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate CreateBy "
    "CreateDate IpAddr OrderInfo"
)


def api_fields(command: str, **changes: object) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "vnp_RequestId": "REQ001",
        "vnp_Version": "2.1.0",
        "vnp_Command": command,
        "vnp_TmnCode": "DEMOV210",
        "vnp_TxnRef": "HS-0001",
        "vnp_OrderInfo": "Truy van GD",
        "vnp_TransactionDate": "20210801153333",
        "vnp_CreateDate": "20210801160000",
        "vnp_IpAddr": "127.0.0.1",
    }
    if command == "refund":
        fields |= {
            "vnp_TransactionType": "02",
            "vnp_Amount": "1806000",
            "vnp_CreateBy": "admin",
            "vnp_TransactionNo": "",
        }
    return fields | {f"vnp_{name}": value for name, value in changes.items()}


def signed_body(fields: dict[str, Any]) -> bytes:
    names = REFUND if fields.get("vnp_Command") == "refund" else QUERYDR
    text = "|".join(str(fields.get(f"vnp_{name}", "")) for name in names.split())
    return json.dumps({**fields, "vnp_SecureHash": sha512(text)}).encode()


def api_request(body: bytes) -> Request:
    return Request("POST", API.path, headers={"content-type": "application/json"}, body=body)


def ask(command: str, **changes: object) -> Command:
    return API.decode(api_request(signed_body(api_fields(command, **changes))), merchants)


def payment(**changes: Any) -> Payment:
    created = pay()
    new = Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=created.order,
        amount_vnd=created.order.amount_vnd,
        bank_ref="14226112",
        created_at=datetime(2021, 8, 1, 8, 34, tzinfo=UTC),
    )
    return msgspec.structs.replace(new, **changes)


def paid(**changes: Any) -> Payment:
    known = {"issuer_code": "NCB", "channel": Channel.INTERNET_BANKING} | changes
    return apply(payment(**known), Event.APPROVE, NOW)


def told(of: Payment, merchant: Merchant = MERCHANT) -> dict[str, str]:
    """The parameters of the callback; each stands once."""
    outgoing = DIALECT.callback(Notice(payment=of, merchant=merchant, now=NOW))
    assert (outgoing.method, outgoing.headers, outgoing.body) == ("GET", (), b"")
    pairs = parse_qsl(urlsplit(outgoing.url).query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def is_signed(query: str) -> bool:
    """Checked as a merchant does: decode, drop the hash, sort, encode again."""
    fields = dict(parse_qsl(query))
    given = fields.pop("vnp_SecureHash")
    ours = {name: value for name, value in fields.items() if name.startswith("vnp_")}
    text = "&".join(f"{name}={quote_plus(value, safe='*')}" for name, value in sorted(ours.items()))
    return given == sha512(text.replace("~", "%7E"))


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["V1", "V2"])
def test_a_known_pay_request_is_understood_without_a_word_about_its_signature(key: str) -> None:
    vector = VECTORS[key]
    query = f"{vector['string_to_sign']}&vnp_SecureHash={vector['signature']}".encode()
    command = PAY.decode(pay_request(query), merchants)
    assert isinstance(command, Create)
    assert command.order.amount_vnd == 18_060
    assert command.order.description == {"V1": "Thanh toan don hang :5", "V2": HOSTILE}[key]
    assert not [warning for warning in command.warnings if "signature" in warning or "Hash" in warning]


def result_of_vector(key: str) -> Payment:
    order = msgspec.structs.replace(payment().order, order_ref="5", order_key="5|20210801")
    if key == "V3":
        return paid(order=order)
    return apply(payment(order=order, channel=Channel.QR), Event.CANCEL, NOW)


@pytest.mark.parametrize("key", ["V3", "V4"])
def test_callback_and_return_are_the_known_ones_to_the_byte(key: str) -> None:
    vector, of = VECTORS[key], result_of_vector(key)
    query = f"{vector['string_to_sign']}&vnp_SecureHash={vector['signature']}"
    sent = DIALECT.callback(Notice(payment=of, merchant=MERCHANT, now=NOW))
    assert sent.url == f"https://portal.test/callbacks/vnpay?{query}"
    assert DIALECT.return_url(of, MERCHANT) == f"https://portal.test/return?{query}"


def named(vector: dict[str, str], names: str) -> dict[str, str]:
    return {
        f"vnp_{name}": value for name, value in zip(names.split(), vector["string_to_sign"].split("|"), strict=True)
    }


@pytest.mark.parametrize(("key", "names"), [("V5", QUERYDR), ("V7", REFUND)])
def test_a_known_query_and_refund_is_understood(key: str, names: str) -> None:
    vector = VECTORS[key]
    fields = {**named(vector, names), "vnp_SecureHash": vector["signature"]}
    command = API.decode(api_request(json.dumps(fields).encode()), merchants)
    assert isinstance(command, Query | RefundOrder)
    assert command.order_key == "5|20210801"


@pytest.mark.parametrize(
    ("key", "names"),
    [("V6", vnpay.SIGNED_REPLY + vnpay.PROMOTION), ("V8", vnpay.SIGNED_REPLY)],
)
def test_a_known_answer_is_signed_alike(key: str, names: tuple[str, ...]) -> None:
    vector = VECTORS[key]
    signed = zip(names, vector["string_to_sign"].split("|"), strict=True)
    reply = {name: value for name, value in signed if "Promotion" not in name}
    assert json.loads(vnpay.signed_reply(reply, MERCHANT).body)["vnp_SecureHash"] == vector["signature"]


def test_every_vector_is_used() -> None:
    assert sorted(VECTORS) == [f"V{number}" for number in range(1, 9)]
    assert {vector["secret"] for vector in VECTORS.values()} == {SECRET}


# --- the order -----------------------------------------------------------------------------------------------


def test_an_order_is_read_in_dong_utc_and_the_houses_words() -> None:
    order = pay(BankCode="NCB", Locale="en").order
    assert order == Order(
        order_ref="HS-0001",
        order_key="HS-0001|20210801",
        amount_vnd=18_060,
        description="Thanh toan don hang :5",
        ordered_at=datetime(2021, 8, 1, 8, 33, 33, tzinfo=UTC),
        expires_at=datetime(2021, 8, 1, 8, 48, 33, tzinfo=UTC),
        return_url="https://portal.test/return",
        channel=Channel.INTERNET_BANKING,
        issuer_code="NCB",
        locale="en",
        client_ip="127.0.0.1",
        wire={"vnp_Command": "pay", "vnp_BankCode": "NCB"},
    )


@pytest.mark.parametrize(
    ("bank_code", "channel", "issuer_code"),
    [
        (None, None, ""),
        ("", None, ""),
        ("VNPAYQR", Channel.QR, ""),
        ("VNBANK", Channel.INTERNET_BANKING, ""),
        ("INTCARD", Channel.CARD, ""),
        ("NCB", Channel.INTERNET_BANKING, "NCB"),
        ("VISA", Channel.CARD, "VISA"),
    ],
)
def test_the_bank_code_is_where_the_payer_acts(
    bank_code: str | None, channel: Channel | None, issuer_code: str
) -> None:
    order = pay(BankCode=bank_code).order
    assert (order.channel, order.issuer_code) == (channel, issuer_code)


def test_a_reference_is_unique_within_its_day_in_vietnam() -> None:
    keys = [pay(CreateDate=date).order.order_key for date in ("20210801000000", "20210801235959", "20210802000000")]
    assert keys == ["HS-0001|20210801", "HS-0001|20210801", "HS-0001|20210802"]
    assert pay(TxnRef="HS-0002").order.order_key not in keys


@pytest.mark.parametrize("command", ["querydr", "refund"])
def test_query_and_refund_find_the_order_by_reference_and_day(command: str) -> None:
    asked = ask(command, TransactionDate="20210801000001")
    assert isinstance(asked, Query | RefundOrder)
    assert asked.order_key == pay().order.order_key
    assert asked.request_ref == "REQ001"


@pytest.mark.parametrize("amount_vnd", [1, 5_000, 2**31 - 1, 2**31, 2**32 + 1, 9_999_999_999])
def test_amounts_go_through_unharmed(amount_vnd: int) -> None:
    assert pay(Amount=str(amount_vnd * 100)).order.amount_vnd == amount_vnd
    assert told(paid(amount_vnd=amount_vnd))["vnp_Amount"] == str(amount_vnd * 100)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("0", Reason.INVALID_AMOUNT),
        ("000", Reason.INVALID_AMOUNT),
        ("99", Reason.INVALID_AMOUNT),
        ("1806050", Reason.INVALID_AMOUNT),
        (str(99_999_999_999 * 100), Reason.MALFORMED),
        ("-1806000", Reason.MALFORMED),
        ("+1806000", Reason.MALFORMED),
        ("1806000.00", Reason.MALFORMED),
        ("1,806,000", Reason.MALFORMED),
        ("1e6", Reason.MALFORMED),
        ("１８０６０００", Reason.MALFORMED),
        ("", Reason.MALFORMED),
        (None, Reason.MALFORMED),
    ],
)
def test_an_amount_is_at_most_twelve_digits_and_whole_dong_times_100(amount: str | None, reason: Reason) -> None:
    query = signed_query(pay_fields(Amount=amount))
    assert refused(PAY, pay_request(query)).reason is reason
    assert error_code(query) == "03"


@pytest.mark.parametrize("name", [name.removeprefix("vnp_") for name in vnpay.PAY])
def test_a_demanded_field_may_not_be_missing_or_empty(name: str) -> None:
    for value in (None, ""):
        query = signed_query(pay_fields(**{name: value}))
        assert refused(PAY, pay_request(query)).reason is Reason.MALFORMED
        assert error_code(query) == "03"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Version": "2.0.1"}, "03"),
        ({"Version": "2"}, "03"),
        ({"Command": "token_pay"}, "03"),
        ({"CurrCode": "USD"}, "03"),
        ({"Locale": "fr"}, "03"),
        ({"Locale": "vi"}, "03"),
        ({"CreateDate": "20210230101010"}, "03"),
        ({"CreateDate": "202108011533"}, "03"),
        ({"CreateDate": "2021-08-01 153"}, "03"),
        ({"CreateDate": "00010101000000"}, "03"),
        ({"ExpireDate": "20210801246000"}, "03"),
        ({"OrderInfo": "x" * 256}, "03"),
        ({"OrderInfo": "two\nlines"}, "03"),
        ({"OrderType": "x" * 101}, "03"),
        ({"TxnRef": "x" * 101}, "03"),
        ({"TxnRef": "a|b"}, "03"),
        ({"IpAddr": "1" * 46}, "03"),
        ({"ReturnUrl": "https://portal.test/" + "x" * 236}, "03"),
        ({"ReturnUrl": "portal.test/return"}, "03"),
        ({"ReturnUrl": "javascript://portal.test/%0aalert(1)"}, "03"),
        ({"ReturnUrl": "ftp://portal.test/return"}, "03"),
        ({"ReturnUrl": "http://[::1/return"}, "03"),
        ({"BankCode": "NOBANK"}, "76"),
        ({"TmnCode": "UNKNOWN1"}, "72"),
    ],
)
def test_a_field_of_the_wrong_form_leads_to_the_error_page(changes: dict[str, str], code: str) -> None:
    assert error_code(signed_query(pay_fields(**changes))) == code


def test_another_currency_is_its_own_reason() -> None:
    request = pay_request(signed_query(pay_fields(CurrCode="USD")))
    assert refused(PAY, request).reason is Reason.INVALID_CURRENCY


def test_the_form_is_judged_before_the_merchant_and_the_signature() -> None:
    assert error_code(urlencode(pay_fields(Amount="x", TmnCode="UNKNOWN1")).encode()) == "03"
    assert error_code(urlencode(pay_fields(TmnCode="UNKNOWN1")).encode()) == "72"
    assert error_code(urlencode(pay_fields(Amount="99")).encode()) == "70"


@pytest.mark.parametrize(
    "tail",
    [
        b"&vnp_Amount=1806000",
        b"&x=1&x=1",
        b"&vnp_%41mount=1",
        b"&x=%ff",
        b"&%c3%28=1",
        b"&vnp_Bill_Email=%00",
        b"&=1&=2",
    ],
)
def test_a_repeated_or_unreadable_parameter_is_refused(tail: bytes) -> None:
    query = urlencode(sorted(pay_fields().items())).encode() + tail
    assert error_code(query + b"&vnp_SecureHash=" + sha512(query).encode()) == "03"


# --- signatures ----------------------------------------------------------------------------------------------


def platform(name: str) -> Callable[[str], str]:
    """How each platform writes a value, in the tests' own words."""
    keeps = {"whatwg": "*", "python": "", "node": "!'()*", "php": "", "net": "!()*"}[name]
    tilde = "~" if name in ("python", "node") else "%7E"
    return lambda text: quote(text, safe=keeps + " ").replace(" ", "+").replace("~", tilde)


def query_in(encode: Callable[[str], str], fields: dict[str, str]) -> str:
    return "&".join(f"{name}={encode(value)}" for name, value in sorted(fields.items()))


def signature_remarks(query: str, signed: str) -> list[str]:
    request = pay_request(f"{query}&vnp_SecureHash={sha512(signed)}".encode())
    command = PAY.decode(request, merchants)
    assert isinstance(command, Create)
    return [warning for warning in command.warnings if "signature" in warning or "%20" in warning]


@pytest.mark.parametrize("name", ["whatwg", "python", "node", "php", "net"])
def test_what_is_signed_as_it_is_sent_is_right_in_any_encoding(name: str) -> None:
    query = query_in(platform(name), pay_fields(OrderInfo=HOSTILE))
    assert signature_remarks(query, query) == []


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("whatwg", "WHATWG form"),
        ("python", "Python quote_plus"),
        ("node", "the official Node sample"),
        ("php", "PHP urlencode"),
        ("net", ".NET WebUtility"),
    ],
)
def test_what_is_signed_in_another_encoding_than_sent_is_taken_with_a_remark(name: str, remark: str) -> None:
    fields = pay_fields(OrderInfo=HOSTILE)
    sent = query_in(lambda text: quote(text, safe=""), fields)
    assert signature_remarks(sent, query_in(platform(name), fields)) == [
        f"the signature matches only in the encoding of {remark}"
    ]


def test_spaces_as_percent_20_are_right_if_signed_so_but_remarked() -> None:
    query = query_in(lambda text: quote(text, safe=""), pay_fields())
    assert signature_remarks(query, query) == ["spaces are sent as %20, documented is +"]


def test_empty_parameters_may_be_signed_or_left_out() -> None:
    fields = pay_fields(BankCode="", Bill_Email="")
    sent = query_in(platform("whatwg"), fields)
    without = query_in(platform("whatwg"), {name: value for name, value in fields.items() if value})
    assert signature_remarks(sent, sent) == []
    assert signature_remarks(sent, without) == ["the signature leaves empty parameters out"]


def test_empty_parameters_left_out_in_another_encoding() -> None:
    fields = pay_fields(BankCode="", OrderInfo=HOSTILE)
    filled = {name: value for name, value in fields.items() if value}
    assert signature_remarks(query_in(platform("whatwg"), fields), query_in(platform("php"), filled)) == [
        "the signature matches only in the encoding of PHP urlencode, without empty parameters"
    ]


def test_the_order_of_parameters_in_the_address_does_not_matter() -> None:
    fields = pay_fields()
    shuffled = urlencode(sorted(fields.items(), reverse=True))
    assert signature_remarks(shuffled, urlencode(sorted(fields.items()))) == []
    ahead = f"vnp_SecureHash={sha512(urlencode(sorted(fields.items())))}&{shuffled}&&"
    assert isinstance(PAY.decode(pay_request(ahead.encode()), merchants), Create)


def test_names_are_sorted_as_names_not_with_their_values() -> None:
    fields = {**pay_fields(), "vnp_Bill": "1", "vnp_Bill2": "2", "vnp_Bill%": "3"}
    query = urlencode(sorted(fields.items()))
    assert signature_remarks(query, query) == []


def test_further_parameters_are_signed_like_all_others() -> None:
    fields = {**pay_fields(Bill_Mobile="0934998386"), "campaign": "summer"}
    query = urlencode(sorted(fields.items()))
    assert signature_remarks(query, query) == []
    assert error_code(f"{query}&extra=1&vnp_SecureHash={sha512(query)}".encode()) == "70"


@pytest.mark.parametrize(
    "signature",
    [
        lambda text: hashlib.md5(f"{SECRET}{text}".encode()).hexdigest(),
        lambda text: hashlib.sha256(f"{SECRET}{text}".encode()).hexdigest(),
        lambda text: hmac.digest(SECRET.encode(), text.encode(), "sha256").hex(),
        lambda text: hashlib.sha512(f"{SECRET}{text}".encode()).hexdigest(),
        lambda text: sha512(text, SECRET.lower()),
        lambda text: sha512(text)[:-1],
        lambda text: sha512(text) + "0",
        lambda text: "",
        lambda text: "é" * 128,
    ],
    ids=["md5", "sha256", "hmac-sha256", "sha512", "other-key", "cut", "longer", "empty", "no-hex"],
)
def test_another_algorithm_or_key_is_a_wrong_signature(signature: Callable[[str], str]) -> None:
    query = urlencode(sorted(pay_fields().items()))
    request = pay_request(f"{query}&vnp_SecureHash={quote(signature(query))}".encode())
    assert refused(PAY, request).reason is Reason.BAD_SIGNATURE
    assert error_code(request.query) == "70"


def test_a_refusal_says_which_algorithm_was_probably_used_and_never_the_right_signature() -> None:
    query = urlencode(sorted(pay_fields().items()))
    for digits, word in ((32, "MD5"), (64, "SHA-256"), (0, "missing"), (128, "wrong")):
        refusal = refused(PAY, pay_request(f"{query}&vnp_SecureHash={'a' * digits}".encode()))
        assert word in refusal.detail
        assert sha512(query) not in str(refusal)


@pytest.mark.parametrize("raw", [lambda f: "&".join(f"{k}={v}" for k, v in sorted(f.items()))])
def test_values_signed_without_encoding_are_a_wrong_signature(raw: Callable[[dict[str, str]], str]) -> None:
    fields = pay_fields()
    assert error_code(f"{urlencode(fields)}&vnp_SecureHash={sha512(raw(fields))}".encode()) == "70"


def test_spaces_signed_as_percent_20_but_sent_as_plus_are_a_wrong_signature() -> None:
    fields = sorted(pay_fields().items())
    signed = urlencode(fields, quote_via=quote)
    assert error_code(f"{urlencode(fields)}&vnp_SecureHash={sha512(signed)}".encode()) == "70"


@pytest.mark.parametrize("name", ["vnp_Amount", "vnp_TxnRef", "vnp_ReturnUrl", "vnp_OrderInfo", "vnp_ExpireDate"])
def test_a_field_changed_after_signing_is_a_wrong_signature(name: str) -> None:
    fields = pay_fields()
    signature = sha512(urlencode(sorted(fields.items())))
    fields[name] = {"vnp_Amount": "100", "vnp_ExpireDate": "20210801164833"}.get(name, fields[name] + "1")
    assert error_code(f"{urlencode(fields)}&vnp_SecureHash={signature}".encode()) == "70"


def test_an_upper_case_signature_is_taken_with_a_remark() -> None:
    query = urlencode(sorted(pay_fields().items()))
    command = PAY.decode(pay_request(f"{query}&vnp_SecureHash={sha512(query).upper()}".encode()), merchants)
    assert command.warnings == ("vnp_SecureHash is in upper case, documented is lower case",)


def test_the_hash_type_of_2_0_is_not_signed_and_is_remarked() -> None:
    fields = pay_fields()
    query = urlencode(sorted(fields.items()))
    request = pay_request(f"{query}&vnp_SecureHashType=HmacSHA512&vnp_SecureHash={sha512(query)}".encode())
    command = PAY.decode(request, merchants)
    assert command.warnings == ("vnp_SecureHashType must not be sent with 2.1.0",)


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"ExpireDate": None}, "vnp_ExpireDate is absent, the current documents demand it"),
        ({"OrderInfo": "Nộp lệ phí"}, "vnp_OrderInfo has diacritics or special characters, the documents exclude them"),
        ({"OrderInfo": "50% off"}, "vnp_OrderInfo has diacritics or special characters, the documents exclude them"),
        ({"IpAddr": "::1"}, "vnp_IpAddr is shorter than the documented 7 characters"),
        ({}, None),
    ],
)
def test_what_the_documents_ask_for_is_remarked(changes: dict[str, str | None], remark: str | None) -> None:
    assert pay(**changes).warnings == (() if remark is None else (remark,))


def test_the_signature_of_query_and_refund_is_over_their_own_field_order() -> None:
    fields = api_fields("querydr")
    text = "|".join(str(value) for value in fields.values())
    body = json.dumps({**fields, "vnp_SecureHash": sha512(text)}).encode()
    assert refused(API, api_request(body)).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("given", [{}, {"vnp_TransactionNo": ""}, {"vnp_TransactionNo": None}])
@pytest.mark.parametrize("signed_as", ["", "0"])
def test_an_absent_transaction_number_may_be_signed_empty_or_as_0(given: dict[str, object], signed_as: str) -> None:
    fields = api_fields("refund")
    del fields["vnp_TransactionNo"]
    text = "|".join(str(fields.get(f"vnp_{name}", signed_as)) for name in REFUND.split())
    body = json.dumps({**fields, **given, "vnp_SecureHash": sha512(text)}).encode()
    command = API.decode(api_request(body), merchants)
    assert isinstance(command, RefundOrder)
    assert bool(command.warnings) is (signed_as == "0")


def test_a_given_transaction_number_is_signed_as_it_is() -> None:
    body = signed_body(api_fields("refund", TransactionNo="14226112"))
    assert API.decode(api_request(body), merchants).warnings == ()
    tampered = json.dumps({**json.loads(body), "vnp_TransactionNo": "0"}).encode()
    assert refused(API, api_request(tampered)).reason is Reason.BAD_SIGNATURE


def test_dates_and_amounts_may_be_json_numbers() -> None:
    numbers = {"TransactionDate": 20210801153333, "CreateDate": 20210801160000, "TransactionNo": 14226112}
    refund = ask("refund", **numbers, Amount=1806000)
    assert isinstance(refund, RefundOrder)
    assert (refund.amount_vnd, refund.full, refund.warnings) == (18_060, True, ())
    assert isinstance(ask("querydr", **numbers), Query)


# --- query and refund: refusals ------------------------------------------------------------------------------


def api_answer(body: bytes) -> dict[str, str]:
    request = api_request(body)
    return json.loads(API.encode(request, None, refused(API, request)).body)


@pytest.mark.parametrize(
    ("command", "changes", "code"),
    [
        ("querydr", {"TmnCode": "UNKNOWN1"}, "02"),
        ("querydr", {"TxnRef": ""}, "03"),
        ("querydr", {"TransactionDate": "20211301000000"}, "03"),
        ("querydr", {"TransactionDate": None}, "03"),
        ("querydr", {"Version": "2.0.0"}, "03"),
        ("querydr", {"RequestId": "x" * 33}, "03"),
        ("querydr", {"TransactionNo": "1" * 16}, "03"),
        ("querydr", {"OrderInfo": True}, "03"),
        ("querydr", {"OrderInfo": ["x"]}, "03"),
        ("querydr", {"CreateDate": 20210801160000.5}, "03"),
        ("checktrans", {}, "03"),
        ("", {}, "03"),
        ("refund", {"Amount": "1806001"}, "93"),
        ("refund", {"Amount": 0}, "93"),
        ("refund", {"Amount": -100}, "03"),
        ("refund", {"Amount": 18060.5}, "03"),
        ("refund", {"TransactionType": "01"}, "03"),
        ("refund", {"CreateBy": ""}, "03"),
        ("refund", {"TmnCode": "UNKNOWN1"}, "02"),
    ],
)
def test_query_and_refund_are_refused_with_their_codes(command: str, changes: dict[str, Any], code: str) -> None:
    answer = api_answer(signed_body(api_fields(command, **changes)))
    assert answer["vnp_ResponseCode"] == code
    assert ("vnp_SecureHash" in answer) is (changes.get("TmnCode") is None)


def test_a_wrong_signature_is_97_and_signed_by_the_bank_itself() -> None:
    body = json.dumps({**api_fields("querydr"), "vnp_SecureHash": "0" * 128}).encode()
    answer = api_answer(body)
    assert list(answer) == [
        "vnp_ResponseId",
        "vnp_Command",
        "vnp_ResponseCode",
        "vnp_Message",
        "vnp_TmnCode",
        "vnp_TxnRef",
        "vnp_SecureHash",
    ]
    assert answer["vnp_ResponseCode"] == "97"
    assert len(answer["vnp_ResponseId"]) == 32
    text = f"{answer['vnp_ResponseId']}|querydr|97|{answer['vnp_Message']}|DEMOV210|HS-0001|||||||||"
    assert answer["vnp_SecureHash"] == sha512(text)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"vnp_Command=querydr", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_03_and_cannot_be_signed(body: bytes) -> None:
    answer = api_answer(body)
    assert answer["vnp_ResponseCode"] == "03"
    assert "vnp_SecureHash" not in answer


QUERY_CODES = {
    Reason.MALFORMED: "03",
    Reason.UNKNOWN_COMMAND: "03",
    Reason.UNKNOWN_MERCHANT: "02",
    Reason.BAD_SIGNATURE: "97",
    Reason.UNKNOWN_ORDER: "91",
    Reason.TOO_SOON: "94",
}
REFUND_CODES = QUERY_CODES | {
    Reason.INVALID_AMOUNT: "93",
    Reason.NOT_PAID: "95",
    Reason.FULL_REFUND_AFTER_PART: "04",
    Reason.ONLY_PART_REFUND: "13",
    Reason.REFUND_ABOVE_PAYMENT: "93",
    Reason.REFUNDS_ABOVE_PAYMENT: "02",
    Reason.TIMED_OUT: "98",
}
PAGE_CODES = {
    Reason.MALFORMED: "03",
    Reason.UNKNOWN_COMMAND: "03",
    Reason.UNKNOWN_MERCHANT: "72",
    Reason.BAD_SIGNATURE: "70",
    Reason.RETURN_URL_NOT_REGISTERED: "71",
    Reason.INVALID_AMOUNT: "03",
    Reason.INVALID_CURRENCY: "03",
    Reason.EXPIRED: "15",
    Reason.DUPLICATE_ORDER: "01",
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_code_on_every_way(reason: Reason) -> None:
    for kind, codes in (("querydr", QUERY_CODES), ("refund", REFUND_CODES)):
        answer = json.loads(API.encode(api_request(b"{}"), ask(kind), Refusal(reason)).body)
        assert answer["vnp_ResponseCode"] == codes.get(reason, "99")
        assert answer["vnp_Message"]
        assert answer["vnp_Command"] == kind
    code = PAGE_CODES.get(reason, "99")
    page = PAY.encode(pay_request(b""), pay(), Refusal(reason))
    assert dict(page.headers)["location"] == f"Payment/Error.html?code={code}"
    genqr = PAY.encode(pay_request(b"vnp_Command=genqr"), pay(Command="genqr"), Refusal(reason))
    assert json.loads(genqr.body) == {"code": code, "message": vnpay.ERROR_TEXTS[code][1], "qrcontent": ""}


def test_every_code_of_the_error_page_has_its_words_in_both_languages() -> None:
    assert DIALECT.error_page is not None
    assert DIALECT.error_page.path == "/paymentv2/Payment/Error.html"
    texts = DIALECT.error_page.texts
    assert texts.keys() == {*PAGE_CODES.values(), "76", "99"}
    assert all(vietnamese and english and vietnamese != english for vietnamese, english in texts.values())


# --- query and refund: answers -------------------------------------------------------------------------------


def answer_to(command: Command, of: Payment, refund: Refund | None = None) -> dict[str, str]:
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=of, refund=refund)
    response = API.encode(api_request(b"{}"), command, reply)
    assert response.status == 200
    assert dict(response.headers)["content-type"].startswith("application/json")
    return json.loads(response.body)


def test_a_query_answers_what_became_of_the_payment() -> None:
    answer = answer_to(ask("querydr"), paid())
    text = (
        f"{'0' * 32}|querydr|00|QueryDR Success|DEMOV210|HS-0001|1806000|NCB|20210801153512|14226112|01|00|"
        "Thanh toan don hang :5||"
    )
    assert list(answer.items()) == [
        ("vnp_ResponseId", "0" * 32),
        ("vnp_Command", "querydr"),
        ("vnp_ResponseCode", "00"),
        ("vnp_Message", "QueryDR Success"),
        ("vnp_TmnCode", "DEMOV210"),
        ("vnp_TxnRef", "HS-0001"),
        ("vnp_Amount", "1806000"),
        ("vnp_OrderInfo", "Thanh toan don hang :5"),
        ("vnp_BankCode", "NCB"),
        ("vnp_PayDate", "20210801153512"),
        ("vnp_TransactionNo", "14226112"),
        ("vnp_TransactionType", "01"),
        ("vnp_TransactionStatus", "00"),
        ("vnp_SecureHash", sha512(text)),
    ]


@pytest.mark.parametrize("state", State)
def test_a_query_that_worked_is_00_whatever_became_of_the_payment(state: State) -> None:
    answer = answer_to(ask("querydr"), payment(state=state))
    assert answer["vnp_ResponseCode"] == "00"
    assert answer["vnp_TransactionStatus"] == STATUS_CODES[state]


def refund_of(amount_vnd: int, number: str = "15000001") -> Refund:
    return Refund(request_ref="REQ001", amount_vnd=amount_vnd, refunded_at=NOW, bank_ref=number)


def test_a_refund_is_accepted_and_has_a_number_of_its_own() -> None:
    refund = refund_of(8_000)
    of = apply(paid(), Event.REFUND_PART, NOW, refunds=(refund,))
    answer = answer_to(ask("refund", TransactionType="03", Amount="800000", OrderInfo="Hoan tien"), of, refund)
    text = f"{'0' * 32}|refund|00|Refund success|DEMOV210|HS-0001|800000|NCB|20210801153512|15000001|03|00|Hoan tien"
    assert answer["vnp_SecureHash"] == sha512(text)
    assert list(answer)[6:9] == ["vnp_Amount", "vnp_OrderInfo", "vnp_BankCode"]


@pytest.mark.parametrize(("parts", "kind"), [((), "01"), ((18_060,), "02"), ((8_000,), "03"), ((8_000, 10_060), "03")])
def test_a_query_tells_how_a_payment_was_refunded(parts: tuple[int, ...], kind: str) -> None:
    of = paid()
    for number, amount_vnd in enumerate(parts):
        refunds = (*of.refunds, refund_of(amount_vnd, str(number)))
        whole = sum(refund.amount_vnd for refund in refunds) == of.amount_vnd
        of = apply(of, Event.REFUND_REST if whole else Event.REFUND_PART, NOW, refunds=refunds)
    answer = answer_to(ask("querydr"), of)
    assert (answer["vnp_TransactionType"], answer["vnp_TransactionStatus"]) == (kind, "00")
    assert answer["vnp_Amount"] == "1806000"


# --- codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_response_code(outcome: Outcome) -> None:
    documented = {"00", "07", "09", "10", "11", "12", "13", "24", "51", "65", "75", "79", "99"}
    assert (
        told(paid(outcome=outcome) if outcome is Outcome.SUCCESS else payment(outcome=outcome))["vnp_ResponseCode"]
        == RESPONSE_CODES[outcome]
    )
    assert RESPONSE_CODES[outcome] in documented
    assert (RESPONSE_CODES[outcome] == "00") is (outcome is Outcome.SUCCESS)
    assert set(RESPONSE_CODES.values()) == documented


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_transaction_status(state: State) -> None:
    assert told(payment(state=state))["vnp_TransactionStatus"] == STATUS_CODES[state]
    collected = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert (STATUS_CODES[state] == "00") is collected


@pytest.mark.parametrize(
    ("event", "outcome", "codes"),
    [
        (Event.APPROVE, None, ("00", "00")),
        (Event.DECLINE, Outcome.INSUFFICIENT_FUNDS, ("51", "02")),
        (Event.DECLINE, Outcome.TIMED_OUT, ("11", "02")),
        (Event.CANCEL, None, ("24", "02")),
        (Event.EXPIRE, None, ("11", "02")),
        (Event.SUSPECT, None, ("07", "07")),
        (Event.REVERSE, None, ("99", "04")),
    ],
)
def test_an_event_is_told_by_both_codes_and_announced(
    event: Event, outcome: Outcome | None, codes: tuple[str, str]
) -> None:
    after = apply(payment(issuer_code="NCB", channel=Channel.INTERNET_BANKING), event, NOW, outcome)
    fields = told(after)
    assert (fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]) == codes
    assert after.state in DIALECT.announces


def test_response_code_and_status_are_told_apart() -> None:
    fields = told(payment(state=State.FAILED, outcome=Outcome.SUCCESS))
    assert (fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]) == ("00", "02")


def test_a_pending_payment_is_never_told_as_a_success() -> None:
    fields = told(payment())
    assert (fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]) == ("99", "01")


# --- callback and return -------------------------------------------------------------------------------------


def test_a_cancelled_payment_has_no_bank_and_no_bank_number() -> None:
    fields = told(apply(payment(), Event.CANCEL, NOW))
    assert fields["vnp_BankCode"] == "VNPAY"
    assert fields["vnp_CardType"] == "QRCODE"
    assert fields["vnp_TransactionNo"] == "0"
    assert "vnp_BankTranNo" not in fields


def test_a_failed_payment_has_no_bank_number() -> None:
    fields = told(apply(payment(issuer_code="NCB"), Event.DECLINE, NOW))
    assert "vnp_BankTranNo" not in fields
    assert fields["vnp_TransactionNo"] == "14226112"


@pytest.mark.parametrize(
    ("changes", "bank_code", "card_type"),
    [
        ({"issuer_code": "NCB", "channel": Channel.INTERNET_BANKING}, "NCB", "ATM"),
        ({"issuer_code": "NCB", "channel": Channel.CARD}, "NCB", "ATM"),
        ({"issuer_code": "NCB", "channel": Channel.QR}, "NCB", "QRCODE"),
        ({"issuer_code": "VISA", "channel": Channel.CARD}, "VISA", "VISA"),
        ({}, "VNPAY", "QRCODE"),
    ],
)
def test_bank_code_and_card_type_tell_how_it_was_paid(changes: dict[str, Any], bank_code: str, card_type: str) -> None:
    fields = told(apply(payment(**changes), Event.APPROVE, NOW))
    assert (fields["vnp_BankCode"], fields["vnp_CardType"]) == (bank_code, card_type)


@pytest.mark.parametrize(
    ("method", "bank_code", "card_type"),
    [("VNPAYQR", "VNPAY", "QRCODE"), ("VNBANK", "VNBANK", "ATM"), ("INTCARD", "INTCARD", None)],
)
def test_a_method_stands_in_for_a_bank_that_was_never_chosen(
    method: str, bank_code: str, card_type: str | None
) -> None:
    fields = told(apply(payment(order=pay(BankCode=method).order), Event.CANCEL, NOW))
    assert (fields["vnp_BankCode"], fields.get("vnp_CardType")) == (bank_code, card_type)


def test_a_callback_tells_what_it_is_told_to_tell_with_a_right_signature() -> None:
    wrong = msgspec.structs.replace(paid(), amount_vnd=18_059)
    assert told(wrong)["vnp_Amount"] == "1805900"
    sent = DIALECT.callback(Notice(payment=wrong, merchant=MERCHANT, now=NOW))
    assert is_signed(urlsplit(sent.url).query)


def test_a_callback_signed_with_another_secret_is_false() -> None:
    forger = msgspec.structs.replace(MERCHANT, secrets={"secret": "other"})
    sent = DIALECT.callback(Notice(payment=paid(), merchant=forger, now=NOW))
    assert not is_signed(urlsplit(sent.url).query)


def test_the_order_info_comes_back_as_it_was_sent() -> None:
    order = pay(OrderInfo=HOSTILE).order
    assert told(paid(order=order))["vnp_OrderInfo"] == HOSTILE
    url = DIALECT.return_url(paid(order=order), MERCHANT)
    assert is_signed(urlsplit(url).query)
    assert (
        "vnp_OrderInfo=N%E1%BB%99p+l%E1%BB%87+ph%C3%AD+%28h%E1%BB%93+s%C6%A1%29+%235+*+a%7Eb+%27x%27+%21100%25" in url
    )


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        ("https://portal.test/return", "https://portal.test/return?vnp_Amount=", ""),
        ("https://portal.test/return?", "https://portal.test/return?vnp_Amount=", ""),
        ("https://portal.test/return?a=1&b=%2F", "https://portal.test/return?a=1&b=%2F&vnp_Amount=", ""),
        ("https://portal.test/return?a=1&", "https://portal.test/return?a=1&vnp_Amount=", ""),
        ("https://portal.test/return#done", "https://portal.test/return?vnp_Amount=", "#done"),
        ("https://portal.test/#/return?x=1", "https://portal.test/?vnp_Amount=", "#/return?x=1"),
        ("https://portal.test/r?a=1#top#x", "https://portal.test/r?a=1&vnp_Amount=", "#top#x"),
        ("https://portal.test/trả về", "https://portal.test/tr%E1%BA%A3%20v%E1%BB%81?vnp_Amount=", ""),
        ("https://portal.test/r?vnp_Amount=1", "https://portal.test/r?vnp_Amount=1&vnp_Amount=", ""),
    ],
)
def test_the_return_keeps_the_merchants_own_parameters_and_fragment(address: str, before: str, after: str) -> None:
    url = DIALECT.return_url(paid(order=pay(ReturnUrl=address).order), MERCHANT)
    assert url.startswith(before + "1806000")
    assert url.endswith(after)
    assert url.isascii()
    query = urlsplit(url).query
    ours = query[query.index("vnp_Amount=1806000") :]
    assert is_signed(ours)
    assert parse_qs(query)["vnp_TxnRef"] == ["HS-0001"]


def test_a_callback_address_may_have_parameters_of_its_own() -> None:
    merchant = msgspec.structs.replace(MERCHANT, callback_url="https://portal.test/cb?tenant=7")
    sent = DIALECT.callback(Notice(payment=paid(), merchant=merchant, now=NOW))
    assert sent.url.startswith("https://portal.test/cb?tenant=7&vnp_Amount=1806000&")


def test_times_are_those_of_vietnam() -> None:
    late = datetime(2021, 12, 31, 17, 0, 1, tzinfo=UTC)
    assert told(apply(payment(), Event.APPROVE, late))["vnp_PayDate"] == "20220101000001"


# --- acknowledgements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        (Answer(200, (), b'{"RspCode":"00","Message":"Confirm Success"}'), True),
        (Answer(200, (), b'{"Message":"Order already confirmed","RspCode":"02"}'), True),
        (Answer(200, (("content-type", "text/html"),), b' {"RspCode":"00"} \n'), True),
        (Answer(200, (), b'{"RspCode":"01","Message":"Order not found"}'), False),
        (Answer(200, (), b'{"RspCode":"03","Message":"IP prohibited"}'), False),
        (Answer(200, (), b'{"RspCode":"04","Message":"invalid amount"}'), False),
        (Answer(200, (), b'{"RspCode":"97","Message":"Invalid signature"}'), False),
        (Answer(200, (), b'{"RspCode":"99","Message":"Unknow error"}'), False),
        (Answer(200, (), b'{"RspCode":"05"}'), False),
        (Answer(200, (), b'{"RspCode":0}'), False),
        (Answer(200, (), b'{"RspCode":"0"}'), False),
        (Answer(200, (), b'{"RspCode":"00 "}'), False),
        (Answer(200, (), b'{"RspCode":null}'), False),
        (Answer(200, (), b'{"rspcode":"00"}'), False),
        (Answer(200, (), b'{"data":{"RspCode":"00"}}'), False),
        (Answer(200, (), b'["00"]'), False),
        (Answer(200, (), b'"00"'), False),
        (Answer(200, (), b"00"), False),
        (Answer(200, (), b"OK"), False),
        (Answer(200, (), b"RspCode=00"), False),
        (Answer(200, (), b"<html>00</html>"), False),
        (Answer(200, (), b""), False),
        (Answer(200, (), b'{"RspCode":"00"'), False),
        (Answer(200, (), b"[" * 100_000), False),
        (Answer(200, (), b"\xff\xfe"), False),
        (Answer(201, (), b'{"RspCode":"00"}'), False),
        (Answer(204, (), b""), False),
        (Answer(302, (("location", "/"),), b'{"RspCode":"00"}'), False),
        (Answer(404, (), b'{"RspCode":"00"}'), False),
        (Answer(500, (), b'{"RspCode":"00"}'), False),
        (Answer(0, (), b"", "timed out after 15 s"), False),
        (Answer(0, (), b""), False),
    ],
)
def test_only_200_with_a_json_object_and_code_00_or_02_ends_the_retries(answer: Answer, done: bool) -> None:
    ack = DIALECT.acknowledged(answer, Notice(payment=paid(), merchant=MERCHANT, now=NOW))
    assert ack.done is done
    assert ack.text


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(msgspec.json.encode)
)
def test_no_answer_of_a_merchant_breaks_the_bank(body: bytes) -> None:
    ack = DIALECT.acknowledged(Answer(200, (), body), Notice(payment=paid(), merchant=MERCHANT, now=NOW))
    assert not ack.done or b'"RspCode"' in body


def test_a_callback_is_sent_ten_times_five_minutes_apart() -> None:
    of = paid()
    delivery = Delivery(
        delivery_id="p1.0",
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        due_at=NOW,
        says_state=of.state,
        says_outcome=of.outcome,
        says_amount_vnd=of.amount_vnd,
    )
    sent = 0
    while delivery.state is DeliveryState.WAITING:
        at = delivery.due_at
        delivery = after_attempt(delivery, False, "RspCode 99", at, DIALECT.retry)
        sent += 1
        assert delivery.state is DeliveryState.EXHAUSTED or (delivery.due_at - at).total_seconds() == 300
    assert sent == 10


# --- merchant-hosted QR, list of banks -----------------------------------------------------------------------


def genqr(of: Payment, merchant: Merchant = MERCHANT, **changes: str | None) -> dict[str, str]:
    command = changed(pay(Command="genqr", **changes), merchant=merchant)
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=of, page_url="http://bank.test/pay/p1")
    response = PAY.encode(pay_request(signed_query(pay_fields(Command="genqr", **changes))), command, reply)
    assert response.status == 200
    return json.loads(response.body)


def test_a_qr_code_for_the_merchants_own_page_carries_order_and_amount() -> None:
    answer = genqr(payment(order=pay(Command="genqr").order))
    assert list(answer) == ["code", "message", "qrcontent"]
    assert answer["code"] == "00"
    code = qr.parse(answer["qrcontent"])
    assert (code.scheme, code.beneficiary, code.amount_vnd) == (qr.Scheme.VNPAY, "DEMOV210", 18_060)
    assert code.bill_number == code.reference == "HS-0001"
    assert code.merchant_name == "Cong dich vu cong (thu ng"


def test_the_banks_own_page_shows_the_same_kind_of_code() -> None:
    assert DIALECT.qr_text is not None
    code = qr.parse(DIALECT.qr_text(payment(), MERCHANT))
    assert (code.scheme, code.bill_number, code.amount_vnd) == (qr.Scheme.VNPAY, "HS-0001", 18_060)


@pytest.mark.parametrize("order_ref", ["x" * 26, "x" * 100, "Hồ sơ 5", "HS/1"])
def test_a_reference_that_does_not_fit_a_qr_code_is_replaced_by_the_banks_number(order_ref: str) -> None:
    of = payment(order=pay(Command="genqr", TxnRef=order_ref).order)
    assert qr.parse(genqr(of, TxnRef=order_ref)["qrcontent"]).bill_number == "14226112"


@pytest.mark.parametrize("name", ["", "Đ" * 40, "日本", "  "])
def test_any_merchants_name_makes_a_qr_code(name: str) -> None:
    merchant = msgspec.structs.replace(MERCHANT, name=name)
    assert qr.parse(genqr(payment(), merchant)["qrcontent"]).merchant_name in ("DEMOV210", "D" * 25)


def test_an_escaped_command_word_is_understood_in_answer_and_question_alike() -> None:
    query = signed_query(pay_fields(Command="genqr")).replace(b"=genqr", b"=%67enqr")
    command = PAY.decode(pay_request(query), merchants)
    response = PAY.encode(pay_request(query), command, Reply(now=NOW, reply_ref="", payment=payment()))
    assert response.status == 200


def test_who_pays_by_the_merchants_own_qr_code_never_returns() -> None:
    assert DIALECT.return_url(paid(order=pay(Command="genqr").order), MERCHANT) == ""
    assert pay(Command="genqr").order.channel is Channel.QR


def test_a_payer_is_sent_to_the_banks_page() -> None:
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=payment(), page_url="http://bank.test/pay/p1")
    response = PAY.encode(pay_request(signed_query(pay_fields())), pay(), reply)
    assert response == Response(302, (("location", "http://bank.test/pay/p1"),), b"")


def test_the_list_of_banks_has_the_documented_shape() -> None:
    request = Request("POST", LIST.path, body=b"tmn_code=DEMOV210")
    command = LIST.decode(request, merchants)
    assert isinstance(command, Ask)
    banks = json.loads(LIST.encode(request, command, Reply(now=NOW, reply_ref="0" * 32)).body)
    shape = {"bank_code": str, "bank_name": str, "logo_link": str, "bank_type": int, "display_order": int}
    assert all({name: type(value) for name, value in bank.items()} == shape for bank in banks)
    assert [bank["display_order"] for bank in banks] == list(range(1, len(banks) + 1))
    codes = [bank["bank_code"] for bank in banks]
    assert len(codes) == len(set(codes))
    assert {"NCB", "VIETCOMBANK", "VIETINBANK", "BIDV", "VNPAYQR", "VNBANK", "INTCARD"} <= set(codes)
    assert all(pay(BankCode=code).order.order_ref for code in codes)


@pytest.mark.parametrize("body", [b"", b"tmn_code=UNKNOWN1", b"tmn_code=%ff", b"{}", b"tmn_code=1&tmn_code=2"])
def test_an_unknown_merchant_gets_an_empty_list_of_banks(body: bytes) -> None:
    request = Request("POST", LIST.path, body=body)
    assert LIST.encode(request, None, refused(LIST, request)).body == b"[]"


# --- anything at all -----------------------------------------------------------------------------------------


def answered(endpoint: Endpoint, request: Request) -> Response:
    """What the bank answers, whatever it was asked: decoding ends in a command or a refusal, encoding in bytes."""
    try:
        command = endpoint.decode(request, merchants)
    except Refusal as refusal:
        return endpoint.encode(request, None, refusal)
    refund = refund_of(command.amount_vnd) if isinstance(command, RefundOrder) else None
    order = command.order if isinstance(command, Create) else payment().order
    of = payment(order=order, amount_vnd=order.amount_vnd)
    for event in (Event.APPROVE, Event.CANCEL, Event.EXPIRE):
        assert told(apply(of, event, NOW))["vnp_TxnRef"] == order.order_ref
        DIALECT.return_url(apply(of, event, NOW), MERCHANT).encode("latin-1")
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=of, page_url="http://bank.test/pay/p1", refund=refund)
    for result in (reply, *(Refusal(reason) for reason in Reason)):
        response = endpoint.encode(request, command, result)
    return response


def headers_can_be_sent(response: Response) -> bool:
    return all((name + value).encode("latin-1") and "\n" not in value for name, value in response.headers)


VALUES = st.sampled_from(
    ["", "0", "1806000", "DEMOV210", "vn", "%", "%zz", "2.1.0", HOSTILE, "20210801153333"]
) | st.text(max_size=300)


def form_queries() -> Iterator[st.SearchStrategy[bytes]]:
    """From noise to nearly right requests, so that every depth of decoding is reached."""
    names = st.sampled_from([*vnpay.PAY, "vnp_BankCode", "vnp_ExpireDate", "vnp_SecureHash"])
    yield st.binary(max_size=400)
    yield st.lists(st.binary(max_size=30), max_size=20).map(b"&".join)
    yield st.lists(st.tuples(names, VALUES), max_size=20).map(lambda pairs: urlencode(pairs, errors="ignore").encode())
    changes = st.dictionaries(names.filter(lambda name: name != "vnp_SecureHash"), VALUES, max_size=3)
    yield changes.map(lambda changed: signed_query(pay_fields() | changed))
    yield st.builds(
        lambda at, noise: signed_query(pay_fields())[:at] + noise + signed_query(pay_fields())[at:],
        st.integers(0, 500),
        st.binary(min_size=1, max_size=3),
    )


@given(st.one_of(*form_queries()))
def test_any_query_string_is_answered(query: bytes) -> None:
    response = answered(PAY, pay_request(query))
    assert response.status in (200, 302)
    assert headers_can_be_sent(response)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def json_bodies() -> Iterator[st.SearchStrategy[bytes]]:
    names = st.sampled_from([f"vnp_{name}" for name in (*REFUND.split(), "SecureHash", "Extra")])
    yield st.binary(max_size=300)
    yield JSON_VALUES.map(lambda value: json.dumps(value).encode())
    yield st.dictionaries(names | st.text(max_size=9), JSON_VALUES).map(lambda value: json.dumps(value).encode())
    for command in ("querydr", "refund"):
        changes = st.dictionaries(names, JSON_VALUES, max_size=3)
        yield changes.map(lambda changed, command=command: signed_body(api_fields(command) | changed))


@given(st.one_of(*json_bodies()))
def test_any_json_body_is_answered_with_a_signed_answer_or_a_refusal(body: bytes) -> None:
    response = answered(API, api_request(body))
    assert response.status == 200
    answer = json.loads(response.body)
    assert len(answer["vnp_ResponseCode"]) == 2


@given(st.binary(max_size=100) | st.lists(st.binary(max_size=20)).map(b"&".join))
def test_any_form_body_is_answered_with_a_list_of_banks(body: bytes) -> None:
    request = Request("POST", LIST.path, body=b"tmn_code=DEMOV210&" + body)
    assert isinstance(json.loads(answered(LIST, request).body), list)


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=5), st.sampled_from(sorted(form.ENCODINGS)))
def test_what_is_written_in_any_encoding_is_read_back(fields: dict[str, str], name: str) -> None:
    text = form.written(fields, form.ENCODINGS[name])
    assert text.isascii()
    assert form.fields(form.pieces(text.encode())) == fields


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_added_to_an_address_stays_before_its_fragment(url: str, fragment: str) -> None:
    added = form.added(f"{url}#{fragment}", "a=1")
    assert added.isascii()
    assert added.partition("#")[0].endswith("a=1")


def test_the_identity_card_is_whole() -> None:
    assert DIALECT.query_interval_s == 300
    assert DIALECT.secrets == ("secret",)
    assert [(each.method, each.path) for each in DIALECT.endpoints] == [
        ("GET", "/paymentv2/vpcpay.html"),
        ("POST", "/merchant_webapi/api/transaction"),
        ("POST", "/qrpayauth/api/merchant/get_bank_list"),
    ]
    keys = [assumption.key for assumption in DIALECT.assumptions]
    assert len(keys) == len(set(keys))
    assert compact(NOW) == "20210801153512"
