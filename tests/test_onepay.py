"""OnePay to the byte: signatures, codes of both kinds of card, refusals, queryDR, acknowledgements, and any garbage."""

import hmac
import json
from datetime import timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator import payer
from simulator.bank import act, progress, returned
from simulator.banks import dialects
from simulator.banks.onepay import DIALECTS, DOMESTIC_CARD_CODES, DOMESTIC_CODES, ERROR_TEXTS, INTERNATIONAL_CODES
from simulator.delivery import Courier
from simulator.dialect import Create, Notice, Query, Reply
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState
from simulator.payment import (
    COLLECTED,
    Channel,
    Event,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refusal,
    State,
    Step,
)
from simulator.wire import FORM_TYPE, Answer, Request, Response
from simulator.world import World, Worlds
from tests.samples.onepay import UNIFIED, Gateway, old_query, pay, pay_fields, query, query_fields, signed
from tests.samples.onepay_domestic import DOMESTIC
from tests.samples.onepay_international import INTERNATIONAL
from tests.sources import SOURCES
from tests.worlds import START, Connector, ask, endpoint_of

GATEWAYS = {"onepay": UNIFIED, "onepay_domestic": DOMESTIC, "onepay_international": INTERNATIONAL}
VECTORS = {
    vector["key"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "fixtures/wire/onepay/signatures.json").read_text("utf-8"))
}
every_gateway = pytest.mark.parametrize("code", GATEWAYS)


@cache
def merchant_of(code: str) -> Merchant:
    (merchant,) = (each for each in default_merchants() if each.bank == code)
    return replace(merchant, callback_url="https://portal.test/ipn?from=onepay")


def decoded(code: str, request: Request) -> Create | Query:
    """Raises Refusal."""
    endpoint, placed = endpoint_of(dialects()[code], request)
    merchant = merchant_of(code)
    command = endpoint.decode(placed, lambda asked: merchant if asked == merchant.merchant_code else None)
    assert isinstance(command, Create | Query)
    return command


def understood(code: str, request: Request) -> Create | Query | Refusal:
    try:
        return decoded(code, request)
    except Refusal as refused:
        return refused


