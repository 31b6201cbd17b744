"""Facts about the courier: what is sent, when, and what becomes of the answer."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web

from simulator.bank import act
from simulator.delivery import Courier, milliseconds
from simulator.faults import Fault, FaultKind
from simulator.outbox import DeliveryState, Retry
from simulator.payment import Event, State
from simulator.store import CallbackTimes
from simulator.wire import ANSWER_BYTES_MAX, Outgoing
from simulator.world import World, Worlds
from tests.samples.vnpay import vnpay_pay
from tests.worlds import START, Connector, ask, connector, courier_of, worlds_in


@pytest.fixture
async def world(worlds: Worlds, portal: Connector) -> World:
    await worlds.create("ci", seed="1", clock_at=START)
    return await told_to_call(worlds, "ci", f"{portal.url}/ipn")


async def told_to_call(worlds: Worlds, name: str, url: str) -> World:
    return await worlds.update(
        name,
        lambda box: msgspec.structs.replace(
            box, merchants=tuple(msgspec.structs.replace(each, callback_url=url) for each in box.merchants)
        ),
    )


async def paid(world: World, ref: str = "HS-1") -> str:
    await ask(world, "vnpay", vnpay_pay(ref, 20_000, START))
    payment = next(each for each in await world.store.payments(world.name) if each.order.order_ref == ref)
    await act(world, payment.payment_id, Event.APPROVE)
    return payment.payment_id


async def with_fault(world: World, kind: FaultKind, **settings: object) -> None:
    fault = msgspec.structs.replace(Fault(fault_id="f", kind=kind), **settings)
    await world.store.set_faults(world.name, (fault,))


def told(portal: Connector) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(path).query) for _, path, _ in portal.requests]


async def states(world: World) -> list[DeliveryState]:
    return [each.state for each in await world.store.deliveries(world.name)]


async def test_on_a_manual_clock_nothing_is_sent_on_its_own(world: World, portal: Connector, courier: Courier) -> None:
    await paid(world)
    assert portal.requests == []
    assert await courier.advance(world, START) == 1
    assert told(portal)[0]["vnp_TxnRef"] == ["HS-1"]
    assert await states(world) == [DeliveryState.ACKNOWLEDGED]


async def test_the_ladder_is_climbed_in_simulated_time(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = lambda method, path, body: web.json_response({"RspCode": "99"})
    await paid(world)
    assert await courier.advance(world, START + timedelta(days=1)) == 10
    assert await states(world) == [DeliveryState.EXHAUSTED]
    attempts = [exchange.at for _, exchange in await world.store.exchanges(world.name) if exchange.direction == "out"]
    assert [int((at - START).total_seconds()) for at in attempts] == [300 * number for number in range(10)]
    assert await world.now() == START + timedelta(days=1)


async def test_the_clock_stops_at_each_event_on_the_way(world: World, portal: Connector, courier: Courier) -> None:
    await paid(world, "HS-1")
    await ask(world, "vnpay", vnpay_pay("HS-2", 20_000, START))
    await courier.advance(world, START + timedelta(hours=1))
    (late,) = [each for each in await world.store.payments(world.name) if each.order.order_ref == "HS-2"]
    assert (late.state, late.settled_at) == (State.EXPIRED, START + timedelta(minutes=15))


async def test_a_clock_never_goes_back(world: World, courier: Courier) -> None:
    await courier.advance(world, START + timedelta(hours=1))
    await courier.advance(world, START)
    assert await world.now() == START + timedelta(hours=1)


async def test_redirects_are_not_followed_and_do_not_acknowledge(
    world: World, portal: Connector, courier: Courier
) -> None:
    portal.answer = lambda method, path, body: web.Response(status=302, headers={"location": f"{portal.url}/elsewhere"})
    await paid(world)
    await courier.advance(world, START)
    assert len(portal.requests) == 1
    assert await states(world) == [DeliveryState.WAITING]


async def test_a_huge_answer_is_cut_off(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = lambda method, path, body: web.Response(body=b"x" * (ANSWER_BYTES_MAX * 3))
    answer = await courier.send(Outgoing("GET", f"{portal.url}/"), 5.0)
    assert (answer.status, len(answer.body)) == (200, ANSWER_BYTES_MAX)


async def test_a_connector_that_is_not_there_is_tried_again(worlds: Worlds, courier: Courier) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        await worlds.create("ci", seed="1", clock_at=START)
        world = await told_to_call(worlds, "ci", f"http://127.0.0.1:{closed.getsockname()[1]}/ipn")
        await paid(world)
        await courier.advance(world, START)
    assert await states(world) == [DeliveryState.WAITING]
    (_, exchange) = (await world.store.exchanges(world.name))[-1]
    assert exchange.status == 0
    assert "Connect" in exchange.note


async def test_times_are_counted_in_real_time_alone(worlds: Worlds, courier: Courier, portal: Connector) -> None:
    for name, clock_at in (("real", None), ("manual", START)):
        await worlds.create(name, seed="1", clock_at=clock_at)
        world = await told_to_call(worlds, name, f"{portal.url}/ipn")
        payment_id = await paid(world)
        if clock_at is None:
            for _ in range(2000):
                if await states(world) == [DeliveryState.ACKNOWLEDGED]:
                    break
                await asyncio.sleep(0.01)
        else:
            await courier.advance(world, START)
        assert await states(world) == [DeliveryState.ACKNOWLEDGED], payment_id
    real, manual = [await worlds.store.callback_times(name) for name in ("real", "manual")]
    assert (sum(real.answered.values()), sum(real.told.values())) == (1, 1)
    assert manual == CallbackTimes()


@pytest.mark.parametrize(
    ("seconds", "ms"), [(0.0, 0), (-1.0, 0), (0.0994, 99), (0.1004, 100), (0.1264, 130), (1.2649, 1300), (61.7, 62_000)]
)
def test_times_keep_two_digits(seconds: float, ms: int) -> None:
    assert milliseconds(seconds) == ms


async def test_a_merchant_without_an_address_is_said_so(worlds: Worlds, courier: Courier) -> None:
    world = await worlds.create("ci", seed="1", clock_at=START)
    await paid(world)
    await courier.advance(world, START)
    (_, exchange) = (await world.store.exchanges(world.name))[-1]
    assert "no callback_url" in exchange.note
    assert await states(world) == [DeliveryState.WAITING]


async def test_an_answer_that_does_not_come_in_time_is_none(portal: Connector, courier: Courier) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        answer = await courier.send(Outgoing("GET", f"http://127.0.0.1:{port}/"), 0.05)
    assert (answer.status, answer.error) == (0, "no answer within 0.05 s")


async def test_the_query_goes_out_to_the_byte(portal: Connector, courier: Courier) -> None:
    await courier.send(Outgoing("GET", f"{portal.url}/ipn?a=%7E%2a+b&c=x%20y"), 5.0)
    assert portal.requests[0][1] == "/ipn?a=%7E%2a+b&c=x%20y"


@pytest.mark.parametrize(("at_once", "copies"), [(True, 20), (False, 3)])
async def test_duplicates_are_really_sent(
    world: World, portal: Connector, courier: Courier, at_once: bool, copies: int
) -> None:
    await with_fault(world, FaultKind.DUPLICATE, copies=copies, at_once=at_once)
    await paid(world)
    await courier.advance(world, START + timedelta(seconds=10))
    assert len(portal.requests) == copies
    assert len({path for _, path, _ in portal.requests}) == 1


async def test_a_forged_callback_has_another_signature_over_the_same_fields(
    world: World, portal: Connector, courier: Courier
) -> None:
    await with_fault(world, FaultKind.FORGED_SIGNATURE)
    await paid(world)
    await courier.advance(world, START + timedelta(seconds=10))
    false, true = told(portal)
    assert false.pop("vnp_SecureHash") != true.pop("vnp_SecureHash")
    assert false == true


@pytest.mark.parametrize(
    ("kind", "reached"),
    [(FaultKind.HTTP_500, 0), (FaultKind.CONNECTION_RESET, 0), (FaultKind.ANSWER_LOST, 1)],
)
async def test_a_broken_callback_is_tried_again(
    world: World, portal: Connector, courier: Courier, kind: FaultKind, reached: int
) -> None:
    await with_fault(world, kind, operation="callback")
    await paid(world)
    await courier.advance(world, START)
    assert len(portal.requests) == reached
    assert await states(world) == [DeliveryState.WAITING]
    await courier.advance(world, START + timedelta(minutes=5))
    assert await states(world) == [DeliveryState.ACKNOWLEDGED]


async def test_a_sandbox_may_have_a_ladder_of_its_own(
    worlds: Worlds, world: World, portal: Connector, courier: Courier
) -> None:
    short = await worlds.update(
        world.name, lambda box: msgspec.structs.replace(box, retries={"vnpay": Retry(delays_s=(1,))})
    )
    portal.answer = lambda method, path, body: web.Response(status=500)
    await paid(short)
    assert await courier.advance(short, START + timedelta(days=1)) == 2


async def test_on_the_system_clock_callbacks_go_out_by_themselves(
    worlds: Worlds, portal: Connector, courier: Courier
) -> None:
    await worlds.create("live", seed="1")
    world = await told_to_call(worlds, "live", f"{portal.url}/ipn")
    arrived = asyncio.Event()

    def answer(method: str, path: str, body: bytes) -> web.Response:
        arrived.set()
        return web.json_response({"RspCode": "00"})

    portal.answer = answer
    await paid(world)
    await asyncio.wait_for(arrived.wait(), 5)


async def test_two_couriers_never_send_the_same_attempt(worlds: Worlds, world: World, portal: Connector) -> None:
    for number in range(20):
        await paid(world, f"HS-{number}")
    async with courier_of(worlds) as one, courier_of(worlds) as other:
        await asyncio.gather(one.run_due(world), other.run_due(world))
    assert len(portal.requests) == 20
    assert len({query["vnp_TxnRef"][0] for query in told(portal)}) == 20


async def run_of(folder: Path, seed: str) -> list[bytes]:
    """The journal of one whole run with faults and retries, as bytes; the connector's port is no part of it."""
    async with worlds_in(folder) as worlds, connector() as portal, courier_of(worlds) as courier:
        await worlds.create("ci", seed=seed, clock_at=START)
        world = await told_to_call(worlds, "ci", f"{portal.url}/ipn")
        answers = iter(["99", "97", *["00"] * 40])
        portal.answer = lambda method, path, body: web.json_response({"RspCode": next(answers)})
        faults = (
            Fault(fault_id="a", kind=FaultKind.DUPLICATE, probability=0.5, times=0, copies=3),
            Fault(fault_id="b", kind=FaultKind.DELAY, probability=0.5, times=0, delay_s=30),
        )
        await world.store.set_faults(world.name, faults)
        for number in range(8):
            await paid(world, f"HS-{number}")
        await courier.advance(world, START + timedelta(hours=1))
        journal = await world.store.exchanges(world.name, limit=1000)
        port = portal.url.rsplit(":", 1)[1].encode()
        return [msgspec.json.encode(exchange).replace(port, b"PORT") for _, exchange in journal]


async def test_the_same_seed_gives_the_same_run_byte_for_byte(tmp_path: Path) -> None:
    runs = []
    for index, seed in enumerate(("7", "7", "8")):
        folder = tmp_path / str(index)
        folder.mkdir()
        runs.append(await run_of(folder, seed))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len(runs[0]) > 16


async def test_a_courier_that_is_woken_and_stopped_at_once_stops(worlds: Worlds, world: World) -> None:
    courier = Courier(worlds, "another-node")
    await courier.start()
    await paid(world)
    async with asyncio.timeout(10):
        await courier.stop()
