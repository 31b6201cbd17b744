"""Facts about what goes wrong with a bank's answers: at every bank, by seed, by header, by amount, and on the wire."""

import asyncio
import gzip
import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator import leaves
from simulator.app import App
from simulator.bank import Served, act
from simulator.banks import dialects
from simulator.control.asked import FAULTS_MAX, HEADER, PLANNED_MAX, TEXT_MAX
from simulator.delivery import Courier
from simulator.faults import (
    ANSWER_KINDS,
    BY_NUMBER,
    EXCHANGE_KINDS,
    FAULTS,
    SETTINGS,
    AnswerFault,
    Ending,
    Fault,
    FaultKind,
    Occasion,
    Sent,
    asked_by_amount,
    sent,
    take,
)
from simulator.faults.listing import MACHINERY
from simulator.outbox import DeliveryState
from simulator.payment import Event, State
from simulator.protocol import CONNECTION
from simulator.store import Exchange
from simulator.wire import Request, Response, json_response
from simulator.world import World, Worlds
from tests.samples import ORDERED, SAMPLES
from tests.worlds import START, ask, worlds_in

HERE = "http://banksim.test"
AMOUNT_VND = 20_000
SOON = {"size_bytes": 100_000}
"""Settings that keep the tests small."""


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="1", clock_at=START)


def a(kind: str, **settings: Any) -> Fault:
    """The fault as its own file has it."""
    return msgspec.convert({"fault_id": "f", "kind": kind, **FAULTS[kind].defaults, **settings}, Fault)


def create(code: str, ref: str, amount_vnd: int = AMOUNT_VND) -> Request:
    wanted = SAMPLES[code].create
    assert wanted is not None, "asked only of banks at which connectors make orders"
    return wanted(ref, amount_vnd, START)


async def said_of(world: World) -> list[Exchange]:
    return [exchange for _, exchange in await world.store.exchanges(world.name)]


def fields_of(sent: Sent, name: str) -> list[str]:
    return [value for key, value in sent.response.headers if key == name]


# --- the files -----------------------------------------------------------------------------------------------


def test_each_file_is_the_fault_that_its_name_says() -> None:
    folder = Path(__file__).parents[1] / "simulator/faults"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == MACHINERY | set(FAULTS)
    assert set(FAULTS) == {str(kind) for kind in FaultKind}


def test_a_fault_has_a_number_of_its_own_two_languages_and_settings_that_exist() -> None:
    numbers = [each.number for each in FAULTS.values() if each.number]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(1, 100))
    for each in FAULTS.values():
        assert "" not in (each.en, each.vi), each.kind
        assert each.en != each.vi, each.kind
        assert set(each.settings) <= set(SETTINGS), each.kind
        assert a(each.kind).kind == each.kind, "its defaults are settings of a rule"


NUMBERS = {
    "http_500": 1,
    "connection_reset": 2,
    "answer_lost": 3,
    "latency_fixed": 4,
    "timeout_before": 8,
    "gateway_error": 12,
    "throttled": 21,
    "maintenance": 22,
    "delay": 30,
    "lost": 31,
    "duplicate": 32,
    "callback_before_answer": 80,
}


def test_numbers_once_given_stay() -> None:
    assert {kind: FAULTS[kind].number for kind in NUMBERS} == NUMBERS


# --- every answer fault, at every bank -----------------------------------------------------------------------


def harmless(kind: str, unharmed: Response) -> bool:
    """What cannot be told from the right answer: a redirect has no body, and some answers no signature."""
    bodyless = kind in ("empty_answer", "slow_drip") and not unharmed.body
    return bodyless or kind == "unsigned_answer"