def refusal(code: str, request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(code, request)
    return caught.value


def written(code: str, request: Request, result: Refusal | Reply | None = None) -> Response:
    """The bank's answer: to a request that it refuses, or to a good one as the use case replied."""
    endpoint, _ = endpoint_of(dialects()[code], request)
    if result is None:
        return endpoint.encode(request, None, refusal(code, request))
    return endpoint.encode(request, decoded(code, request), result)


def pay_request(gateway: Gateway, fields: dict[str, str]) -> Request:
    return Request("GET", gateway.pay, urlencode(fields).encode())


def changed(gateway: Gateway, **changes: str) -> Request:
    return pay_request(gateway, signed(pay_fields(gateway, "HS-1", 18_060, **changes), gateway.secret))


def payment(code: str, **changes: Any) -> Payment:
    created = decoded(code, pay(GATEWAYS[code], "HS-1", 18_060))
    assert isinstance(created, Create)
    new = Payment(
        payment_id="p1",
        bank=code,
        merchant_code=GATEWAYS[code].merchant,
        order=created.order,
        amount_vnd=created.order.amount_vnd,
        bank_ref="14226112000017",
        created_at=START,
        channel=created.order.channel,
    )
    return msgspec.structs.replace(new, **changes)


def paid(code: str, **changes: Any) -> Payment:
    return payment(code, **{"state": State.PAID, "outcome": Outcome.SUCCESS, "settled_at": START, **changes})


def told(of: Payment, merchant: Merchant | None = None) -> dict[str, str]:
    """The callback's parameters; each stands once."""
    notice = Notice(payment=of, merchant=merchant or merchant_of(of.bank), now=START)
    outgoing = dialects()[of.bank].callback(notice)
    pairs = parse_qsl(outgoing.body.decode() or urlsplit(outgoing.url).query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return {name: value for name, value in pairs if name.startswith("vpc_")}


def code_of(of: Payment) -> str:
    return told(of)["vpc_TxnResponseCode"]


def text_of(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "vpc_SecureHash")


def mac(text: str, secret: str) -> str:
    return hmac.new(bytes.fromhex(secret), text.encode(), "sha256").hexdigest().upper()


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS.values(), ids=list(VECTORS))
def test_the_tests_own_signature_is_the_known_one(vector: dict[str, str]) -> None:
    fields = dict(parse_qsl(vector["string_to_sign"].replace("return?x", "return%3Fx")))
    assert signed(fields, vector["secret"])["vpc_SecureHash"] == vector["signature"]
    assert vector["source"] in SOURCES


@pytest.mark.parametrize(("key", "code"), [("O2", "onepay_domestic"), ("O3", "onepay_international")])
def test_a_known_pay_request_is_understood(key: str, code: str) -> None:
    vector = VECTORS[key]
    pairs = [pair.split("=", 1) for pair in vector["string_to_sign"].split("&")]
    fields = {**dict(pairs), "vpc_SecureHash": vector["signature"], "AgainLink": "http://shop.vn", "Title": "Shop"}
    command = decoded(code, pay_request(GATEWAYS[code], fields))
    assert isinstance(command, Create)
    assert command.warnings == ()
    assert command.order.amount_vnd == 18_060
    assert command.order.order_ref == command.order.order_key == {"O2": "HS-0001-01", "O3": "HS-0001-02"}[key]


def test_a_known_query_is_understood() -> None:
    vector = VECTORS["O4"]
    body = f"{vector['string_to_sign']}&vpc_SecureHash={vector['signature']}".encode()
    command = decoded("onepay_domestic", Request("POST", "/msp/api/v1/vpc/invoices/queries", body=body))
    assert isinstance(command, Query)
    assert command.order_key == "HS-0001-01"
    assert command.warnings == ()


def test_the_callback_is_the_known_one_to_the_byte() -> None:
    vector = VECTORS["O1"]
    order = Order(
        order_ref="201803210919102006754784",
        order_key="201803210919102006754784",
        amount_vnd=1,
        description="JSECURETEST01",
        return_url="https://portal.test/return",
    )
    of = paid("onepay_domestic", order=order, amount_vnd=1, bank_ref="1625746", issuer_code="VIETCOMBANK")
    fields = told(of)
    assert text_of(fields) == vector["string_to_sign"]
    assert fields["vpc_SecureHash"] == vector["signature"]
    assert dialects()["onepay_domestic"].return_url(of, merchant_of("onepay_domestic")) == (
        f"https://portal.test/return?{vector['string_to_sign']}&vpc_SecureHash={vector['signature']}"
    )


# --- pay -----------------------------------------------------------------------------------------------------


@every_gateway
def test_an_order_is_what_the_request_says(code: str) -> None:
    command = decoded(code, pay(GATEWAYS[code], "HS-1", 18_060))
    assert isinstance(command, Create)
    assert command.warnings == ()
    order = command.order
    assert (order.amount_vnd, order.description) == (18_060, "Nop le phi HS-1")
    assert (order.return_url, order.locale) == ("http://portal.test/return?dossier=1", "vi")
    assert order.channel is (Channel.CARD if code == "onepay_international" else None)


def test_a_good_request_leads_to_the_payment_page() -> None:
    reply = Reply(now=START, reply_ref="0" * 32, payment=payment("onepay"), page_url="http://banksim.test/pay/1")
    response = written("onepay", pay(UNIFIED, "HS-1", 18_060), reply)
    assert (response.status, response.headers) == (302, (("location", "http://banksim.test/pay/1"),))


@pytest.mark.parametrize(
    ("listed", "channel"),
    [
        ("VC", Channel.CARD),
        ("VC,MC,JC,AE", Channel.CARD),
        ("INTERNATIONAL", Channel.CARD),
        ("DOMESTIC", None),
        ("VC,DOMESTIC", None),
    ],
)
def test_a_list_of_international_cards_leads_to_the_card_page(listed: str, channel: Channel | None) -> None:
    command = decoded("onepay", changed(UNIFIED, vpc_CardList=listed))
    assert isinstance(command, Create)
    assert command.order.channel is channel


def test_a_signature_covers_user_fields_and_no_empty_or_other_ones() -> None:
    fields = pay_fields(UNIFIED, "HS-1", 18_060, user_Dossier="H49/1", vpc_Customer_Phone="0909113911")
    fields["vpc_SecureHash"] = mac(
        text_of({name: value for name, value in fields.items() if name.startswith(("vpc_", "user_"))}), UNIFIED.secret
    )
    request = pay_request(UNIFIED, fields | {"vpc_Customer_Id": "", "vpc_SecureHashType": "SHA256", "extra": "1"})
    assert decoded("onepay", request).warnings == ()
    altered = pay_request(UNIFIED, fields | {"user_Dossier": "H49/2"})
    assert refusal("onepay", altered).reason is Reason.BAD_SIGNATURE


def test_a_lower_case_signature_is_taken_with_a_remark() -> None:
    fields = signed(pay_fields(UNIFIED, "HS-1", 18_060), UNIFIED.secret)
    lower = pay_request(UNIFIED, fields | {"vpc_SecureHash": fields["vpc_SecureHash"].lower()})
    assert decoded("onepay", lower).warnings == ("vpc_SecureHash is in lower case, documented is upper case",)


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"AgainLink": ""}, "AgainLink is absent, the documents demand it"),
        ({"Title": ""}, "Title is absent, the documents demand it"),
        ({"vpc_TicketNo": "2001:db8:0:0:0:0:0:1"}, "vpc_TicketNo is longer than the documented 15"),
        ({"vpc_Customer_Email": "a@" + "b" * 30}, "vpc_Customer_Email is longer than the documented 24"),
        ({"vpc_OrderInfo": "Nộp lệ phí"}, "vpc_OrderInfo has diacritics or one of ( / & ?, the documents exclude them"),
        ({"vpc_OrderInfo": "H49/1"}, "vpc_OrderInfo has diacritics or one of ( / & ?, the documents exclude them"),
        ({"vpc_Amount": "2500000000"}, "vpc_Amount is longer than the documented 9"),
    ],
)
def test_what_strays_from_the_documents_is_remarked(changes: dict[str, str], remark: str) -> None:
    assert decoded("onepay_domestic", changed(DOMESTIC, **changes)).warnings == (remark,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vpc_Version": "1"}, Reason.MALFORMED),
        ({"vpc_Version": ""}, Reason.MALFORMED),
        ({"vpc_Locale": "fr"}, Reason.MALFORMED),
        ({"vpc_MerchTxnRef": "H" * 35}, Reason.MALFORMED),
        ({"vpc_OrderInfo": "H" * 33}, Reason.MALFORMED),
        ({"vpc_OrderInfo": "a\x00b"}, Reason.MALFORMED),
        ({"vpc_Amount": "1" * 15}, Reason.MALFORMED),
        ({"vpc_Amount": "-100"}, Reason.MALFORMED),
        ({"vpc_Amount": "100.00"}, Reason.MALFORMED),
        ({"vpc_Amount": "١٠٠"}, Reason.MALFORMED),
        ({"vpc_ReturnURL": "javascript:alert(1)"}, Reason.MALFORMED),
        ({"vpc_ReturnURL": "http://[oops/return"}, Reason.MALFORMED),
        ({"vpc_CallbackURL": "file:///etc/passwd"}, Reason.MALFORMED),
        ({"vpc_Currency": ""}, Reason.MALFORMED),
        ({"vpc_Command": "refund"}, Reason.UNKNOWN_COMMAND),
        ({"vpc_Merchant": "NOBODY"}, Reason.UNKNOWN_MERCHANT),
        ({"vpc_AccessCode": "00000000"}, Reason.UNKNOWN_MERCHANT),
        ({"vpc_Amount": "0"}, Reason.INVALID_AMOUNT),
        ({"vpc_Amount": "1806050"}, Reason.INVALID_AMOUNT),
        ({"vpc_Currency": "USD"}, Reason.INVALID_CURRENCY),
    ],
)
def test_a_wrong_field_is_refused(changes: dict[str, str], reason: Reason) -> None:
    assert refusal("onepay", changed(UNIFIED, **changes)).reason is reason


