"""NAPAS DPS: checksums, tokens and form keys, purchase and one-time password, refunds, codes, and any garbage."""

import base64
import hashlib
import json
import re
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator import payer
from simulator.bank import act, posted_back, progress, returned
from simulator.banks.napas import (
    CARD_CAUSES,
    CAUSES,
    DIALECT,
    ERROR_TEXTS,
    GATEWAY_CODES,
    OTHER_CODES,
    WRONG_OTPS,
    checksum,
)
from simulator.delivery import Courier
from simulator.dialect import Ask, Command, Create, Notice, Reply
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State, Step
from simulator.wire import FORM_TYPE, Answer, Request, Response
from simulator.world import World, Worlds
from tests.samples import answered
from tests.samples import napas as client
from tests.sources import SOURCES
from tests.worlds import START, Connector, ask, endpoint_of, served

SECRET = "CLIENTSECRET0123"
VECTORS = {
    vector["key"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "fixtures/wire/napas/checksums.json").read_text("utf-8"))
}
LISTED = """
APPROVED INVALID_CARDINFO INVALID_CARDNAME INVALID_CARDNO INVALID_ISSDATE INVALID_EXPDATE INVALID_DATE LOCKED_CARD
EXPIRED_CARD UNREGISTERED_CARD CARD_ACCOUNT_NOT_ALLOWED INELIGIBLE PENDING_FOR_OTP INVALID_OTP INVALID_OTP_1TIME
INVALID_OTP3 OTP_TIMED_OUT INVALID_PASSWORD AUTHENTICATION_FAILED PENDING_FOR_CARDVER PENDING_FOR_PURCHASE
INSUFFICIENT_FUNDS CARD_LIMIT_EXCEEDED TRANSACTION_LIMIT_EXCEEDED TIMED_OUT EXPIRED_SESSION EXPIRED_ORDER CANCEL
FINISHED_PAYMENT ORDERS_NOT_FOUND ORDERS_NOT_PAID DUPLICATE_ORDERS MC_ORDER_ID_DUPLICATE MC_TRANS_ID_DUPLICATE
DUPLICATE_TRANSACTION TRANSACTION_NOT_FOUND PENDING UNKNOWN BANK_ERROR REQUEST_ERROR REQUEST_TIMEOUT OTHER_ERROR
TRANSACTION_NOT_SUPPORTED INVALID_CHECKSUM INVALID_MERCHANT INVALID_DATA INVALID_AMOUNT NOT_ALLOWED REFUND_TIMEOUT
EXCEEDING_REFUND_AMOUNT MISSING_DATA VALUE_EXCEEDED_LIMIT TRANSACTION_BELOW_LIMIT TRANSACTION_OUT_OF_LIMIT_BANK
TRANSACTION_OUT_OF_LIMIT_PG UNDETERMINED_BALANCE ISSUER_RES_CODE_NOT_FOUND ISSUER_RES_CODE_DUPLICATE INVALID_CARD
INVALID_REQUEST BLACKLISTED_BIN BLACKLISTED_IP BIN_VELOCITY IP_VELOCITY ORIGINAL_TRANSACTION_FAIL
"""
NAMES = frozenset(LISTED.split())
"""What napas-dps#gateway-codes lists, as far as a payment or a refund may need it; APPROVED is MPGS's."""


@cache
def merchant() -> Merchant:
    found = client.merchants(client.MERCHANT)
    assert found is not None
    return replace(found, callback_url="https://portal.test/ipn")


def optioned(**options: str) -> Merchant:
    return replace(merchant(), options=merchant().options | options)


def looked_up(code: str) -> Merchant | None:
    return merchant() if code == client.MERCHANT else None


def decoded(request: Request) -> Command:
    endpoint, placed = endpoint_of(DIALECT, request)
    return endpoint.decode(placed, looked_up)


def understood(request: Request) -> Command | Refusal:
    try:
        return decoded(request)
    except Refusal as refused:
        return refused