@pytest.mark.parametrize("code", ORDERED)
async def test_every_answer_fault_strikes_every_bank(world: World, code: str) -> None:
    unharmed = (await ask(world, code, create(code, "HS0001"))).response
    for number, kind in enumerate(sorted(ANSWER_KINDS), 2):
        fault = FAULTS[kind]
        assert isinstance(fault, AnswerFault)
        settings = {"limit": 0} if kind == "throttled" else {}
        await world.store.set_faults(world.name, (a(kind, **settings, **SOON),))
        ref = f"HS{number:04}"
        before = len(await world.store.payments(world.name))
        served = await ask(world, code, create(code, ref))
        made = len(await world.store.payments(world.name)) - before
        assert made == (1 if fault.commits and not fault.refuses else 0), kind
        assert served.fault == kind
        assert served.sent is not None
        plain = Sent(response=served.response, other=served.sent.other, note=served.sent.note)
        if fault.commits and not fault.refuses and not harmless(kind, unharmed):
            assert served.sent != plain, kind
        exchange = (await said_of(world))[-1]
        assert f"fault: {kind}" in exchange.note
        assert (exchange.status == 0) == (not served.sent.starts), kind
    await world.store.set_faults(world.name, ())
    assert (await ask(world, code, create(code, "HS0099"))).sent is None


@pytest.mark.parametrize("code", sorted(SAMPLES))
async def test_a_rule_may_name_any_operation_that_a_bank_answers(world: World, code: str) -> None:
    requests = SAMPLES[code].requests("HS0001", AMOUNT_VND, START)
    for request in requests:
        unharmed = await ask(world, code, request)
        operation = (await said_of(world))[-1].operation
        await world.store.set_faults(world.name, (a("reset_after", operation=operation),))
        served = await ask(world, code, request)
        assert (unharmed.sent, served.fault) == (None, "reset_after"), operation
        assert (await world.store.sandbox(world.name)).faults == ()


@pytest.mark.parametrize("code", ORDERED)
async def test_a_refusal_that_a_fault_asks_for_makes_no_order(world: World, code: str) -> None:
    for kind, plain in (("maintenance", 503), ("throttled", 429)):
        await world.store.set_faults(world.name, (a(kind, limit=0),))
        served = await ask(world, code, create(code, "HS0001"))
        assert served.sent is not None
        assert served.sent.response == served.response or served.sent.response.status == plain
        assert await world.store.payments(world.name) == []


async def test_vnpay_tells_in_its_own_code_that_it_is_asked_too_often(world: World) -> None:
    await ask(world, "vnpay", create("vnpay", "HS0001"))
    query = SAMPLES["vnpay"].query
    assert query is not None
    await world.store.set_faults(world.name, (a("throttled", operation="query", limit=0),))
    served = await ask(world, "vnpay", query("HS0001", START, "Q1"))
    assert served.sent is not None
    assert json.loads(served.sent.response.body)["vnp_ResponseCode"] == "94"


# --- what each does ------------------------------------------------------------------------------------------

JSON = json_response({"code": "00", "amount": 20_000, "signature": "abcdef"})
XML = Response(200, (("content-type", "text/xml"),), b"<A><code>00</code><Sig>YWJj</Sig></A>")
FORM = Response(200, (("content-type", "text/plain"),), b"code=00&amount=20000&sign=abcdef")
REDIRECT = Response(302, (("location", "http://portal.test/back?a=1"),))
ANSWERS = [JSON, XML, FORM, REDIRECT]


def struck(kind: str, response: Response = JSON, *, other: Response | None = None, **settings: Any) -> Sent:
    return sent(response, (a(kind, **settings),), Random(1), other)


@pytest.mark.parametrize("response", ANSWERS)
def test_a_truncated_answer_is_shorter_than_it_says(response: Response) -> None:
    cut = struck("truncated_body", response)
    assert cut.halved
    assert len(cut.body) < len(cut.response.body)
    assert cut.ending is Ending.CLOSE


def test_a_malformed_answer_is_not_what_its_content_type_says() -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(struck("malformed_body").response.body)
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(struck("malformed_body", XML).response.body)
    assert b"%zz" in struck("malformed_body", FORM).response.body
    assert fields_of(struck("malformed_body"), "content-type") == ["application/json; charset=utf-8"]


@pytest.mark.parametrize("response", ANSWERS)
def test_a_wrong_content_type_leaves_the_body_alone(response: Response) -> None:
    wrong = struck("wrong_content_type", response)
    was = dict(response.headers).get("content-type")
    assert wrong.response.body == response.body
    assert len(fields_of(wrong, "content-type")) == 1
    assert fields_of(wrong, "content-type") != [was]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("kind", ["gateway_error", "gateway_error_after"])
def test_a_gateways_page_has_the_status_asked_for(kind: str, status: int) -> None:
    page = struck(kind, status=status).response
    assert page.status == status
    assert page.body.startswith(b"<html>")
    assert str(status).encode() in page.body


