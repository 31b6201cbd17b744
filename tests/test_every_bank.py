"""Facts that hold for every bank: what a new file in simulator/banks must keep."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import iter_modules

import msgspec
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator.bank import act, returned
from simulator.banks import dialects, sepay
from simulator.delivery import Courier
from simulator.dialect import Command, Dialect, Endpoint, Notice, QueryRefund, Question, RefundOrder, Reply
from simulator.faults import EXCHANGE_KINDS, FAILURE_KINDS, Fault, FaultKind
from simulator.merchants import default_merchants, forged
from simulator.outbox import DeliveryState
from simulator.payment import (
    Bill,
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
    Step,
)
from simulator.store import ById
from simulator.wire import Answer, Headers, Request, Response
from simulator.world import World, Worlds
from tests import samples
from tests.samples import BILL_AMOUNT_VND, EMPTY_ACKNOWLEDGES, SAMPLES, answered
from tests.sources import SOURCES
from tests.worlds import START, Connector, ask, courier_of, endpoint_of, served, worlds_in

ROOT = Path(__file__).resolve().parent.parent
BANKS = tuple(dialects())
MODULES = {
    dialect.code: each.name
    for each in iter_modules([str(ROOT / "simulator/banks")])
    for found in [import_module(f"simulator.banks.{each.name}")]
    for dialect in getattr(found, "DIALECTS", None) or (found.DIALECT,)
}
ENDPOINTS = [(code, endpoint) for code, dialect in dialects().items() for endpoint in dialect.endpoints]
LONG = timedelta(days=7)

REFUNDING = {"sepay": {"gateway": "VietinBank"}}
"""What a merchant's contract must say before there are refunds."""

every_bank = pytest.mark.parametrize("code", BANKS)
every_announcer = pytest.mark.parametrize("code", [code for code in BANKS if dialects()[code].announces])
every_message = pytest.mark.parametrize(
    ("code", "message"), [(code, message) for code in BANKS for message in dialects()[code].messages]
)
every_told_message = pytest.mark.parametrize(
    ("code", "message"),
    [(code, each) for code in BANKS for each in dialects()[code].messages if dialects()[code].announces],
)
every_endpoint = pytest.mark.parametrize(
    ("code", "endpoint"), ENDPOINTS, ids=[f"{code}-{endpoint.method}{endpoint.path}" for code, endpoint in ENDPOINTS]
)


def merchant_of(code: str) -> Merchant:
    (merchant,) = (each for each in default_merchants() if each.bank == code)
    urls = {"callback_url": "http://portal.test/callback", "inquiry_url": "http://portal.test/inquiry"}
    return msgspec.structs.replace(merchant, **urls)


def looked_up(code: str) -> Merchant | None:
    found = next((each for each in default_merchants() if each.merchant_code == code), None)
    return found and replace(found, options={**found.options, **REFUNDING.get(found.bank, {})})


def settled(code: str, state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS) -> Payment:
    order_ref = SAMPLES[code].named("HS0001") if code in SAMPLES else "HS0001"
    order = Order(
        order_ref=order_ref,
        order_key=order_ref,
        amount_vnd=20_000,
        description="Nop le phi HS0001",
        ordered_at=START,
        expires_at=START + timedelta(minutes=15),
        return_url="http://portal.test/return?dossier=1",
    )
    return Payment(
        payment_id="p" * 32,
        bank=code,
        merchant_code=merchant_of(code).merchant_code,
        order=order,
        amount_vnd=20_000,
        bank_ref="14226112",
        created_at=START,
        settled_at=START,
        state=state,
        outcome=outcome,
        channel=dialects()[code].channels[0],
        step=Step.DONE,
    )


def notice(
    code: str, payment: Payment | None = None, merchant: Merchant | None = None, message: str | None = None
) -> Notice:
    """Of the bank's first message, if none is named."""
    named = dialects()[code].messages[0] if message is None else message
    return Notice(payment=payment or settled(code), merchant=merchant or merchant_of(code), now=START, message=named)


