"""Facts about distorted callbacks: what is wrong with them is wrong, the rest is true, and nothing is passed over."""

import asyncio
import json
from datetime import timedelta
from itertools import product
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace

from conformance.forge import Forge, wire
from simulator import leaves
from simulator.another import another
from simulator.bank import act
from simulator.banks import dialects
from simulator.client import Message
from simulator.delivery import Courier
from simulator.dialect import Notice, Part
from simulator.distortion import HARMLESS, PARTS, Distortion, Spared, distorted, spared, unfit
from simulator.faults import FAULTS, Fault
from simulator.merchants import default_merchants, forged
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Event, Merchant, Order, Outcome, Payment, State
from simulator.wire import Outgoing
from simulator.world import World, Worlds
from tests.samples import SAMPLES
from tests.samples.vnpay import vnpay_pay, vnpay_querydr
from tests.test_every_bank import a_world, opened, with_headers
from tests.worlds import START, Connector, ask, courier_of, worlds_in

BANKS = tuple(dialects())
SPOILED = [each for each in Distortion if each not in PARTS]

every_bank = pytest.mark.parametrize("code", BANKS)

PLACES = {
    **dict.fromkeys(("bidv", "bidv_va"), ("body", "checksum")),
    **dict.fromkeys(("dvcqg", "etax"), ("body", "MaXacThuc")),
    "keypay": ("url", "secure_hash"),
    "keypay3": ("body", "check_sum"),
    "mb": ("body", "checkSum"),
    **dict.fromkeys(("momo", "payos", "vietcombank", "vietcombank_advice", "vietcombank_qn"), ("body", "signature")),
    **dict.fromkeys(("napas", "paygov", "vnpayqr"), ("body", "checksum")),
    **dict.fromkeys(("onepay", "onepay_domestic", "onepay_international"), ("url", "vpc_SecureHash")),
    "sepay": ("headers", "x-sepay-signature"),
    "sepay_gateway": ("headers", "x-secret-key"),
    "vietcombank_wallet": ("body", "Signature"),
    **dict.fromkeys(("vietinbank", "vietinbank_thvqr", "vietinbank_dn"), ("body", "signature")),
    **dict.fromkeys(("vietinbank_qr", "vietinbank_wallet", "vtcpay"), ("body", "signature")),
    "vietqr_vn": ("body", "sign"),
    "viettelpay": ("body", "check_sum"),
    "vnpay": ("url", "vnp_SecureHash"),
    "zalopay": ("body", "mac"),
}
"""Where each bank's signature stands."""


def merchant_of(code: str, **options: str) -> Merchant:
    (merchant,) = (each for each in default_merchants() if each.bank == code)
    return replace(merchant, callback_url="http://portal.test/callback", options={**merchant.options, **options})


def notice(code: str, message: str | None = None, **options: str) -> Notice:
    """Of a payment that has all that may be left out."""
    wire = {"MaHoSo": "HS-7", "billCode": "HS-7", "customer_id": "7", "terminal": "T7", "goods": "P7"}
    order = Order(
        order_ref="1000001", order_key="1000001", amount_vnd=20_000, description="Nop le phi HS0001", wire=wire
    )
    payment = Payment(
        payment_id="5" * 32,
        bank=code,
        merchant_code=merchant_of(code).merchant_code,
        order=order,
        amount_vnd=20_000,
        bank_ref="14226112",
        created_at=START,
        settled_at=START,
        state=State.PAID,
        outcome=Outcome.SUCCESS,
        channel=dialects()[code].channels[-1],
    )
    named = dialects()[code].messages[0] if message is None else message
    return Notice(payment=payment, merchant=merchant_of(code, **options), now=START, message=named)


def tried(about: Notice, distortion: Distortion) -> Outgoing | str:
    """The false message, or why there is none."""
    try:
        return distorted(dialects()[about.payment.bank], about, distortion)
    except Spared as why:
        return str(why)


def different(true: Outgoing, false: Outgoing) -> set[leaves.Path]:
    """The places of all values that differ, are gone or are new."""
    told, other = dict(leaves.of(leaves.read(true))), dict(leaves.of(leaves.read(false)))
    return {path for path in {*told, *other} if told.get(path) != other.get(path)}


# --- every distortion at every bank ------------------------------------------------------------------------------