@pytest.mark.parametrize("size", [0, 10, 70_000, 1_000_000])
def test_a_gzip_bomb_is_small_and_holds_the_answer(size: int) -> None:
    bomb = struck("gzip_bomb", size_bytes=size)
    unpacked = gzip.decompress(bomb.response.body)
    assert fields_of(bomb, "content-encoding") == ["gzip"]
    assert unpacked.rstrip() == JSON.body
    assert abs(len(unpacked) - max(size, len(JSON.body))) <= 65_536
    assert len(bomb.response.body) < 200 + len(unpacked) // 100
    member = zlib.decompressobj(wbits=31)
    assert member.decompress(bomb.response.body) == unpacked, "one member: clients stop after the first"
    assert member.eof


def test_an_answer_can_come_without_its_signature() -> None:
    other = json_response({"code": "00", "amount": 20_000, "signature": "zzzzzz"})
    assert json.loads(struck("unsigned_answer", other=other).response.body) == {"code": "00", "amount": 20_000}
    xml = replace(XML, body=XML.body.replace(b"YWJj", b"eHl6"))
    assert struck("unsigned_answer", XML, other=xml).response.body == b"<A><code>00</code><Sig></Sig></A>"
    form = replace(FORM, body=FORM.body.replace(b"abcdef", b"abzzef"))
    assert b"sign" not in struck("unsigned_answer", FORM, other=form).response.body


def test_an_answer_without_a_signature_is_left_alone_and_said_so() -> None:
    same = struck("unsigned_answer", other=JSON)
    assert same.response == JSON
    assert same.note == "this answer has no signature"


UNSIGNED = {"etax", "momo", "napas", "sepay_gateway", "vietqr_vn", "vnpayqr", "zalopay"}
"""Banks whose answers to queries nothing proves: their connectors trust the TLS connection."""


@pytest.mark.parametrize("code", sorted(code for code, sample in SAMPLES.items() if sample.query))
async def test_a_banks_answer_loses_its_signature_and_nothing_else(world: World, code: str) -> None:
    if SAMPLES[code].create:
        await ask(world, code, create(code, "1001"))
    query = SAMPLES[code].query
    assert query is not None
    await world.store.set_faults(world.name, (a("unsigned_answer", operation="query"),))
    served = await ask(world, code, query("1001", START, "Q1"))
    assert served.sent is not None
    stripped, true = served.sent.response, served.response
    if code in UNSIGNED:
        assert served.sent.note == "this answer has no signature"
        assert stripped == true
        return
    assert len(stripped.body) < len(true.body)
    left, whole = dict(leaves.of(leaves.read(stripped))), dict(leaves.of(leaves.read(true)))
    if code == "vtcpay":  # Its answer is SOAP: one text.
        assert stripped.body.decode().startswith(true.body.decode().split("|20000|")[0])
    else:
        assert len(whole) == len(left) + 1
        assert left.items() <= whole.items()


def test_latencies_are_drawn_within_their_bounds() -> None:
    chance = Random(7)

    def drawn(kind: str, **settings: Any) -> list[float]:
        return [sent(JSON, (a(kind, **settings),), chance).wait_s for _ in range(400)]

    assert drawn("latency_fixed", delay_s=3) == [3] * 400
    even = drawn("latency_uniform", delay_s=1, delay_max_s=5)
    assert 1 <= min(even) < 1.2
    assert 4.8 < max(even) <= 5
    usual = sorted(drawn("latency_lognormal", delay_s=2, spread=1.0))
    assert 1.6 < usual[200] < 2.5, "delay_s is the median"
    assert usual[-1] > 10
    heavy = drawn("latency_pareto", delay_s=1, spread=1.5)
    assert min(heavy) >= 1
    assert max(heavy) > 10
    assert max(drawn("latency_pareto", delay_s=1, spread=1.5, delay_max_s=4)) == 4
    assert max(drawn("latency_pareto", delay_s=500, spread=0.1)) == 600