def test_the_international_gateway_needs_no_currency_and_the_others_do() -> None:
    bare = {"vpc_Currency": ""}
    command = decoded("onepay_international", changed(INTERNATIONAL, **bare))
    assert isinstance(command, Create)
    assert refusal("onepay_domestic", changed(DOMESTIC, **bare)).reason is Reason.MALFORMED
    abroad = changed(INTERNATIONAL, vpc_Currency="USD")
    assert refusal("onepay_international", abroad).reason is Reason.INVALID_CURRENCY


def test_a_field_that_stands_twice_is_refused() -> None:
    request = pay(UNIFIED, "HS-1", 18_060)
    doubled = replace(request, query=request.query + b"&vpc_Amount=100")
    assert refusal("onepay", doubled).reason is Reason.MALFORMED


def test_too_many_fields_are_refused() -> None:
    many = b"&".join(b"vpc_x%d=1" % number for number in range(101))
    assert refusal("onepay", Request("GET", UNIFIED.pay, many)).reason is Reason.MALFORMED


def by_letter(text: str) -> str:
    return "&".join(sorted(text.split("&"), key=lambda pair: pair.partition("=")[0].lower()))


def escaped(text: str) -> str:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return "&".join(f"{name}={quote(value, safe='').replace('%20', '+')}" for name, _, value in pairs)


