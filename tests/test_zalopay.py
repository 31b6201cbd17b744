"""Facts about ZaloPay."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hmac import digest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator.bank import act, returned
from simulator.banks import zalopay
from simulator.banks.zalopay import DIALECT, mac
from simulator.dialect import Ask, Command, Create, Notice, Query, QueryRefund, RefundOrder
from simulator.faults import Fault, FaultKind
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request, Response
from simulator.world import World, Worlds
from tests.samples.zalopay import (
    KEY1,
    create_fields,
    day,
    form_posted,
    json_posted,
    milliseconds,
    zalopay_banks,
    zalopay_create,
    zalopay_mac,
    zalopay_query,
    zalopay_query_refund,
    zalopay_refund,
)
from tests.worlds import START, ask, connector, courier_of, endpoint_of, served

VECTOR_FILE = Path(__file__).parents[1] / "fixtures" / "wire" / "zalopay" / "signatures.json"
VECTORS = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text("utf-8"))}
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
MERCHANT = next(each for each in default_merchants() if each.bank == "zalopay")
CALLED = replace(MERCHANT, callback_url="http://portal.test/callback")
DAY = day(START)


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == "2553" else None


def decoded(request: Request) -> Command:
    endpoint, request = endpoint_of(DIALECT, request)
    return endpoint.decode(request, merchants)


def refused(request: Request) -> tuple[Refusal, dict[str, Any]]:
    endpoint, _ = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value, fields_of(endpoint.encode(request, None, caught.value))


def fields_of(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def order(**changes: object) -> Order:
    command = decoded(zalopay_create("0001", 18_060, START, **changes))
    assert isinstance(command, Create)
    return command.order


def payment(state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS, **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="zalopay",
        merchant_code="2553",
        order=order(),
        amount_vnd=18_060,
        bank_ref="261122000000123",
        created_at=START,
        settled_at=START,
        state=state,
        outcome=outcome,
        channel=Channel.QR,
    )
    return replace(made, **changes)


def signed_by_key2(text: str) -> str:
    return digest(KEY2.encode(), text.encode(), "sha256").hex()


# --- known answers: zalopay-nodejs#mac, zalopay-clients#redirect ------------------------------------------------

NAMES = {kind: names.split() for kind, names in zalopay.SIGNED.items()}


@pytest.mark.parametrize("kind", ["create", "query", "refund", "query_refund"])
def test_a_known_request_has_its_known_mac_and_is_understood(kind: str) -> None:
    vector = VECTORS[kind]
    fields = dict(zip(NAMES[kind], vector["string_to_sign"].split("|"), strict=True))
    assert mac(kind, fields, vector["secret"]) == vector["signature"]
    rest = {"description": "Nop le phi", "m_refund_id": "230407_2553_1"}
    sent = {**rest, **fields, "mac": vector["signature"]}
    commands = {"create": Create, "query": Query, "refund": RefundOrder, "query_refund": QueryRefund}
    assert type(decoded(form_posted(f"/v2/{kind}", sent))) is commands[kind]


def test_a_callback_is_the_known_one_but_for_the_users_number() -> None:
    vector = VECTORS["callback"]
    known = json.loads(vector["string_to_sign"])
    wire = {name: str(known[name]) for name in ("app_user", "app_time", "embed_data", "item")}
    told = order(app_time=1680848533635)
    made = payment(
        order=replace(told, order_ref="230407_0001", wire=wire),
        bank_ref="230407000000123",
        settled_at=datetime.fromtimestamp(1680848600, UTC),
    )
    sent = json.loads(DIALECT.callback(Notice(payment=made, merchant=CALLED, now=START)).body)
    user = json.loads(sent["data"])["merchant_user_id"]
    assert sent["data"].replace(f'"{user}"', '"u"') == vector["string_to_sign"]
    assert sent["mac"] == signed_by_key2(sent["data"])
    assert signed_by_key2(vector["string_to_sign"]) == vector["signature"]
    assert (sent["type"], vector["secret"]) == (1, KEY2)


def test_a_return_has_the_known_checksum() -> None:
    vector = VECTORS["redirect"]
    made = payment(order=replace(order(), order_ref="230407_0001"), issuer_code="NCB")
    fields = dict(parse_qsl(urlsplit(DIALECT.return_url(made, MERCHANT)).query, keep_blank_values=True))
    assert fields.pop("checksum") == vector["signature"]
    assert "|".join(fields.values()) == vector["string_to_sign"]
    assert list(fields) == ["appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status"]


# --- requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("posted", [form_posted, json_posted])
def test_a_form_and_json_become_the_same_order(posted: Any) -> None:
    embedded = json.dumps({"redirecturl": "http://portal.test/về?a=1", "x": "Đ"}, indent=1)
    fields = create_fields("0001", 18_060, START, description="Nộp phí: hồ sơ Đ", embed_data=embedded)
    command = decoded(posted("/v2/create", fields))
    assert isinstance(command, Create)
    made = command.order
    assert (made.order_ref, made.order_key, made.amount_vnd) == (f"{DAY}_0001", f"{DAY}_0001", 18_060)
    assert (made.description, made.return_url) == ("Nộp phí: hồ sơ Đ", "http://portal.test/về?a=1")
    assert (made.ordered_at, made.expires_at) == (START, None)
    assert made.wire["embed_data"] == embedded


@pytest.mark.parametrize(
    ("bank_code", "channel", "issuer"),
    [
        ("", None, ""),
        ("zalopayapp", Channel.QR, ""),
        ("CC", Channel.CARD, ""),
        ("VTB", Channel.INTERNET_BANKING, "VTB"),
    ],
)
def test_the_bank_code_says_how_the_payer_pays(bank_code: str, channel: Channel | None, issuer: str) -> None:
    made = order(bank_code=bank_code)
    assert (made.channel, made.issuer_code) == (channel, issuer)


@pytest.mark.parametrize("life_s", [300, 2_592_000])
def test_an_order_may_say_how_long_it_lives(life_s: int) -> None:
    assert order(expire_duration_seconds=life_s).expires_at == START + timedelta(seconds=life_s)


@pytest.mark.parametrize(
    ("embedded", "url"),
    [
        ({}, ""),
        ({"redirecturl": "myapp://back"}, ""),
        ({"redirecturl": 5}, ""),
        ({"redirecturl": "https://portal.test/r"}, "https://portal.test/r"),
    ],
)
def test_only_a_web_address_is_returned_to(embedded: dict[str, object], url: str) -> None:
    command = decoded(zalopay_create("0001", 18_060, START, embed_data=json.dumps(embedded)))
    assert isinstance(command, Create)
    assert command.order.return_url == url
    assert bool(command.warnings) == ("redirecturl" in embedded and not url)


def test_a_merchant_may_have_a_return_address_of_its_own() -> None:
    endpoint, request = endpoint_of(DIALECT, zalopay_create("0001", 18_060, START, embed_data="{}"))
    mine = replace(MERCHANT, options={"return_url": "http://portal.test/mine"})
    command = endpoint.decode(request, lambda code: mine)
    assert isinstance(command, Create)
    assert DIALECT.return_url(payment(order=command.order), mine).startswith("http://portal.test/mine?appid=2553&")
    assert DIALECT.return_url(payment(order=replace(command.order, return_url="")), mine) == ""


@pytest.mark.parametrize("name", NAMES["create"])
def test_changing_any_signed_field_of_a_create_is_noticed(name: str) -> None:
    fields = create_fields("0001", 18_060, START)
    changed = {"app_id": 2554, "embed_data": "{ }", "item": "[ ]"}
    fields[name] = changed.get(name, f"{fields[name]}1")
    refusal, answer = refused(form_posted("/v2/create", fields))
    assert refusal.reason is (Reason.UNKNOWN_MERCHANT if name == "app_id" else Reason.BAD_SIGNATURE)
    assert (answer["return_code"], answer["sub_return_code"]) == (2, -402)


@pytest.mark.parametrize("given_mac", ["", "0" * 64, "ố", None])
def test_a_missing_or_wrong_mac_is_refused(given_mac: object) -> None:
    for path, fields, code in (
        ("/v2/create", create_fields("0001", 18_060, START), (2, -402)),
        ("/v2/query", {"app_id": 2553, "app_trans_id": f"{DAY}_0001"}, (-403, -403)),
    ):
        refusal, answer = refused(json_posted(path, {**fields, "mac": given_mac}))
        assert refusal.reason is Reason.BAD_SIGNATURE
        assert (answer["return_code"], answer["sub_return_code"]) == code


def test_a_query_signed_without_its_key_inside_is_refused() -> None:
    fields = {"app_id": 2553, "app_trans_id": f"{DAY}_0001", "mac": zalopay_mac(2553, f"{DAY}_0001")}
    assert refused(form_posted("/v2/query", fields))[0].reason is Reason.BAD_SIGNATURE
    spoofed = {**fields, "key1": "", "mac": zalopay_mac(2553, f"{DAY}_0001", "")}
    assert refused(form_posted("/v2/query", spoofed))[0].reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app_id", "x"),
        ("app_user", ""),
        ("app_user", "x" * 51),
        ("app_trans_id", "0001"),
        ("app_trans_id", f"{DAY}0001"),
        ("app_trans_id", f"{DAY}_"),
        ("app_trans_id", f"{DAY}_{'x' * 34}"),
        ("app_trans_id", f"{DAY}_a\x00"),
        ("app_time", "now"),
        ("app_time", "9" * 15),
        ("app_time", "9" * 16),
        ("amount", "18060.0"),
        ("amount", "-1"),
        ("amount", ""),
        ("amount", "9" * 16),
        ("item", ""),
        ("item", "{}"),
        ("item", "[" * 2000),
        ("item", '["' + "x" * 2048 + '"]'),
        ("embed_data", "[]"),
        ("embed_data", "no JSON"),
        ("embed_data", '{"a":"' + "x" * 1024 + '"}'),
        ("description", ""),
        ("description", "x" * 257),
        ("bank_code", "x" * 21),
        ("callback_url", "ftp://portal.test"),
        ("expire_duration_seconds", 299),
        ("expire_duration_seconds", 2_592_001),
        ("expire_duration_seconds", "soon"),
    ],
)
def test_what_is_too_long_missing_or_in_another_form_is_minus_401(name: str, value: object) -> None:
    refusal, answer = refused(form_posted("/v2/create", create_fields("0001", 18_060, START, **{name: value})))
    assert refusal.reason is Reason.MALFORMED
    assert (answer["return_code"], answer["sub_return_code"]) == (2, -401)


def test_nothing_cannot_be_paid() -> None:
    refusal, answer = refused(zalopay_create("0001", 0, START))
    assert refusal.reason is Reason.INVALID_AMOUNT
    assert (answer["return_code"], answer["sub_return_code"]) == (2, -401)


def test_a_refund_is_of_a_transaction_and_has_the_apps_number_in_its_own() -> None:
    command = decoded(zalopay_refund("1", "261122000000123", 18_060, START))
    assert isinstance(command, RefundOrder)
    assert (command.name, command.request_ref) == ("zp:261122000000123", f"{DAY}_2553_1")
    refusal, _ = refused(zalopay_refund("1", "261122000000123", 1, START, m_refund_id=f"{DAY}_2554_1"))
    assert refusal.reason is Reason.MALFORMED


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_banks_are_listed(method: str) -> None:
    endpoint, request = endpoint_of(DIALECT, zalopay_banks(START, method))
    assert isinstance(decoded(request), Ask)
    answer = fields_of(endpoint.encode(request, decoded(request), zalopay.Reply(now=START, reply_ref="0" * 32)))
    assert answer["returncode"] == 1
    assert {"36", "37", "38", "39", "41"} == answer["banks"].keys()
    codes = [bank["bankcode"] for listed in answer["banks"].values() for bank in listed]
    assert {"CC", "zalopayapp", "VTB"} <= set(codes)
    assert all(int(pmc) == bank["pmcid"] for pmc, listed in answer["banks"].items() for bank in listed)


def test_the_banks_are_not_listed_to_a_stranger() -> None:
    request = form_posted("/api/getlistmerchantbanks", {"appid": 2553, "reqtime": 1, "mac": "0"})
    refusal, answer = refused(request)
    assert refusal.reason is Reason.BAD_SIGNATURE
    assert (answer["returncode"], answer["banks"]) == (-403, {})


# --- codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", DIALECT.endpoints, ids=lambda endpoint: f"{endpoint.method}{endpoint.path}")
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_codes_and_words(endpoint: Any, reason: Reason) -> None:
    answer = fields_of(endpoint.encode(Request(endpoint.method, endpoint.path), None, Refusal(reason)))
    code = zalopay.REFUSALS[reason]
    if endpoint.operation == "ask":
        assert (answer["returncode"], answer["returnmessage"]) == (code, zalopay.MESSAGES[code])
        return
    if endpoint.operation == "create" and reason is Reason.BAD_SIGNATURE:
        code = -402
    if endpoint.operation == "create" and reason is Reason.MAINTENANCE:
        code = -999
    if endpoint.operation in ("query", "query_refund") and reason is Reason.TOO_SOON:
        code = -429
    told = endpoint.operation in ("query", "query_refund") and reason is not Reason.UNKNOWN_ORDER
    assert (answer["return_code"], answer["sub_return_code"]) == (code if told else 2, code)
    assert answer["sub_return_message"] == zalopay.MESSAGES[code]


STATES = {
    State.PENDING: (3, 3),
    State.PAID: (1, 1),
    State.CANCELLED: (2, -329),
    State.EXPIRED: (2, -322),
    State.SUSPECTED: (3, 3),
    State.REVERSED: (2, -101),
    State.PARTLY_REFUNDED: (1, 1),
    State.REFUNDED: (1, -101),
}


@pytest.mark.parametrize("outcome", [None, *Outcome])
@pytest.mark.parametrize("state", State)
def test_every_state_and_outcome_has_its_codes(state: State, outcome: Outcome | None) -> None:
    codes = zalopay.state_codes(payment(state, outcome))
    failures = {Outcome.CANCELLED: -329, Outcome.TIMED_OUT: -322, Outcome.MAINTENANCE: -43, Outcome.REVERSED: -101}
    cause = failures.get(outcome, -32) if outcome else -32
    assert codes == STATES.get(state, (2, cause))
    assert (codes[0] == 1) == (state in COLLECTED)
    assert all(code in zalopay.MESSAGES for code in codes)


@pytest.mark.parametrize(
    ("state", "status"), [(State.PAID, "1"), (State.REFUNDED, "1"), (State.CANCELLED, "-329"), (State.PENDING, "3")]
)
def test_a_return_tells_how_it_ended_signed_by_key2(state: State, status: str) -> None:
    fields = dict(parse_qsl(urlsplit(DIALECT.return_url(payment(state), MERCHANT)).query, keep_blank_values=True))
    assert fields["status"] == status
    checksum = fields.pop("checksum")
    assert checksum == signed_by_key2("|".join(fields.values()))


@pytest.mark.parametrize(
    ("channel", "number"),
    [(Channel.QR, 38), (Channel.MOBILE, 38), (None, 38), (Channel.CARD, 36), (Channel.INTERNET_BANKING, 39)],
)
def test_the_way_of_paying_is_told_by_its_number(channel: Channel | None, number: int) -> None:
    sent = json.loads(DIALECT.callback(Notice(payment=payment(channel=channel), merchant=CALLED, now=START)).body)
    assert json.loads(sent["data"])["channel"] == number


def test_the_orders_own_callback_address_comes_before_the_merchants() -> None:
    assert DIALECT.callback(Notice(payment=payment(), merchant=CALLED, now=START)).url == CALLED.callback_url
    own = payment(order=order(callback_url="https://portal.test/own?a=1"))
    assert DIALECT.callback(Notice(payment=own, merchant=CALLED, now=START)).url == "https://portal.test/own?a=1"


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, b'{"return_code":1,"return_message":"success"}', True),
        (200, b'{"return_code":2}', True),
        (200, b'{"return_code":0}', False),
        (200, b'{"return_code":3}', False),
        (200, b'{"return_code":-1,"return_message":"mac not equal"}', False),
        (200, b'{"return_code":"1"}', False),
        (200, b'{"return_code":true}', False),
        (200, b'{"return_code":1.0}', False),
        (200, b'{"returncode":1}', False),
        (200, b"[1]", False),
        (200, b"1", False),
        (200, b"", False),
        (201, b'{"return_code":1}', False),
        (500, b'{"return_code":1}', False),
        (0, b"", False),
    ],
)
def test_only_1_and_2_acknowledge(status: int, body: bytes, done: bool) -> None:
    notice = Notice(payment=payment(), merchant=CALLED, now=START)
    ack = DIALECT.acknowledged(Answer(status, (), body), notice)
    assert ack.done is done
    assert ack.text


# --- in a sandbox -----------------------------------------------------------------------------------------------


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="1", clock_at=START, merchants=(MERCHANT,))


async def said(world: World, request: Request) -> dict[str, Any]:
    return fields_of((await ask(world, "zalopay", request)).response)


async def codes_of(world: World, request: Request) -> tuple[int, int]:
    answer = await said(world, request)
    return answer["return_code"], answer["sub_return_code"]


async def paid(world: World, ref: str = "0001", amount_vnd: int = 20_000, **changes: object) -> Payment:
    assert await codes_of(world, zalopay_create(ref, amount_vnd, START, **changes)) == (1, 1)
    made = (await world.store.payments(world.name, bank="zalopay", order_ref=f"{DAY}_{ref}"))[0]
    return await act(world, made.payment_id, Event.APPROVE)


async def test_a_create_is_answered_with_the_payers_page_and_only_once(world: World) -> None:
    answer = await said(world, zalopay_create("0001", 20_000, START))
    assert (answer["return_code"], answer["sub_return_code"]) == (1, 1)
    assert answer["order_url"].startswith("http://banksim.test/s/ci/pay/")
    assert answer["zp_trans_token"] == answer["order_token"]
    assert await codes_of(world, zalopay_create("0001", 20_000, START)) == (2, -68)


@pytest.mark.parametrize(
    ("off_s", "codes"), [(-900, (1, 1)), (0, (1, 1)), (900, (1, 1)), (-901, (2, -401)), (901, (2, -401))]
)
async def test_app_time_is_at_most_15_minutes_off(world: World, off_s: int, codes: tuple[int, int]) -> None:
    app_time = milliseconds(START + timedelta(seconds=off_s))
    assert await codes_of(world, zalopay_create("0001", 20_000, START, app_time=app_time)) == codes


@pytest.mark.parametrize(("hour", "vietnamese"), [(16, "261122"), (17, "261123"), (23, "261123")])
async def test_the_day_in_a_number_is_that_of_vietnam(worlds: Worlds, hour: int, vietnamese: str) -> None:
    """Between 0:00 and 7:00 in Vietnam the day in UTC is another: defect D61."""
    now = START.replace(hour=hour)
    world = await worlds.create("night", seed="1", clock_at=now, merchants=(MERCHANT,))
    for prefix in ("261121", "261122", "261123", "261124"):
        taken = await codes_of(world, zalopay_create("1", 20_000, now, app_trans_id=f"{prefix}_1"))
        assert taken == ((1, 1) if prefix == vietnamese else (2, -401))
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.APPROVE)
    for prefix in ("261121", "261122", "261123", "261124"):
        request = zalopay_refund("1", made.bank_ref, 1_000, now, m_refund_id=f"{prefix}_2553_1")
        assert (await codes_of(world, request) == (3, 3)) == (prefix == vietnamese)
    assert made.bank_ref.startswith(vietnamese)
    assert len(made.bank_ref) == 15


async def test_a_query_follows_the_payment_for_48_hours(worlds: Worlds, world: World) -> None:
    query = zalopay_query("0001", START)
    assert await codes_of(world, query) == (2, -401)
    await said(world, zalopay_create("0001", 20_000, START))
    unpaid = await said(world, query)
    assert (unpaid["return_code"], unpaid["is_processing"], unpaid["zp_trans_id"]) == (3, False, 0)
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.APPROVE)
    after = await said(world, query)
    assert (after["return_code"], after["sub_return_code"], after["amount"]) == (1, 1, 20_000)
    assert str(after["zp_trans_id"]) == made.bank_ref
    async with courier_of(worlds) as courier:
        await courier.advance(world, START + timedelta(hours=48))
        assert await codes_of(world, query) == (1, 1)
        await courier.advance(world, START + timedelta(hours=48, seconds=1))
        assert await codes_of(world, query) == (2, -401)


async def test_what_the_fraud_check_holds_is_being_processed(world: World) -> None:
    await said(world, zalopay_create("0001", 20_000, START))
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.SUSPECT)
    answer = await said(world, zalopay_query("0001", START))
    assert (answer["return_code"], answer["is_processing"]) == (3, True)


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    ref = (await paid(world)).bank_ref
    assert await codes_of(world, zalopay_refund("0", ref, 20_001, START)) == (2, -401)
    first = await said(world, zalopay_refund("1", ref, 12_000, START))
    assert (first["return_code"], str(first["refund_id"])[:6]) == (3, DAY)
    assert await codes_of(world, zalopay_refund("1", ref, 1_000, START)) == (2, -68)
    assert await codes_of(world, zalopay_refund("2", ref, 8_001, START)) == (2, 406)
    assert await codes_of(world, zalopay_query("0001", START)) == (1, 1)
    assert await codes_of(world, zalopay_refund("2", ref, 8_000, START)) == (3, 3)
    assert await codes_of(world, zalopay_refund("3", ref, 1, START)) == (2, 406)
    assert await codes_of(world, zalopay_query("0001", START)) == (1, -101)
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


async def test_only_what_was_paid_is_refunded_and_only_what_is_known(world: World) -> None:
    await said(world, zalopay_create("0001", 20_000, START))
    (made,) = await world.store.payments(world.name)
    assert await codes_of(world, zalopay_refund("1", made.bank_ref, 20_000, START)) == (2, 406)
    assert await codes_of(world, zalopay_refund("1", "1", 20_000, START)) == (2, -401)


async def test_a_refund_is_found_by_its_own_number_and_has_succeeded(world: World) -> None:
    ref = (await paid(world)).bank_ref
    assert await codes_of(world, zalopay_query_refund("1", START)) == (2, -401)
    assert await codes_of(world, zalopay_refund("1", ref, 12_000, START)) == (3, 3)
    assert await codes_of(world, zalopay_query_refund("1", START)) == (1, 1)


async def test_a_refunds_number_is_refused_for_another_payment(world: World) -> None:
    first, second = await paid(world, "0001"), await paid(world, "0002")
    assert await codes_of(world, zalopay_refund("1", first.bank_ref, 20_001, START)) == (2, -401)
    assert await codes_of(world, zalopay_refund("1", first.bank_ref, 1_000, START)) == (3, 3)
    assert await codes_of(world, zalopay_refund("1", second.bank_ref, 1_000, START)) == (2, -68)
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000, 20_000, -1_000]


async def test_of_two_refunds_of_one_number_at_once_one_is_refused(world: World) -> None:
    refs = [(await paid(world, f"000{n}")).bank_ref for n in range(8)]
    codes = await asyncio.gather(*(codes_of(world, zalopay_refund("1", ref, 1_000, START)) for ref in refs))
    assert sorted(codes) == [*[(2, -68)] * 7, (3, 3)]


async def test_a_refund_with_a_fee_has_the_fee_signed(world: World) -> None:
    """zalopay-v2#refund: the fee stands between amount and description."""
    ref = (await paid(world)).bank_ref
    plain = zalopay_refund("1", ref, 12_000, START, refund_fee_amount=1_000)
    assert await codes_of(world, plain) == (2, -403)
    fields = json.loads(plain.body)
    names = ("app_id", "zp_trans_id", "amount", "refund_fee_amount", "description", "timestamp")
    for fee, codes in ((12_000, (2, -401)), (1_000, (3, 3))):
        fields["refund_fee_amount"] = fee
        signed = {**fields, "mac": zalopay_mac(*(fields[name] for name in names))}
        assert await codes_of(world, json_posted("/v2/refund", signed)) == codes
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 8_000