@every_bank
def test_a_distortion_changes_the_message_or_is_spared_with_a_reason(code: str) -> None:
    for message in dialects()[code].messages:
        about = notice(code, message)
        true = dialects()[code].callback(about)
        for distortion in Distortion:
            false = tried(about, distortion)
            if isinstance(false, str):
                assert code in false, (distortion, false)
                continue
            assert false != true, distortion
            assert false.method == true.method
            assert false.url.partition("?")[0] == true.url.partition("?")[0]
            assert distorted(dialects()[code], about, distortion) == false, "the same notice, the same bytes"


@every_bank
def test_what_is_said_to_be_spared_is_spared_and_the_rest_is_not(code: str) -> None:
    for distortion in Distortion:
        results = [tried(notice(code, message), distortion) for message in dialects()[code].messages]
        assert all(isinstance(each, str) for each in results) == bool(spared(code, distortion)), distortion


@every_bank
def test_each_part_that_a_bank_declares_can_be_told_otherwise_and_no_other(code: str) -> None:
    for distortion, part in PARTS.items():
        able = any(isinstance(tried(notice(code, each), distortion), Outgoing) for each in dialects()[code].messages)
        assert able == (part in dialects()[code].parts), part


@pytest.mark.parametrize("code", PLACES)
def test_its_signature_is_found_where_it_stands(code: str) -> None:
    assert place_of(code) == PLACES[code]


def place_of(code: str) -> leaves.Path:
    true, empty = dialects()[code].callback(notice(code)), tried(notice(code), Distortion.EMPTY_SIGNATURE)
    assert isinstance(empty, Outgoing), empty
    (place,) = different(true, empty)
    return place


@every_bank
def test_a_spoiled_signature_is_all_that_is_wrong(code: str) -> None:
    about, place = notice(code), place_of(code)
    true = dialects()[code].callback(about)
    signature = leaves.get(leaves.read(true), place)
    shapes = {
        Distortion.EMPTY_SIGNATURE: "",
        Distortion.MISSING_SIGNATURE: None,
        Distortion.TRUNCATED_SIGNATURE: signature[: len(signature) // 2],
    }
    for distortion in set(SPOILED) - {Distortion.FORGED_SIGNATURE, Distortion.SHIFTED_FIELDS}:
        false = tried(about, distortion)
        if isinstance(false, str):
            assert distortion is Distortion.OTHER_ALGORITHM, false
            assert place[0] == leaves.HEADERS
            continue
        assert different(true, false) == {place}, distortion
        told = leaves.get(leaves.read(false), place)
        if distortion in shapes:
            assert told == shapes[distortion]
        else:
            assert len(told) == len(signature)
            assert told != signature
        if distortion is Distortion.OTHER_CASE_SIGNATURE:
            assert told.lower() == signature.lower()


@every_bank
def test_text_moved_over_a_boundary_keeps_the_old_signature(code: str) -> None:
    about, place = notice(code), place_of(code)
    true = dialects()[code].callback(about)
    false = tried(about, Distortion.SHIFTED_FIELDS)
    if isinstance(false, str):
        assert place[0] == leaves.HEADERS
        return
    assert leaves.get(leaves.read(false), place) == leaves.get(leaves.read(true), place)
    assert 2 <= len(different(true, false)) <= 12


@pytest.mark.parametrize("code", ["vietinbank", "vietinbank_dn", "vietinbank_wallet", "keypay"])
def test_where_nothing_separates_values_a_shifted_sum_is_still_signed(code: str) -> None:
    about = notice(code)
    false = tried(about, Distortion.SHIFTED_FIELDS)
    assert isinstance(false, Outgoing)
    amounts = [text for path, text in leaves.of(leaves.read(false)) if path[-1] in ("amount", "net_cost")]
    assert amounts[0] != "20000"


def test_vnpays_neighbours_are_merged_as_decoding_before_signing_would_have_it() -> None:
    false = tried(notice("vnpay"), Distortion.SHIFTED_FIELDS)
    assert isinstance(false, Outgoing)
    assert "vnp_OrderInfo=Nop+le+phi+HS0001%26vnp_PayDate%3D20261122100000&" in false.url


# --- other people's code judges the signatures -------------------------------------------------------------------

FORGED = [code for code in BANKS if (Path(__file__).parent.parent / f"conformance/forge/{code}.py").exists()]


def as_message(outgoing: Outgoing) -> Message:
    return Message(outgoing.method, outgoing.url, outgoing.headers, outgoing.body)


def verifies(code: str, outgoing: Outgoing) -> bool:
    """Whether the suite's own code would sign the message just so."""
    forge, message = Forge(code, merchant_of(code).secrets), as_message(outgoing)
    return forge.right_signature(message) == forge.signature(message)


def test_nine_banks_are_judged_by_code_that_shares_nothing_with_them() -> None:
    assert len(FORGED) == 9
    assert all(wire(code) for code in FORGED)


@pytest.mark.parametrize("code", FORGED)
def test_what_tells_something_else_is_rightly_signed(code: str) -> None:
    about = notice(code)
    assert verifies(code, dialects()[code].callback(about))
    for distortion in PARTS:
        false = tried(about, distortion)
        assert isinstance(false, str) or verifies(code, false), distortion


@pytest.mark.parametrize("code", FORGED)
def test_what_has_a_spoiled_signature_is_not(code: str) -> None:
    about = notice(code)
    for distortion in set(SPOILED) - {Distortion.SHIFTED_FIELDS}:
        false = tried(about, distortion)
        assert isinstance(false, str) or not verifies(code, false), distortion


# --- contracts with other proofs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "options", "place"),
    [
        ("sepay", {"auth": "apikey"}, ("headers", "authorization")),
        ("keypay3", {"flavour": "paylater"}, ("body", "body", "check_sum")),
        ("napas", {"callback": "form"}, ("body", "napasResult", "checksum")),
        ("vietinbank", {"format": "records"}, ("body", "header", "signature")),
        ("onepay", {"callback": "post"}, ("body", "vpc_SecureHash")),
        ("bidv", {"checksum": "hmac"}, ("body", "checksum")),
    ],
)
def test_a_proof_is_found_in_every_form_of_a_contract(code: str, options: dict[str, str], place: leaves.Path) -> None:
    about = notice(code, **options)
    true = dialects()[code].callback(about)
    missing = tried(about, Distortion.MISSING_SIGNATURE)
    assert isinstance(missing, Outgoing)
    assert different(true, missing) == {place}


