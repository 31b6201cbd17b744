"""Facts about VTC Pay."""

import json
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator.bank import act, returned
from simulator.banks.vtcpay import (
    CHECK_REASONS,
    CHECKOUTS,
    CHECKS,
    DIALECT,
    OUTCOMES,
    REASONS,
    STATUSES,
    TOLD,
    signature,
    status_of,
)
from simulator.dialect import Create, Notice, Query, Reply
from simulator.merchants import default_merchants
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import FORM_TYPE, Answer, Request, Response
from tests.samples.vtcpay import (
    ACCOUNT,
    SECRET,
    WEBSITE,
    check,
    check_values,
    checkout,
    fields_of,
    sha256_upper,
    signed,
)
from tests.sources import SOURCES
from tests.worlds import START, ask, connector, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "vtcpay" / "messages.json"
VECTORS: dict[str, dict[str, Any]] = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
OURS = next(each for each in default_merchants() if each.bank == "vtcpay")
DEMO = replace(OURS, merchant_code="42", secrets={"secret": "demo-secret"}, callback_url="http://portal.test/listen")
NOW = datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)


def merchants(code: str) -> Merchant | None:
    return {WEBSITE: OURS, "42": DEMO}.get(code)


def decoded(request: Request) -> Any:
    endpoint, placed = endpoint_of(DIALECT, request)
    return endpoint.decode(placed, merchants)


def refused(request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value


def told_refused(request: Request) -> Response:
    return endpoint_of(DIALECT, request)[0].encode(request, None, refused(request))


def location(response: Response) -> str:
    assert response.status == 302
    return dict(response.headers)["location"]


def sent(**changes: str) -> Request:
    return checkout("1001", 50_000, NOW, **changes)


def unsigned_query(fields: dict[str, str]) -> Request:
    return Request("GET", CHECKOUTS[0], urlencode(fields).encode())


def payment(state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS, **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="vtcpay",
        merchant_code="42",
        order=Order(order_ref="1001", order_key="1001", amount_vnd=50_000, return_url="https://portal.example/vtc?a=1"),
        amount_vnd=50_000,
        bank_ref="T0001",
        created_at=NOW,
        state=state,
        outcome=outcome,
    )
    return replace(made, **changes)


# --- known answers -------------------------------------------------------------------------------------------


def test_a_known_result_has_its_known_signature() -> None:  # vtcpay-opencps1#result
    vector = VECTORS["result"]
    assert tuple(vector["fields"]) == TOLD
    assert signature(vector["fields"].values(), DEMO) == vector["signature"]
    assert sha256_upper(vector["string_to_sign"]) == vector["signature"]


def test_a_known_request_is_understood_though_its_hex_is_in_lower_case() -> None:  # vtcpay-opencps1#request
    vector = VECTORS["request"]
    assert sha256_upper(vector["string_to_sign"]).lower() == vector["signature"]
    command = decoded(unsigned_query({**vector["fields"], "signature": vector["signature"]}))
    assert isinstance(command, Create)
    assert command.warnings == ("the signature is in lower case",)
    order = command.order
    assert (order.order_ref, order.amount_vnd, order.return_url) == ("1001", 50_000, "https://portal.example/vtc")
    assert (command.merchant.merchant_code, order.channel, order.locale) == ("42", None, "vi")


def test_the_sources_of_the_vectors_are_declared() -> None:
    assert {each["source"] for each in VECTORS.values()} <= SOURCES.keys()


# --- the request ---------------------------------------------------------------------------------------------


def test_all_that_is_sent_is_signed_in_the_order_of_its_names() -> None:  # vtcpay-samples#request
    fields = fields_of("1001", 50_000, bill_to_phone="", language="en", payment_type="")
    text = f"50000||VND|en||{ACCOUNT}|1001|http://portal.test/return/vtcpay|{WEBSITE}|{SECRET}"
    command = decoded(unsigned_query({**fields, "signature": sha256_upper(text)}))
    assert (command.warnings, command.order.locale) == ((), "en")


def test_empty_parameters_may_be_left_out_of_the_signature_with_a_remark() -> None:
    fields = {**signed(fields_of("1001", 50_000)), "bill_to_phone": "", "payment_type": ""}
    assert decoded(unsigned_query(fields)).warnings == ("the signature leaves empty parameters out",)


@pytest.mark.parametrize("path", CHECKOUTS)
def test_both_addresses_take_orders(path: str) -> None:
    assert isinstance(decoded(replace(sent(), path=path)), Create)


@pytest.mark.parametrize(
    ("kind", "channel"),
    [("VTCPay", None), ("DomesticBank", Channel.INTERNET_BANKING), ("InternationalCard", Channel.CARD)],
)
def test_a_portal_may_choose_how_is_paid(kind: str, channel: Channel | None) -> None:
    assert decoded(sent(payment_type=kind)).order.channel is channel


@pytest.mark.parametrize(("text", "amount_vnd"), [("50000", 50_000), ("50000.0", 50_000), ("50000.00", 50_000)])
def test_an_amount_is_whole_dong(text: str, amount_vnd: int) -> None:
    assert decoded(sent(amount=text)).order.amount_vnd == amount_vnd


@pytest.mark.parametrize("name", ["website_id", "amount", "currency", "receiver_account", "reference_number"])
def test_a_missing_parameter_is_28(name: str) -> None:
    fields = fields_of("1001", 50_000)
    del fields[name]
    assert location(told_refused(unsigned_query(signed(fields)))) == "../error.html?status=-28"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"website_id": "910043"}, "-23"),
        ({"website_id": "x"}, "-29"),
        ({"amount": "-5"}, "-29"),
        ({"amount": "50000.5"}, "-29"),
        ({"amount": "1" * 16}, "-29"),
        ({"amount": "٥٠"}, "-29"),
        ({"reference_number": "a|b"}, "-29"),
        ({"reference_number": "1" * 51}, "-29"),
        ({"url_return": "javascript:alert(1)"}, "-29"),
        ({"url_return": "http://[portal.test/"}, "-29"),
        ({"url_return": "http://portal.test/\x00"}, "-29"),
        ({"language": "fr"}, "-29"),
        ({"payment_type": "Cash"}, "-29"),
        ({"other": "a|b"}, "-29"),
    ],
)
def test_what_is_wrong_in_a_request_is_told_on_the_gateways_own_page(changes: dict[str, str], status: str) -> None:
    assert location(told_refused(sent(**changes))) == f"../error.html?status={status}"