async def test_a_refund_may_take_its_time(worlds: Worlds) -> None:
    merchant = replace(MERCHANT, options={"refund_takes_s": "3600"})
    world = await worlds.create("slow", seed="1", clock_at=START, merchants=(merchant,))
    ref = (await paid(world)).bank_ref
    assert await codes_of(world, zalopay_refund("1", ref, 12_000, START)) == (3, 3)
    async with courier_of(worlds) as courier:
        for seconds, codes in ((3_599, (3, 3)), (3_600, (1, 1))):
            await courier.advance(world, START + timedelta(seconds=seconds))
            assert await codes_of(world, zalopay_query_refund("1", START)) == codes


async def test_a_merchants_refunds_may_be_done_at_once(worlds: Worlds) -> None:
    merchant = replace(MERCHANT, options={"refund": "done"})
    world = await worlds.create("done", seed="1", clock_at=START, merchants=(merchant,))
    ref = (await paid(world)).bank_ref
    assert await codes_of(world, zalopay_refund("1", ref, 12_000, START)) == (1, 1)


async def test_a_callback_comes_four_times_at_most_and_only_of_success(worlds: Worlds) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(200, body=b'{"return_code":0}'))
        merchant = replace(MERCHANT, callback_url=f"{portal.url}/callback")
        world = await worlds.create("often", seed="1", clock_at=START, merchants=(merchant,))
        await paid(world)
        await said(world, zalopay_create("0002", 20_000, START))
        failed = (await world.store.payments(world.name, order_ref=f"{DAY}_0002"))[0]
        await act(world, failed.payment_id, Event.DECLINE)
        assert await courier.advance(world, START + timedelta(days=1)) == 4
        assert len({body for _, _, body in portal.requests}) == 1
        (delivery,) = await world.store.deliveries(world.name)
        assert delivery.state is DeliveryState.EXHAUSTED