def in_protocol(response: Response) -> bool:
    """Whether a bank says it: 500 is a bug of ours, except where SOAP 1.1 wants it for a fault."""
    return response.status < 500 or (response.status == 500 and b"<S:Fault>" in response.body)


# --- its identity card -----------------------------------------------------------------------------------------


@every_bank
def test_its_test_merchant_has_the_secrets_that_it_names(code: str) -> None:
    assert set(dialects()[code].secrets) <= set(merchant_of(code).secrets)


@every_bank
def test_its_sources_are_declared(code: str) -> None:
    assert dialects()[code].sources
    assert set(dialects()[code].sources) <= SOURCES.keys()


@every_bank
def test_its_ladder_ends_and_never_waits_for_nothing(code: str) -> None:
    retry = dialects()[code].retry
    assert 1 <= retry.attempts_max <= 100
    assert all(delay_s > 0 for delay_s in retry.delays_s)
    assert 0 < retry.timeout_s <= 60


@every_bank
def test_what_no_source_tells_is_said(code: str) -> None:
    assumptions = dialects()[code].assumptions
    assert assumptions
    assert all(each.key.startswith(f"{code}.") and each.value and each.why for each in assumptions)
    assert len({each.key for each in assumptions}) == len(assumptions)


# --- what it writes --------------------------------------------------------------------------------------------


@every_endpoint
def test_every_refusal_has_an_answer(code: str, endpoint: Endpoint) -> None:
    request = Request(endpoint.method, endpoint.path)
    for reason, merchant in product(Reason, (None, merchant_of(code))):
        response = endpoint.encode(request, None, Refusal(reason, "why", merchant=merchant))
        assert in_protocol(response), reason
        assert response.body or response.status == 302, reason


@every_bank
def test_each_address_of_a_bank_has_a_request_that_it_understands(code: str) -> None:
    """Else some facts below would hold for want of a case."""
    sample, dialect = SAMPLES.get(code), dialects()[code]
    requests = sample.requests(sample.named("HS1"), 20_000, START) if sample else []
    found = [(endpoint_of(dialect, each)[0], understood(*endpoint_of(dialect, each))[0]) for each in requests]
    assert {endpoint.path for endpoint, command in found if command} == {each.path for each in dialect.endpoints}


@pytest.mark.parametrize("code", SAMPLES)
def test_every_refusal_of_what_was_understood_has_an_answer(code: str) -> None:
    """Where the use case refuses, the command and its fields are known."""
    sample = SAMPLES[code]
    for reason, request in product(Reason, sample.requests(sample.named("HS1"), 20_000, START)):
        endpoint, placed = endpoint_of(dialects()[code], request)
        command, refused = understood(endpoint, placed)
        assert (command is None) == (refused is not None)
        if command is not None:
            wire = dict(command.wire)
            response = endpoint.encode(placed, command, Refusal(reason, "why", merchant=command.merchant, wire=wire))
            assert in_protocol(response), reason
            assert response.body or response.status == 302, reason


@every_message
def test_a_callback_tells_every_state_and_outcome(code: str, message: str) -> None:
    dialect = dialects()[code]
    told = {
        (state, outcome): dialect.callback(notice(code, settled(code, state, outcome), message=message))
        for state, outcome in product(State, (None, *Outcome))
    }
    assert all(each.url.startswith("http://portal.test/callback") for each in told.values())
    paid, failed = told[State.PAID, Outcome.SUCCESS], told[State.FAILED, Outcome.INSUFFICIENT_FUNDS]
    assert ((paid.url, paid.body) != (failed.url, failed.body)) == dialects()[code].tells_failures


@every_message
def test_a_callback_depends_on_the_key_and_on_the_amount(code: str, message: str) -> None:
    dialect = dialects()[code]
    less = msgspec.structs.replace(settled(code), amount_vnd=19_999)
    true = dialect.callback(notice(code, message=message))
    other_key = dialect.callback(notice(code, merchant=forged(merchant_of(code)), message=message))
    other_amount = dialect.callback(notice(code, less, message=message))
    assert len({(each.url, each.headers, each.body) for each in (true, other_key, other_amount)}) == 3
    assert (true.url, true.body) != (other_amount.url, other_amount.body), "no amount is told by a header alone"


