"""The store in PostgreSQL, for any number of server processes: rows locked while decided upon, work in groups."""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from simulator.clock import Clock
from simulator.faults import Fault
from simulator.letter import Letter
from simulator.outbox import Delivery
from simulator.payment import Payment
from simulator.purse import Purse
from simulator.store import (
    NO_TIMES,
    CallbackTimes,
    Claimed,
    Decide,
    Entry,
    Exchange,
    Figures,
    ImpossibleChange,
    Key,
    Moment,
    Name,
    R,
    Removed,
    Sandbox,
    Size,
    Standing,
    StoreError,
    Totals,
    UnknownSandbox,
    migrations,
    rows,
)
from simulator.store import postgres_removal as removal
from simulator.store import postgres_statements as statements
from simulator.store.decisions import Decisions, Finish, Transact
from simulator.store.grouping import Grouping
from simulator.store.migrations import Migration
from simulator.store.pending import Pending, Shared
from simulator.store.postgres_statements import Connection
from simulator.store.removing import ROUND

T = TypeVar("T")

CONNECTIONS_MAX = 8

GROUPS_AT_ONCE = 2
"""While the database writes one group of use cases, the next is decided."""

TRIES_MAX = 5
"""How often something is done anew because another process was faster."""

ANSWER_S = 60.0
"""How long the database may take for one statement."""

