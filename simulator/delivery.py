"""The courier: carries out what the outbox owes and moves manual clocks from event to event.

Rule: a delivery is claimed in the store before the first await on its behalf.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from simulator import bank
from simulator.banks import dialects
from simulator.calling import Caller, Calls
from simulator.day_files import DayFiles
from simulator.dialect import Ack, Dialect, Notice, Question
from simulator.distortion import Distortion, Spared, distorted
from simulator.faults import CALLBACK, FAULTS, Break
from simulator.journal import outgoing_exchange
from simulator.outbox import Delivery, DeliveryState, after_attempt, let_pass, replayed, said
from simulator.payment import Bill, Channel, Event, Merchant, Payment, Reason, Refusal
from simulator.store import (
    NO_TIMES,
    ById,
    CallbackTimes,
    Change,
    Claimed,
    Exchange,
    Stored,
    StoreError,
    UnknownSandbox,
)
from simulator.watch import attempted
from simulator.wire import Answer, Outgoing
from simulator.world import World, Worlds

log = logging.getLogger(__name__)

IN_FLIGHT_MAX = 200
LEASE_S = 60.0
"""Longer than the longest time-out of a bank: a claim must not run out while its answer is awaited."""

EXPIRY_POLL_S = 1.0
IDLE_POLL_S = 1.0
"""Another process may plan a callback that this one must take over: look at least this often."""

STORE_RETRY_S = 1.0
FILES_POLL_S = 1.0
TOKEN_TIMEOUT_S = 15.0
"""For a connector's token. With the longest time-out of a callback it stays below the lease."""