def refusal(request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value


def written(request: Request, result: Reply | Refusal) -> Response:
    endpoint, placed = endpoint_of(DIALECT, request)
    found = understood(request)
    return endpoint.encode(placed, None if isinstance(found, Refusal) else found, result)


def said(response: Response) -> dict[str, Any]:
    answer = json.loads(response.body)
    assert isinstance(answer, dict)
    return answer


def payment(**changes: Any) -> Payment:
    order = Order(
        order_ref="HS-1",
        order_key="HS-1",
        amount_vnd=18_060,
        description="Nop le phi HS-1",
        return_url="https://portal.test/return?dossier=1",
        channel=Channel.CARD,
        wire={"apiOperation": "PAY"},
    )
    new = Payment(
        payment_id="p1",
        bank="napas",
        merchant_code=client.MERCHANT,
        order=order,
        amount_vnd=18_060,
        bank_ref="14226112000017",
        created_at=START,
        channel=Channel.CARD,
    )
    return replace(new, **changes)


def paid(**changes: Any) -> Payment:
    means = {"payer_account": "970400******0018", "issuer_code": "SAIGONBANK", "settled_at": START}
    return payment(state=State.PAID, outcome=Outcome.SUCCESS, **means, **changes)


def callback(of: Payment, to: Merchant | None = None) -> tuple[str, dict[str, str]]:
    """(how it came, data and checksum)."""
    outgoing = DIALECT.callback(Notice(payment=of, merchant=to or merchant(), now=START))
    assert outgoing.url == "https://portal.test/ipn"
    kind = dict(outgoing.headers)["content-type"]
    text = dict(parse_qsl(outgoing.body.decode()))["napasResult"] if kind == FORM_TYPE else outgoing.body.decode()
    return kind, json.loads(text)


def told(of: Payment, to: Merchant | None = None) -> dict[str, Any]:
    """What the callback says, its checksum verified as a merchant does it."""
    _, result = callback(of, to)
    expected = hashlib.sha256(f"{result['data']}{SECRET}".encode()).hexdigest()
    assert result["checksum"].lower() == expected
    answer = json.loads(base64.b64decode(result["data"]))["paymentResult"]
    assert isinstance(answer, dict)
    return answer


# --- checksum and result ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS.values(), ids=list(VECTORS))
def test_a_checksum_is_the_known_one(vector: dict[str, str]) -> None:
    to = replace(optioned(checksum=vector["case"]), secrets={"client_secret": vector["secret"]})
    assert checksum(vector["data"], to) == vector["checksum"]
    assert vector["source"] in SOURCES


def test_a_result_has_what_the_documents_list() -> None:
    answer = told(paid())
    assert answer["order"] == {
        "id": "HS-1",
        "amount": "18060",
        "currency": "VND",
        "creationTime": "2026-11-22T03:00:00.000Z",
        "reference": "Nop le phi HS-1",
        "totalAuthorizedAmount": "18060",
        "totalCapturedAmount": "18060",
        "totalRefundedAmount": "0",
    }
    assert (answer["merchantId"], answer["apiOperation"], answer["result"]) == (client.MERCHANT, "PAY", "SUCCESS")
    assert (answer["response"]["gatewayCode"], answer["response"]["acquirerCode"]) == ("APPROVED", "00")
    assert answer["sourceOfFunds"]["provided"]["card"] == {"number": "970400******0018", "issuer": "SAIGONBANK"}
    assert (answer["transaction"]["amount"], answer["transaction"]["receipt"]) == ("18060", "14226112000017")
    assert answer["transaction"]["acquirer"]["date"] == "1122"
    assert (answer["timeOfRecord"], answer["channel"]) == ("2026-11-22T03:00:00.000Z", "6014")


def test_nothing_is_captured_of_what_failed() -> None:
    answer = told(payment(state=State.FAILED, outcome=Outcome.INSUFFICIENT_FUNDS))
    assert (answer["result"], answer["response"]["gatewayCode"]) == ("FAILURE", "INSUFFICIENT_FUNDS")
    assert answer["order"]["totalCapturedAmount"] == answer["order"]["totalAuthorizedAmount"] == "0"
    assert "acquirerCode" not in answer["response"]


def test_the_callback_is_json_or_a_form_as_the_merchant_has_it() -> None:
    as_json, as_form = callback(paid()), callback(paid(), optioned(callback="form"))
    assert (as_json[0], as_form[0]) == ("application/json; charset=utf-8", FORM_TYPE)
    assert as_json[1] == as_form[1]


def test_the_checksum_is_in_the_merchants_case() -> None:
    (_, lower), (_, upper) = callback(paid()), callback(paid(), optioned(checksum="upper"))
    assert lower["checksum"] == lower["checksum"].lower() == upper["checksum"].lower()
    assert upper["checksum"] == upper["checksum"].upper()


def test_the_word_for_approved_is_the_merchants() -> None:
    assert told(paid(), optioned(approved="SUCCESS"))["response"]["gatewayCode"] == "SUCCESS"


def test_the_browser_takes_the_same_result_back() -> None:
    assert DIALECT.return_url(paid(), merchant()) == "https://portal.test/return?dossier=1"
    posted = DIALECT.return_form(paid(), merchant())
    assert {name: json.loads(text) for name, text in posted.items()} == {"napasResult": callback(paid())[1]}
    nowhere = paid(order=replace(paid().order, return_url=""))
    assert DIALECT.return_url(nowhere, merchant()) == ""


def test_every_outcome_has_a_name_of_the_list_and_only_success_is_approved() -> None:
    assert set(GATEWAY_CODES) == set(Outcome)
    assert set(GATEWAY_CODES.values()) <= NAMES
    assert [each for each in Outcome if GATEWAY_CODES[each] == "APPROVED"] == [Outcome.SUCCESS]


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.SUCCESS])
def test_a_failure_is_told_by_its_code(outcome: Outcome) -> None:
    answer = told(payment(state=State.FAILED, outcome=outcome))
    assert (answer["result"], answer["response"]["gatewayCode"]) == ("FAILURE", GATEWAY_CODES[outcome])