SETTINGS = {
    "application_name": "banksim",
    "jit": "off",
    # Every statement has an index for its rows. Planned while the tables were empty, it would read them whole for ever.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

_FASTER = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class PostgresStore:
    """`Store` in the database at `dsn` ("postgresql://user:password@host:5432/banksim").

    `clock` tells the time of sandboxes on the system clock. `known` are the migrations of this program, unless given.
    """

    def __init__(self, dsn: str, clock: Clock, *, known: tuple[Migration, ...] | None = None) -> None:
        self._dsn = dsn
        parts = urlsplit(dsn)
        self._place = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._clock = clock
        self._known = known or migrations.released("postgres")
        self._pool: asyncpg.Pool | None = None
        self._deciding: Grouping[Transact] = Grouping(self._decide_all, GROUPS_AT_ONCE)
        self._finishing: Grouping[Finish] = Grouping(self._finish_all, 1)

    async def open(self) -> None:
        with self._failing():
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=2,
                max_size=CONNECTIONS_MAX,
                command_timeout=ANSWER_S,
                server_settings=SETTINGS,
                reset=_keep,
            )
        is_ready = False
        try:
            await self._commit(lambda connection: statements.migrate(connection, self._place, self._known))
            is_ready = True
        finally:
            if not is_ready:
                await self.close()

    async def close(self) -> None:
        await self._deciding.drain()
        await self._finishing.drain()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def put_sandbox(self, sandbox: Sandbox) -> str:
        return await self._run(statements.put_sandbox, sandbox)

    async def add_sandbox(self, sandbox: Sandbox) -> None:
        await self._run(statements.add_sandbox, sandbox)

    async def set_settings(self, sandbox: Sandbox) -> str:
        return await self._run(statements.set_settings, sandbox)

    async def sandbox(self, name: str) -> Sandbox:
        return await self._run(statements.sandbox, name)

    async def version(self, name: str) -> str:
        return await self._run(statements.version, name)

    async def sandboxes(self) -> list[Sandbox]:
        return await self._run(statements.sandboxes)

    async def clear_sandbox(self, name: str) -> None:
        await self._commit(lambda connection: statements.clear_sandbox(connection, name))

    async def drop_sandbox(self, name: str) -> None:
        await self._commit(lambda connection: statements.drop_sandbox(connection, name))

    async def set_clock(self, name: str, at: datetime) -> None:
        await self._run(statements.set_clock, name, rows.micros(at))

    async def set_faults(self, name: str, faults: tuple[Fault, ...]) -> None:
        of = await self._run(statements.sandbox_id, name)
        await self._run(statements.set_faults, of, faults)

    async def transact(self, sandbox: str, key: Key | None, decide: Decide[R], account: str = "") -> R:
        reply: R = await self._deciding.submit(Transact(sandbox, key, decide, account))
        return reply

    async def claim(
        self, now: datetime, limit: int, lease_s: float, node: str, sandbox: str | None = None
    ) -> list[Claimed]:
        until = now + timedelta(seconds=lease_s)
        token = f"{node}:{secrets.token_hex(8)}"
        return await self._run(statements.claim, rows.micros(now), limit, rows.micros(until), token, sandbox)

    async def finish(
        self, claimed: Claimed, after: Delivery, exchanges: tuple[Exchange, ...], times: CallbackTimes = NO_TIMES
    ) -> bool:
        is_mine: bool = await self._finishing.submit(Finish(claimed, after, exchanges, times))
        return is_mine

    async def next_due(self, sandbox: str | None = None) -> datetime | None:
        return rows.instant_or_none(await self._run(statements.next_due, sandbox))

    async def next_expiry(self, sandbox: str, after: datetime) -> datetime | None:
        return rows.instant_or_none(await self._run(statements.next_expiry, sandbox, rows.micros(after)))

    async def expiring(self, now: datetime, limit: int, sandbox: str | None = None) -> list[tuple[str, str]]:
        return await self._run(statements.expiring, rows.micros(now), limit, sandbox)

    async def payment(self, sandbox: str, key: Key) -> Payment | None:
        return await self._run(statements.payment, sandbox, key)

    async def named(self, sandbox: str, name: Name) -> str | None:
        return await self._run(statements.named, sandbox, name)

    async def payments(
        self, sandbox: str, *, order_ref: str = "", bank: str = "", limit: int = 100, offset: int = 0
    ) -> list[Payment]:
        return await self._run(statements.payments, sandbox, order_ref, bank, limit, offset)

    async def deliveries(
        self, sandbox: str, *, payment_id: str = "", limit: int = 100, offset: int = 0
    ) -> list[Delivery]:
        return await self._run(statements.deliveries, sandbox, payment_id, limit, offset)

    async def exchanges(
        self, sandbox: str, *, payment_id: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Exchange]]:
        return await self._run(statements.exchanges, sandbox, payment_id, after_id, limit)

    async def ledger(self, sandbox: str, *, payment_id: str = "", limit: int = 1000, offset: int = 0) -> list[Entry]:
        return await self._run(statements.ledger, sandbox, payment_id, limit, offset)

    async def moments(
        self,
        sandbox: str,
        *,
        bank: str,
        merchant_code: str,
        since: datetime,
        until: datetime,
        after: int = -1,
        limit: int = 100,
    ) -> list[Moment]:
        span = (rows.micros(since), rows.micros(until), after, limit)
        return await self._run(statements.moments, sandbox, bank, merchant_code, *span)

    async def standings(self, sandbox: str, *, after: int = 0, limit: int = 100) -> list[Standing]:
        return await self._run(statements.standings, sandbox, after, limit)

    async def purses(self, sandbox: str) -> list[Purse]:
        return await self._run(statements.purses, sandbox)

    async def put_letter(self, sandbox: str, letter: Letter) -> int:
        return await self._run(statements.put_letter, sandbox, letter)

    async def letters(
        self, sandbox: str, *, recipient: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Letter]]:
        return await self._run(statements.letters, sandbox, recipient, after_id, limit)

    async def totals(self, sandbox: str) -> Totals:
        return rows.totals(await self._run(statements.counters, sandbox))

    async def callback_times(self, sandbox: str) -> CallbackTimes:
        return rows.callback_times(await self._run(statements.counters, sandbox))

    async def figures(self) -> list[Figures]:
        return await self._run(statements.figures)

    async def remove_payments(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._commit(lambda to: removal.remove_payments(to, sandbox, before, after, limit))

    async def remove_exchanges(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._commit(lambda to: removal.remove_exchanges(to, sandbox, before, after, limit))

    async def remove_letters(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._commit(lambda to: removal.remove_letters(to, sandbox, before, after, limit))

    async def give_back(self, pages: int = ROUND) -> bool:
        """Autovacuum does it, unasked."""
        return False

    async def size(self) -> Size:
        return Size(await self._run(removal.size_bytes), 0, True)

    async def _run(self, work: Callable[..., Awaitable[T]], *given: object) -> T:
        """Statements that stand for themselves, each its own transaction."""
        with self._failing():
            async with self._opened().acquire() as connection:
                return await work(connection, *given)

    async def _commit(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """All of `work` in one transaction, from the start again if another process was faster."""
        with self._failing():
            for tries_left in reversed(range(TRIES_MAX)):
                try:
                    async with self._opened().acquire() as connection, connection.transaction():
                        return await work(connection)
                except _FASTER:
                    if not tries_left:
                        raise
        raise AssertionError("the last try returns or raises")

    def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            raise StoreError(f"{self._place}: the store is not open")
        return self._pool

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except asyncpg.UniqueViolationError as error:
            raise ImpossibleChange(f"a payment or a ledger entry exists already: {error}") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise StoreError(f"{self._place}: {error or type(error).__name__}") from error

    async def _decide_all(self, batch: Sequence[Pending[Transact]]) -> None:
        """Together; if one of them is impossible, each in a transaction of its own."""
        try:
            await self._commit(lambda connection: self._decide(connection, batch))
        except ImpossibleChange:
            if len(batch) == 1:
                raise
            for pending in batch:
                with Shared([pending]):
                    await self._decide_all([pending])

    async def _decide(self, connection: Connection, batch: Sequence[Pending[Transact]]) -> None:
        decisions = Decisions(self._clock)
        decisions.tenants = await statements.tenants(connection, (pending.work.sandbox for pending in batch))
        keys = {(each.work.sandbox, each.work.key) for each in batch if each.work.sandbox in decisions.tenants}
        await statements.load(connection, decisions, {(name, key) for name, key in keys if key is not None})
        asking = [pending.work for pending in batch if pending.work.account]
        if asking:
            await statements.load_purses(connection, decisions, asking)
        for pending in batch:
            work = pending.work
            if work.account:  # One before it in this batch may have said only now who pays.
                await statements.load_purses(connection, decisions, [work])
            with pending:
                tenant = decisions.tenants.get(work.sandbox)
                if tenant is None:
                    raise UnknownSandbox(work.sandbox)
                pending.reply = decisions.take(tenant, work.key, work.decide, work.account)
        await statements.write(connection, decisions)

    async def _finish_all(self, batch: Sequence[Pending[Finish]]) -> None:
        won = await self._commit(lambda connection: self._finish(connection, [pending.work for pending in batch]))
        for pending, is_mine in zip(batch, won, strict=True):
            pending.reply = is_mine

    async def _finish(self, connection: Connection, batch: Sequence[Finish]) -> list[bool]:
        decisions = Decisions(self._clock)
        decisions.tenants = await statements.tenants(connection, (finish.claimed.sandbox for finish in batch))
        won = await statements.finish(connection, decisions, batch)
        await statements.write(connection, decisions)
        return won


async def _keep(connection: Any) -> None:
    """A connection goes back as it is: nothing is ever set on it, and asking would cost a round trip."""