@every_message
def test_the_same_notice_is_the_same_bytes(code: str, message: str) -> None:
    dialect = dialects()[code]
    assert dialect.callback(notice(code, message=message)) == dialect.callback(notice(code, message=message))


@every_message
def test_no_secret_is_in_what_it_writes(code: str, message: str) -> None:
    dialect, merchant = dialects()[code], merchant_of(code)
    outgoing = dialect.callback(notice(code, message=message))
    back = (dialect.return_url(settled(code), merchant), *dialect.return_form(settled(code), merchant).values())
    written = (outgoing.url.encode(), outgoing.body, *(text.encode() for text in back))
    for secret in merchant.secrets.values():
        assert not [text for text in written if secret.encode() in text]


@every_bank
def test_a_return_goes_only_to_the_merchant(code: str) -> None:
    for state in State:
        url = dialects()[code].return_url(settled(code, state, None), merchant_of(code))
        assert url == "" or url.startswith(("http://", "https://"))
        posted = dialects()[code].return_form(settled(code, state, None), merchant_of(code))
        assert all(posted.values())


# --- what it reads ---------------------------------------------------------------------------------------------


STATUSES = (0, 200, 201, 202, 204, 302, 404, 500, 503)
EMPTY = (b"", b" ", b"\r\n", b"{}", b"null", b'""')
KINDS: tuple[Headers, ...] = ((), (("content-type", "application/json"),))


@every_message
def test_an_empty_answer_is_no_acknowledgement_unless_it_is_documented(code: str, message: str) -> None:
    for status, body, kind in product(STATUSES, EMPTY, KINDS):
        answer = Answer(status, kind, body, "" if status else "timed out after 15 s")
        ack = dialects()[code].acknowledged(answer, notice(code, message=message))
        assert ack.text, "the journal is told why"
        if body == b"":
            assert ack.done == (status in EMPTY_ACKNOWLEDGES[code]), answer
        else:
            assert not ack.done or status in EMPTY_ACKNOWLEDGES[code], answer


@pytest.mark.parametrize("code", [code for code, statuses in EMPTY_ACKNOWLEDGES.items() if statuses])
def test_a_bank_that_an_empty_answer_satisfies_says_so_in_its_docstring_or_its_assumptions(code: str) -> None:
    module = import_module(f"simulator.banks.{MODULES[code]}")
    told = " ".join([module.__doc__ or "", *(f"{each.value} {each.why}" for each in dialects()[code].assumptions)])
    assert re.search(r"\bempty|\b20[0-9]\b|\b2xx\b|no body|whatever the body", told)


@every_told_message
def test_a_good_answer_is_an_acknowledgement_and_elsewhere_it_is_not(code: str, message: str) -> None:
    dialect = dialects()[code]
    outgoing = dialect.callback(notice(code, message=message))
    good = answered(code, outgoing.method, outgoing.url, outgoing.body)
    assert dialect.acknowledged(good, notice(code, message=message)).done
    for status in (302, 500):
        assert not dialect.acknowledged(replace(good, status=status), notice(code, message=message)).done


hostile_bodies = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=6)),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.just(b"[" * 100_000),
    st.just(b'{"a":' * 50_000),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(0, 599), body=hostile_bodies)
def test_no_garbage_acknowledges_or_breaks_a_bank(status: int, body: bytes) -> None:
    for code, dialect in dialects().items():
        ack = dialect.acknowledged(Answer(status, (("content-type", "application/json"),), body), notice(code))
        assert not ack.done or status in EMPTY_ACKNOWLEDGES[code] or b'"00"' in body or b'"02"' in body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(0, 599), body=hostile_bodies)