def test_a_failure_without_a_word_of_ours_has_the_name_on_wish() -> None:
    failed = payment(state=State.FAILED, outcome=Outcome.OTHER)
    for name in OTHER_CODES:
        answer = told(failed, optioned(other=name))
        assert (answer["result"], answer["response"]["gatewayCode"]) == ("FAILURE", name)
    for odd in ("APPROVED", "", "SOMETHING"):
        assert told(failed, optioned(other=odd))["response"]["gatewayCode"] == "OTHER_ERROR"
    assert told(paid(), optioned(other="EXPIRED_CARD"))["response"]["gatewayCode"] == "APPROVED"


def test_every_name_of_the_list_can_be_met() -> None:
    late = {"EXPIRED_SESSION", "PENDING_FOR_OTP", "OTP_TIMED_OUT", *WRONG_OTPS.values()}
    of_calls = {"MISSING_DATA", "REFUND_TIMEOUT", "TRANSACTION_NOT_FOUND", "ORIGINAL_TRANSACTION_FAIL"}
    met = {*GATEWAY_CODES.values(), *CAUSES.values(), *CARD_CAUSES.values(), *OTHER_CODES, *late, *of_calls}
    assert met <= NAMES
    assert NAMES - met == {"MC_ORDER_ID_DUPLICATE", "DUPLICATE_TRANSACTION", "INVALID_REQUEST"}, "names of one thing"


def test_what_was_collected_was_authorized() -> None:
    assert told(paid())["authorizationResponse"] == {
        "stan": "000017",
        "date": "1122",
        "time": "100000",
        "processingCode": "000000",
        "responseCode": "00",
    }
    assert "authorizationResponse" not in told(payment())


def token_of(of: Payment) -> dict[str, Any]:
    found = json.loads(base64.b64decode(callback(of)[1]["data"]))["tokenResult"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("operation", ["PAY_WITH_RETURNED_TOKEN", "PURCHASE_OTP_RETURN_TOKEN"])
def test_a_token_is_returned_for_a_paid_card_where_one_was_asked_for(operation: str) -> None:
    asked = replace(payment().order, wire={"apiOperation": operation})
    found = token_of(paid(order=asked))
    assert (found["result"], found["card"]) == ("SUCCESS", {"number": "970400******0018"})
    assert re.fullmatch(r"9704[0-9]{15}", found["token"])
    assert token_of(paid(order=replace(asked, order_ref="HS-2"))) == found, "one card, one token"
    assert token_of(replace(paid(order=asked), payer_account="970400******0026")) != found
    assert token_of(payment(order=asked, state=State.FAILED)) == token_of(paid()) == {}


def test_only_collected_money_is_a_success() -> None:
    for state, outcome in product(State, (None, *Outcome)):
        answer = told(payment(state=state, outcome=outcome))
        collected = state in COLLECTED
        assert (answer["result"] == "SUCCESS") == collected
        assert (answer["response"]["gatewayCode"] == "APPROVED") == collected


@pytest.mark.parametrize(
    ("state", "result", "code"),
    [
        (State.PENDING, "PENDING", "PENDING"),
        (State.SUSPECTED, "PENDING", "PENDING"),
        (State.CANCELLED, "FAILURE", "CANCEL"),
        (State.EXPIRED, "FAILURE", "EXPIRED_SESSION"),
        (State.REVERSED, "FAILURE", "BANK_ERROR"),
        (State.FAILED, "FAILURE", "OTHER_ERROR"),
    ],
)
def test_a_state_has_a_code_where_nothing_else_is_known(state: State, result: str, code: str) -> None:
    answer = told(payment(state=state))
    assert (answer["result"], answer["response"]["gatewayCode"]) == (result, code)


def test_a_payment_of_which_the_bank_does_not_know_is_unknown() -> None:
    answer = told(payment(step=Step.DONE, outcome=Outcome.UNKNOWN))
    assert (answer["result"], answer["response"]["gatewayCode"]) == ("PENDING", "UNKNOWN")


# --- acknowledgement -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "strictly", "loosely"),
    [
        (200, b'{"result":"SUCCESS"}', True, True),
        (200, b'{"result":"ERROR"}', False, True),
        (200, b'{"result":1}', False, True),
        (200, b"{}", False, True),
        (200, b"OK", False, True),
        (200, b"", False, False),
        (201, b'{"result":"SUCCESS"}', False, False),
        (302, b'{"result":"SUCCESS"}', False, False),
        (500, b'{"result":"SUCCESS"}', False, False),
        (0, b"", False, False),
    ],
)
def test_what_ends_the_retries_is_the_merchants_choice(status: int, body: bytes, strictly: bool, loosely: bool) -> None:
    answer = Answer(status, (), body, "" if status else "timed out after 15 s")
    for to, done in ((merchant(), strictly), (optioned(acknowledgement="status"), loosely)):
        ack = DIALECT.acknowledged(answer, Notice(payment=paid(), merchant=to, now=START))
        assert ack.done is done
        assert ack.text


