"""What the outside gives to one sandbox: its settings, time, chance and store. Two worlds live in one process."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from random import Random

import msgspec

from simulator.clock import Clock
from simulator.dialect import Dialect
from simulator.maintenance import Window
from simulator.outbox import Retry
from simulator.payment import Merchant
from simulator.store import Outdated, Sandbox, Store, UnknownSandbox

log = logging.getLogger(__name__)

DEFAULT = "default"


def _idle() -> None:
    """Nobody waits for due callbacks."""


def _monotonic() -> float:
    """Seconds that only grow, of the event loop."""
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One sandbox with all that its use cases need. `base_url` is the server's, without a trailing slash.

    `poke` tells the courier that something may be due. `merchants` are the sandbox's, by (bank, merchant_code).
    """

    sandbox: Sandbox
    store: Store
    clock: Clock
    base_url: str
    merchants: dict[tuple[str, str], Merchant]
    poke: Callable[[], None] = _idle

    @property
    def name(self) -> str:
        return self.sandbox.name

    @property
    def manual(self) -> bool:
        return self.sandbox.clock_at is not None

    @property
    def prefix(self) -> str:
        """What stands before every path of this sandbox: "" or "/s/<name>"."""
        return "" if self.name == DEFAULT else f"/s/{self.name}"

    async def now(self) -> datetime:
        """This sandbox's time; a manual clock's stands in the store, so that all processes see one time."""
        if not self.manual:
            return self.clock()
        return (await self.store.sandbox(self.name)).clock_at or self.clock()

    def token(self, *purpose: str) -> str:
        """32 hex digits that depend only on the seed and the purpose."""
        text = "\x1f".join((self.sandbox.seed, *purpose))
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def rng_for(self, *purpose: str) -> Random:
        """A stream of chance of its own for this purpose: no other purpose's draws move it."""
        return Random(int(self.token(*purpose), 16))

    def merchant(self, bank: str, merchant_code: str) -> Merchant | None:
        return self.merchants.get((bank, merchant_code))

    def first_merchant(self, bank: str) -> Merchant | None:
        """The merchant that is meant where none is named."""
        return next((merchant for (code, _), merchant in self.merchants.items() if code == bank), None)

    def retry(self, dialect: Dialect) -> Retry:
        """The bank's ladder of retries, as this sandbox sets it."""
        return self.sandbox.retries.get(dialect.code, dialect.retry)

    def page_url(self, payment_id: str) -> str:
        return f"{self.base_url}{self.prefix}/pay/{payment_id}"

    def bank_url(self, bank: str) -> str:
        """What a connector sets as this bank's base URL."""
        return f"{self.base_url}{self.prefix}/{bank}"