def test_a_request_that_nobody_signed_leads_nowhere_else() -> None:
    fields = {**fields_of("1001", 50_000), "url_return": "http://elsewhere.test/"}
    for wrong in ("0" * 64, "x", sha256_upper("")):
        request = unsigned_query({**fields, "signature": wrong})
        assert refused(request).reason is Reason.BAD_SIGNATURE
        assert location(told_refused(request)) == "../error.html?status=-29"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"amount": "0"}, "-22"),
        ({"currency": "USD"}, "-24"),
        ({"receiver_account": "0900000000"}, "-25"),
    ],
)
def test_a_merchant_that_has_proved_itself_is_told_at_its_address(changes: dict[str, str], status: str) -> None:
    url = urlsplit(location(told_refused(sent(**changes))))
    assert (url.netloc, url.path) == ("portal.test", "/return/vtcpay")
    back = dict(parse_qsl(url.query, keep_blank_values=True))
    assert back["status"] == status
    assert back.pop("signature") == sha256_upper("|".join([*(back[name] for name in TOLD), SECRET]))


def test_no_refusal_leads_to_a_host_that_is_not_the_merchants() -> None:
    endpoint, request = endpoint_of(DIALECT, sent(currency="USD"))
    fenced = replace(OURS, return_hosts=("elsewhere.test",))
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, lambda code: fenced)
    assert location(endpoint.encode(request, None, caught.value)) == "../error.html?status=-24"
    command = decoded(sent())
    foreign = Refusal(Reason.RETURN_URL_NOT_REGISTERED, merchant=OURS)
    assert location(endpoint.encode(request, command, foreign)) == "../error.html?status=-29"


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_status_of_the_list(reason: Reason) -> None:
    endpoint, request = endpoint_of(DIALECT, sent())
    told = location(endpoint.encode(request, decoded(request), Refusal(reason, "why")))
    status = dict(parse_qsl(urlsplit(told).query))["status"]
    assert status == REASONS.get(reason, "-29")
    assert status in STATUSES