class Courier:
    """Sends the banks' messages. Start it inside the event loop; stop it to finish cleanly.

    `caller` None = connectors are called over the network. `files` are the banks' files that come by themselves.
    """

    def __init__(
        self,
        worlds: Worlds,
        node: str,
        lease_s: float = LEASE_S,
        caller: Calls | None = None,
        files: DayFiles | None = None,
    ) -> None:
        self._worlds = worlds
        self._node = node
        self._lease_s = lease_s
        self._wake = asyncio.Event()
        self._flights: set[asyncio.Task[None]] = set()
        self._advancing: dict[str, asyncio.Lock] = {}
        self._dials = caller is None
        self._caller = caller or Caller()
        self._files = files
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._worlds.poke = self._wake.set
        self._tasks.append(asyncio.create_task(self._rounds(), name="courier"))
        if self._files is not None:
            self._tasks.append(asyncio.create_task(self._put_files(self._files), name="files of the day"))

    async def stop(self) -> None:
        """Takes no more work and lets go of what is in flight: its lease runs out and another process sends it."""
        for task in (*self._flights, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._flights, *self._tasks, return_exceptions=True)
        await self._caller.close()

    # --- time ------------------------------------------------------------------------------------------------

    async def advance(self, world: World, to: datetime) -> int:
        """Moves a manual clock to `to`, stopping at each due event on the way; the number of attempts made."""
        attempts = 0
        async with self._moving(world):
            while True:
                now = await world.now()
                attempts += await self.run_due(world)
                due = await self._next_event(world, now)
                if due is None or due > to:
                    break
                await world.store.set_clock(world.name, max(due, now))
            await world.store.set_clock(world.name, max(to, await world.now()))
        return attempts

    async def run_due(self, world: World) -> int:
        """What is due at this sandbox's present time: expiries, decisions on refunds, deliveries one after another."""
        attempts = 0
        now = await world.now()
        while expiring := await world.store.expiring(now, IN_FLIGHT_MAX, world.name):
            for _, payment_id in expiring:
                await self._expire(world, payment_id)
        while claimed := await world.store.claim(now, 1, self._lease_s, self._node, world.name):
            await self._carry_out(world, claimed[0])
            attempts += 1
        if self._files is not None:
            await _put(self._files, world)
        return attempts

    async def _put_files(self, files: DayFiles) -> None:
        """Those of all sandboxes: on a manual clock too, where an earlier run was ended before it had put them."""
        while True:
            try:
                for world in await self._worlds.all():
                    await _put(files, world)
            except StoreError as error:
                log.error("the store cannot be used, the files of the day wait: %s", error)
            await asyncio.sleep(FILES_POLL_S)

    async def _next_event(self, world: World, now: datetime) -> datetime | None:
        due = await world.store.next_due(world.name)
        expiry = await world.store.next_expiry(world.name, now)
        file = await self._files.next_due(world) if self._files is not None else None
        following = file if file is not None and file > now else None
        return min((at for at in (due, expiry, following) if at is not None), default=None)

    @asynccontextmanager
    async def _moving(self, world: World) -> AsyncIterator[None]:
        lock = self._advancing.setdefault(world.name, asyncio.Lock())
        async with lock:
            yield

    async def _rounds(self) -> None:
        """The one timer of all sandboxes on the system clock."""
        expired_at = self._worlds.clock()
        while True:
            self._wake.clear()
            try:
                now = self._worlds.clock()
                if (now - expired_at).total_seconds() >= EXPIRY_POLL_S:
                    expired_at = now
                    await self._expire_all(now)
                wait_s = await self._claim_round(now)
            except StoreError as error:
                log.error("the store cannot be used, callbacks wait: %s", error)
                wait_s = STORE_RETRY_S
            if wait_s > 0:
                await self._woken(wait_s)

    async def _claim_round(self, now: datetime) -> float:
        """Claims what is due and sends it off; the seconds until there is something to look for again."""
        free = IN_FLIGHT_MAX - len(self._flights)
        if free <= 0:
            await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)
            return 0.0
        claimed = await self._worlds.store.claim(now, free, self._lease_s, self._node)
        for each in claimed:
            world = await self._worlds.get(each.sandbox)
            flight = asyncio.create_task(self._carry_out(world, each))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)
        if len(claimed) == free or self._wake.is_set():
            return 0.0
        due = await self._worlds.store.next_due()
        return IDLE_POLL_S if due is None else min(IDLE_POLL_S, (due - self._worlds.clock()).total_seconds())

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and flight.exception() is not None:
            log.error("a delivery failed; it is tried again after its lease", exc_info=flight.exception())

    async def _woken(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):  # Not wait_for: if woken and cancelled at once, it goes on.
                await self._wake.wait()
        except TimeoutError:
            return

    async def _expire_all(self, now: datetime) -> None:
        for sandbox, payment_id in await self._worlds.store.expiring(now, IN_FLIGHT_MAX):
            await self._expire(await self._worlds.get(sandbox), payment_id)

    async def _expire(self, world: World, payment_id: str) -> None:
        await bank.let_fall_due(world, payment_id)

    # --- one attempt -----------------------------------------------------------------------------------------

    async def _carry_out(self, world: World, claimed: Claimed) -> None:
        delivery, dialect = claimed.delivery, dialects()[claimed.payment.bank]
        now = await world.now()
        told = said(claimed.payment, delivery)
        notice = bank.notice_of(world, dialect, told, now, attempt=delivery.attempt + 1, message=delivery.message)
        retry, until = world.retry(dialect), _until(dialect, claimed.payment)
        notice, entered, shut = await self._admitted(dialect, notice) if delivery.kept is None else (notice, (), "")
        if shut:
            after = after_attempt(delivery, False, shut, now, retry, until)
            attempted(claimed, after, await world.store.finish(claimed, after, entered), None)
            return
        try:
            outgoing = _message(dialect, notice, delivery)
        except Spared as why:  # Never the true message in its place.
            lost = msgspec.structs.replace(delivery, state=DeliveryState.LOST, last_answer=f"not sent: {why}")
            attempted(claimed, lost, await world.store.finish(claimed, lost, entered), None)
            return
        if delivery.replay_s and not delivery.attempt:
            await _plan(world, delivery.payment_id, lambda at: (replayed(delivery, outgoing, at),))
        fault = delivery.breaks[0] if delivery.breaks else None
        sent_at = asyncio.get_running_loop().time()
        answers = await self._exchanges(delivery.copies, outgoing, retry.timeout_s, fault)
        took_s = asyncio.get_running_loop().time() - sent_at
        acks = [dialect.acknowledged(answer, notice) for answer in answers]
        ack = next((each for each in acks if each.done), acks[0])
        exchanges = tuple(
            outgoing_exchange(dialect.code, CALLBACK, told, outgoing, answer, now, _note(claimed, each, fault))
            for answer, each in zip(answers, acks, strict=True)
        )
        after = after_attempt(delivery, ack.done, ack.text, now, retry, until)
        times = NO_TIMES if world.manual else _times(claimed.payment, after, took_s, self._worlds.clock())
        kept = await world.store.finish(claimed, after, (*entered, *exchanges), times)
        attempted(claimed, after, kept, answers[0])
        if claimed.payment.told > len(dialect.messages):  # There is an earlier or a later message of it.
            await _let_overtaken_pass(world, claimed)

    async def _admitted(self, dialect: Dialect, notice: Notice) -> tuple[Notice, tuple[Exchange, ...], str]:
        """The notice with the connector's token, how it was got, and why there is none ("" = there is, or need be)."""
        asked = dialect.access.ask(notice) if dialect.access else None
        if dialect.access is None or asked is None:
            return notice, (), ""
        answer = await self.send(asked, TOKEN_TIMEOUT_S)
        try:
            token, why = dialect.access.read(answer), ""
        except ValueError as error:
            token, why = "", f"no token: {answer.error or error}"
        hidden = (*notice.merchant.secrets.values(), token)
        exchange = outgoing_exchange(
            dialect.code,
            "token",
            notice.payment,
            msgspec.structs.replace(asked, body=_without(hidden, asked.body)),
            msgspec.structs.replace(answer, body=_without(hidden, answer.body)),
            notice.now,
            why,
        )
        return msgspec.structs.replace(notice, token=token), (exchange,), why

    async def _exchanges(
        self, copies: int, outgoing: Outgoing, timeout_s: float, fault: str | None
    ) -> Sequence[Answer]:
        if copies == 1:
            return [await self._exchange(outgoing, timeout_s, fault)]
        return await asyncio.gather(*(self._exchange(outgoing, timeout_s, fault) for _ in range(copies)))

    async def _exchange(self, outgoing: Outgoing, timeout_s: float, fault: str | None) -> Answer:
        broken = FAULTS[fault].breaks if fault else None
        if broken is Break.GATEWAY_ERROR:
            return Answer(500, error="fault: a gateway answered 500, the connector got nothing")
        if broken is Break.RESET:
            if self._dials:  # A connector in this process is sent whole requests or nothing.
                await _reset_halfway(outgoing, timeout_s)
            return Answer(error="fault: connection reset halfway through the request")
        if broken is Break.CUT:
            if self._dials:
                await _cut_short(outgoing, timeout_s)
            return Answer(error="fault: the connection was dropped in the middle of the request")
        answer = await self.send(outgoing, timeout_s)
        if broken is Break.ANSWER_LOST:
            return Answer(error=f"fault: the answer ({answer.status or answer.error}) was lost")
        return answer

    async def send(self, outgoing: Outgoing, timeout_s: float) -> Answer:
        """One HTTP exchange with a connector."""
        if not outgoing.url.startswith(("http://", "https://")):
            return Answer(error="nobody to call: no callback_url or inquiry_url is set for this merchant")
        return await self._caller.call(outgoing, timeout_s)

    # --- bills -----------------------------------------------------------------------------------------------

    async def inquire(
        self, world: World, dialect: Dialect, merchant: Merchant, bill_code: str, channel: Channel
    ) -> Payment:
        """Asks the connector for a bill and opens its payment. Raises Refusal, the visit being recorded as failed."""
        if dialect.inquiry is None:
            raise Refusal(Reason.UNKNOWN_COMMAND, f"{dialect.code} does not ask for bills", merchant=merchant)
        payment, question = await bank.open_visit(world, dialect, merchant, bill_code, channel)
        outgoing = dialect.inquiry.ask(question, merchant)
        fault = await bank.exchange_fault(world, dialect, "inquiry", bill_code)
        answer = await self._exchange(outgoing, world.retry(dialect).timeout_s, fault)
        found = _read_bill(dialect, answer, question, merchant)
        note = str(found) if isinstance(found, Refusal) else ""
        exchange = outgoing_exchange(dialect.code, "inquiry", payment, outgoing, answer, question.now, note)
        payment, due = await bank.close_visit(world, dialect, payment, found, exchange)
        if due and world.manual:
            await self.run_due(world)
        if isinstance(found, Refusal):
            raise found
        return payment

    async def pay_unasked(
        self,
        world: World,
        dialect: Dialect,
        merchant: Merchant,
        bill_code: str,
        amount_vnd: int,
        channel: Channel,
    ) -> Payment:
        """A payment of a bill that was never asked for: its notice comes out of the blue."""
        payment = await self.transfer(world, dialect, merchant, bill_code, amount_vnd, channel)
        return await bank.act(world, payment.payment_id, Event.APPROVE)

    async def transfer(
        self,
        world: World,
        dialect: Dialect,
        merchant: Merchant,
        content: str,
        amount_vnd: int,
        channel: Channel,
    ) -> Payment:
        """A payer is about to send that amount to the merchant's account; the connector was not asked."""
        payment, _ = await bank.open_visit(world, dialect, merchant, content, channel)
        bill = Bill(bill_code=content, amount_vnd=amount_vnd)
        payment, _ = await bank.close_visit(world, dialect, payment, bill, None)
        return payment