def test_no_garbage_is_a_bill_or_breaks_a_bank(status: int, body: bytes) -> None:
    question = Question(bill_code="HS1", trans_ref="501690869", channel=Channel.COUNTER, now=START)
    for code, dialect in dialects().items():
        if dialect.inquiry is None:
            continue
        try:
            found = dialect.inquiry.read(Answer(status, (), body), question, merchant_of(code))
        except Refusal:
            continue
        assert isinstance(found, Bill)
        assert found.amount_vnd > 0


def understood(endpoint: Endpoint, request: Request) -> tuple[Command | None, Response | None]:
    """What the endpoint makes of a request: a command, or its own refusal written out."""
    try:
        return endpoint.decode(request, looked_up), None
    except Refusal as refusal:
        return None, endpoint.encode(request, None, refusal)


def _mutilated(request: Request) -> st.SearchStrategy[Request]:
    """A well-formed request with some of its bytes changed, cut out or doubled."""
    raw = request.body or request.query

    def mutilate(cuts: list[tuple[int, int, bytes]]) -> Request:
        changed = raw
        for start, length, put_in in cuts:
            at = start % (len(changed) + 1)
            changed = changed[:at] + put_in + changed[at + length :]
        return replace(request, body=changed) if request.body else replace(request, query=changed)

    cut = st.tuples(st.integers(0, 5000), st.integers(0, 30), st.binary(max_size=6))
    return st.lists(cut, min_size=1, max_size=4).map(mutilate)


REFUND = Refund(request_ref="R1", amount_vnd=5_000, refunded_at=START, bank_ref="14226113")

hostile_requests = st.sampled_from(ENDPOINTS).flatmap(
    lambda found: st.one_of(
        st.binary(max_size=400).map(
            lambda raw: (
                found,
                Request(found[1].method, found[1].path, query=raw)
                if found[1].method == "GET"
                else Request(found[1].method, found[1].path, body=raw),
            )
        ),
        hostile_bodies.map(lambda raw: (found, Request(found[1].method, found[1].path, query=raw[:2000], body=raw))),
    )
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile_requests)
def test_hostile_bytes_get_only_a_protocol_answer(case: tuple[tuple[str, Endpoint], Request]) -> None:
    (_, endpoint), request = case
    command, response = understood(endpoint, request)
    assert command is not None or (response is not None and in_protocol(response))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mutilated_request_gets_only_a_protocol_answer(data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(sorted(SAMPLES)))
    good = data.draw(st.sampled_from(SAMPLES[code].requests("HS1", 20_000, START)))
    endpoint, request = endpoint_of(dialects()[code], data.draw(_mutilated(good)))
    command, response = understood(endpoint, request)
    if command is None:
        assert response is not None
        assert in_protocol(response)
    else:
        refund = REFUND if isinstance(command, RefundOrder | QueryRefund) else None
        url = "http://banksim.test/pay/1"
        reply = Reply(now=START, reply_ref="0" * 32, payment=settled(code), page_url=url, refund=refund)
        assert in_protocol(endpoint.encode(request, command, reply))


# --- every fault, at every bank --------------------------------------------------------------------------------


async def a_world(worlds: Worlds, portal: Connector, code: str, seed: str = "1") -> World:
    """A sandbox on a manual clock whose only merchant is served by the portal."""
    portal.answer = lambda method, path, body: served(answered(code, method, path, body))
    urls = {"callback_url": f"{portal.url}/callback", "inquiry_url": f"{portal.url}/inquiry"}
    options = {**merchant_of(code).options, **REFUNDING.get(code, {})}
    merchant = msgspec.structs.replace(merchant_of(code), options=options, **urls)
    return await worlds.create("ci", seed=seed, clock_at=START, merchants=(merchant,))


def merchant_of_world(world: World, code: str) -> Merchant:
    return world.merchants[code, merchant_of(code).merchant_code]