# --- the result ----------------------------------------------------------------------------------------------


def test_the_browser_brings_the_seven_fields_and_their_signature() -> None:  # vtcpay-opencps1#result
    url = urlsplit(DIALECT.return_url(payment(), DEMO))
    back = dict(parse_qsl(url.query))
    assert (url.netloc, url.path, back.pop("a")) == ("portal.example", "/vtc", "1")
    assert list(back) == [*TOLD, "signature"]
    text = "|".join(["50000", "Success", "VTCPay", "1001", "1", "T0001", "42", "demo-secret"])
    assert back["signature"] == sha256_upper(text)


def test_without_a_return_address_the_browser_goes_where_the_server_posts() -> None:  # vtcpay-doc#url-receiving
    homeless = payment(order=replace(payment().order, return_url=""))
    assert DIALECT.return_url(homeless, DEMO).startswith("http://portal.test/listen?amount=50000&")
    assert DIALECT.return_url(homeless, replace(DEMO, callback_url="")) == ""


def test_the_server_posts_the_seven_fields_in_one_text() -> None:  # vtcpay-opencps1#post, vtcpay-samples#post
    outgoing = DIALECT.callback(Notice(payment=payment(issuer_code="VCB"), merchant=DEMO, now=NOW))
    assert (outgoing.method, outgoing.url) == ("POST", "http://portal.test/listen")
    assert outgoing.headers == (("content-type", FORM_TYPE),)
    posted = dict(parse_qsl(outgoing.body.decode()))
    assert posted["data"].split("|") == ["50000", "Success", "VCB", "1001", "1", "T0001", "42"]
    assert posted == {"data": posted["data"], "signature": sha256_upper(posted["data"] + "|demo-secret")}


def test_no_text_of_a_status_would_break_the_seven_fields() -> None:
    assert not [english for _, english in STATUSES.values() if "|" in english or not english.isascii()]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_status_and_only_success_is_1(outcome: Outcome) -> None:
    assert OUTCOMES[outcome] in STATUSES
    assert (OUTCOMES[outcome] == "1") == (outcome is Outcome.SUCCESS)


def test_only_collected_money_is_1_and_only_an_open_end_is_0_7_or_99() -> None:
    for state, outcome in product(State, (None, *Outcome)):
        status = status_of(payment(state, outcome))
        assert (status == "1") == (state in COLLECTED)
        assert (status in ("0", "7", "-99")) == (state in (State.PENDING, State.SUSPECTED))


@pytest.mark.parametrize(
    ("state", "outcome", "status"),
    [
        (State.PENDING, None, "0"),
        (State.PENDING, Outcome.UNKNOWN, "-99"),
        (State.SUSPECTED, Outcome.SUSPECTED_FRAUD, "7"),
        (State.PARTLY_REFUNDED, Outcome.SUCCESS, "1"),
        (State.FAILED, Outcome.INSUFFICIENT_FUNDS, "-5"),
        (State.FAILED, Outcome.OVER_LIMIT, "-8"),
        (State.FAILED, Outcome.WRONG_OTP, "-7"),
        (State.FAILED, Outcome.ACCOUNT_LOCKED, "-4"),
        (State.FAILED, Outcome.UNKNOWN, "-1"),
        (State.CANCELLED, None, "-9"),
        (State.EXPIRED, Outcome.TIMED_OUT, "-1"),
        (State.REVERSED, Outcome.REVERSED, "-3"),
    ],
)
def test_a_state_is_told_by_its_status(state: State, outcome: Outcome | None, status: str) -> None:
    assert status_of(payment(state, outcome)) == status


