"""Facts about ViettelPay bills by QR."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.bank import act
from simulator.banks import viettelpay
from simulator.banks.viettelpay import DIALECT, acknowledged, ask, callback, check_sum, encode_search, read, scanned
from simulator.delivery import Courier
from simulator.dialect import Ack, Notice, Query, Question, RefundOrder, Reply
from simulator.merchants import default_merchants, forged
from simulator.outbox import DeliveryState
from simulator.payment import Bill, Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request
from simulator.world import World
from tests.samples import BILL_AMOUNT_VND, answered
from tests.samples.viettelpay import viettelpay_check_sum, viettelpay_refund, viettelpay_search
from tests.worlds import START, Connector, connector, courier_of, served, worlds_in
from tests.worlds import ask as asked_of

VECTORS = json.loads((Path(__file__).parent.parent / "fixtures/wire/viettelpay/check_sums.json").read_text())
HEX = next(each for each in default_merchants() if each.bank == "viettelpay")
BASE64 = msgspec.structs.replace(HEX, options={"check_sum": "base64"})
QR = json.dumps(
    {
        "PRIORITY": "BankPlus",
        "VERSION": "1.0",
        "TYPE": "PAY_BILL",
        "BILLCODE": "G17___HD0001",
        "ORDER_ID": "501___H49-261122-01",
        "AMOUNT": 20000,
        "MERCHANT_CODE": "DVCDEMO",
    }
)
SEARCH = DIALECT.endpoints[0]


def question(text: str = QR) -> Question:
    return Question(bill_code=text, trans_ref="12345678901234", channel=Channel.QR, now=START)


def payment(state: State = State.PAID, text: str = QR, **changes: Any) -> Payment:
    made = Payment(
        payment_id="p1",
        bank="viettelpay",
        merchant_code="DVCDEMO",
        order=Order(order_ref=text, order_key="12345678901234", amount_vnd=20_000),
        amount_vnd=20_000,
        bank_ref="98765432101234",
        created_at=START,
        state=state,
        outcome=Outcome.SUCCESS,
        channel=Channel.QR,
        payer_account="100000000001",
        settled_at=START,
    )
    return msgspec.structs.replace(made, **changes)


def notice(merchant: Merchant = HEX, state: State = State.PAID, **changes: Any) -> Notice:
    return Notice(payment=payment(state, **changes), merchant=merchant, now=START)


def posted(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def told(merchant: Merchant = HEX, state: State = State.PAID, **changes: Any) -> dict[str, str]:
    return posted(callback(notice(merchant, state, **changes)).body)


def json_answer(fields: object, status: int = 200) -> Answer:
    return Answer(status, (), fields if isinstance(fields, bytes) else json.dumps(fields).encode())


def bill_answer(text: str = QR, **changes: Any) -> Answer:
    """What a sound portal answers to the bill check of that code, changed."""
    sent = ask(question(text), HEX)
    good = answered("viettelpay", sent.method, "/inquiry", sent.body)
    return json_answer({**json.loads(good.body), **changes})


def refusal(answer: Answer, text: str = QR) -> Reason:
    with pytest.raises(Refusal) as caught:
        read(answer, question(text), HEX)
    return caught.value.reason


def ack(**changes: Any) -> Answer:
    fields = {"error_code": "00", "merchant_code": "DVCDEMO", "order_id": "501___H49-261122-01", **changes}
    signed = viettelpay_check_sum(*(fields[name] for name in ("error_code", "merchant_code", "order_id")))
    return json_answer({"check_sum": signed, **fields})


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["key"]))
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_published_check_sum_is_made(vector: dict[str, Any], encoding: str) -> None:
    secrets = {"access_code": vector["access_code"], "hash_key": vector["hash_key"]}
    merchant = msgspec.structs.replace(HEX, secrets=secrets, options={"check_sum": encoding})
    assert check_sum(vector["fields"], viettelpay.CHECK_SIGNED, merchant) == vector[encoding]


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_the_bill_check_sends_the_published_check_sum(encoding: str) -> None:
    """viettelpay-opencps: the vector, from the scanned code to the posted form."""
    (vector,) = VECTORS
    secrets = {"access_code": "ACC", "hash_key": "hk"}
    merchant = msgspec.structs.replace(HEX, secrets=secrets, merchant_code="MER", options={"check_sum": encoding})
    text = '{"BILLCODE":"BILL01","ORDER_ID":"ORD01","AMOUNT":"50000","MERCHANT_CODE":"MER"}'
    assert posted(ask(question(text), merchant).body) == {
        "billcode": "BILL01",
        "merchant_code": "MER",
        "order_id": "ORD01",
        "check_sum": vector[encoding],
    }


# --- the code ------------------------------------------------------------------------------------------------


def test_the_text_of_a_qr_code_has_bill_and_order_apart() -> None:
    assert scanned(QR) == ("G17___HD0001", "501___H49-261122-01", "20000", "DVCDEMO")


@pytest.mark.parametrize(
    "text",
    [
        "HS0001",
        "{",
        "{}",
        "[1]",
        '{"BILLCODE":"B1"}',
        '{"BILLCODE":"","ORDER_ID":"O1"}',
        '{"BILLCODE":["B1"],"ORDER_ID":"O1"}',
        '{"BILLCODE":true,"ORDER_ID":"O1"}',
        '{"BILLCODE":"a\\u0000b","ORDER_ID":"O1"}',
        '{"BILLCODE":1.5,"ORDER_ID":"O1"}',
        f'{{"BILLCODE":{"9" * 16},"ORDER_ID":"O1"}}',
        f'{{"BILLCODE":{"9" * 5000},"ORDER_ID":"O1"}}',
        f'{{"BILLCODE":"{"x" * 101}","ORDER_ID":"O1"}}',
        "{" * 10_000,
        "{\ud800",
    ],
)
def test_any_other_text_is_bill_code_and_order_number_both(text: str) -> None:
    assert scanned(text) == (text, text, "", "")


def test_numbers_in_the_qr_code_are_read() -> None:
    assert scanned('{"BILLCODE":12,"ORDER_ID":34,"AMOUNT":56}') == ("12", "34", "56", "")


def test_a_typed_code_is_asked_for_without_its_amount() -> None:
    sent = posted(ask(question("HS0001"), HEX).body)
    assert (sent["billcode"], sent["order_id"]) == ("HS0001", "HS0001")
    assert sent["check_sum"] == viettelpay_check_sum("HS0001", "DVCDEMO", "HS0001", "")


def test_messages_go_to_the_urls_of_the_contract_as_forms() -> None:
    merchant = msgspec.structs.replace(HEX, callback_url="http://p/result", inquiry_url="http://p/check")
    result, check = callback(notice(merchant)), ask(question(), merchant)
    assert (result.method, result.url, check.method, check.url) == ("POST", "http://p/result", "POST", "http://p/check")
    for sent in (result, check):
        assert sent.headers == (("content-type", "application/x-www-form-urlencoded"),)


# --- bills ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [20_000, "20000"])
def test_a_bill_keeps_bill_code_and_order_number_apart(amount: object) -> None:
    bill = read(bill_answer(trans_amount=amount), question(), HEX)
    assert (bill.bill_code, bill.amount_vnd) == (QR, 20_000)
    assert bill.wire == {"billcode": "G17___HD0001", "order_id": "501___H49-261122-01"}


def test_a_bill_may_have_a_check_sum_of_its_own() -> None:
    """viettelpay-gateway: the answer's own rule, where OpenCPS echoes the question's."""
    own = viettelpay_check_sum("HS0001", "00", "DVCDEMO", "HS0001", "30000")
    bill = read(bill_answer("HS0001", trans_amount=30_000, check_sum=own), question("HS0001"), HEX)
    assert bill.amount_vnd == 30_000
    assert refusal(bill_answer("HS0001", trans_amount=30_001, check_sum=own), "HS0001") is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("01", Reason.UNKNOWN_ORDER),
        ("02", Reason.BAD_SIGNATURE),
        ("03", Reason.UNKNOWN),
        ("99", Reason.UNKNOWN),
        ("", Reason.UNKNOWN),
        (0, Reason.UNKNOWN),
        (None, Reason.UNKNOWN),
    ],
)
def test_a_portals_no_is_understood(code: object, reason: Reason) -> None:
    assert refusal(bill_answer(error_code=code)) is reason


@pytest.mark.parametrize("name", ["billcode", "order_id", "merchant_code"])
@pytest.mark.parametrize("value", ["", "OTHER", None])
def test_a_bill_for_another_question_is_refused(name: str, value: object) -> None:
    assert refusal(bill_answer(**{name: value})) is Reason.MALFORMED


@pytest.mark.parametrize("given", ["", None, "0" * 40, 7])
def test_a_bill_with_a_wrong_check_sum_is_refused(given: object) -> None:
    assert refusal(bill_answer(check_sum=given)) is Reason.BAD_SIGNATURE


def test_a_check_sum_in_upper_case_or_cut_short_is_refused() -> None:
    true = str(json.loads(bill_answer().body)["check_sum"])
    assert true != true.upper()
    for other in (true.upper(), true[:20]):
        assert refusal(bill_answer(check_sum=other)) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("amount", ["", "0", "-1", "1e3", "٣", "020000", "2.0", "9" * 16, 20000.5, True, None, []])
def test_an_amount_that_is_no_whole_positive_number_is_refused(amount: object) -> None:
    assert refusal(bill_answer("HS0001", trans_amount=amount), "HS0001") is Reason.INVALID_AMOUNT


def test_an_amount_may_exceed_32_bits() -> None:
    assert read(bill_answer("HS1", trans_amount=3_000_000_000), question("HS1"), HEX).amount_vnd == 3_000_000_000


@pytest.mark.parametrize("amount", [19_999, 20_001])
def test_a_bill_of_another_amount_than_the_qr_codes_is_refused(amount: int) -> None:
    assert refusal(bill_answer(trans_amount=amount)) is Reason.INVALID_AMOUNT


def test_a_qr_code_of_another_merchant_is_refused() -> None:
    text = QR.replace("DVCDEMO", "OTHER")
    assert refusal(bill_answer(text), text) is Reason.UNKNOWN_MERCHANT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(error="timed out"), Reason.TIMED_OUT),
        (Answer(503), Reason.MAINTENANCE),
        (Answer(500), Reason.UNKNOWN),
        (Answer(302), Reason.UNKNOWN),
        (Answer(200, (), b"<html>"), Reason.MALFORMED),
        (Answer(200, (), b"[" * 100_000), Reason.MALFORMED),
        (Answer(200, (), b"{}"), Reason.UNKNOWN),
        (Answer(200, (), b'{"error_code":' + b"9" * 5000 + b"}"), Reason.MALFORMED),
        (Answer(200, (), b'{"error_code":' + b"9" * 30 + b"}"), Reason.UNKNOWN),
    ],
)
def test_no_answer_and_garbage_are_refusals(answer: Answer, reason: Reason) -> None:
    assert refusal(answer) is reason


# --- the result ----------------------------------------------------------------------------------------------


def test_a_result_has_the_documented_fields_and_check_sum() -> None:
    fields = told()
    signed = fields.pop("check_sum")
    assert fields == {
        "billcode": "G17___HD0001",
        "cust_msisdn": "84000000001",
        "error_code": "00",
        "merchant_code": "DVCDEMO",
        "order_id": "501___H49-261122-01",
        "payment_status": "1",
        "trans_amount": "20000",
        "vt_transaction_id": "98765432101234",
    }
    assert signed == viettelpay_check_sum(*fields.values())


def test_a_contract_in_base64_has_every_check_sum_in_base64() -> None:
    assert len(told(BASE64)["check_sum"]) == len(posted(ask(question(), BASE64).body)["check_sum"]) == 28
    assert len(told(HEX)["check_sum"]) == 40


EXPECTED_STATUS = {
    **{State.PENDING: "0", State.SUSPECTED: "3", State.FAILED: "2", State.CANCELLED: "2", State.EXPIRED: "2"},
    **{State.REVERSED: "2", State.PAID: "1", State.PARTLY_REFUNDED: "1", State.REFUNDED: "1"},
}


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_told_as_paid(state: State) -> None:
    fields = told(state=state)
    assert fields["payment_status"] == EXPECTED_STATUS[state]
    assert fields["error_code"] == ("00" if EXPECTED_STATUS[state] == "1" else "03")


def test_an_attempt_of_which_the_bank_knows_nothing_yet_is_uncertain() -> None:
    assert told(state=State.PENDING, outcome=Outcome.UNKNOWN)["payment_status"] == "3"


@pytest.mark.parametrize("outcome", Outcome)
def test_the_outcome_of_a_paid_bill_changes_nothing(outcome: Outcome) -> None:
    assert told(outcome=outcome) == told()


def test_a_result_signed_by_a_forger_has_another_check_sum() -> None:
    assert told(forged(HEX))["check_sum"] != told()["check_sum"]


def test_a_shifted_field_boundary_signs_alike() -> None:
    """A documented weakness of joining without a separator: amount and transaction number are neighbours."""
    true = told()
    shifted = {**true, "trans_amount": "2000", "vt_transaction_id": "0" + true["vt_transaction_id"]}
    assert check_sum(shifted, viettelpay.RESULT_SIGNED, HEX) == true["check_sum"]


# --- acknowledgements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "done"), [("00", True), ("01", False), ("02", False), ("03", False), ("", False), ("0", False)]
)
def test_only_00_ends_the_retries(code: str, done: bool) -> None:
    assert acknowledged(ack(error_code=code), notice()) == Ack(done, f"error_code {code}")


@pytest.mark.parametrize("changes", [{"order_id": "other"}, {"merchant_code": "OTHER"}, {"order_id": ""}])
def test_a_signed_answer_for_another_order_acknowledges_nothing(changes: dict[str, str]) -> None:
    assert not acknowledged(ack(**changes), notice()).done


@pytest.mark.parametrize("given", ["", None, "0" * 40, 7, viettelpay_check_sum("00", access_code="other")])
def test_a_wrong_or_missing_check_sum_acknowledges_nothing(given: object) -> None:
    assert not acknowledged(ack(check_sum=given), notice()).done


def test_an_acknowledgement_is_judged_in_the_contracts_encoding() -> None:
    own = check_sum(
        {"error_code": "00", "merchant_code": "DVCDEMO", "order_id": "501___H49-261122-01"},
        viettelpay.ACK_SIGNED,
        BASE64,
    )
    assert acknowledged(ack(check_sum=own), notice(BASE64)).done
    assert not acknowledged(ack(check_sum=own), notice(HEX)).done


@pytest.mark.parametrize("status", [0, 201, 302, 404, 500, 503])
def test_an_acknowledgement_needs_http_200(status: int) -> None:
    assert not acknowledged(Answer(status, (), ack().body), notice()).done


# --- search --------------------------------------------------------------------------------------------------


def looked_up(code: str) -> Merchant | None:
    return HEX if code == "DVCDEMO" else None


def search_refused(request: Request) -> tuple[Reason, dict[str, Any]]:
    with pytest.raises(Refusal) as caught:
        SEARCH.decode(request, looked_up)
    return caught.value.reason, json.loads(encode_search(request, None, caught.value).body)


def found(result: Payment | Refusal) -> dict[str, Any]:
    request = viettelpay_search("ORD01", START, "")
    command = SEARCH.decode(request, looked_up)
    reply = result if isinstance(result, Refusal) else Reply(now=START, reply_ref="0" * 32, payment=result)
    fields: dict[str, Any] = json.loads(encode_search(request, command, reply).body)
    return fields


def test_a_search_is_a_query_of_the_order_number() -> None:
    command = SEARCH.decode(viettelpay_search("ORD01", START, ""), looked_up)
    assert isinstance(command, Query)
    assert (command.name, command.merchant) == ("ORD01", HEX)


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"cmd": "PAYMENT"}, Reason.UNKNOWN_COMMAND, "01"),
        ({"merchant_code": "OTHER"}, Reason.UNKNOWN_MERCHANT, "01"),
        ({"check_sum": "0" * 40}, Reason.BAD_SIGNATURE, "02"),
        ({"check_sum": ""}, Reason.MALFORMED, "01"),
        ({"order_id": ""}, Reason.MALFORMED, "01"),
        ({"order_id": "x" * 101}, Reason.MALFORMED, "01"),
        ({"order_id": "a\x00b"}, Reason.MALFORMED, "01"),
        ({"version": ""}, Reason.MALFORMED, "01"),
    ],
)
def test_a_search_that_is_not_understood_gets_a_code_and_no_signature(
    changes: dict[str, str], reason: Reason, code: str
) -> None:
    told_reason, fields = search_refused(viettelpay_search("ORD01", START, "", **changes))
    assert told_reason is reason
    assert (fields["error_code"], fields["payment_status"], fields["check_sum"]) == (code, "-1", "")


@pytest.mark.parametrize("name", ["order_id", "version"])
def test_changing_a_signed_field_of_a_search_is_noticed(name: str) -> None:
    true = posted(viettelpay_search("ORD01", START, "").body)
    request = Request("POST", "/search", body=urlencode({**true, name: "3.0"}).encode())
    assert search_refused(request)[0] is Reason.BAD_SIGNATURE


def test_a_field_that_stands_twice_is_refused() -> None:
    request = Request("POST", "/search", body=viettelpay_search("ORD01", START, "").body + b"&cmd=TRANS_INQUIRY")
    assert search_refused(request)[0] is Reason.MALFORMED


@pytest.mark.parametrize("state", State)
def test_a_search_tells_every_state_with_a_check_sum(state: State) -> None:
    fields = found(payment(state))
    assert (fields["error_code"], fields["payment_status"]) == ("00", EXPECTED_STATUS[state])
    assert (fields["vt_transaction_id"], fields["trans_amount"]) == ("98765432101234", 20_000)
    assert fields["check_sum"] == viettelpay_check_sum("00", "DVCDEMO", "ORD01", "2.0")


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_of_a_search_has_its_code(reason: Reason) -> None:
    system = (Reason.MAINTENANCE, Reason.TIMED_OUT, Reason.UNKNOWN)
    code = "02" if reason is Reason.BAD_SIGNATURE else "03" if reason in system else "01"
    assert found(Refusal(reason, "why"))["error_code"] == code


@pytest.mark.parametrize("state", State)
def test_an_order_has_its_name_once_the_payer_was_debited(state: State) -> None:
    debited = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED, State.SUSPECTED, State.REVERSED)
    assert DIALECT.names(payment(state)) == (("501___H49-261122-01", "transaction:98765432101234") if debited else ())


# --- refunds: viettelpay-gateway#refund ----------------------------------------------------------------------


def refund_refused(request: Request) -> tuple[Reason, dict[str, Any]]:
    with pytest.raises(Refusal) as caught:
        SEARCH.decode(request, looked_up)
    fields: dict[str, Any] = json.loads(encode_search(request, None, caught.value).body)
    return caught.value.reason, fields


@pytest.mark.parametrize(("kind", "full"), [("0", True), ("1", False)])
def test_a_refund_is_of_a_transaction(kind: str, full: bool) -> None:
    command = SEARCH.decode(viettelpay_refund("ORD01", "98765432101234", 5_000, kind), looked_up)
    assert isinstance(command, RefundOrder)
    assert (command.name, command.amount_vnd, command.full) == ("transaction:98765432101234", 5_000, full)


def test_a_refunds_check_sum_joins_its_fields_in_their_order() -> None:
    fields = posted(viettelpay_refund("ORD01", "98765432101234", 5_000, "1").body)
    text = "REFUND_PAYMENTDVCDEMOORD01987654321012341" + "5000" + "2.0"
    assert fields["check_sum"] == viettelpay_check_sum(text)


def test_a_contract_in_base64_has_refunds_in_base64() -> None:
    fields = posted(viettelpay_refund("ORD01", "98765432101234", 5_000).body)
    fields["check_sum"] = check_sum(fields, viettelpay.REFUND_SIGNED, BASE64)
    assert len(fields["check_sum"]) == 28
    request = Request("POST", "/search", body=urlencode(fields).encode())
    assert isinstance(SEARCH.decode(request, lambda code: BASE64), RefundOrder)
    assert refund_refused(request)[0] is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"merchant_code": "OTHER"}, Reason.UNKNOWN_MERCHANT, "01"),
        ({"check_sum": "0" * 40}, Reason.BAD_SIGNATURE, "02"),
        ({"originalRequestId": ""}, Reason.MALFORMED, "01"),
        ({"originalRequestId": "x" * 51}, Reason.MALFORMED, "01"),
        ({"refundType": "2"}, Reason.MALFORMED, "01"),
        ({"refundType": ""}, Reason.MALFORMED, "01"),
        ({"trans_amount": "0"}, Reason.MALFORMED, "01"),
        ({"trans_amount": "-5000"}, Reason.MALFORMED, "01"),
        ({"trans_amount": "5000.5"}, Reason.MALFORMED, "01"),
        ({"trans_amount": "9" * 16}, Reason.MALFORMED, "01"),
        ({"trans_amount": "٣"}, Reason.MALFORMED, "01"),
    ],
)
def test_a_refund_that_is_not_understood_gets_a_code_and_no_signature(
    changes: dict[str, str], reason: Reason, code: str
) -> None:
    told_reason, fields = refund_refused(viettelpay_refund("ORD01", "98765432101234", 5_000, **changes))
    assert told_reason is reason
    assert (fields["error_code"], fields["check_sum"]) == (code, "")
    assert fields["error_msg"] == viettelpay.REFUND_MESSAGES[code]


@pytest.mark.parametrize("name", ["order_id", "originalRequestId", "refundType", "trans_amount", "version"])
def test_changing_a_signed_field_of_a_refund_is_noticed(name: str) -> None:
    true = posted(viettelpay_refund("ORD01", "98765432101234", 5_000).body)
    request = Request("POST", "/search", body=urlencode({**true, name: "1"}).encode())
    assert refund_refused(request)[0] is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_of_a_refund_has_its_code_and_words(reason: Reason) -> None:
    request = viettelpay_refund("ORD01", "98765432101234", 5_000)
    command = SEARCH.decode(request, looked_up)
    fields = json.loads(encode_search(request, command, Refusal(reason, "why")).body)
    system = (Reason.MAINTENANCE, Reason.TIMED_OUT, Reason.UNKNOWN)
    code = "02" if reason is Reason.BAD_SIGNATURE else "03" if reason in system else "01"
    assert (fields["error_code"], fields["error_msg"]) == (code, viettelpay.REFUND_MESSAGES[code])
    assert fields["check_sum"] == viettelpay_check_sum(code, "DVCDEMO", "ORD01", "2.0")


# --- the portal's paths: viettelpay-opencps#routes -----------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "check", "result"),
    [
        ("", "http://p/o/pgi", "http://p/o/pgi/"),
        ("unknown", "http://p/o/pgi", "http://p/o/pgi/"),
        ("hub", "http://p/o/pgi/vtp/paymentconfirm", "http://p/o/pgi/vtp/receiveresult"),
        ("merchant", "http://p/o/pgi/vtp/mcpaymentconfirm", "http://p/o/pgi/vtp/mcreceiveresult"),
    ],
)
def test_a_contract_names_the_hub_or_the_province(paths: str, check: str, result: str) -> None:
    urls = {"inquiry_url": "http://p/o/pgi", "callback_url": "http://p/o/pgi/"}
    merchant = msgspec.structs.replace(HEX, options={"paths": paths}, **urls)
    assert (ask(question(), merchant).url, callback(notice(merchant)).url) == (check, result)


# --- whole payments ------------------------------------------------------------------------------------------


@pytest.fixture
async def portal() -> AsyncIterator[Connector]:
    async with connector() as it:
        it.answer = lambda method, path, body: served(answered("viettelpay", method, path, body))
        yield it


async def searched(world: World, order_id: str) -> dict[str, Any]:
    response = (await asked_of(world, "viettelpay", viettelpay_search(order_id, START, ""))).response
    fields: dict[str, Any] = json.loads(response.body)
    return fields


async def scan(world: World, courier: Courier) -> Payment:
    merchant = world.merchants["viettelpay", "DVCDEMO"]
    return await courier.inquire(world, DIALECT, merchant, QR, Channel.QR)


async def test_a_scanned_bill_is_checked_paid_told_and_found(tmp_path: Path, portal: Connector) -> None:
    urls = {"callback_url": f"{portal.url}/result", "inquiry_url": f"{portal.url}/check"}
    merchant = msgspec.structs.replace(HEX, **urls)
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        given_up, visited = await scan(world, courier), await scan(world, courier)
        await act(world, given_up.payment_id, Event.CANCEL)
        assert (await searched(world, "501___H49-261122-01"))["payment_status"] == "-1"
        await act(world, visited.payment_id, Event.APPROVE)
        await courier.advance(world, START + timedelta(hours=1))
        (delivery,) = await world.store.deliveries(world.name)
        assert delivery.state is DeliveryState.ACKNOWLEDGED
        assert [path for _, path, _ in portal.requests] == ["/check", "/check", "/result"]
        result, after = posted(portal.requests[-1][2]), await searched(world, "501___H49-261122-01")
        assert result["trans_amount"] == str(after["trans_amount"]) == str(BILL_AMOUNT_VND)
        assert result["vt_transaction_id"] == after["vt_transaction_id"] == visited.bank_ref
        assert after["payment_status"] == result["payment_status"] == "1"
        assert (await searched(world, "501___other"))["error_code"] == "01"


async def test_what_was_paid_is_given_back_in_parts_and_never_more(tmp_path: Path, portal: Connector) -> None:
    urls = {"callback_url": f"{portal.url}/result", "inquiry_url": f"{portal.url}/check"}
    merchant = msgspec.structs.replace(HEX, **urls)
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        order_id, visited, twice = "501___H49-261122-01", await scan(world, courier), await scan(world, courier)

        async def refund(number: str, amount_vnd: int, kind: str = "1", ref: str = order_id) -> str:
            request = viettelpay_refund(ref, number, amount_vnd, kind)
            answer = json.loads((await asked_of(world, "viettelpay", request)).response.body)
            assert (answer["vt_transaction_id"] != "") == (answer["error_code"] == "00")
            return str(answer["error_code"])

        assert await refund(visited.bank_ref, 5_000) == "01", "unpaid"
        for each in (visited, twice):
            await act(world, each.payment_id, Event.APPROVE)
        assert await refund(visited.bank_ref, 5_000, ref="501___other") == "01"
        assert await refund(visited.bank_ref, 5_000, "0") == "01", "no part is the whole"
        assert await refund(visited.bank_ref, 5_000) == "00"
        assert await refund(visited.bank_ref, 5_000) == "01", "in the very same words"
        assert await refund(visited.bank_ref, BILL_AMOUNT_VND - 4_999) == "01"
        assert await refund(visited.bank_ref, BILL_AMOUNT_VND - 5_000) == "00"
        assert await refund(twice.bank_ref, BILL_AMOUNT_VND, "0") == "00"
        assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


# --- whatever comes ------------------------------------------------------------------------------------------

calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEMBERS = st.sampled_from(["billcode", "order_id", "merchant_code", "check_sum", "trans_amount", "error_code"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just([{}])


@calmly
@given(changes=st.dictionaries(MEMBERS, VALUES))
def test_any_answer_to_a_bill_check_is_a_bill_or_a_refusal(changes: dict[str, Any]) -> None:
    try:
        bill = read(bill_answer(**changes), question(), HEX)
    except Refusal:
        return
    assert isinstance(bill, Bill)
    assert bill.amount_vnd == 20_000


@calmly
@given(changes=st.dictionaries(MEMBERS, VALUES, min_size=1))
def test_any_answer_to_a_result_is_read(changes: dict[str, Any]) -> None:
    true = {**json.loads(ack().body), **changes}
    done = acknowledged(json_answer(true), notice()).done
    signed = ("error_code", "merchant_code", "order_id", "check_sum")
    assert done == all(true[name] == json.loads(ack().body)[name] for name in signed)


@calmly
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_may_be_handed_in(text: str) -> None:
    sent = posted(ask(question(text), HEX).body)
    assert sent["order_id"] == scanned(text).order_id


@calmly
@given(body=st.binary(max_size=300))
def test_any_search_is_refused_with_an_answer(body: bytes) -> None:
    _, fields = search_refused(Request("POST", "/search", body=body))
    assert fields["error_code"] in ("01", "02")