async def opened(world: World, courier: Courier, code: str) -> Payment:
    """A pending payment, come about in the way of this bank's shape."""
    dialect: Dialect = dialects()[code]
    if dialect.shape.connector_orders:
        await ask(world, code, SAMPLES[code].create("HS0001", BILL_AMOUNT_VND, START))
    elif dialect.inquiry:
        await courier.inquire(world, dialect, merchant_of_world(world, code), "HS0001", dialect.channels[0])
    else:
        merchant = merchant_of_world(world, code)
        await courier.transfer(world, dialect, merchant, "HS0001", BILL_AMOUNT_VND, dialect.channels[0])
    return (await world.store.payments(world.name))[0]


def callbacks(portal: Connector) -> list[tuple[str, bytes]]:
    return [(path, body) for _, path, body in portal.requests if path.startswith("/callback")]


def with_headers(portal: Connector) -> list[tuple[str, bytes, str]]:
    exchanges = zip(portal.requests, portal.headers, strict=True)
    return [(path, body, str(headers)) for (_, path, body), headers in exchanges if path.startswith("/callback")]


async def told(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, **fault: object
) -> list[tuple[str, bytes]]:
    """The callbacks that arrive when one payment is approved under that fault and a week passes."""
    world = await a_world(worlds, portal, code)
    payment = await opened(world, courier, code)
    planned = msgspec.convert({"fault_id": "f", **fault}, Fault)
    await world.store.set_faults(world.name, (planned,))
    await act(world, payment.payment_id, Event.APPROVE)
    await returned(world, payment.payment_id)
    await courier.advance(world, START + LONG)
    booked = [entry.amount_vnd for entry in await world.store.ledger(world.name)]
    assert booked == [BILL_AMOUNT_VND], "whatever is told, the books are right"
    return callbacks(portal)


@every_announcer
@pytest.mark.parametrize(
    ("fault", "arrive", "different"),
    [
        ({"kind": FaultKind.DELAY, "delay_s": 90}, 1, 1),
        ({"kind": FaultKind.LOST}, 0, 0),
        ({"kind": FaultKind.DUPLICATE, "copies": 3}, 3, 1),
        ({"kind": FaultKind.DUPLICATE, "copies": 5, "at_once": True}, 5, 1),
        ({"kind": FaultKind.FORGED_SIGNATURE}, 2, 2),
        ({"kind": FaultKind.WRONG_AMOUNT, "amount_delta_vnd": -1}, 1, 1),
        ({"kind": FaultKind.SUCCESS_THEN_FAILURE, "delay_s": 5}, 2, 2),
        ({"kind": FaultKind.FAILURE_THEN_SUCCESS, "delay_s": 5}, 2, 2),
        ({"kind": FaultKind.CALLBACK_AFTER_RETURN}, 1, 1),
        ({"kind": FaultKind.ANSWER_LOST, "operation": "callback"}, 2, None),
        ({"kind": FaultKind.HTTP_500, "operation": "callback"}, 1, 1),
        ({"kind": FaultKind.CONNECTION_RESET, "operation": "callback"}, 1, 1),
    ],
    ids=lambda value: str(value["kind"]) if isinstance(value, dict) else str(value),
)
async def test_a_callback_fault_works(
    worlds: Worlds,
    courier: Courier,
    portal: Connector,
    code: str,
    fault: dict[str, object],
    arrive: int,
    different: int | None,
) -> None:
    """`different` is None where a bank may number its attempts."""
    if fault["kind"] in FAILURE_KINDS and not dialects()[code].tells_failures:
        arrive, different = 1, 1
    if fault["kind"] in EXCHANGE_KINDS and dialects()[code].retry.attempts_max == 1:
        arrive, different = arrive - 1, None
    arrived = await told(worlds, courier, portal, code, **fault)
    messages = len(dialects()[code].messages)
    assert len(arrived) == arrive * messages
    if fault["kind"] is FaultKind.FORGED_SIGNATURE:  # Some messages have their only proof in a header.
        assert len(set(with_headers(portal))) == arrive * messages
    elif different is not None:
        assert len(set(arrived)) == different * messages