@pytest.mark.parametrize(
    ("status", "body", "wish", "done"),
    [
        (200, b"", "200", True),
        (200, b"<html></html>", "200", True),
        (302, b"", "200", False),
        (302, b"", "redirect", True),
        (200, b"", "redirect", True),
        (204, b"", "redirect", False),
        (500, b"OK", "redirect", False),
        (0, b"", "200", False),
    ],
)
def test_any_200_acknowledges_and_on_wish_a_redirect_too(status: int, body: bytes, wish: str, done: bool) -> None:
    merchant = replace(DEMO, options={**DEMO.options, "acknowledgement": wish})
    notice = Notice(payment=payment(), merchant=merchant, now=NOW)
    assert DIALECT.acknowledged(Answer(status, (), body), notice).done == done


# --- the check by SOAP ---------------------------------------------------------------------------------------


def result_of(response: Response) -> list[str]:
    path = ".//{http://tempuri.org/}CheckPartnerTransationResponse/{http://tempuri.org/}CheckPartnerTransationResult"
    found = ElementTree.fromstring(response.body).findtext(path)
    assert found is not None
    return found.split("|")


def checked(result: Payment | Refusal) -> list[str]:
    request = check(check_values("1001"))
    endpoint, _ = endpoint_of(DIALECT, request)
    command = decoded(request)
    assert isinstance(command, Query)
    reply = Reply(now=NOW, reply_ref="0" * 32, payment=result) if isinstance(result, Payment) else result
    response = endpoint.encode(request, command, reply)
    assert response.status == 200
    return result_of(response)


def test_a_check_is_signed_with_dashes_and_so_is_its_answer() -> None:  # vtcpay-opencps1#check, vtcpay-tvod#check
    assert check_values("1001")["sign"] == sha256_upper(f"{WEBSITE}-1001-{ACCOUNT}-{SECRET}")
    assert checked(payment()) == ["1", "1001", "50000", sha256_upper(f"1-1001-50000-{SECRET}")]
    assert checked(payment(State.PENDING, None))[0] == "0"
    assert checked(payment(State.CANCELLED, Outcome.CANCELLED))[0] == "-9"


@pytest.mark.parametrize("path", CHECKS)
def test_both_addresses_answer_checks_and_describe_themselves(path: str) -> None:
    assert isinstance(decoded(check(check_values("1001"), path)), Query)
    endpoint, request = endpoint_of(DIALECT, Request("GET", path, b"wsdl"))
    reply = Reply(now=NOW, reply_ref="0" * 32, bank_url="http://b.test/vtcpay")
    described = endpoint.encode(request, endpoint.decode(request, merchants), reply).body
    assert f'location="http://b.test/vtcpay{path}"'.encode() in described
    assert b'soapAction="http://tempuri.org/CheckPartnerTransation"' in described


@pytest.mark.parametrize("reason", Reason)
def test_every_refused_check_is_a_code_with_the_order_and_no_money(reason: Reason) -> None:
    code = CHECK_REASONS.get(reason, "-402")
    assert checked(Refusal(reason)) == [code, "1001", "0", sha256_upper(f"{code}-1001-0-{SECRET}")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"website_id": "910043"}, "-402"),
        ({"receiver_acc": "0900000000"}, "-402"),
        ({"website_id": ""}, "-402"),
        ({"order_code": ""}, "-402"),
        ({"order_code": "a|b|1"}, "-402"),
        ({"sign": "0" * 64}, "-403"),
        ({"sign": ""}, "-403"),
    ],
)
def test_who_has_not_proved_himself_gets_no_signature(changes: dict[str, str], code: str) -> None:
    sign = {"sign": changes["sign"]} if "sign" in changes else {}
    values = check_values("1001", **{name: text for name, text in changes.items() if name != "sign"}) | sign
    told = result_of(told_refused(check(values)))
    assert (told[0], told[2], told[3], len(told)) == (code, "0", "", 4)


def test_a_check_in_lower_case_is_taken_with_a_remark() -> None:
    values = check_values("1001")
    command = decoded(check({**values, "sign": values["sign"].lower()}))
    assert command.warnings == ("sign is in lower case, documented is upper case",)