@pytest.mark.parametrize("kind", [FaultKind.SUCCESS_THEN_FAILURE, FaultKind.FAILURE_THEN_SUCCESS])
async def test_no_fault_makes_it_tell_of_a_failure(worlds: Worlds, kind: FaultKind) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(200, body=b'{"return_code":1}'))
        merchant = replace(MERCHANT, callback_url=f"{portal.url}/callback")
        world = await worlds.create("true", seed="1", clock_at=START, merchants=(merchant,))
        await world.store.set_faults(world.name, (Fault(fault_id="f", kind=kind),))
        payment = await paid(world)
        await courier.advance(world, START + timedelta(days=1))
        assert len(portal.requests) == 1
        assert "&status=1&" in await returned(world, payment.payment_id)


# --- whatever comes ---------------------------------------------------------------------------------------------

PATHS = st.sampled_from(["/v2/create", "/v2/query", "/v2/refund", "/v2/query_refund"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(path=PATHS, body=st.binary(max_size=200))
def test_any_body_is_refused_with_minus_401(path: str, body: bytes) -> None:
    assert refused(Request("POST", path, body=body))[1]["sub_return_code"] == -401


@given(changes=st.dictionaries(st.sampled_from([*zalopay.FORMS, "mac", "redirect_url"]), VALUES, max_size=4))
def test_any_field_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, object]) -> None:
    request = json_posted("/v2/create", create_fields("0001", 18_060, START, **changes))
    endpoint, request = endpoint_of(DIALECT, request)
    try:
        command = endpoint.decode(request, merchants)
    except Refusal as refusal:
        answer = fields_of(endpoint.encode(request, None, refusal))
        assert answer["sub_return_code"] in (-401, -402)
    else:
        assert isinstance(command, Create)
        assert command.order.amount_vnd > 0


@given(pairs=st.lists(st.tuples(st.sampled_from([*NAMES["query"], "mac"]), st.text(max_size=20)), max_size=5))
def test_a_field_that_stands_twice_is_refused(pairs: list[tuple[str, str]]) -> None:
    good = [("app_id", "2553"), ("app_trans_id", f"{DAY}_1"), ("mac", zalopay_mac(2553, f"{DAY}_1", KEY1))]
    given_twice = {name for name, _ in pairs} & {name for name, _ in good}
    request = Request("POST", "/v2/query", body=urlencode([*good, *pairs]).encode())
    if given_twice:
        assert refused(request)[0].reason is Reason.MALFORMED