@every_announcer
async def test_a_callback_may_come_before_the_answer(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    world = await a_world(worlds, portal, code)
    fault = Fault(fault_id="f", kind=FaultKind.CALLBACK_BEFORE_ANSWER)
    await world.store.set_faults(world.name, (fault,))
    payment = await opened(world, courier, code)
    await courier.run_due(world)
    assert payment.state is State.PAID
    assert len(callbacks(portal)) == len(dialects()[code].messages)


@every_bank
@pytest.mark.parametrize("kind", [FaultKind.ANSWER_LOST, FaultKind.HTTP_500, FaultKind.CONNECTION_RESET])
async def test_a_broken_first_exchange_loses_no_money(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, kind: FaultKind
) -> None:
    world = await a_world(worlds, portal, code)
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=kind),))
    await opened_or_not(world, courier, code)
    payment = await opened(world, courier, code)
    if payment.state is State.PENDING:
        payment = await act(world, payment.payment_id, Event.APPROVE)
    await courier.advance(world, START + LONG)
    states = {each.state for each in await world.store.deliveries(world.name)}
    assert states == ({DeliveryState.ACKNOWLEDGED} if dialects()[code].announces else set())
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == BILL_AMOUNT_VND


async def opened_or_not(world: World, courier: Courier, code: str) -> None:
    """The first try, which the fault breaks."""
    if dialects()[code].shape.connector_orders:
        await ask(world, code, SAMPLES[code].create("HS0001", BILL_AMOUNT_VND, START))