@pytest.mark.parametrize(
    ("code", "options", "distortion", "why"),
    [
        ("sepay", {"auth": "none"}, Distortion.EMPTY_SIGNATURE, "no signature and no secret proves"),
        ("sepay", {"auth": "none"}, Distortion.FORGED_SIGNATURE, "would be the true one"),
        ("sepay", {"auth": "apikey"}, Distortion.OTHER_ALGORITHM, "without an algorithm"),
        ("sepay_gateway", {}, Distortion.SHIFTED_FIELDS, "hangs on none of its fields"),
        ("momo", {}, Distortion.WRONG_CURRENCY, "names no currency"),
        ("dvcqg", {}, Distortion.CONTRADICTING_STATUS, "one field alone"),
        ("paygov", {}, Distortion.WRONG_MERCHANT, "names no merchant"),
        ("etax", {}, Distortion.WRONG_ORDER, "names no order"),
        ("bidv", {}, Distortion.MISSING_OPTIONAL, "no field that may be left out"),
    ],
)
def test_a_true_message_never_stands_in_for_a_false_one(
    code: str, options: dict[str, str], distortion: Distortion, why: str
) -> None:
    found = tried(notice(code, **options), distortion)
    assert isinstance(found, str)
    assert why in found


def test_a_connectors_own_token_is_a_proof_too() -> None:
    about = replace(notice("sepay", auth="oauth2"), token="given-out-by-the-connector")
    false = tried(about, Distortion.FORGED_SIGNATURE)
    assert isinstance(false, Outgoing)
    assert dict(false.headers)["authorization"] == "Bearer forged-rotcennoc-eht-yb-tuo-nevig"
    assert isinstance(tried(about, Distortion.MISSING_SIGNATURE), Outgoing)


@pytest.mark.parametrize(
    ("name", "other"), [("HS0001", "HS0002"), ("9", "0"), ("AZ", "AA"), ("ab-z.", "ab-a."), ("", "2"), ("--", "--2")]
)
def test_another_name_has_the_same_form(name: str, other: str) -> None:
    assert another(name) == other


def test_a_forged_callback_is_what_another_key_signs() -> None:
    about = notice("vnpay")
    other = dialects()["vnpay"].callback(replace(about, merchant=forged(about.merchant)))
    assert tried(about, Distortion.FORGED_SIGNATURE) == other


# --- as faults, on their way -------------------------------------------------------------------------------------


@pytest.fixture
async def world(worlds: Worlds, portal: Connector) -> World:
    await worlds.create("ci", seed="1", clock_at=START)
    return await worlds.update("ci", lambda box: replace(box, merchants=calling(box.merchants, f"{portal.url}/ipn")))


