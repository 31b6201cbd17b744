"""The running portal as one value: its settings, books, line to the banks, clock and switched-on defects."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.books import Books
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.leaks import Leaks
from conformance.targets.portal.moments import Clock
from conformance.targets.portal.services import Catalogue
from conformance.targets.portal.settings import Settings

Contract = TypeVar("Contract")


@dataclass(slots=True)
class Portal:
    """`queued` is set when a callback was stored to be settled later, `written` when a payer may have to be told.

    `sending` keeps one message from going out twice. `issuer_is_down` = no receipts are issued now, for tests.
    `leaks` = what it loses and doubles on purpose, for trying out audits.
    `handled` and `alone` are for defects only.
    """

    settings: Settings
    books: Books
    line: BankLine
    clock: Clock
    catalogue: Catalogue
    flaws: frozenset[Flaw] = frozenset()
    queued: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    issuer_is_down: bool = False
    leaks: Leaks = field(default_factory=Leaks)
    handled: set[str] = field(default_factory=set)
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def contract(self, bank: str, kind: Callable[..., Contract]) -> Contract:
        """The contract with that bank: the test contract with what the settings change of it."""
        return kind(**self.settings.contracts.get(bank, {}))