@every_announcer
async def test_a_connector_that_never_acknowledges_is_given_up_after_the_ladders_last_rung(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    dialect, world = dialects()[code], await a_world(worlds, portal, code)
    payment = await opened(world, courier, code)
    portal.answer = lambda method, path, body: web.Response(status=500)
    await act(world, payment.payment_id, Event.APPROVE)
    for days in (7, 30, 365):
        await courier.advance(world, START + timedelta(days=days))
    assert len(callbacks(portal)) == dialect.retry.attempts_max * len(dialect.messages)
    assert {each.state for each in await world.store.deliveries(world.name)} == {DeliveryState.EXHAUSTED}


# --- the same seed says the same ---------------------------------------------------------------------------------


Said = list[tuple[int, tuple[tuple[str, str], ...], bytes]]


async def everything_said(
    folder: Path, portal: Connector, code: str, seed: str
) -> tuple[Said, list[tuple[str, bytes, str]]]:
    """All that the bank answers, and all that it sends, in one life of one payment and among other requests."""
    portal.requests.clear()
    portal.headers.clear()
    async with worlds_in(folder) as worlds, courier_of(worlds) as courier:
        world = await a_world(worlds, portal, code, seed)
        payment = await opened(world, courier, code)
        await act(world, payment.payment_id, Event.APPROVE)
        back = await returned(world, payment.payment_id)
        await courier.advance(world, START + timedelta(hours=1))
        said: Said = [(302, (), repr((back, payment.payment_id, payment.bank_ref)).encode())]
        sample = SAMPLES.get(code)
        for request in sample.requests(sample.named("HS0002"), BILL_AMOUNT_VND, START) if sample else []:
            response = (await ask(world, code, request)).response
            said.append((response.status, response.headers, response.body))
    exchanges = zip(portal.requests, portal.headers, strict=True)
    return said, [(path, body, str(headers)) for (_, path, body), headers in exchanges]


@every_bank
async def test_the_same_seed_says_the_same_bytes_and_another_seed_others(
    tmp_path: Path, portal: Connector, code: str
) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    first, again, other = [
        await everything_said(tmp_path / name, portal, code, seed)
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2"))
    ]
    assert first == again
    assert first[0] != other[0]
    told = dialects()[code].announces or dialects()[code].inquiry
    assert bool(first[1]) == bool(told)
    assert not told or first[1] != other[1]


# --- refunds -----------------------------------------------------------------------------------------------------


Asking = Callable[[Payment, int, str, datetime], Request]

REFUNDS: dict[str, Asking] = {
    "keypay3": lambda paid, vnd, ref, now: samples.keypay3.keypay3_refund(paid.order.order_ref, vnd, ref),
    "mb": lambda paid, vnd, ref, now: samples.mb.refund(paid.bank_ref, str(vnd), now, multiTimes=True, content=ref),
    "momo": lambda paid, vnd, ref, now: samples.momo.momo_refund(ref, paid.bank_ref, vnd),
    "napas": lambda paid, vnd, ref, now: samples.napas.refund(paid.order.order_ref, vnd, now, ref),
    "sepay": lambda paid, vnd, ref, now: samples.sepay.sepay_refund(sepay.transaction_id(paid), ref, vnd),
    "sepay_gateway": lambda paid, vnd, ref, now: samples.sepay_gateway.gateway_asked(
        "voidTransaction", paid.order.order_ref
    ),
    "vietcombank_qn": lambda paid, vnd, ref, now: samples.vietcombank_qn.refund(paid.order.order_ref, ref, vnd, now),
    "vietinbank_dn": lambda paid, vnd, ref, now: samples.vietinbank_dn.refund(paid.order.order_ref, vnd, now, ref),
    "vietinbank_wallet": lambda paid, vnd, ref, now: samples.vietinbank_wallet.refund(
        paid.order.order_ref, vnd, now, ref
    ),
    "vietqr_vn": lambda paid, vnd, ref, now: samples.vietqr_vn.vietqr_refund(
        paid.bank_ref, vnd, now, content=ref, multiTimes=True
    ),
    "viettelpay": lambda paid, vnd, ref, now: samples.viettelpay.viettelpay_refund(
        paid.order.order_ref, paid.bank_ref, vnd, "1"
    ),
    "vnpay": lambda paid, vnd, ref, now: samples.vnpay.vnpay_refund(paid.order.order_ref, START, ref, vnd, "03"),
    "vnpayqr": lambda paid, vnd, ref, now: samples.vnpayqr.vnpayqr_refund(
        paid.order.order_ref, START, paid.bank_ref, vnd, ref[1:], "2"
    ),
    "zalopay": lambda paid, vnd, ref, now: samples.zalopay.zalopay_refund(ref, paid.bank_ref, vnd, now),
}
"""How a connector asks each bank that refunds for a part of a payment."""

ONLY_THE_WHOLE = frozenset({"sepay_gateway"})
"""Banks at which no amount can be named: card payments are voided."""


def test_every_bank_whose_connectors_may_ask_for_refunds_is_in_the_table() -> None:
    able = {code for code, name in MODULES.items() if hasattr(import_module(f"simulator.banks.{name}"), "RefundOrder")}
    assert able == set(REFUNDS)


@pytest.mark.parametrize("code", REFUNDS)
async def test_refunds_never_exceed_the_payment(worlds: Worlds, courier: Courier, portal: Connector, code: str) -> None:
    world = await a_world(worlds, portal, code)
    if code in ONLY_THE_WHOLE:
        await ask(world, code, samples.sepay_gateway.gateway_create("HS0001", 20_000, START, payment_method="CARD"))
    payment = await opened(world, courier, code)
    await ask(world, code, REFUNDS[code](payment, 1_000, "R0", START))
    assert await refunded(world, payment) == 0, "nothing is paid yet"
    payment = await act(world, payment.payment_id, Event.APPROVE)
    given_back = []
    for number, vnd in enumerate((20_001, 15_000, 5_001, 999_999_999_999, 5_000, 1, 20_000), 1):
        now = START + timedelta(minutes=10 * number)
        await courier.advance(world, now)
        await ask(world, code, REFUNDS[code](payment, vnd, f"R{number}", now))
        given_back.append(await refunded(world, payment))
    whole = [20_000] * 7
    assert given_back == (whole if code in ONLY_THE_WHOLE else [0, 15_000, 15_000, 15_000, 20_000, 20_000, 20_000])
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


async def refunded(world: World, payment: Payment) -> int:
    found = await world.store.payment(world.name, ById(payment.payment_id))
    assert found is not None
    return found.refunded_vnd