def test_a_gateways_page_has_no_signature_to_lose() -> None:
    page = struck("gateway_error").response
    other = replace(JSON, body=JSON.body.replace(b"abcdef", b"fedcba"))
    for rules in permutations((a("reset_during"), a("gateway_error"), a("unsigned_answer"))):
        result = sent(JSON, rules, Random(1), other)
        assert result.response == page
        assert result.body == page.body[: len(page.body) // 2]


@given(
    st.lists(st.sampled_from(sorted(ANSWER_KINDS)), min_size=1, max_size=5),
    st.builds(Response, st.sampled_from([200, 302]), st.just(()), st.binary(max_size=300)),
)
def test_faults_together_still_give_one_answer(kinds: list[str], response: Response) -> None:
    rules = tuple(a(kind, **SOON) for kind in kinds)
    result = sent(response, rules, Random(1), response)
    assert len(result.body) == len(result.response.body) // (2 if result.halved else 1)
    assert result.wait_s >= 0
    assert 100 <= result.response.status < 600


# --- where and when ------------------------------------------------------------------------------------------


def at(seconds: int) -> Occasion:
    return Occasion(bank="vnpay", operation="create", order_ref="A", at=START + timedelta(seconds=seconds))


def test_a_throttle_lets_so_many_pass_in_each_window() -> None:
    plan: tuple[Fault, ...] = (a("throttled", limit=3, window_s=60),)
    hits = []
    for second in (0, 1, 2, 3, 4, 59, 60, 61, 62, 63):
        now, plan = take(plan, ANSWER_KINDS, at(second), lambda: 0.0)
        hits.append(bool(now))
    assert hits == [False, False, False, True, True, True, False, False, False, True]


@pytest.mark.parametrize(("hour", "hit"), [(22, False), (23, True), (0, True), (1, False), (12, False)])
def test_maintenance_strikes_in_its_hours_alone(hour: int, hit: bool) -> None:
    moment = datetime.fromisoformat(f"2026-11-22T{hour:02}:30:00+07:00")
    occasion = Occasion(bank="vnpay", operation="create", at=moment)
    now, left = take((a("maintenance", hours="23:00-01:00"),), ANSWER_KINDS, occasion, lambda: 0.0)
    assert bool(now) is hit
    assert len(left) == 1


async def strikes(folder: Path, seed: str) -> list[str]:
    """Which of forty orders meet which fault, and how late their answers come."""
    async with worlds_in(folder) as opened:
        world = await opened.create("ci", seed=seed, clock_at=START)
        faults = (
            a("http_500", probability=0.2, times=0),
            a("latency_lognormal", probability=0.5, times=0),
            a("lost", probability=0.3, times=0),
        )
        await world.store.set_faults(world.name, faults)
        for number in range(40):
            await ask(world, "vnpay", create("vnpay", f"HS{number:04}"))
        return [exchange.note for exchange in await said_of(world)]


async def test_one_seed_gives_the_same_strikes_and_another_gives_others(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        (tmp_path / name).mkdir()
        runs.append(await strikes(tmp_path / name, seed))
    assert runs[0] == runs[1] != runs[2]
    assert 0 < sum("http_500" in note for note in runs[0]) < 40
    assert len({note for note in runs[0] if "waits" in note}) > 5, "each waits for a time of its own"


async def test_who_tries_again_has_a_chance_of_its_own(world: World) -> None:
    """Else one order would fail for ever and another never, whatever the probability."""
    await world.store.set_faults(world.name, (a("http_500", probability=0.5, times=0),))
    tries = []
    for number in range(12):
        served = await ask(world, "vnpay", create("vnpay", f"HS{number:04}"))
        while served.fault is not None and len(tries) < 200:
            tries.append(number)
            served = await ask(world, "vnpay", create("vnpay", f"HS{number:04}"))
    assert len(await world.store.payments(world.name)) == 12
    assert 2 < len(tries) < 60


# --- asked for by a header -----------------------------------------------------------------------------------


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} is a bank's")


@pytest.fixture
async def app(worlds: Worlds) -> App:
    return App(worlds, Courier(worlds, "node"), nothing, "1", hold_s=0.05)


async def called(app: App, request: Request, code: str, sandbox: str = "ci", **headers: str) -> httpx.Response:
    prefix = f"/s/{sandbox}" if sandbox else ""
    query = f"?{request.query.decode('latin-1')}" if request.query else ""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as http:
        return await http.request(
            request.method,
            f"{prefix}/{code}{request.path}{query}",
            content=request.body,
            headers={**request.headers, **headers},
        )


async def test_a_header_asks_for_a_fault_of_its_own_request(app: App, world: World) -> None:
    wish = {HEADER: "gateway_error; status=503"}
    answer = await called(app, create("dvcqg", "1001"), "dvcqg", **wish)
    assert answer.status_code == 503
    assert await world.store.payments(world.name) == []
    assert (await called(app, create("dvcqg", "1001"), "dvcqg")).status_code == 200
    assert (await world.store.sandbox(world.name)).faults == ()


async def test_a_header_plans_what_is_to_befall_its_order_and_no_other(app: App, world: World) -> None:
    await called(app, create("dvcqg", "1001"), "dvcqg", **{HEADER: "lost, duplicate; copies=3; times=2"})
    planned = (await world.store.sandbox(world.name)).faults
    assert [(each.kind, each.bank, each.operation, each.times) for each in planned] == [
        ("lost", "dvcqg", "", 1),
        ("duplicate", "dvcqg", "", 2),
    ]
    (payment,) = await world.store.payments(world.name)
    assert {each.order_ref for each in planned} == {payment.order.order_ref}
    assert {each.merchant_code for each in planned} == {payment.merchant_code}
    assert len({each.fault_id for each in planned}) == 2


async def test_a_header_may_name_a_later_exchange(app: App, world: World) -> None:
    await called(app, create("vnpay", "HS1"), "vnpay", **{HEADER: "reset_after; operation=query"})
    query = SAMPLES["vnpay"].query
    assert query is not None
    with pytest.raises(ConnectionResetError):
        await called(app, query("HS1", START, "Q1"), "vnpay")
    assert (await called(app, query("HS1", START, "Q2"), "vnpay")).status_code == 200


async def test_in_the_sandbox_of_all_a_header_is_refused(app: App, worlds: Worlds) -> None:
    default = await worlds.create("default", seed="1", clock_at=START)
    answer = await called(app, create("dvcqg", "1001"), "dvcqg", "", **{HEADER: "lost"})
    assert answer.status_code == 400
    assert "sandbox of your own" in answer.json()["detail"]
    assert await default.store.payments(default.name) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no fault ''"),
        ("sabotage", "there is no fault 'sabotage'"),
        ("lost;", "'' is not like delay_s=5"),
        ("lost; times", "'times' is not like delay_s=5"),
        ("delay; delay_s=soon", "Header field `delay_s`"),
        ("delay; delay_s=-1", "Header field `delay_s`"),
        ("delay; delay_s=1; delay_s=2", "delay_s is given twice"),
        ("lost; delay_s=5", "`lost` has no setting 'delay_s'"),
        ("lost; order_ref=HS2", "no setting 'order_ref'"),
        ("lost; bank=momo", "no setting 'bank'"),
        ("gateway_error; status=200", "Header field `status`"),
        ("maintenance; hours=25:00-26:00", "`hours`"),
        ("lost; operation=query", "cannot strike in 'query'"),
        ("huge_body; size_bytes=999999999999", "Header field `size_bytes`"),
        ("lost; times=99999999999999999999", "Header field `times`"),
        ("wrong_amount; amount_delta_vnd=0", "is the right one"),
        (", ".join(["lost"] * (FAULTS_MAX + 1)), "more than 5 faults"),
        ("lost; " + "x" * TEXT_MAX, "longer than"),
    ],
)
async def test_a_header_that_is_wrong_is_named_and_nothing_is_done(
    app: App, world: World, text: str, told: str
) -> None:
    answer = await called(app, create("dvcqg", "1001"), "dvcqg", **{HEADER: text})
    assert answer.status_code == 400
    assert told in answer.json()["detail"]
    assert await world.store.payments(world.name) == []
    assert (await world.store.sandbox(world.name)).faults == ()


