"""Facts about KeyPay v1."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bank import act, returned
from simulator.banks.keypay import (
    CODES,
    DIALECT,
    OUTCOMES,
    REASONS,
    SERVICES,
    SOAP_NAMES,
    listed_hash,
    response_code,
    sorted_hash,
)
from simulator.dialect import Create, Endpoint, Notice, Query, Reply
from simulator.merchants import default_merchants
from simulator.payment import COLLECTED, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request
from tests.samples.keypay import (
    GOOD_CODE,
    KEYPAY_SECRET,
    keypay_others,
    keypay_process,
    keypay_service,
    keypay_soap,
    keypay_status,
    md5_upper,
)
from tests.worlds import START, ask, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "keypay" / "v1.json"
VECTORS: dict[str, dict[str, Any]] = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
OURS = next(each for each in default_merchants() if each.bank == "keypay")
DEMO = msgspec.structs.replace(OURS, merchant_code="DEMO", secrets={"secret": "demo-secret"})
PROCESS = DIALECT.endpoints[0]
BY_PATH = {each.path: each for each in DIALECT.endpoints}
NOW = datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)
UNKNOWN_YET = {"08", "99"}


def merchants(code: str) -> Merchant | None:
    return {"KPDEMO": OURS, "DEMO": DEMO}.get(code)


def decoded(request: Request) -> Any:
    return BY_PATH[request.path].decode(request, merchants)


def outcome_of(request: Request) -> Any:
    try:
        return decoded(request)
    except Refusal as refusal:
        return refusal


def refused(request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value


def sent(**changes: str) -> Request:
    return keypay_process("1001", 50_000, NOW, **changes)


def order() -> Order:
    request = Request("GET", "/process", urlencode(with_hash("request")).encode())
    command = decoded(request)
    assert isinstance(command, Create)
    return command.order


def with_hash(message: str) -> dict[str, str]:
    return {**VECTORS[message]["fields"], "secure_hash": VECTORS[message]["signature"]}


def payment(state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS, **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="keypay",
        merchant_code="DEMO",
        order=order(),
        amount_vnd=50_000,
        bank_ref="900001",
        created_at=NOW,
        state=state,
        outcome=outcome,
        issuer_code="VCB",
        settled_at=None if state is State.PENDING else NOW,
    )
    return msgspec.structs.replace(made, **changes)


def service(name: str, folder: str = "resources", **changes: str) -> tuple[Endpoint, Request]:
    fields = {**VECTORS[name]["fields"], **changes}
    text = "".join(fields[each] for each in SERVICES[name]) + "demo-secret"
    query = urlencode({**fields, "secure_hash": md5_upper(text)})
    request = Request("GET", f"/{folder}/generic/{name}", query.encode())
    return BY_PATH[request.path], request


def answered(name: str, result: Payment | Refusal, folder: str = "resources", **changes: str) -> str:
    """What KeyPay answers once the use case has found that payment, or refused."""
    endpoint, request = service(name, folder, **changes)
    command = endpoint.decode(request, merchants)
    try:
        if isinstance(result, Refusal):
            raise result
        DIALECT.judge(command, result, NOW)
        reply: Reply | Refusal = Reply(now=NOW, reply_ref="0" * 32, payment=result)
    except Refusal as refusal:
        reply = refusal
    response = endpoint.encode(request, command, reply)
    assert response.status == 200
    return response.body.decode()


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["request", "return"])
def test_a_known_request_or_return_has_its_known_hash(message: str) -> None:  # keypay-opencps1#hash
    vector = VECTORS[message]
    assert sorted_hash(vector["fields"], DEMO) == vector["signature"]
    assert md5_upper(vector["string_to_sign"]) == vector["signature"]


@pytest.mark.parametrize("message", [*SERVICES, "confirmed"])
def test_a_known_question_or_reply_has_its_known_hash(message: str) -> None:  # keypay-opencps1, keypay-pms#services
    vector = VECTORS[message]
    assert listed_hash(vector["fields"].values(), DEMO) == vector["signature"]
    assert md5_upper(vector["string_to_sign"]) == vector["signature"]


def test_the_known_request_is_understood_without_a_remark() -> None:
    command = decoded(Request("GET", "/process", urlencode(with_hash("request")).encode()))
    assert isinstance(command, Create)
    assert command.warnings == ()
    assert (command.order.order_ref, command.order.amount_vnd) == ("1001", 50_000)
    assert command.order.return_url == "https://portal.example/return"


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("folder", ["resources", "jsonresources"])
def test_a_known_question_is_understood(name: str, folder: str) -> None:
    command = decoded(Request("GET", f"/{folder}/generic/{name}", urlencode(with_hash(name)).encode()))
    assert isinstance(command, Query)
    assert (command.order_key, command.warnings) == ("1001", ())


def test_the_browser_brings_the_known_return() -> None:
    url = DIALECT.return_url(payment(), DEMO)
    assert url.startswith("https://portal.example/return?")
    assert dict(parse_qsl(urlsplit(url).query)) == with_hash("return")


def test_two_returns_have_one_hash_because_nothing_separates_the_values() -> None:
    """A weakness of the rule: 50000, cancelled, 720 reads like 500, paid, 18720. Only a portal that compares the
    amount and the service with its own bill notices."""
    vector = VECTORS["shifted"]
    rest = VECTORS["return"]["fields"]
    cancelled, forged = {**rest, **vector["fields"]}, {**rest, **vector["other"]}
    assert (cancelled["response_code"], forged["response_code"]) == ("18", "00")
    assert sorted_hash(cancelled, DEMO) == sorted_hash(forged, DEMO) == vector["signature"]
    true = dict(parse_qsl(urlsplit(DIALECT.return_url(payment(State.CANCELLED, Outcome.CANCELLED), DEMO)).query))
    assert true == {**cancelled, "secure_hash": vector["signature"]}


def test_a_contract_may_say_sha_256() -> None:  # keypay-opencps2#algorithm
    merchant = msgspec.structs.replace(DEMO, options={"hash": "sha256"})
    text = VECTORS["return"]["string_to_sign"].encode()
    assert sorted_hash(VECTORS["return"]["fields"], merchant) == hashlib.sha256(text).hexdigest().upper()


# --- the redirect --------------------------------------------------------------------------------------------


def test_the_payer_pays_net_cost_fee_and_tax_and_the_return_tells_net_cost() -> None:
    made = decoded(sent(ship_fee="2000", tax="300")).order
    assert made.amount_vnd == 52_300
    url = DIALECT.return_url(payment(order=made, amount_vnd=52_300), OURS)
    back = dict(parse_qsl(urlsplit(url).query))
    assert (back["net_cost"], back["ship_fee"], back["tax"]) == ("50000", "2000", "300")


def test_what_is_outside_the_hash_is_taken_over() -> None:
    made = decoded(sent(bank_code="VCB", xml_description="Lệ phí", desc_3="0011", internal_bank="all_card")).order
    assert (made.issuer_code, made.description) == ("VCB", "Lệ phí")
    assert decoded(sent(current_locale="en")).order.locale == "en"


def test_an_amount_may_exceed_32_bits() -> None:
    assert decoded(keypay_process("1", 3_000_000_000, NOW)).order.amount_vnd == 3_000_000_000


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("merchant_code", "", "01"),
        ("merchant_trans_id", "a|b", "03"),
        ("merchant_trans_id", "", "03"),
        ("merchant_trans_id", "1" * 41, "03"),
        ("service_code", "buy", "05"),
        ("country_code", "84", "07"),
        ("xml_description", "x" * 2001, "09"),
        ("good_code", "", "10"),
        ("net_cost", "0", "11"),
        ("net_cost", "", "11"),
        ("net_cost", "-1", "11"),
        ("net_cost", "5.0", "11"),
        ("net_cost", "1" * 16, "11"),
        ("net_cost", "٣", "11"),
        ("ship_fee", "x", "12"),
        ("tax", "", "13"),
        ("bank_code", "V C", "15"),
        ("version", "2.0", "30"),
        ("command", "refund", "31"),
        ("currency_code", "840", "32"),
        ("current_locale", "fr", "33"),
        *((f"desc_{number}", "x" * 256, str(33 + number)) for number in range(1, 6)),
        ("return_url", "javascript:alert(1)", "39"),
        ("return_url", "http://[portal.test/", "39"),
        ("return_url", "http://portal.test/\x00", "39"),
        ("internal_bank", "all card", "40"),
    ],
)
def test_a_wrong_field_is_named_by_its_code(name: str, text: str, code: str) -> None:  # keypay-codes
    request = sent(**{name: text})
    response = PROCESS.encode(request, None, refused(request))
    assert (response.status, dict(response.headers)["location"]) == (302, f"error.html?response_code={code}")


def test_wrong_amount_currency_and_command_have_their_reasons() -> None:
    assert refused(sent(net_cost="0")).reason is Reason.INVALID_AMOUNT
    assert refused(sent(currency_code="840")).reason is Reason.INVALID_CURRENCY
    assert refused(sent(command="refund")).reason is Reason.UNKNOWN_COMMAND


@pytest.mark.parametrize("reason", Reason)
def test_every_refused_redirect_ends_on_a_page_with_a_known_code(reason: Reason) -> None:
    response = PROCESS.encode(sent(), None, Refusal(reason))
    code = dict(response.headers)["location"].removeprefix("error.html?response_code=")
    assert code == REASONS.get(reason, "99")
    assert code in CODES


def test_changing_any_hashed_field_is_noticed() -> None:
    changes = {
        **{"good_code": "1", "merchant_trans_id": "1002", "net_cost": "50001", "ship_fee": "1", "tax": "1"},
        **{"service_code": "721", "return_url": "https://portal.example/elsewhere", "current_locale": "en"},
    }
    for name, text in changes.items():
        request = Request("GET", "/process", urlencode({**with_hash("request"), name: text}).encode())
        assert refused(request).reason is Reason.BAD_SIGNATURE, name


@pytest.mark.parametrize("secure_hash", ["", "9", "9E3CAD47EA2518CC", "0" * 32, "9E3CAD47EA2518CC25A35F8C2BF88E02 "])
def test_a_missing_short_or_wrong_hash_is_refused(secure_hash: str) -> None:
    fields = {**with_hash("request"), "secure_hash": secure_hash}
    assert refused(Request("GET", "/process", urlencode(fields).encode())).reason is Reason.BAD_SIGNATURE
    del fields["secure_hash"]
    assert refused(Request("GET", "/process", urlencode(fields).encode())).reason is Reason.BAD_SIGNATURE


def test_an_unknown_merchant_and_doubled_fields_are_refused() -> None:
    assert refused(sent(merchant_code="NOBODY")).reason is Reason.UNKNOWN_MERCHANT
    assert refused(Request("GET", "/process", sent().query + b"&tax=0")).reason is Reason.MALFORMED
    assert refused(Request("GET", "/process", b"merchant_code=%FF")).reason is Reason.MALFORMED


def test_lower_case_an_unescaped_plus_and_long_descriptions_are_remarked_on() -> None:
    query = sent().query.decode()
    lower = query[:-32] + query[-32:].lower()
    assert decoded(Request("GET", "/process", lower.encode())).warnings == (
        "secure_hash is in lower case, documented is upper case",
    )
    bare = query.replace(quote_plus("+84"), "+84")
    assert decoded(Request("GET", "/process", bare.encode())).warnings == ("the + of country_code is not escaped",)
    assert decoded(sent(desc_5="1" * 16)).warnings == ("desc_5 is longer than 15 characters",)


# --- the result ----------------------------------------------------------------------------------------------


def test_every_outcome_and_refusal_has_a_code_of_the_table() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert set(OUTCOMES.values()) | set(REASONS.values()) <= set(CODES)
    assert all(all(texts) for texts in CODES.values())
    numbers = {*range(22), *range(24, 42), 54, 57, 61, 62, 65, 66, 97, 98, 99}  # keypay-codes
    assert set(CODES) == {f"{number:02}" for number in numbers}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_the_code_says_paid_only_of_collected_money_and_unknown_only_of_what_may_still_be_paid(
    state: State, outcome: Outcome | None
) -> None:
    code = response_code(payment(state, outcome))
    assert code in CODES
    assert (code == "00") == (state in COLLECTED)
    assert (code in UNKNOWN_YET) == (state in (State.PENDING, State.SUSPECTED))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        *((Outcome.SUSPECTED_FRAUD, "41"), (Outcome.NOT_REGISTERED, "57"), (Outcome.WRONG_DETAILS, "27")),
        *((Outcome.TIMED_OUT, "19"), (Outcome.ACCOUNT_LOCKED, "62"), (Outcome.WRONG_OTP, "21")),
        *((Outcome.CANCELLED, "18"), (Outcome.INSUFFICIENT_FUNDS, "17"), (Outcome.OVER_LIMIT, "61")),
        *((Outcome.MAINTENANCE, "97"), (Outcome.WRONG_PASSWORD, "27"), (Outcome.REVERSED, "98"), (Outcome.OTHER, "98")),
    ],
)
def test_every_failure_has_its_code(outcome: Outcome, code: str) -> None:
    assert response_code(payment(State.FAILED, outcome)) == code


def test_a_return_without_a_bank_is_hashed_without_it() -> None:
    back = dict(parse_qsl(urlsplit(DIALECT.return_url(payment(issuer_code=""), DEMO)).query, keep_blank_values=True))
    given_hash = back.pop("secure_hash")
    assert back["bank_code"] == ""
    values = "".join(back[name] for name in sorted(back))
    assert given_hash == md5_upper(f"demo-secret{values}")


# --- the services --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["QuerryBillStatus", "QuerryBillStatusV2"])
@pytest.mark.parametrize("state", State)
def test_a_question_is_answered_with_the_code_in_second_place(name: str, state: State) -> None:  # keypay-pms#services
    found = payment(state, None)
    number, code, given_hash = answered(name, found).split("|")
    assert (number, code) == ("900001", response_code(found))
    assert given_hash == md5_upper(f"900001{code}demo-secret")


def test_the_json_services_tell_the_same() -> None:
    told = json.loads(answered("QuerryBillStatus", payment(), "jsonresources"))
    assert told == {
        "trans_id": "900001",
        "response_code": "00",
        "secure_hash": "1E854FC4248548BB043C3F0B391FE3D6",
    }


def test_a_confirmation_is_answered_with_the_known_reply() -> None:
    assert answered("confirmTransResult", payment()) == f"900001|00|{VECTORS['confirmed']['signature']}"
    failed = payment(State.FAILED, Outcome.INSUFFICIENT_FUNDS)
    assert answered("confirmTransResult", failed).split("|")[1] == "00"


def test_nothing_is_confirmed_before_it_has_ended() -> None:
    assert answered("confirmTransResult", payment(State.PENDING, None)).startswith("011|04|")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("QuerryBillStatus", {"good_code": "1234567891"}),
        ("QuerryBillStatus", {"trans_id": "900002"}),
        ("QuerryBillStatusV2", {"trans_time": "20250103"}),
        ("QuerryBillStatusV2", {"good_code": "1"}),
        ("confirmTransResult", {"trans_id": "900002"}),
        ("confirmTransResult", {"good_code": "1"}),
    ],
)
def test_a_question_about_another_order_finds_nothing(name: str, changes: dict[str, str]) -> None:
    assert answered(name, payment(), **changes) == f"011|04|{md5_upper('01104demo-secret')}"


def test_a_portal_without_the_return_asks_without_trans_id() -> None:
    assert answered("QuerryBillStatus", payment(), trans_id="").startswith("900001|00|")


def test_the_other_known_way_to_hash_a_question_is_taken_with_a_remark() -> None:
    fields = VECTORS["QuerryBillStatus"]["fields"]
    text = "demo-secret" + "".join(fields[name] for name in sorted(fields))
    query = urlencode({**fields, "secure_hash": md5_upper(text)})
    command = decoded(Request("GET", "/resources/generic/QuerryBillStatus", query.encode()))
    assert command.warnings == ("secure_hash is sorted with the secret first",)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("reason", Reason)
def test_every_refused_question_is_011_with_a_code(name: str, reason: Reason) -> None:
    number, code, given_hash = answered(name, Refusal(reason)).split("|")
    assert (number, code) == ("011", REASONS.get(reason, "99"))
    assert given_hash == md5_upper(f"011{code}demo-secret")


def test_who_has_not_proved_himself_gets_no_hash() -> None:
    for name in SERVICES:
        endpoint, request = service(name)
        bad = Request("GET", request.path, request.query[:-32] + b"0" * 32)
        assert endpoint.encode(bad, None, refused(bad)).body == b"011|02|"


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("QuerryBillStatus", {"trans_id": "x"}, "04"),
        ("QuerryBillStatusV2", {"trans_time": "2025-01-02"}, "19"),
        ("confirmTransResult", {"trans_id": ""}, "04"),
        ("confirmTransResult", {"trans_result": "2"}, "99"),
        ("QuerryBillStatus", {"merchant_code": "NOBODY"}, "01"),
    ],
)
def test_a_malformed_question_is_answered_with_its_code(name: str, changes: dict[str, str], code: str) -> None:
    endpoint, request = service(name, **changes)
    assert endpoint.encode(request, None, refused(request)).body == f"011|{code}|".encode()


# --- the services by SOAP ------------------------------------------------------------------------------------


def soap_answer(operation: str, result: Payment | Refusal, **changes: str) -> str:
    """The text that KeyPay returns by SOAP once the use case has found that payment, or refused."""
    name = SOAP_NAMES[operation]
    fields = {each: {**VECTORS[name]["fields"], **changes}[each] for each in SERVICES[name]}
    endpoint, request = endpoint_of(DIALECT, keypay_soap(operation, fields))
    request = msgspec.structs.replace(request, body=with_demo_hash(request.body, fields))
    command = endpoint.decode(request, merchants)
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=result) if isinstance(result, Payment) else result
    return returned_text(endpoint.encode(request, command, reply).body, operation)


def with_demo_hash(body: bytes, fields: dict[str, str]) -> bytes:
    ours, demo = (md5_upper("".join(fields.values()) + secret) for secret in (KEYPAY_SECRET, "demo-secret"))
    assert ours.encode() in body
    return body.replace(ours.encode(), demo.encode())


def returned_text(body: bytes, operation: str) -> str:
    found = ElementTree.fromstring(body).findtext(f".//{{http://kpWebservices/}}{operation}Response/return")
    assert found is not None
    return found


@pytest.mark.parametrize("operation", SOAP_NAMES)
def test_a_service_answers_by_soap_what_it_answers_by_get(operation: str) -> None:  # keypay-opencps1#soap
    name = SOAP_NAMES[operation]
    for result in (payment(), payment(State.FAILED, Outcome.CANCELLED), Refusal(Reason.UNKNOWN_ORDER)):
        assert soap_answer(operation, result) == answered(name, result)
    assert operation in ("QuerryBillStatus", "QuerryBillStatusV2", "ConfirmTransResult")


def test_a_confirmation_by_soap_has_the_known_hash_both_ways() -> None:  # keypay-pms#services
    signature = VECTORS["confirmTransResult"]["signature"]
    fields = {each: VECTORS["confirmTransResult"]["fields"][each] for each in SERVICES["confirmTransResult"]}
    assert signature.encode() in with_demo_hash(keypay_soap("ConfirmTransResult", fields).body, fields)
    assert soap_answer("ConfirmTransResult", payment()) == f"900001|00|{VECTORS['confirmed']['signature']}"


def test_a_wrong_hash_by_soap_is_a_code_and_no_fault() -> None:
    endpoint, request = endpoint_of(DIALECT, keypay_soap("QuerryBillStatus", {"merchant_trans_id": "1001"}))
    refusal = refused_by(endpoint, request)
    response = endpoint.encode(request, None, refusal)
    assert (response.status, returned_text(response.body, "QuerryBillStatus")) == (200, "011|10|")
    fields = {**VECTORS["QuerryBillStatus"]["fields"]}
    endpoint, request = endpoint_of(DIALECT, keypay_soap("QuerryBillStatus", fields))
    response = endpoint.encode(request, None, refused_by(endpoint, request))
    assert (response.status, returned_text(response.body, "QuerryBillStatus")) == (200, "011|02|")


def refused_by(endpoint: Endpoint, request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"merchant_code=KPDEMO",
        keypay_soap("sendOrder", {"merchant_code": "KPDEMO"}).body,
        keypay_soap("querryBillStatus", {"merchant_code": "KPDEMO"}).body,
        b'<!DOCTYPE a [<!ENTITY x "1">]>' + keypay_soap("QuerryBillStatus", {"good_code": "1"}).body[38:],
    ],
    ids=["empty", "form", "send-order", "other-case", "entity"],
)
def test_what_is_no_call_of_the_service_is_a_fault(body: bytes) -> None:
    endpoint, request = endpoint_of(DIALECT, Request("POST", "/kpWebservices", body=body))
    refusal = refused_by(endpoint, request)
    assert refusal.reason is Reason.MALFORMED
    response = endpoint.encode(request, None, refusal)
    fault = ElementTree.fromstring(response.body).find(".//{http://schemas.xmlsoap.org/soap/envelope/}Fault")
    assert response.status == 500
    assert fault is not None
    assert fault.findtext("faultstring") == refusal.detail


async def test_by_soap_a_payment_is_described_asked_for_and_confirmed_once(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(OURS,))
        described = (await ask(world, "keypay", Request("GET", "/kpWebservices", b"wsdl"))).response
        assert b'<soap:address location="http://banksim.test/s/ci/keypay/kpWebservices"/>' in described.body
        await ask(world, "keypay", keypay_process("1001", 50_000, START))
        (made,) = await world.store.payments(world.name)
        await act(world, made.payment_id, Event.APPROVE)
        fields = {"merchant_code": "KPDEMO", "good_code": GOOD_CODE, "merchant_trans_id": "1001"}
        asked = {
            "QuerryBillStatus": {
                **{name: fields[name] for name in ("merchant_trans_id", "good_code")},
                **{"trans_id": made.bank_ref, "merchant_code": "KPDEMO"},
            },
            "ConfirmTransResult": {**fields, "trans_id": made.bank_ref, "trans_result": "0"},
        }
        codes = []
        for operation in ("QuerryBillStatus", "ConfirmTransResult", "ConfirmTransResult"):
            served = await ask(world, "keypay", keypay_soap(operation, asked[operation]))
            codes.append(returned_text(served.response.body, operation).split("|")[1])
        assert codes == ["00", "00", "06"]


# --- in a world ----------------------------------------------------------------------------------------------


async def test_a_portal_learns_of_the_result_by_the_return_and_by_asking_only(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        merchant = msgspec.structs.replace(OURS, callback_url="http://127.0.0.1:9/callback")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        shown = (await ask(world, "keypay", keypay_process("1001", 50_000, START))).response
        (made,) = await world.store.payments(world.name)
        assert dict(shown.headers)["location"].endswith(f"/pay/{made.payment_id}")
        asked = await ask(world, "keypay", keypay_status("1001", START))
        assert json.loads(asked.response.body)["response_code"] == "99"
        await act(world, made.payment_id, Event.APPROVE)
        assert await courier.advance(world, START + timedelta(days=7)) == 0
        assert not await world.store.deliveries(world.name)
        back = dict(parse_qsl(urlsplit(await returned(world, made.payment_id)).query))
        assert (back["response_code"], back["trans_id"]) == ("00", made.bank_ref)
        asked = await ask(world, "keypay", keypay_status("1001", START, folder="resources"))
        assert asked.response.body.decode().split("|")[:2] == [made.bank_ref, "00"]


async def test_a_result_is_confirmed_once(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(OURS,))
        await ask(world, "keypay", keypay_process("1001", 50_000, START))
        (made,) = await world.store.payments(world.name)
        fields = {"merchant_code": "KPDEMO", "good_code": GOOD_CODE, "merchant_trans_id": "1001"}
        confirm = keypay_service("confirmTransResult", {**fields, "trans_id": made.bank_ref, "trans_result": "0"})
        wrong = keypay_service("confirmTransResult", {**fields, "trans_id": "1", "trans_result": "0"})
        codes = []
        for request in (confirm, wrong):
            codes.append((await ask(world, "keypay", request)).response.body.decode().split("|")[1])
        await act(world, made.payment_id, Event.APPROVE)
        for request in (wrong, confirm, confirm):
            codes.append((await ask(world, "keypay", request)).response.body.decode().split("|")[1])
        assert codes == ["04", "04", "04", "00", "06"]


async def test_a_used_number_with_another_amount_is_refused_and_a_reload_is_not(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(OURS,))
        locations = []
        for amount_vnd in (50_000, 50_000, 50_001):
            served = await ask(world, "keypay", keypay_process("1001", amount_vnd, START))
            locations.append(dict(served.response.headers)["location"])
        assert locations[0] == locations[1]
        assert locations[2] == "error.html?response_code=03"
        assert len(await world.store.payments(world.name)) == 1


def test_a_message_that_is_never_due_is_the_return_and_nothing_acknowledges_it() -> None:
    assert DIALECT.announces == frozenset()
    merchant = msgspec.structs.replace(DEMO, callback_url="http://portal.test/callback?a=1")
    notice = Notice(payment=payment(), merchant=merchant, now=NOW)
    outgoing = DIALECT.callback(notice)
    assert (outgoing.method, outgoing.body) == ("GET", b"")
    assert dict(parse_qsl(urlsplit(outgoing.url).query)) == {"a": "1", **with_hash("return")}
    assert not DIALECT.acknowledged(Answer(200, (), b"OK"), notice).done


# --- whatever comes ------------------------------------------------------------------------------------------


NAMES = st.sampled_from([*VECTORS["request"]["fields"], "trans_id", "trans_time", "desc_1", "bank_code"])


@given(changes=st.dictionaries(NAMES, st.text(max_size=50), max_size=4), index=st.integers(0, 5))
def test_any_values_are_understood_or_refused_even_when_hashed(changes: dict[str, str], index: int) -> None:
    changes.pop("merchant_code", None)
    fields = {**{name: changes.get(name, text) for name, text in VECTORS["request"]["fields"].items()}, **changes}
    hashed = {name: fields[name] for name in VECTORS["request"]["fields"]}
    query = urlencode({**fields, "secure_hash": sorted_hash(hashed, DEMO)}, errors="surrogatepass")
    request = Request("GET", "/process", query.encode())
    understood = outcome_of(request)
    if isinstance(understood, Refusal):
        assert PROCESS.encode(request, None, understood).status == 302
    else:
        assert 0 < understood.order.amount_vnd < 10**16
    other = [each for each in keypay_others("1001", NOW) if each.path.endswith(tuple(SERVICES))][index % 5]
    mixed = Request("GET", other.path, other.query + b"&" + request.query)
    assert BY_PATH[other.path].encode(mixed, None, refused(mixed)).status == 200


def test_the_secret_is_in_no_message() -> None:
    texts = [DIALECT.return_url(payment(), OURS), answered("QuerryBillStatus", payment())]
    assert not [text for text in texts if KEYPAY_SECRET in text or "demo-secret" in text]