@pytest.mark.parametrize(
    ("signature", "word"),
    [
        (lambda text, secret: hmac.new(secret.encode(), text.encode(), "sha256").hexdigest().upper(), "key as text"),
        (lambda text, secret: mac(by_letter(text), secret), "without regard to case"),
        (lambda text, secret: mac(escaped(text), secret), "escaped values"),
        (lambda text, secret: "0" * 32, "MD5"),
        (lambda text, secret: mac(text + " ", secret), "is wrong"),
        (lambda text, secret: "", "is missing"),
    ],
)
def test_a_usual_mistake_in_signing_is_named(signature: Any, word: str) -> None:
    fields = pay_fields(UNIFIED, "HS-1", 18_060)
    ours = {name: value for name, value in fields.items() if name.startswith("vpc_")}
    refused = refusal(
        "onepay", pay_request(UNIFIED, fields | {"vpc_SecureHash": signature(text_of(ours), UNIFIED.secret)})
    )
    assert refused.reason is Reason.BAD_SIGNATURE
    assert word in refused.detail


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"vpc_Merchant": "NOBODY"}, "3"),
        ({"vpc_AccessCode": "00000000"}, "4"),
        ({"vpc_Amount": "50"}, "5"),
        ({"vpc_Currency": "USD"}, "6"),
        ({"vpc_Locale": "fr"}, "7"),
    ],
)
@every_gateway
def test_the_browser_is_shown_why(code: str, changes: dict[str, str], shown: str) -> None:
    response = written(code, changed(GATEWAYS[code], **changes))
    assert (response.status, response.headers) == (302, (("location", f"error.op?vpc_TxnResponseCode={shown}"),))
    assert shown in ERROR_TEXTS