async def test_headers_do_not_fill_a_sandbox_without_end(app: App, world: World) -> None:
    await world.store.set_faults(world.name, tuple(a("lost", order_ref=str(each)) for each in range(PLANNED_MAX)))
    answer = await called(app, create("dvcqg", "1001"), "dvcqg", **{HEADER: "lost"})
    assert answer.status_code == 400
    assert "are planned in this sandbox" in answer.json()["detail"]


HOSTILE = ["\xff\xfe", "lost\x00", "'; DROP TABLE payment;--", "{{7*7}}", "=;=;=", ",,,,", "lost; times=1e9"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_header_is_refused(app: App, world: World, text: str) -> None:
    scope, line = exchange(create("dvcqg", "1001"), "dvcqg", header=text.encode("latin-1"))
    await app(scope, line.receive, line.send)
    assert line.messages[0]["status"] == 400
    assert await world.store.payments(world.name) == []


async def test_a_header_on_a_request_that_is_not_understood_plans_nothing_for_later(app: App, world: World) -> None:
    request = replace(create("dvcqg", "1001"), body=b"{")
    await called(app, request, "dvcqg", **{HEADER: "lost"})
    assert (await world.store.sandbox(world.name)).faults == ()


# --- asked for by an amount ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_vnd", "kind"), [(50_931, "lost"), (1_901, "http_500"), (50_900, None), (50_031, None)]
)
def test_the_last_three_digits_of_an_amount_name_a_fault(amount_vnd: int, kind: str | None) -> None:
    asked = asked_by_amount(amount_vnd)
    assert (asked.kind if asked else None) == kind