def _times(payment: Payment, after: Delivery, took_s: float, now: datetime) -> CallbackTimes:
    """Of an attempt that ended now."""
    answered, told = {milliseconds(took_s): 1}, dict[int, int]()
    if after.state is DeliveryState.ACKNOWLEDGED and payment.settled_at is not None:
        told[milliseconds((now - payment.settled_at).total_seconds())] = 1
    return CallbackTimes(answered, told)


def milliseconds(seconds: float) -> int:
    """With two exact digits above a hundred, so that few counters hold all."""
    ms = max(0, round(seconds * 1000))
    return ms if ms < 100 else round(ms, 2 - len(str(ms)))


async def _put(files: DayFiles, world: World) -> None:
    """A folder that cannot be written stops neither the clock nor the callbacks; it is tried again."""
    try:
        await files.put_due(world)
    except (OSError, UnknownSandbox):
        log.exception("the files of %s cannot be put", world.name)


def _message(dialect: Dialect, notice: Notice, delivery: Delivery) -> Outgoing:
    """What is sent. Raises Spared."""
    if delivery.kept is not None:
        return delivery.kept
    distortion = Distortion.FORGED_SIGNATURE if delivery.forged else delivery.distorted
    if distortion:
        return distorted(dialect, notice, Distortion(distortion))
    return dialect.callback(notice)