def test_every_code_of_the_error_page_has_a_text_in_both_languages() -> None:
    for dialect in DIALECTS:
        assert dialect.error_page is not None
        folder = dialect.endpoints[0].path.rpartition("/")[0]
        assert dialect.error_page.path == f"{folder}/error.op"
    assert all(vietnamese and english for vietnamese, english in ERROR_TEXTS.values())


# --- callback and return ---------------------------------------------------------------------------------------


@every_gateway
def test_a_callback_is_signed_over_all_that_it_says(code: str) -> None:
    fields = told(paid(code, issuer_code="MASTERCARD", channel=Channel.CARD, payer_account="512345******0008"))
    assert fields["vpc_SecureHash"] == mac(text_of(fields), GATEWAYS[code].secret)
    assert fields["vpc_Amount"] == "1806000"
    assert fields["vpc_MerchTxnRef"] == "HS-1"


def test_callbacks_go_by_get_or_by_post_as_the_merchant_has_it() -> None:
    of, merchant = paid("onepay"), merchant_of("onepay")
    by_get = dialects()["onepay"].callback(Notice(payment=of, merchant=merchant, now=START))
    assert (by_get.method, by_get.body) == ("GET", b"")
    assert by_get.url.startswith("https://portal.test/ipn?from=onepay&vpc_Amount=1806000&")
    posting = replace(merchant, options=merchant.options | {"callback": "post"})
    by_post = dialects()["onepay"].callback(Notice(payment=of, merchant=posting, now=START))
    assert (by_post.method, by_post.url) == ("POST", "https://portal.test/ipn?from=onepay")
    assert by_post.headers == (("content-type", FORM_TYPE),)
    assert by_post.body.decode() == by_get.url.partition("from=onepay&")[2]


def test_the_orders_own_callback_address_comes_before_the_registered_one() -> None:
    created = decoded("onepay", changed(UNIFIED, vpc_CallbackURL="https://portal.test/own"))
    assert isinstance(created, Create)
    notice = Notice(payment=paid("onepay", order=created.order), merchant=merchant_of("onepay"), now=START)
    assert dialects()["onepay"].callback(notice).url.startswith("https://portal.test/own?vpc_Amount=")


@pytest.mark.parametrize(
    ("issuer", "card"), [("VISA", "VC"), ("MASTERCARD", "MC"), ("JCB", "JC"), ("AMEX", "AE")], ids=str
)
def test_an_international_card_is_told_by_its_type(issuer: str, card: str) -> None:
    fields = told(paid("onepay", issuer_code=issuer, channel=Channel.CARD, payer_account="400000******1091"))
    assert (fields["vpc_Card"], fields["vpc_CardNum"], fields["vpc_Message"]) == (card, "400000******1091", "Approved")
    assert fields["vpc_AuthorizeId"] == "000017"
    assert "vpc_AdditionData" not in fields


def test_the_payers_bank_is_told_by_its_number() -> None:
    assert told(paid("onepay", issuer_code="BIDV"))["vpc_AdditionData"] == "970418"
    by_card = paid("onepay", channel=Channel.CARD, issuer_code="NAPAS", payer_account="970400******0018")
    assert told(by_card)["vpc_AdditionData"] == "970400"
    assert "vpc_AdditionData" not in told(paid("onepay", issuer_code="", payer_account="19036812345678"))


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.SUCCESS])
@pytest.mark.parametrize(
    ("code", "means", "codes"),
    [
        ("onepay_domestic", {"channel": Channel.INTERNET_BANKING}, DOMESTIC_CODES),
        ("onepay_domestic", {"channel": Channel.CARD}, DOMESTIC_CARD_CODES),
        ("onepay_international", {"channel": Channel.CARD}, INTERNATIONAL_CODES),
        ("onepay", {"channel": Channel.CARD, "issuer_code": "VISA"}, INTERNATIONAL_CODES),
        ("onepay", {"channel": Channel.CARD, "issuer_code": "NAPAS"}, DOMESTIC_CARD_CODES),
        ("onepay", {"channel": Channel.QR}, DOMESTIC_CODES),
    ],
)
def test_a_failure_has_the_code_of_its_kind_of_card(
    code: str, means: dict[str, Any], codes: dict[Outcome, str], outcome: Outcome
) -> None:
    failed = payment(code, state=State.FAILED, outcome=outcome, settled_at=START, **means)
    assert code_of(failed) == codes[outcome] != "0"