# --- token -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"client_id": "NOBODY"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"username": "nobody"}, 400, "invalid_grant"),
        ({"password": "wrong"}, 400, "invalid_grant"),
    ],
)
def test_a_token_is_refused_in_oauths_words(changes: dict[str, str], status: int, error: str) -> None:
    request = client.token_request(**changes)
    response = written(request, refusal(request))
    assert (response.status, said(response)["error"]) == (status, error)


def test_a_broken_token_request_is_invalid() -> None:
    request = replace(client.token_request(), body=b"grant_type=password&grant_type=password")
    response = written(request, refusal(request))
    assert (response.status, said(response)["error"]) == (400, "invalid_request")


def test_a_token_says_how_long_it_holds() -> None:
    answer = said(written(client.token_request(), Reply(now=START, reply_ref="0" * 32)))
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["access_token"] == client.token(START)


def with_token(request: Request, header: str) -> Request:
    return replace(request, headers={"authorization": header})


@pytest.mark.parametrize("spoilt", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer 20261122100000" + "0" * 64])
@pytest.mark.parametrize(
    "request_of",
    [
        lambda: client.key_request("HS-1", 18_060, START),
        lambda: client.purchase("HS-1", 18_060, START),
        lambda: client.refund("HS-1", 18_060, START),
        lambda: client.query("HS-1", START),
    ],
    ids=["data key", "purchase", "refund", "query"],
)
def test_nothing_is_done_without_a_token(request_of: Any, spoilt: str) -> None:
    request = with_token(request_of(), spoilt)
    response = written(request, refusal(request))
    assert (response.status, said(response)["error"]) == (401, "invalid_token")


def test_a_token_may_stand_in_the_address() -> None:
    request = replace(client.query("HS-1", START), headers={}, query=f"access_token={client.token(START)}".encode())
    assert isinstance(decoded(request), Command)


def test_a_token_of_another_merchant_opens_nothing() -> None:
    other = replace(merchant(), merchant_code="OTHER")
    request = client.query("HS-1", START)
    endpoint, placed = endpoint_of(DIALECT, replace(request, path=request.path.replace(client.MERCHANT, "OTHER")))
    with pytest.raises(Refusal) as caught:
        endpoint.decode(placed, lambda code: other)
    assert caught.value.reason is Reason.BAD_SIGNATURE


def test_an_unknown_merchant_is_named_so() -> None:
    request = client.query("HS-1", START)
    unknown = replace(request, path=request.path.replace(client.MERCHANT, "OTHER"))
    response = written(unknown, refusal(unknown))
    assert said(response)["error"]["cause"] == "INVALID_MERCHANT"


# --- keys and form ---------------------------------------------------------------------------------------------


def form_request(method: str = "POST", **changes: str) -> Request:
    raw = urlencode(client.form_fields("HS-1", 18_060, START) | changes).encode()
    if method == "GET":
        return Request("GET", "/api/rest/hostedform", raw)
    return Request("POST", "/api/rest/hostedform", body=raw)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_form_makes_the_order_and_leads_to_the_payment_page(method: str) -> None:
    command = decoded(form_request(method))
    assert isinstance(command, Create)
    order = command.order
    assert (order.order_ref, order.amount_vnd, order.channel) == ("HS-1", 18_060, Channel.CARD)
    assert (order.return_url, order.description) == (client.RETURN_URL, "Nop le phi HS-1")
    reply = Reply(now=START, reply_ref="0" * 32, payment=payment(), page_url="http://banksim.test/pay/1")
    response = written(form_request(method), reply)
    assert (response.status, response.headers) == (302, (("location", "http://banksim.test/pay/1"),))


@pytest.mark.parametrize(
    ("scheme", "channel"), [("AtmCard", Channel.CARD), ("CreditCard", Channel.CARD), ("QRECOM", Channel.QR)]
)
def test_the_scheme_is_the_way_to_pay(scheme: str, channel: Channel) -> None:
    command = decoded(form_request(cardScheme=scheme))
    assert isinstance(command, Create)
    assert command.order.channel is channel


@pytest.mark.parametrize(
    ("changes", "reason", "shown"),
    [
        ({"orderAmount": "100"}, Reason.BAD_SIGNATURE, "INVALID_CHECKSUM"),
        ({"orderId": "HS-2"}, Reason.BAD_SIGNATURE, "INVALID_CHECKSUM"),
        ({"dataKey": ""}, Reason.BAD_SIGNATURE, "INVALID_CHECKSUM"),
        ({"napasKey": "0" * 64}, Reason.BAD_SIGNATURE, "INVALID_CHECKSUM"),
        ({"orderCurrency": "USD"}, Reason.BAD_SIGNATURE, "INVALID_CHECKSUM"),
        ({"merchantId": "NOBODY"}, Reason.UNKNOWN_MERCHANT, "INVALID_MERCHANT"),
        ({"apiOperation": "REFUND"}, Reason.UNKNOWN_COMMAND, "TRANSACTION_NOT_SUPPORTED"),
        ({"cardScheme": "Cash"}, Reason.MALFORMED, "INVALID_DATA"),
        ({"orderId": ""}, Reason.MALFORMED, "MISSING_DATA"),
        ({"orderReference": "a\x00b"}, Reason.MALFORMED, "INVALID_DATA"),
        ({"returnUrl": "javascript:alert(1)"}, Reason.MALFORMED, "INVALID_DATA"),
        ({"returnUrl": "http://[oops"}, Reason.MALFORMED, "INVALID_DATA"),
    ],
)
def test_a_form_with_other_keys_or_odd_fields_is_refused(changes: dict[str, str], reason: Reason, shown: str) -> None:
    request = form_request(**changes)
    refused = refusal(request)
    assert refused.reason is reason
    assert written(request, refused).headers == (("location", f"error?code={shown}"),)
    assert shown in ERROR_TEXTS


def test_a_refusal_without_a_text_of_its_own_is_another_error() -> None:
    assert written(form_request(), Refusal(Reason.TIMED_OUT)).headers == (("location", "error?code=OTHER_ERROR"),)


def key_request(**order: Any) -> Request:
    body = json.loads(client.key_request("HS-1", 18_060, START).body)
    body["order"] |= order
    return client.called("POST", "/datakey", START, body)


@pytest.mark.parametrize("amount", ["18060", 18060, "18060.00", "18060.0"])
def test_an_amount_comes_as_text_or_number(amount: object) -> None:
    assert isinstance(decoded(key_request(amount=amount)), Ask)


@pytest.mark.parametrize("amount", ["0", "", "-5", "1e3", "18060.50", "1" * 13, 18060.0, None, True, [1], 10**30])
def test_other_amounts_are_invalid(amount: object) -> None:
    request = key_request(amount=amount)
    answer = said(written(request, refusal(request)))
    assert (answer["result"], answer["error"]["cause"]) == ("ERROR", "INVALID_AMOUNT")


@pytest.mark.parametrize(
    ("request_of", "cause"),
    [
        (lambda: key_request(currency="USD"), "INVALID_DATA"),
        (lambda: key_request(id="a b"), "INVALID_DATA"),
        (lambda: key_request(id="x" * 41), "INVALID_DATA"),
        (lambda: client.called("POST", "/datakey", START, {"apiOperation": "PAY"}), "TRANSACTION_NOT_SUPPORTED"),
        (lambda: client.called("POST", "/datakey", START, {"apiOperation": "DATA_KEY"}), "INVALID_DATA"),
        (lambda: replace(key_request(), body=b"[]"), "INVALID_DATA"),
    ],
)
def test_keys_for_an_odd_order_are_refused(request_of: Any, cause: str) -> None:
    request = request_of()
    assert said(written(request, refusal(request)))["error"]["cause"] == cause


class Scripts(HTMLParser):
    """The first form's address and the scripts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.forms.append(dict(attrs))


def test_the_forms_script_is_anybodys_and_sends_every_attribute() -> None:
    request = Request("GET", "/api/restjs/resources/js/napas.hostedform.min.js")
    response = written(request, Reply(now=START, reply_ref="0" * 32))
    assert dict(response.headers)["content-type"].startswith("text/javascript")
    script = response.body.decode()
    assert [name for name in client.form_fields("HS-1", 18_060, START) if name not in script] == []


# --- purchase, confirmation, refund ----------------------------------------------------------------------------


def test_a_purchase_is_paid_with_its_card_and_keeps_it_nowhere() -> None:
    command = decoded(client.purchase("HS-1", 18_060, START))
    assert isinstance(command, Create)
    assert command.pays_with == "9704000000000018"
    assert (command.order.order_ref, command.order.amount_vnd) == ("HS-1", 18_060)
    assert "9704000000000018" not in repr((command.order, command.wire))


@pytest.mark.parametrize(
    "card",
    [
        {"number": ""},
        {"number": "97040000000000180000"},
        {"number": "9704-0000-0000-0018"},
        {"nameOnCard": ""},
        {"nameOnCard": "A\x00"},
        {"issueDate": ""},
        {"issueDate": "2003-07"},
    ],
)
def test_a_card_in_another_form_is_refused_without_being_told(card: dict[str, str]) -> None:
    refused = refusal(client.purchase("HS-1", 18_060, START, **card))
    assert refused.reason is Reason.MALFORMED
    assert not card.get("number") or card["number"] not in refused.detail


@pytest.mark.parametrize(
    ("path", "body", "cause"),
    [
        ("/order/HS-1/transaction/T1", {"apiOperation": "PAY"}, "TRANSACTION_NOT_SUPPORTED"),
        ("/order/HS-1/transaction/T1", {}, "TRANSACTION_NOT_SUPPORTED"),
        ("/order/HS-1/transaction/" + "T" * 41, {"apiOperation": "CONFIRM_OTP", "otp": "1"}, "INVALID_DATA"),
        ("/order/" + "H" * 41 + "/transaction/T1", {"apiOperation": "CONFIRM_OTP", "otp": "1"}, "INVALID_DATA"),
        ("/order/HS-1/transaction/T1", {"apiOperation": "CONFIRM_OTP"}, "MISSING_DATA"),
        ("/order/HS-1/transaction/T1", {"apiOperation": "CONFIRM_OTP", "otp": "a\x00"}, "INVALID_DATA"),
        ("/order/HS-1/transaction/R1", {"apiOperation": "REFUND_DOMESTIC"}, "INVALID_AMOUNT"),
        (
            "/order/HS-1/transaction/R1",
            {"apiOperation": "REFUND_DOMESTIC", "transaction": {"amount": "1", "currency": "USD"}},
            "INVALID_DATA",
        ),
    ],
)
def test_an_odd_call_is_refused(path: str, body: dict[str, Any], cause: str) -> None:
    request = client.called("PUT", path, START, body)
    answer = said(written(request, refusal(request)))
    assert (answer["result"], answer["error"]["cause"], answer["response"]["gatewayCode"]) == ("ERROR", cause, cause)


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.BAD_SIGNATURE])
def test_every_refusal_has_a_name_of_the_list(reason: Reason) -> None:
    answer = said(written(client.query("HS-1", START), Refusal(reason, "why")))
    assert answer["error"] == {"cause": CAUSES[reason], "explanation": "why"}
    assert CAUSES[reason] in NAMES


def test_a_refund_that_takes_too_long_has_a_name_of_its_own() -> None:
    refused = Refusal(Reason.TIMED_OUT)
    refund, purchase = client.refund("HS-1", 18_060, START), client.purchase("HS-1", 18_060, START)
    assert said(written(refund, refused))["error"]["cause"] == "REFUND_TIMEOUT"
    assert said(written(purchase, refused))["error"]["cause"] == "REQUEST_TIMEOUT"


# --- any garbage -----------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@given(
    part=st.sampled_from(["apiOperation", "order", "sourceOfFunds", "inputParameters", "transaction", "otp"]),
    value=json_values,
    operation=st.sampled_from(["PURCHASE_OTP", "CONFIRM_OTP", "REFUND_DOMESTIC"]),
)
def test_garbage_under_a_good_token_is_understood_or_refused(part: str, value: Any, operation: str) -> None:
    body = client.purchase_body("HS-1", 18_060) | {"apiOperation": operation, "otp": "OTP"} | {part: value}
    request = client.called("PUT", "/order/HS-1/transaction/T1", START, body)
    found = understood(request)
    if isinstance(found, Refusal):
        assert written(request, found).status == 200
    elif isinstance(found, Create):
        assert found.order.amount_vnd > 0


@given(changes=st.dictionaries(st.sampled_from(sorted(client.form_fields("HS-1", 1, START))), st.text(max_size=300)))
def test_garbage_in_the_form_never_changes_the_amount(changes: dict[str, str]) -> None:
    found = understood(form_request(**changes))
    assert isinstance(found, Refusal) or (found.merchant == merchant() and isinstance(found, Create))
    if isinstance(found, Create):
        assert (found.order.order_ref, found.order.amount_vnd) == ("HS-1", 18_060)


# --- from end to end -------------------------------------------------------------------------------------------


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await a_world(worlds)


async def a_world(worlds: Worlds, callback_url: str = "") -> World:
    here = replace(merchant(), callback_url=callback_url)
    return await worlds.create("ci", seed="1", clock_at=START, merchants=(here,))


async def answer_of(world: World, request: Request) -> dict[str, Any]:
    return said((await ask(world, "napas", request)).response)


def outcome_of(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["result"], answer["response"]["gatewayCode"]


async def test_a_purchase_is_confirmed_by_the_connector(world: World) -> None:
    answer = await answer_of(world, client.purchase("HS-1", 18_060, START))
    assert outcome_of(answer) == ("SUCCESS", "PENDING_FOR_OTP")
    (created,) = await world.store.payments(world.name)
    (form,) = Scripts(answer["authentication"]["htmlBodyContent"]).forms
    assert form["action"] == world.page_url(created.payment_id)
    assert outcome_of(await answer_of(world, client.query("HS-1", START))) == ("PENDING", "PENDING_FOR_OTP")
    assert outcome_of(await answer_of(world, client.confirm("HS-1", "OTP", START))) == ("SUCCESS", "APPROVED")
    assert outcome_of(await answer_of(world, client.query("HS-1", START))) == ("SUCCESS", "APPROVED")
    again = await answer_of(world, client.confirm("HS-1", "OTP", START))
    assert outcome_of(again) == ("ERROR", "FINISHED_PAYMENT")


async def test_three_wrong_passwords_end_a_purchase(world: World) -> None:
    await answer_of(world, client.purchase("HS-1", 18_060, START))
    answers = [outcome_of(await answer_of(world, client.confirm("HS-1", "NO", START))) for _ in range(3)]
    assert answers == [("ERROR", "INVALID_OTP_1TIME"), ("ERROR", "INVALID_OTP"), ("ERROR", "INVALID_OTP3")]
    assert outcome_of(await answer_of(world, client.query("HS-1", START))) == ("FAILURE", "INVALID_OTP3")
    late = await answer_of(world, client.confirm("HS-1", "OTP", START))
    assert outcome_of(late) == ("ERROR", "EXPIRED_ORDER")


@pytest.mark.parametrize(
    ("number", "at_once", "in_the_end"),
    [
        ("9704000000000026", ("ERROR", "LOCKED_CARD"), None),
        ("9704000000000034", ("SUCCESS", "PENDING_FOR_OTP"), ("ERROR", "INSUFFICIENT_FUNDS")),
        ("9704000000000042", ("SUCCESS", "PENDING_FOR_OTP"), ("ERROR", "CARD_LIMIT_EXCEEDED")),
        ("9704000000000099", ("ERROR", "INVALID_CARDNO"), None),
    ],
)
async def test_the_published_cards_end_as_they_are_published(
    world: World, number: str, at_once: tuple[str, str], in_the_end: tuple[str, str] | None
) -> None:
    assert outcome_of(await answer_of(world, client.purchase("HS-1", 18_060, START, number=number))) == at_once
    if in_the_end is not None:
        assert outcome_of(await answer_of(world, client.confirm("HS-1", "OTP", START))) == in_the_end


async def test_a_confirmation_needs_the_purchases_own_number(world: World) -> None:
    await answer_of(world, client.purchase("HS-1", 18_060, START))
    other = await answer_of(world, client.confirm("HS-1", "OTP", START, transaction="T2"))
    assert outcome_of(other) == ("ERROR", "ORDERS_NOT_FOUND")
    unknown = await answer_of(world, client.confirm("HS-2", "OTP", START))
    assert outcome_of(unknown) == ("ERROR", "ORDERS_NOT_FOUND")


async def test_the_same_purchase_again_is_the_same_and_another_is_a_duplicate(world: World) -> None:
    first = await answer_of(world, client.purchase("HS-1", 18_060, START))
    assert await answer_of(world, client.purchase("HS-1", 18_060, START)) == first
    for other in (client.purchase("HS-1", 18_061, START), client.purchase("HS-1", 18_060, START, transaction="T2")):
        assert outcome_of(await answer_of(world, other)) == ("ERROR", "DUPLICATE_ORDERS")
    assert len(await world.store.payments(world.name)) == 1


async def bought(world: World) -> None:
    await answer_of(world, client.purchase("HS-1", 18_060, START))
    await answer_of(world, client.confirm("HS-1", "OTP", START))


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    await bought(world)
    first = await answer_of(world, client.refund("HS-1", 10_000, START, "R1"))
    assert outcome_of(first) == ("SUCCESS", "APPROVED")
    assert (first["transaction"]["id"], first["transaction"]["amount"], first["transaction"]["type"]) == (
        *("R1", "10000"),
        "REFUND",
    )
    too_much = await answer_of(world, client.refund("HS-1", 8_061, START, "R2"))
    assert outcome_of(too_much) == ("ERROR", "EXCEEDING_REFUND_AMOUNT")
    more_than_all = await answer_of(world, client.refund("HS-1", 18_061, START, "R2"))
    assert outcome_of(more_than_all) == ("ERROR", "EXCEEDING_REFUND_AMOUNT")
    assert outcome_of(await answer_of(world, client.refund("HS-1", 8_060, START, "R2"))) == ("SUCCESS", "APPROVED")
    answer = await answer_of(world, client.query("HS-1", START))
    assert answer["order"]["totalRefundedAmount"] == "18060"
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


@pytest.mark.parametrize("transaction", ["T1", "R1"])
async def test_a_refund_needs_a_number_of_its_own(world: World, transaction: str) -> None:
    await bought(world)
    await answer_of(world, client.refund("HS-1", 1_000, START, "R1"))
    again = await answer_of(world, client.refund("HS-1", 1_000, START, transaction))
    assert outcome_of(again) == ("ERROR", "MC_TRANS_ID_DUPLICATE")


async def test_nothing_is_refunded_that_was_not_paid(world: World) -> None:
    unknown = await answer_of(world, client.refund("HS-1", 1_000, START))
    assert outcome_of(unknown) == ("ERROR", "TRANSACTION_NOT_FOUND")
    await answer_of(world, client.purchase("HS-1", 18_060, START))
    unpaid = await answer_of(world, client.refund("HS-1", 1_000, START))
    assert outcome_of(unpaid) == ("ERROR", "ORDERS_NOT_PAID")
    for _ in range(3):
        await answer_of(world, client.confirm("HS-1", "NO", START))
    failed = await answer_of(world, client.refund("HS-1", 1_000, START))
    assert outcome_of(failed) == ("ERROR", "ORIGINAL_TRANSACTION_FAIL")


async def test_a_paid_order_is_not_paid_again(world: World) -> None:
    await bought(world)
    for other in (client.purchase("HS-1", 18_060, START), client.purchase("HS-1", 5_000, START, transaction="T2")):
        assert outcome_of(await answer_of(world, other)) == ("ERROR", "FINISHED_PAYMENT")
    again = (await ask(world, "napas", client.hosted_form("HS-1", 18_060, START))).response
    assert dict(again.headers)["location"] == "error?code=FINISHED_PAYMENT"


@pytest.mark.parametrize(("age_s", "outcome"), [(299, ("SUCCESS", "APPROVED")), (300, ("ERROR", "OTP_TIMED_OUT"))])
async def test_a_one_time_password_holds_for_five_minutes(world: World, age_s: int, outcome: tuple[str, str]) -> None:
    await answer_of(world, client.purchase("HS-1", 18_060, START))
    await world.store.set_clock("ci", START + timedelta(seconds=age_s))
    assert outcome_of(await answer_of(world, client.confirm("HS-1", "OTP", START))) == outcome


@pytest.mark.parametrize(("age_s", "status"), [(3599, 200), (3600, 401)])
async def test_a_token_holds_for_an_hour(world: World, age_s: int, status: int) -> None:
    then = START - timedelta(seconds=age_s)
    answer = (await ask(world, "napas", client.purchase("HS-1", 18_060, then))).response
    assert answer.status == status
    assert len(await world.store.payments(world.name)) == (status == 200)


async def test_the_form_is_paid_on_the_page_and_the_result_is_told(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    world = await a_world(worlds, f"{portal.url}/ipn")
    portal.answer = lambda method, path, body: served(answered("napas", method, path, body))
    sent = await ask(world, "napas", client.hosted_form("HS-1", 18_060, START))
    (created,) = await world.store.payments(world.name)
    assert dict(sent.response.headers)["location"] == world.page_url(created.payment_id)
    await progress(world, created.payment_id, payer.give_card("9704000000000018", "NGUYEN VAN A", "03/07"))
    await progress(world, created.payment_id, payer.give_otp("otp"))
    assert await returned(world, created.payment_id) == client.RETURN_URL
    posted = await posted_back(world, created.payment_id)
    await courier.run_due(world)
    ((method, path, body),) = portal.requests
    assert (method, path) == ("POST", "/ipn")
    assert posted == {"napasResult": body.decode()}
    result = json.loads(base64.b64decode(json.loads(body)["data"]))["paymentResult"]
    assert (result["result"], result["order"]["amount"]) == ("SUCCESS", "18060")


async def test_a_portal_that_never_answers_well_is_told_four_times(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    world = await a_world(worlds, f"{portal.url}/ipn")
    await ask(world, "napas", client.hosted_form("HS-1", 18_060, START))
    (created,) = await world.store.payments(world.name)
    await act(world, created.payment_id, Event.CANCEL)
    await courier.advance(world, START + timedelta(days=1))
    assert len(portal.requests) == DIALECT.retry.attempts_max == 4