class Worlds:
    """All sandboxes of this server, made from what the store keeps.

    `trust_s` None = no other process changes their settings. With others, each trusts for so long what it has read of
    them, and whoever has changed some waits as long before saying so: then nobody goes by the old ones any more.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        base_url: str,
        merchants: tuple[Merchant, ...],
        trust_s: float | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.base_url = base_url
        self.poke: Callable[[], None] = _idle
        self._merchants = merchants
        self._trust_s = trust_s
        self._open: dict[str, World] = {}
        self._read_at: dict[str, float] = {}
        self._reading = asyncio.Lock()
        self._updating = asyncio.Lock()

    async def get(self, name: str) -> World:
        """Raises UnknownSandbox."""
        return self._trusted(name) or await self._read_again(name)

    def known(self, name: str) -> World | None:
        """As it was when the store could be asked last."""
        return self._open.get(name)

    def _trusted(self, name: str) -> World | None:
        world = self._open.get(name)
        if world is None or self._trust_s is None or _monotonic() < self._read_at[name] + self._trust_s:
            return world
        return None

    async def _read_again(self, name: str) -> World:
        async with self._reading:  # Many may ask at once; one looks for all.
            world, at = self._trusted(name), _monotonic()
            if world is not None:
                return world
            known = self._open.get(name)
            if known is not None and await self._is_current(known):
                self._read_at[name] = at
                return known
            return self._keep(await self.store.sandbox(name), at)

    async def _is_current(self, world: World) -> bool:
        try:
            return await self.store.version(world.name) == world.sandbox.version
        except UnknownSandbox:
            self._open.pop(world.name, None)
            raise

    async def all(self) -> list[World]:
        return [await self.get(sandbox.name) for sandbox in await self.store.sandboxes()]

    async def create(
        self,
        name: str,
        *,
        seed: str,
        clock_at: datetime | None = None,
        merchants: tuple[Merchant, ...] | None = None,
        faults_by_amount: bool = False,
    ) -> World:
        """A new sandbox with the default merchants unless others are given."""
        chosen = self._merchants if merchants is None else merchants
        sandbox = Sandbox(name=name, seed=seed, clock_at=clock_at, merchants=chosen, faults_by_amount=faults_by_amount)
        return await self.replace(sandbox)

    async def ensure(self, name: str, *, seed: str, clock_at: datetime | None = None) -> World:
        """The sandbox of that name as an earlier run, or another process, left it, or a new one."""
        try:
            return await self.get(name)
        except UnknownSandbox:
            await self.store.add_sandbox(Sandbox(name=name, seed=seed, clock_at=clock_at, merchants=self._merchants))
            return await self.get(name)

    async def replace(self, sandbox: Sandbox) -> World:
        """Keeps the sandbox's new settings; its payments stay."""
        at, version = _monotonic(), await self.store.put_sandbox(sandbox)
        return await self._changed(sandbox, version, at)

    async def update(self, name: str, change: Callable[[Sandbox], Sandbox]) -> World:
        """Changes the sandbox's merchants or retries; its clock and faults, which move in the store, are left alone."""
        async with self._updating:
            while True:
                at, sandbox = _monotonic(), change(await self.store.sandbox(name))
                try:
                    version = await self.store.set_settings(sandbox)
                    break
                except Outdated:
                    continue  # Another process was faster: the change is made to what it wrote.
        return await self._changed(sandbox, version, at)

    async def _changed(self, sandbox: Sandbox, version: str, at: float) -> World:
        world = self._keep(msgspec.structs.replace(sandbox, version=version), at)
        log.info("the settings of a sandbox were written", extra={"sandbox": sandbox.name})
        await self._until_all_know()
        return world

    async def _until_all_know(self) -> None:
        if self._trust_s is not None:
            await asyncio.sleep(self._trust_s)

    async def set_maintenance(self, name: str, window: Window | None) -> World:
        """The hours in which nobody can log in there."""
        return await self.update(name, lambda sandbox: msgspec.structs.replace(sandbox, maintenance=window))

    async def set_faults_by_amount(self, name: str, wanted: bool) -> World:
        """Whether amounts that end in 9NN ask for faults there."""
        return await self.update(name, lambda sandbox: msgspec.structs.replace(sandbox, faults_by_amount=wanted))

    async def reset(self, name: str, *, seed: str | None = None, clock_at: datetime | None = None) -> World:
        """An empty sandbox with the same merchants; a manual clock goes to `clock_at` or the machine's time."""
        sandbox = (await self.get(name)).sandbox
        await self.store.clear_sandbox(name)
        start = (clock_at or self.clock()) if sandbox.clock_at is not None else None
        fresh = msgspec.structs.replace(sandbox, seed=seed or sandbox.seed, clock_at=start, faults=())
        return await self.replace(fresh)

    async def drop(self, name: str) -> None:
        """Raises UnknownSandbox."""
        await self.store.drop_sandbox(name)
        self._open.pop(name, None)
        log.info("a sandbox was removed", extra={"sandbox": name})
        await self._until_all_know()

    def _keep(self, sandbox: Sandbox, at: float) -> World:
        world = World(
            sandbox=sandbox,
            store=self.store,
            clock=self.clock,
            base_url=self.base_url,
            merchants={(each.bank, each.merchant_code): each for each in sandbox.merchants},
            poke=self._poke,
        )
        self._open[sandbox.name] = world
        self._read_at[sandbox.name] = at
        return world

    def _poke(self) -> None:
        self.poke()