def test_the_tables_have_a_code_for_every_outcome_and_only_known_ones() -> None:
    domestic = {str(number) for number in (0, 1, *range(3, 14), *range(21, 26), 253, 99, 100, 300)}
    international = {str(number) for number in (*range(10), 99, *"BEFZ", 253, 300)}
    for codes, known in (
        (DOMESTIC_CODES, domestic),
        (DOMESTIC_CARD_CODES, domestic),
        (INTERNATIONAL_CODES, international),
    ):
        assert set(codes) == set(Outcome)
        assert set(codes.values()) <= known
        assert [outcome for outcome in Outcome if codes[outcome] == "0"] == [Outcome.SUCCESS]


@every_gateway
def test_only_collected_money_is_a_success(code: str) -> None:
    for state, outcome in product(State, (None, *Outcome)):
        assert (code_of(payment(code, state=state, outcome=outcome)) == "0") == (state in COLLECTED)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.PENDING, "100"),
        (State.CANCELLED, "99"),
        (State.EXPIRED, "253"),
        (State.SUSPECTED, "300"),
        (State.REVERSED, "7"),
        (State.FAILED, "1"),
    ],
)
def test_a_state_has_a_code_where_nothing_else_is_known(state: State, code: str) -> None:
    assert code_of(payment("onepay", state=state)) == code


def test_a_payment_of_which_the_bank_does_not_know_is_pending() -> None:
    assert code_of(payment("onepay", step=Step.DONE, outcome=Outcome.UNKNOWN)) == "300"


# --- acknowledgement -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, b"responsecode=1&desc=confirm-success", True),
        (200, b"responsecode=1&desc=confirm-success\r\n", True),
        (200, b"responsecode=0&desc=confirm-fail", False),
        (200, b"responsecode=0&desc=confirm-success", False),
        (200, b"responsecode=1", False),
        (200, b"desc=confirm-success&responsecode=1", False),
        (200, b"<html>responsecode=1&desc=confirm-success</html>", False),
        (200, b'{"responsecode":1,"desc":"confirm-success"}', False),
        (200, b"", False),
        (201, b"responsecode=1&desc=confirm-success", False),
        (302, b"responsecode=1&desc=confirm-success", False),
        (500, b"responsecode=1&desc=confirm-success", False),
        (0, b"", False),
    ],
)
@every_gateway
def test_only_the_documented_text_ends_the_retries(code: str, status: int, body: bytes, done: bool) -> None:
    notice = Notice(payment=paid(code), merchant=merchant_of(code), now=START)
    ack = dialects()[code].acknowledged(Answer(status, (), body, "" if status else "connection refused"), notice)
    assert ack.done is done
    assert ack.text


@every_gateway
def test_three_retries_come_fifty_seconds_apart(code: str) -> None:
    assert dialects()[code].retry.delays_s == (50, 50, 50)


# --- queryDR ---------------------------------------------------------------------------------------------------


def answered(code: str, request: Request, of: Payment) -> dict[str, str]:
    reply = Reply(now=START, reply_ref="0" * 32, payment=of)
    return dict(parse_qsl(written(code, request, reply).body.decode(), keep_blank_values=True))