@pytest.mark.parametrize("number", sorted(BY_NUMBER))
def test_every_number_asks_for_its_fault_as_its_file_has_it(number: int) -> None:
    asked = asked_by_amount(100_900 + number)
    assert asked == replace(a(BY_NUMBER[number].kind), fault_id="")


@pytest.fixture
async def by_amount(worlds: Worlds) -> World:
    return await worlds.create("amounts", seed="1", clock_at=START, faults_by_amount=True)


async def test_amounts_ask_for_nothing_unless_it_is_switched_on(world: World) -> None:
    assert (await ask(world, "vnpay", create("vnpay", "HS1", 50_901))).fault is None


@pytest.mark.parametrize("code", ORDERED)
async def test_an_amount_asks_for_the_fault_of_its_create(by_amount: World, code: str) -> None:
    assert (await ask(by_amount, code, create(code, "HS0001", 50_901))).fault == "http_500"
    assert await by_amount.store.payments(by_amount.name) == []
    assert (await ask(by_amount, code, create(code, "HS0002", 50_911))).fault == "reset_after"
    assert (await ask(by_amount, code, create(code, "HS0003", 50_000))).fault is None
    assert (await by_amount.store.sandbox(by_amount.name)).faults == ()


async def test_an_amount_asks_for_the_fault_of_its_callback(by_amount: World) -> None:
    await ask(by_amount, "vnpay", create("vnpay", "HS1", 50_931))
    await ask(by_amount, "vnpay", create("vnpay", "HS2", 50_000))
    for payment in await by_amount.store.payments(by_amount.name):
        assert payment.state is State.PENDING
        await act(by_amount, payment.payment_id, Event.APPROVE)
    states = {each.state for each in await by_amount.store.deliveries(by_amount.name)}
    assert states == {DeliveryState.LOST, DeliveryState.WAITING}


async def test_the_amount_that_a_payer_transfers_asks_too(worlds: Worlds, by_amount: World) -> None:
    dialect, merchant = dialects()["sepay"], by_amount.first_merchant("sepay")
    assert merchant is not None
    courier = Courier(worlds, "node")
    payment = await courier.transfer(by_amount, dialect, merchant, "HS0001", 50_931, dialect.channels[0])
    await act(by_amount, payment.payment_id, Event.APPROVE)
    (delivery,) = await by_amount.store.deliveries(by_amount.name)
    assert delivery.state is DeliveryState.LOST


async def test_the_setting_outlives_the_process(tmp_path: Path) -> None:
    for made in (True, False):
        async with worlds_in(tmp_path) as opened:
            if made:
                await opened.create("ci", seed="1", faults_by_amount=True)
            assert (await opened.get("ci")).sandbox.faults_by_amount


# --- on the wire ---------------------------------------------------------------------------------------------


