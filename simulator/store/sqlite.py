"""The store in one SQLite file, for one machine: one connection writes, another reads what is committed."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

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
    Outdated,
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
from simulator.store import sqlite_removal as removal
from simulator.store import sqlite_statements as statements
from simulator.store.decisions import Decisions, Finish, Tenant, Transact
from simulator.store.grouping import Grouping
from simulator.store.migrations import Migration
from simulator.store.pending import Pending, Shared
from simulator.store.removing import ROUND
from simulator.store.sqlite_checkpoint import Checkpointer
from simulator.store.sqlite_file import connect, prepare
from simulator.store.sqlite_transactions import Transactions, failure

T = TypeVar("T")

Work = Transact | Finish | Callable[[sqlite3.Connection], Any]
"""What the writer does. A function may raise UnknownSandbox, Outdated or ValueError, but only before it writes."""

BUSY_S = 10.0
"""How long another process may keep the file before a write gives up."""


class SqliteStore:
    """`Store` in the file at `path`, created if absent. `clock` tells the time of sandboxes on the system clock.

    `known` are the migrations of this program, unless given.
    """

    def __init__(
        self,
        path: str | Path,
        clock: Clock,
        *,
        busy_s: float = BUSY_S,
        known: tuple[Migration, ...] | None = None,
    ) -> None:
        self._path = Path(path)
        self._clock = clock
        self._busy_s = busy_s
        self._known = known or migrations.released("sqlite")
        self._grouping: Grouping[Work] | None = None

    async def open(self) -> None:
        self._writing = await asyncio.to_thread(prepare, self._path, self._known, self._busy_s)
        self._reading = connect(self._path, "ro", self._busy_s)
        self._reader = ThreadPoolExecutor(1, "store reader")
        self._checkpointer = Checkpointer(connect(self._path, "rw", self._busy_s))
        self._transactions = Transactions(self._writing, self._committed, self._busy_s)
        self._grouping = Grouping(self._carry_out, width=1)

    async def close(self) -> None:
        if self._grouping is None:
            return
        grouping, self._grouping = self._grouping, None
        await grouping.drain()
        await asyncio.to_thread(self._transactions.close)
        await asyncio.to_thread(self._checkpointer.stop)
        await asyncio.to_thread(self._reader.shutdown)
        self._reading.close()
        self._writing.close()

    async def put_sandbox(self, sandbox: Sandbox) -> str:
        version: str = await self._write(lambda connection: statements.put_sandbox(connection, sandbox))
        return version

    async def add_sandbox(self, sandbox: Sandbox) -> None:
        await self._write(lambda connection: statements.add_sandbox(connection, sandbox))

    async def set_settings(self, sandbox: Sandbox) -> str:
        version: str = await self._write(lambda connection: statements.set_settings(connection, sandbox))
        return version

    async def sandbox(self, name: str) -> Sandbox:
        return await self._read(statements.sandbox, name)

    async def version(self, name: str) -> str:
        return await self._read(statements.version, name)

    async def sandboxes(self) -> list[Sandbox]:
        return await self._read(statements.sandboxes)

    async def clear_sandbox(self, name: str) -> None:
        await self._write(lambda connection: statements.clear_sandbox(connection, name))

    async def drop_sandbox(self, name: str) -> None:
        await self._write(lambda connection: statements.drop_sandbox(connection, name))

    async def set_clock(self, name: str, at: datetime) -> None:
        await self._write(lambda connection: statements.set_clock(connection, name, rows.micros(at)))

    async def set_faults(self, name: str, faults: tuple[Fault, ...]) -> None:
        await self._write(
            lambda connection: statements.set_faults(connection, statements.sandbox_id(connection, name), faults)
        )

    async def transact(self, sandbox: str, key: Key | None, decide: Decide[R], account: str = "") -> R:
        reply: R = await self._write(Transact(sandbox, key, decide, account))
        return reply

    async def claim(
        self, now: datetime, limit: int, lease_s: float, node: str, sandbox: str | None = None
    ) -> list[Claimed]:
        until = now + timedelta(seconds=lease_s)
        lease = f"{node}:{secrets.token_hex(8)}"
        claimed: list[Claimed] = await self._write(
            lambda connection: statements.claim(connection, rows.micros(now), limit, rows.micros(until), lease, sandbox)
        )
        return claimed

    async def finish(
        self, claimed: Claimed, after: Delivery, exchanges: tuple[Exchange, ...], times: CallbackTimes = NO_TIMES
    ) -> bool:
        is_mine: bool = await self._write(Finish(claimed, after, exchanges, times))
        return is_mine

    async def next_due(self, sandbox: str | None = None) -> datetime | None:
        return rows.instant_or_none(await self._read(statements.next_due, sandbox))

    async def next_expiry(self, sandbox: str, after: datetime) -> datetime | None:
        return rows.instant_or_none(await self._read(statements.next_expiry, sandbox, rows.micros(after)))

    async def expiring(self, now: datetime, limit: int, sandbox: str | None = None) -> list[tuple[str, str]]:
        return await self._read(statements.expiring, rows.micros(now), limit, sandbox)

    async def payment(self, sandbox: str, key: Key) -> Payment | None:
        return await self._read(statements.payment_of, sandbox, key)

    async def named(self, sandbox: str, name: Name) -> str | None:
        return await self._read(statements.named, sandbox, name)

    async def payments(
        self, sandbox: str, *, order_ref: str = "", bank: str = "", limit: int = 100, offset: int = 0
    ) -> list[Payment]:
        return await self._read(statements.payments, sandbox, order_ref, bank, limit, offset)

    async def deliveries(
        self, sandbox: str, *, payment_id: str = "", limit: int = 100, offset: int = 0
    ) -> list[Delivery]:
        return await self._read(statements.deliveries, sandbox, payment_id, limit, offset)

    async def exchanges(
        self, sandbox: str, *, payment_id: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Exchange]]:
        return await self._read(statements.exchanges, sandbox, payment_id, after_id, limit)

    async def ledger(self, sandbox: str, *, payment_id: str = "", limit: int = 1000, offset: int = 0) -> list[Entry]:
        return await self._read(statements.ledger, sandbox, payment_id, limit, offset)

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
        return await self._read(statements.moments, sandbox, bank, merchant_code, *span)

    async def standings(self, sandbox: str, *, after: int = 0, limit: int = 100) -> list[Standing]:
        return await self._read(statements.standings, sandbox, after, limit)

    async def purses(self, sandbox: str) -> list[Purse]:
        return await self._read(statements.purses, sandbox)

    async def put_letter(self, sandbox: str, letter: Letter) -> int:
        number: int = await self._write(lambda connection: statements.put_letter(connection, sandbox, letter))
        return number

    async def letters(
        self, sandbox: str, *, recipient: str = "", after_id: int = 0, limit: int = 100
    ) -> list[tuple[int, Letter]]:
        return await self._read(statements.letters, sandbox, recipient, after_id, limit)

    async def totals(self, sandbox: str) -> Totals:
        return rows.totals(await self._read(statements.counters, sandbox))

    async def callback_times(self, sandbox: str) -> CallbackTimes:
        return rows.callback_times(await self._read(statements.counters, sandbox))

    async def figures(self) -> list[Figures]:
        return await self._read(statements.figures)

    async def remove_payments(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._remove(removal.remove_payments, sandbox, before, after, limit)

    async def remove_exchanges(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._remove(removal.remove_exchanges, sandbox, before, after, limit)

    async def remove_letters(self, sandbox: str, before: datetime, *, after: int = 0, limit: int = ROUND) -> Removed:
        return await self._remove(removal.remove_letters, sandbox, before, after, limit)

    async def give_back(self, pages: int = ROUND) -> bool:
        is_more: bool = await self._write(lambda connection: removal.give_back(connection, pages))
        return is_more

    async def size(self) -> Size:
        files = [Path(f"{self._path}{ending}") for ending in ("", "-wal")]
        size_bytes = sum(file.stat().st_size for file in files if file.exists())
        return Size(size_bytes, await self._read(removal.free_bytes), await self._read(removal.gives_back))

    async def _remove(self, remove: Callable[..., Removed], *given: object) -> Removed:
        removed: Removed = await self._write(lambda connection: remove(connection, *given))
        return removed

    async def _write(self, work: Work) -> Any:
        if self._grouping is None:
            raise StoreError(f"{self._path}: the store is not open")
        return await self._grouping.submit(work)

    async def _read(self, read: Callable[..., T], *given: object) -> T:
        if self._grouping is None:
            raise StoreError(f"{self._path}: the store is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reader, read, self._reading, *given)
        except sqlite3.Error as error:
            raise failure(str(self._path), error) from error

    async def _carry_out(self, batch: Sequence[Pending[Work]]) -> None:
        """One transaction for the batch. If that is impossible, each piece of its work is tried in one of its own."""
        try:
            await self._transactions.run(lambda: self._work(batch))
        except ImpossibleChange:
            if len(batch) == 1:
                raise
            for pending in batch:
                with Shared([pending]):
                    await self._carry_out([pending])
        except sqlite3.Error as error:
            raise failure(str(self._path), error) from error

    def _work(self, batch: Sequence[Pending[Work]]) -> None:
        """One batch's work. Its callers all wait, so any order is right: use cases last, and written together."""
        decisions = Decisions(self._clock)
        for pending in batch:
            if not isinstance(pending.work, Transact | Finish):
                pending.error = None
                try:
                    pending.reply = pending.work(self._writing)
                except (UnknownSandbox, Outdated, ValueError) as error:
                    pending.error = error
        for pending in batch:
            if isinstance(pending.work, Finish):
                pending.reply = self._finish(decisions, pending.work)
            elif isinstance(pending.work, Transact):
                self._decide(decisions, pending, pending.work)
        statements.write(self._writing, decisions)

    def _decide(self, decisions: Decisions, pending: Pending[Any], work: Transact) -> None:
        tenant = self._tenant(decisions, work.sandbox)
        if tenant is not None and work.key is not None and not decisions.knows(tenant, work.key):
            decisions.load(tenant, work.key, statements.payment(self._writing, tenant.sandbox_id, work.key))
        if tenant is not None and work.account:
            ref = decisions.missing_purse(tenant, work.key, work.account)
            if ref is not None:
                decisions.load_purse(ref, statements.purse(self._writing, ref))
        with pending:
            if tenant is None:
                raise UnknownSandbox(work.sandbox)
            pending.reply = decisions.take(tenant, work.key, work.decide, work.account)

    def _finish(self, decisions: Decisions, work: Finish) -> bool:
        tenant = self._tenant(decisions, work.claimed.sandbox)
        if tenant is None:
            return False
        number = statements.finish(self._writing, work.claimed, work.after)
        decisions.finished(tenant, work, number)
        return number is not None

    def _tenant(self, decisions: Decisions, name: str) -> Tenant | None:
        tenant = decisions.tenants.get(name) or statements.tenant(self._writing, name)
        if tenant is not None:
            decisions.tenants[name] = tenant
        return tenant

    def _committed(self) -> None:
        self._checkpointer.committed(self._writing)