@every_gateway
def test_a_query_is_answered_as_signed_text(code: str) -> None:
    fields = answered(code, query(GATEWAYS[code], "HS-1"), paid(code))
    assert fields["vpc_DRExists"] == "Y"
    assert (fields["vpc_TxnResponseCode"], fields["vpc_Amount"]) == ("0", "1806000")
    assert (fields["vpc_Command"], fields["vpc_Version"]) == ("queryDR", "2")
    filled = {name: value for name, value in fields.items() if value}
    assert fields["vpc_SecureHash"] == mac(text_of(filled), GATEWAYS[code].secret)
    assert {"vpc_AdditionData", "vpc_Message"} <= fields.keys()


@pytest.mark.parametrize("code", ["onepay_domestic", "onepay_international"])
def test_an_old_query_needs_no_signature_and_gets_none(code: str) -> None:
    gateway = GATEWAYS[code]
    command = decoded(code, old_query(gateway, "HS-1"))
    assert command.warnings == ("the query is not signed, as old clients do it",)
    fields = answered(code, old_query(gateway, "HS-1"), payment(code))
    assert (fields["vpc_DRExists"], fields["vpc_TxnResponseCode"], fields["vpc_Version"]) == ("Y", "100", "1")
    assert "vpc_SecureHash" not in fields


def test_a_signature_on_an_old_query_must_fit() -> None:
    good = signed(query_fields(DOMESTIC, "HS-1", "1"), DOMESTIC.secret)
    request = Request("GET", DOMESTIC.old_query, urlencode(good).encode())
    assert decoded("onepay_domestic", request).warnings == ()
    bad = replace(request, query=urlencode(good | {"vpc_MerchTxnRef": "HS-2"}).encode())
    assert refusal("onepay_domestic", bad).reason is Reason.BAD_SIGNATURE


def test_the_pay_gate_has_no_old_query() -> None:
    assert [endpoint.path for endpoint in dialects()["onepay"].endpoints] == [
        "/paygate/vpcpay.op",
        "/msp/api/v1/vpc/invoices/queries",
    ]


def query_request(**changes: str) -> Request:
    fields = {**query_fields(UNIFIED, "HS-1"), **changes}
    return replace(query(UNIFIED, "HS-1"), body=urlencode(signed(fields, UNIFIED.secret)).encode())


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"vpc_Command": "pay"}, Reason.UNKNOWN_COMMAND, "7"),
        ({"vpc_Version": "3"}, Reason.MALFORMED, "7"),
        ({"vpc_MerchTxnRef": ""}, Reason.MALFORMED, "7"),
        ({"vpc_Merchant": "NOBODY"}, Reason.UNKNOWN_MERCHANT, "3"),
        ({"vpc_AccessCode": "00000000"}, Reason.UNKNOWN_MERCHANT, "4"),
        ({"vpc_User": "op02"}, Reason.UNKNOWN_MERCHANT, "3"),
        ({"vpc_Password": "wrong"}, Reason.UNKNOWN_MERCHANT, "3"),
    ],
)
def test_a_refused_query_says_so_unsigned(changes: dict[str, str], reason: Reason, code: str) -> None:
    request = query_request(**changes)
    assert refusal("onepay", request).reason is reason
    fields = dict(parse_qsl(written("onepay", request).body.decode(), keep_blank_values=True))
    assert (fields["vpc_DRExists"], fields["vpc_TxnResponseCode"]) == ("N", code)
    assert "vpc_SecureHash" not in fields


def test_a_query_with_a_false_signature_is_refused_unsigned() -> None:
    request = query(UNIFIED, "HS-1")
    false = replace(request, body=request.body.replace(b"HS-1", b"HS-2"))
    assert refusal("onepay", false).reason is Reason.BAD_SIGNATURE
    assert b"vpc_SecureHash" not in written("onepay", false).body


def test_an_unknown_order_does_not_exist() -> None:
    request = query(UNIFIED, "HS-1")
    body = written("onepay", request, Refusal(Reason.UNKNOWN_ORDER)).body.decode()
    fields = dict(parse_qsl(body, keep_blank_values=True))
    assert (fields["vpc_DRExists"], fields["vpc_TxnResponseCode"], fields["vpc_MerchTxnRef"]) == ("N", "", "HS-1")
    filled = {name: value for name, value in fields.items() if value}
    assert fields["vpc_SecureHash"] == mac(text_of(filled), UNIFIED.secret)