async def _let_overtaken_pass(world: World, claimed: Claimed) -> None:
    """Whatever was to wait for this message is due now."""
    kept = await world.store.deliveries(world.name, payment_id=claimed.payment.payment_id)
    own = claimed.delivery.delivery_id
    waiting = [
        each for each in kept if each.overtaken and each.state is DeliveryState.WAITING and each.delivery_id != own
    ]
    if waiting:
        await _plan(world, claimed.payment.payment_id, lambda at: tuple(let_pass(each, at) for each in waiting))


async def _plan(world: World, payment_id: str, made: Callable[[datetime], tuple[Delivery, ...]]) -> None:
    """More messages about that payment, or the same at other times."""

    def decide(stored: Stored) -> Change[None]:
        return Change(reply=None, deliveries=made(stored.now))

    await world.store.transact(world.name, ById(payment_id), decide)
    world.poke()


def _read_bill(dialect: Dialect, answer: Answer, question: Question, merchant: Merchant) -> Bill | Refusal:
    assert dialect.inquiry is not None, "only banks that ask read an answer"
    if answer.status == 0:
        return Refusal(Reason.TIMED_OUT, answer.error, merchant=merchant)
    try:
        return dialect.inquiry.read(answer, question, merchant)
    except Refusal as refusal:
        return refusal


def _until(dialect: Dialect, payment: Payment) -> datetime | None:
    """The last moment for a retry; None = the ladder alone says."""
    if not dialect.drops_after_s:
        return None
    events = (payment.created_at, payment.settled_at, *(refund.refunded_at for refund in payment.refunds))
    return max(at for at in events if at is not None) + timedelta(seconds=dialect.drops_after_s)


def _without(secrets: tuple[str, ...], message: bytes) -> bytes:
    for secret in filter(None, secrets):
        message = message.replace(secret.encode(), b"***")
    return message


def _note(claimed: Claimed, ack: Ack, fault: str | None) -> str:
    parts = (
        ack.text,
        "" if ack.done else "not acknowledged",
        "fault: forged signature" if claimed.delivery.forged else "",
        f"fault: {claimed.delivery.distorted}" if claimed.delivery.distorted else "",
        "fault: an old message again" if claimed.delivery.kept else "",
        "fault: the answer is ignored" if claimed.delivery.deaf else "",
        f"fault: {fault}" if fault else "",
        f"attempt {claimed.delivery.attempt + 1}",
    )
    return "; ".join(part for part in parts if part)


async def _reset_halfway(outgoing: Outgoing, timeout_s: float) -> None:
    """Sends the first half of the request, then resets the connection."""
    target = urlsplit(outgoing.url)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    head = f"{outgoing.method} {path} HTTP/1.1\r\nhost: {target.netloc}\r\n".encode()
    message = head + b"content-length: %d\r\n\r\n" % (len(outgoing.body) + 1) + outgoing.body
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(target.hostname, target.port or 80)
            writer.write(message[: max(len(head), len(message) // 2)])
            await writer.drain()
            reset(writer.transport)
    except (OSError, TimeoutError) as error:
        log.info("the connector could not be reached to be reset: %s", error)


async def _cut_short(outgoing: Outgoing, timeout_s: float) -> None:
    """Sends all of the head and half of the body, then closes; where there is no body, half of the request line."""
    target = urlsplit(outgoing.url)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    lines = (f"{outgoing.method} {path} HTTP/1.1", f"host: {target.netloc}", f"content-length: {len(outgoing.body)}")
    head = "\r\n".join((*lines, *(f"{name}: {value}" for name, value in outgoing.headers), "", ""))
    half = outgoing.body[: len(outgoing.body) // 2]
    message = head.encode("latin-1") + half if outgoing.body else lines[0].encode()[: len(lines[0]) // 2]
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(target.hostname, target.port or 80)
            writer.write(message)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        log.info("the connector could not be reached to be cut short: %s", error)


def reset(transport: asyncio.WriteTransport) -> None:
    """Ends a connection with RST instead of FIN, so that the other side sees "connection reset"."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