@dataclass
class Line:
    """A connector's end of one exchange, and the transport of the server's end."""

    body: bytes
    leaves: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""
    asked: int = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 1 and self.body:
            return {"type": "http.request", "body": self.body}
        if self.leaves or self.ended:
            return {"type": "http.disconnect"}
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def get_extra_info(self, name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.ended = "reset"

    def close(self) -> None:
        self.ended = "close"

    @property
    def came(self) -> bytes:
        return b"".join(each["body"] for each in self.messages[1:])

    @property
    def promised(self) -> int:
        return int(dict(self.messages[0]["headers"])[b"content-length"])

    @property
    def whole(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", False)


def exchange(request: Request, code: str, *, header: bytes | None = None) -> tuple[dict[str, Any], Line]:
    line = Line(request.body)
    headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    if header is not None:
        headers.append((HEADER.encode(), header))
    scope = {
        "type": "http",
        "method": request.method,
        "path": f"/s/ci/{code}{request.path}",
        "query_string": request.query,
        "headers": headers,
        "extensions": {CONNECTION: line},
    }
    return scope, line


async def on_the_wire(app: App, kind: str, *, leaves: bool = False, **settings: Any) -> Line:
    world = await app.worlds.get("ci")
    await world.store.set_faults("ci", (a(kind, **settings),))
    scope, line = exchange(create("dvcqg", "1001"), "dvcqg")
    line.leaves = leaves
    await app(scope, line.receive, line.send)
    return line


async def test_what_is_truncated_ends_before_its_content_length(app: App, world: World) -> None:
    line = await on_the_wire(app, "truncated_body")
    assert 0 < len(line.came) < line.promised
    assert (line.ended, line.whole) == ("close", False)


async def test_a_reset_during_the_answer_comes_after_half_of_it(app: App, world: World) -> None:
    line = await on_the_wire(app, "reset_during")
    assert len(line.came) == line.promised // 2
    assert (line.ended, line.whole) == ("reset", False)


@pytest.mark.parametrize(
    ("kind", "ended"),
    [("connection_reset", "reset"), ("reset_after", "reset"), ("answer_lost", "close"), ("timeout_after", "close")],
)
async def test_some_answers_never_begin(app: App, world: World, kind: str, ended: str) -> None:
    line = await on_the_wire(app, kind)
    assert (line.messages, line.ended) == ([], ended)


async def test_who_does_not_wait_is_not_waited_for(app: App, world: World) -> None:
    line = await on_the_wire(app, "timeout_after", leaves=True)
    assert (line.messages, line.ended) == ([], "")
    assert len(await world.store.payments(world.name)) == 1


async def test_a_late_answer_is_whole(app: App, world: World) -> None:
    line = await on_the_wire(app, "latency_fixed", delay_s=86_400)
    assert (line.whole, len(line.came)) == (True, line.promised)
    assert (await said_of(world))[-1].note == "fault: latency_fixed; waits 600.000 s"


async def test_a_dripping_answer_comes_in_pieces_and_whole(app: App, world: World) -> None:
    line = await on_the_wire(app, "slow_drip")
    assert len(line.messages) > 15
    assert (line.whole, len(line.came)) == (True, line.promised)
    json.loads(line.came)


async def test_a_huge_answer_is_streamed(app: App, world: World) -> None:
    line = await on_the_wire(app, "huge_body", size_bytes=1_000_000)
    assert len(line.came) == line.promised > 1_000_000
    assert max(len(each["body"]) for each in line.messages[1:]) <= 65_536
    json.loads(line.came)


async def test_without_a_connection_a_broken_answer_is_an_exception(app: App, world: World) -> None:
    for kind, raised in (
        ("truncated_body", ConnectionResetError),
        ("reset_during", ConnectionResetError),
        ("answer_lost", ConnectionResetError),
        ("timeout_before", TimeoutError),
    ):
        await world.store.set_faults("ci", (a(kind),))
        with pytest.raises(raised):
            await called(app, create("dvcqg", "1001"), "dvcqg")


async def test_without_faults_an_answer_is_sent_in_two_messages(app: App, world: World) -> None:
    scope, line = exchange(create("dvcqg", "1001"), "dvcqg")
    await app(scope, line.receive, line.send)
    assert len(line.messages) == 2
    assert line.asked == 1, "nobody listens for the connector's leaving"


def test_only_what_can_break_a_callback_is_also_a_fault_of_the_banks_own_calls() -> None:
    assert {"http_500", "connection_reset", "answer_lost"} <= EXCHANGE_KINDS
    assert Served(JSON).sent is None
    assert all(dialect.code for dialect in dialects().values())