# --- any garbage -----------------------------------------------------------------------------------------------


@given(
    changes=st.dictionaries(
        st.sampled_from(sorted(pay_fields(UNIFIED, "HS-1", 1))), st.text(max_size=300), min_size=1, max_size=4
    )
)
def test_well_signed_garbage_is_an_order_or_a_refusal(changes: dict[str, str]) -> None:
    fields = pay_fields(UNIFIED, "HS-1", 18_060)
    raw = urlencode(signed({**fields, **changes}, UNIFIED.secret)).encode()
    found = understood("onepay", Request("GET", UNIFIED.pay, raw))
    if isinstance(found, Create):
        assert 0 < found.order.amount_vnd < 10**12
    else:
        assert isinstance(found, Refusal)
        assert found.reason is not Reason.BAD_SIGNATURE


@given(secret=st.text(min_size=1, max_size=40))
def test_any_secret_signs(secret: str) -> None:
    merchant = merchant_of("onepay")
    other = replace(merchant, secrets=merchant.secrets | {"secret": secret.encode("utf-8", "replace").decode()})
    assert len(told(paid("onepay"), other)["vpc_SecureHash"]) == 64


# --- from end to end -------------------------------------------------------------------------------------------


async def a_world(worlds: Worlds, code: str, callback_url: str) -> World:
    merchant = replace(merchant_of(code), callback_url=callback_url)
    return await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))


async def test_a_portal_that_never_confirms_is_told_four_times(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    world = await a_world(worlds, "onepay", f"{portal.url}/ipn")
    await ask(world, "onepay", pay(UNIFIED, "HS-1", 18_060))
    (created,) = await world.store.payments(world.name)
    await act(world, created.payment_id, Event.APPROVE)
    await courier.advance(world, START + timedelta(seconds=149))
    assert len(portal.requests) == 3
    await courier.advance(world, START + timedelta(days=1))
    assert len(portal.requests) == 4
    (delivery,) = await world.store.deliveries(world.name)
    assert delivery.state is DeliveryState.EXHAUSTED


async def test_a_published_card_that_is_locked_ends_with_10(worlds: Worlds) -> None:
    world = await a_world(worlds, "onepay_domestic", "")
    await ask(world, "onepay_domestic", pay(DOMESTIC, "HS-1", 18_060))
    (created,) = await world.store.payments(world.name)
    await progress(world, created.payment_id, payer.choose(Channel.CARD, ""))
    await progress(world, created.payment_id, payer.give_card("9704000000000026", "NGUYEN VAN A", "03/07"))
    assert "vpc_TxnResponseCode=10&" in await returned(world, created.payment_id)
    served = await ask(world, "onepay_domestic", old_query(DOMESTIC, "HS-1"))
    assert b"vpc_TxnResponseCode=10&" in served.response.body


async def test_the_same_unpaid_order_again_shows_its_page_and_a_paid_one_does_not(worlds: Worlds) -> None:
    world = await a_world(worlds, "onepay", "")
    first = await ask(world, "onepay", pay(UNIFIED, "HS-1", 18_060))
    again = await ask(world, "onepay", pay(UNIFIED, "HS-1", 18_060))
    assert first.response == again.response
    other_amount = await ask(world, "onepay", pay(UNIFIED, "HS-1", 18_061))
    (created,) = await world.store.payments(world.name)
    await act(world, created.payment_id, Event.APPROVE)
    late = await ask(world, "onepay", pay(UNIFIED, "HS-1", 18_060))
    for refused in (other_amount, late):
        assert refused.response.headers == (("location", "error.op?vpc_TxnResponseCode=7"),)