@pytest.mark.parametrize("body", [b"", b"<a/>", check(check_values("1")).body.replace(b"tempuri", b"elsewhere")])
def test_what_is_no_call_of_the_check_is_a_fault(body: bytes) -> None:
    response = told_refused(Request("POST", CHECKS[0], body=body))
    assert response.status == 500
    assert b"<S:Fault>" in response.body


# --- in a world ----------------------------------------------------------------------------------------------


async def test_a_payment_is_posted_returned_and_checked(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        merchant = replace(OURS, callback_url=f"{portal.url}/listen")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        shown = (await ask(world, "vtcpay", checkout("1001", 50_000, START))).response
        (made,) = await world.store.payments(world.name)
        assert location(shown) == world.page_url(made.payment_id)
        codes = [result_of((await ask(world, "vtcpay", check(check_values("1001")))).response)[0]]
        await act(world, made.payment_id, Event.APPROVE)
        await courier.run_due(world)
        ((method, path, body),) = portal.requests
        assert (method, path) == ("POST", "/listen")
        data = dict(parse_qsl(body.decode()))["data"].split("|")
        back = dict(parse_qsl(urlsplit(await returned(world, made.payment_id)).query))
        assert [back[name] for name in TOLD] == data
        assert (data[0], data[4], data[5]) == ("50000", "1", made.bank_ref)
        for ref in ("1001", "1002"):
            codes.append(result_of((await ask(world, "vtcpay", check(check_values(ref)))).response)[0])
        assert codes == ["0", "1", "-404"]


async def test_a_review_is_told_twice_first_as_7_then_as_its_end(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        merchant = replace(OURS, callback_url=f"{portal.url}/listen")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        await ask(world, "vtcpay", checkout("1001", 50_000, START))
        (made,) = await world.store.payments(world.name)
        for event in (Event.SUSPECT, Event.APPROVE):
            await act(world, made.payment_id, event)
            await courier.advance(world, await world.now() + timedelta(minutes=1))
        data = [dict(parse_qsl(body.decode()))["data"].split("|") for _, _, body in portal.requests]
        assert [each[4] for each in data] == ["7", "1"]


async def test_a_used_reference_with_another_amount_is_21_at_the_merchants_address(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds:
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(OURS,))
        locations = [
            location((await ask(world, "vtcpay", checkout("1001", amount_vnd, START))).response)
            for amount_vnd in (50_000, 50_000, 50_001)
        ]
        assert locations[0] == locations[1]
        assert dict(parse_qsl(urlsplit(locations[2]).query))["status"] == "-21"
        assert len(await world.store.payments(world.name)) == 1


# --- whatever comes ------------------------------------------------------------------------------------------


@given(
    changes=st.dictionaries(st.sampled_from([*fields_of("1", 1), "language", "x"]), st.text(max_size=40), max_size=4)
)
def test_any_values_are_understood_or_refused_even_when_signed(changes: dict[str, str]) -> None:
    fields = {**fields_of("1001", 50_000), **changes}
    request = unsigned_query(signed(fields))
    try:
        amount_vnd = decoded(request).order.amount_vnd
    except Refusal as refusal:
        response, amount_vnd = endpoint_of(DIALECT, request)[0].encode(request, None, refusal), 1
    else:
        response = Response(302)
    assert response.status == 302
    assert 0 < amount_vnd < 10**15


@given(order_code=st.text(max_size=60), sign=st.text(max_size=70))
def test_any_check_is_answered(order_code: str, sign: str) -> None:
    plain = "".join(each for each in order_code if each.isprintable())
    request = check({**check_values("1001"), "order_code": plain, "sign": "".join(filter(str.isprintable, sign))})
    assert len(result_of(told_refused(request))) == 4


def test_the_secret_is_in_no_message() -> None:
    outgoing = DIALECT.callback(Notice(payment=payment(), merchant=DEMO, now=NOW))
    for text in (outgoing.body.decode(), DIALECT.return_url(payment(), DEMO), "|".join(checked(payment()))):
        assert "demo-secret" not in text
        assert SECRET not in text