def calling(merchants: tuple[Merchant, ...], url: str, **options: str) -> tuple[Merchant, ...]:
    return tuple(replace(each, callback_url=url, options={**each.options, **options}) for each in merchants)


async def with_fault(world: World, kind: str, **settings: object) -> None:
    await world.store.set_faults(world.name, (msgspec.structs.replace(Fault(fault_id="f", kind=kind), **settings),))


async def paid(world: World, ref: str = "HS-1") -> Payment:
    await ask(world, "vnpay", vnpay_pay(ref, 20_000, START))
    payment = next(each for each in await world.store.payments(world.name) if each.order.order_ref == ref)
    return await act(world, payment.payment_id, Event.APPROVE)


async def deliveries(world: World) -> list[Delivery]:
    return await world.store.deliveries(world.name)


async def at_s(world: World) -> list[int]:
    """When the bank has called, in seconds."""
    kept = await world.store.exchanges(world.name)
    return [int((each.at - START).total_seconds()) for _, each in kept if each.direction == "out"]


def test_where_callbacks_only_say_paid_none_contradicts_a_query() -> None:
    assert "only ever says that money came" in unfit("zalopay", "callback_against_query")
    assert unfit("vnpay", "callback_against_query") == ""


def test_every_distortion_can_be_asked_for_as_a_fault_of_its_name() -> None:
    assert {each.value for each in Distortion} <= set(FAULTS)


@pytest.mark.parametrize("code", BANKS)
async def test_a_payment_that_came_about_in_the_banks_own_way_is_distorted_alike(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    """Its order has all that a connector's request, or its answer to an inquiry, put into it."""
    dialect, world = dialects()[code], await a_world(worlds, portal, code)
    payment = await act(world, (await opened(world, courier, code)).payment_id, Event.APPROVE)
    merchant = world.merchant(code, payment.merchant_code)
    assert merchant is not None
    for state, message in product((payment.state, State.FAILED), dialect.messages):
        about = Notice(payment=replace(payment, state=state), merchant=merchant, now=START, message=message)
        for distortion in Distortion:
            false = tried(about, distortion)
            assert isinstance(false, str) or false != dialect.callback(about), distortion
            assert not (isinstance(false, str) and PARTS.get(distortion) in (Part.ORDER, Part.CURRENCY)) or unfit(
                code, distortion
            ), distortion


@pytest.mark.parametrize("code", [code for code in BANKS if dialects()[code].announces])
async def test_every_bank_sends_a_false_message_before_the_true_one(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    world = await a_world(worlds, portal, code)
    payment = await opened(world, courier, code)
    await with_fault(world, Distortion.MISSING_SIGNATURE)
    await act(world, payment.payment_id, Event.APPROVE)
    await courier.advance(world, START + timedelta(minutes=10))
    messages = len(dialects()[code].messages)
    told = with_headers(portal)
    assert len(told) == len(set(told)) == 2 * messages
    assert all(len("".join(map(str, false))) < len("".join(map(str, true))) for false, true in told_pairs(told))


def told_pairs(told: list[tuple[str, bytes, str]]) -> list[tuple[tuple[str, bytes, str], tuple[str, bytes, str]]]:
    """The false message of each kind and the true one: all false ones go first."""
    half = len(told) // 2
    return list(zip(told[:half], told[half:], strict=True))


@pytest.mark.parametrize("distortion", SPOILED)
async def test_a_spoiled_callback_comes_first_and_the_true_one_settles(
    world: World, portal: Connector, courier: Courier, distortion: Distortion
) -> None:
    await with_fault(world, distortion)
    await paid(world)
    portal.answer = lambda method, path, body: web.json_response({"RspCode": "00" if true_one(path) else "97"})
    signature = leaves.get(leaves.read(await true_callback(world)), ("url", "vnp_SecureHash"))

    def true_one(path: str) -> bool:
        return path.endswith(f"vnp_SecureHash={signature}") and "%26" not in path

    await courier.advance(world, START + timedelta(hours=2))
    assert [true_one(path) for _, path, _ in portal.requests] == [False, True]
    assert [each.state for each in await deliveries(world)] == [DeliveryState.EXHAUSTED, DeliveryState.ACKNOWLEDGED]


async def true_callback(world: World) -> Outgoing:
    (payment,) = await world.store.payments(world.name)
    merchant = world.merchant("vnpay", payment.merchant_code)
    assert merchant is not None
    return dialects()["vnpay"].callback(Notice(payment=payment, merchant=merchant, now=START))


@pytest.mark.parametrize("distortion", sorted(set(PARTS) - HARMLESS - {Distortion.WRONG_CURRENCY}))
async def test_what_tells_something_else_comes_in_place_of_the_truth_and_the_books_stay_true(
    world: World, portal: Connector, courier: Courier, distortion: Distortion
) -> None:
    await with_fault(world, distortion)
    payment = await paid(world)
    await courier.advance(world, START)
    ((_, path, _),) = portal.requests
    assert path != (await true_callback(world)).url.removeprefix(portal.url)
    assert (payment.state, payment.amount_vnd) == (State.PAID, 20_000)


async def test_a_fault_that_does_not_fit_a_bank_waits_for_one_that_it_fits(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, Distortion.WRONG_CURRENCY)
    await paid(world)
    await courier.advance(world, START)
    ((_, path, _),) = portal.requests
    assert path == (await true_callback(world)).url.removeprefix(portal.url)
    assert len((await world.store.sandbox(world.name)).faults) == 1


async def test_what_cannot_be_distorted_under_this_contract_is_not_sent_and_says_why(
    worlds: Worlds, world: World, portal: Connector, courier: Courier
) -> None:
    bare = await worlds.update(
        world.name, lambda box: replace(box, merchants=calling(box.merchants, f"{portal.url}/ipn", auth="none"))
    )
    await with_fault(bare, Distortion.MISSING_SIGNATURE)
    payment = await courier.transfer(
        bare, dialects()["sepay"], merchant_in(bare, "sepay"), "HS0001", 20_000, dialects()["sepay"].channels[0]
    )
    await act(bare, payment.payment_id, Event.APPROVE)
    await courier.advance(bare, START + timedelta(seconds=5))
    false, true = await deliveries(bare)
    assert (false.state, true.attempt) == (DeliveryState.LOST, 1)
    assert "no signature and no secret" in false.last_answer
    assert len(portal.requests) == 1


def merchant_in(world: World, bank: str) -> Merchant:
    (code,) = (each.merchant_code for each in default_merchants() if each.bank == bank)
    merchant = world.merchant(bank, code)
    assert merchant is not None
    return merchant


@pytest.mark.parametrize(
    ("kind", "field", "told"), [("wrong_order", "vnp_TxnRef", "HS-2"), ("wrong_merchant", "vnp_TmnCode", "DEMOV211")]
)
async def test_an_answer_to_a_query_can_tell_of_something_else(
    world: World, courier: Courier, kind: str, field: str, told: str
) -> None:
    await paid(world)
    await with_fault(world, kind, operation="query")
    false = json.loads((await ask(world, "vnpay", vnpay_querydr("HS-1", START, "R1"))).response.body)
    await courier.advance(world, START + timedelta(minutes=6))
    true = json.loads((await ask(world, "vnpay", vnpay_querydr("HS-1", START, "R2"))).response.body)
    assert [each["vnp_ResponseCode"] for each in (false, true)] == ["00", "00"]
    assert false[field] == told != true[field]


async def test_an_answer_that_tells_nothing_of_it_is_journalled_as_true(world: World) -> None:
    await with_fault(world, "wrong_order", operation="query", bank="momo")
    now = START
    await ask(world, "momo", SAMPLES["momo"].create("HS0001", 20_000, now))
    requests = SAMPLES["momo"].requests("HS0001", 20_000, now)
    for request in requests:
        await ask(world, "momo", request)
    notes = [each.note for _, each in await world.store.exchanges(world.name)]
    assert any("fault: wrong_order; not falsified: this answer tells nothing of it" in note for note in notes)


async def test_a_replayed_callback_is_the_first_ones_bytes_whatever_happened_since(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, "replayed", delay_s=3600)
    payment = await paid(world)
    await courier.advance(world, START)
    await act(world, payment.payment_id, Event.REVERSE)
    await courier.advance(world, START + timedelta(hours=3))
    first, reversed_, again = portal.requests
    assert first == again != reversed_
    assert await at_s(world) == [0, 0, 3600]


async def test_bytes_that_are_kept_survive_a_restart(tmp_path: Path, portal: Connector) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        await worlds.create("ci", seed="1", clock_at=START)
        world = await worlds.update("ci", lambda box: replace(box, merchants=calling(box.merchants, portal.url + "/i")))
        await with_fault(world, "replayed", delay_s=60)
        await paid(world)
        await courier.advance(world, START)
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        await courier.advance(await worlds.get("ci"), START + timedelta(minutes=2))
    assert len(portal.requests) == 2
    assert portal.requests[0] == portal.requests[1]


async def test_a_reordered_callback_comes_after_the_next_event_of_its_payment(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, "reordered", delay_s=3600)
    payment = await paid(world)
    await courier.advance(world, START + timedelta(minutes=1))
    assert portal.requests == []
    await act(world, payment.payment_id, Event.REVERSE)
    await courier.advance(world, START + timedelta(minutes=2))
    statuses = [path.split("vnp_TransactionStatus=")[1][:2] for _, path, _ in portal.requests]
    assert statuses == ["04", "00"]
    assert await at_s(world) == [60, 61]


async def test_without_a_later_event_a_reordered_callback_is_only_late(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, "reordered", delay_s=600)
    await paid(world)
    await courier.advance(world, START + timedelta(hours=1))
    assert await at_s(world) == [600]


async def test_an_ignored_answer_lets_the_ladder_go_on_to_its_end(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, "answer_ignored")
    await paid(world)
    await courier.advance(world, START + timedelta(days=1))
    assert len(portal.requests) == dialects()["vnpay"].retry.attempts_max
    assert len({path for _, path, _ in portal.requests}) == 1
    assert [each.state for each in await deliveries(world)] == [DeliveryState.EXHAUSTED]


async def test_after_an_outage_all_that_has_waited_goes_at_once(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, "burst", delay_s=3600, times=0)
    for minute in range(3):
        await courier.advance(world, START + timedelta(minutes=10 * minute + 1))
        await paid(world, f"HS-{minute}")
    await courier.advance(world, START + timedelta(hours=2))
    assert await at_s(world) == [3600, 3600, 3600]


async def test_a_callback_may_contradict_what_a_query_tells(world: World, portal: Connector, courier: Courier) -> None:
    await with_fault(world, "callback_against_query")
    payment = await paid(world)
    await courier.advance(world, START)
    ((_, path, _),) = portal.requests
    assert "vnp_TransactionStatus=02" in path
    assert payment.state is State.PAID


def test_all_that_a_delivery_has_to_remember_is_kept_by_its_form_in_the_stores() -> None:
    kept = Outgoing("POST", "http://portal.test/", (("a", "b"),), b"\x00\xff")
    delivery = Delivery(
        delivery_id="p.0",
        payment_id="p",
        bank="vnpay",
        merchant_code="M",
        due_at=START,
        says_state=State.PAID,
        says_outcome=None,
        says_amount_vnd=1,
        distorted="wrong_order",
        replay_s=5.0,
        kept=kept,
        deaf=True,
        overtaken=True,
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(delivery), type=Delivery) == delivery


async def test_a_callback_cut_short_reaches_the_connector_in_part_and_is_tried_again(
    world: World, portal: Connector, courier: Courier
) -> None:
    raw: list[bytes] = []

    async def read_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.append(await reader.read())
        writer.close()

    async with await asyncio.start_server(read_on, "127.0.0.1", 0) as half:
        url = f"http://127.0.0.1:{half.sockets[0].getsockname()[1]}/ipn"
        body = b'{"amount":20000,"sign":"00ff"}'
        message = Outgoing("POST", url, (("content-type", "application/json"),), body)
        answer = await courier._exchange(message, 5.0, "cut_short")
        await courier._exchange(Outgoing("GET", f"{url}?a=1"), 5.0, "cut_short")
        half.close()
        await asyncio.wait_for(half.wait_closed(), 5)
    head, _, sent = raw[0].partition(b"\r\n\r\n")
    assert head.splitlines()[2:] == [b"content-length: 30", b"content-type: application/json"]
    assert sent == body[:15]
    assert raw[1] == b"GET /ipn?a"
    assert (answer.status, answer.error) == (0, "fault: the connection was dropped in the middle of the request")
    await with_fault(world, "cut_short")
    await paid(world)
    await courier.advance(world, START + timedelta(hours=1))
    assert await at_s(world) == [0, 300]
    assert len(portal.requests) == 1
    assert [each.state for each in await deliveries(world)] == [DeliveryState.ACKNOWLEDGED]


def test_each_part_has_one_distortion() -> None:
    assert sorted(PARTS.values()) == sorted(Part)
