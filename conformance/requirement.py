"""What a connector must keep, declared beside the test that asks for it; an id is given once, never reused.

A new id is added to `requirement_ids.txt` in the same commit; a requirement that goes leaves its id there,
marked retired.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, TypeVar


class Level(StrEnum):
    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    TENTATIVE = "TENTATIVE"
    """No document says it, sound practice does."""


class Area(StrEnum):
    """The word before the number of an id, in the order of the report."""

    ORDER = "ORDER"
    SIGNATURE = "SIGNATURE"
    MONEY = "MONEY"
    OUTCOME = "OUTCOME"
    DUPLICATE = "DUPLICATE"
    ORDERING = "ORDERING"
    RETURN = "RETURN"
    ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"
    QUERY = "QUERY"
    BILL = "BILL"
    QR = "QR"
    REFUND = "REFUND"
    RECONCILIATION = "RECONCILIATION"
    RESILIENCE = "RESILIENCE"
    NOTICE = "NOTICE"
    PRIVACY = "PRIVACY"
    HISTORY = "HISTORY"
    """Whole random stories of payers, bank and faults together."""


class Capability(StrEnum):
    """What a connector's owner may let the suite do beyond opening a payment and reading a status."""

    REFUND = "refund"
    CANCEL = "cancel"
    LOCK = "lock"
    """Lock a dossier against payments for a while, as its office may."""
    RUN_JOBS = "run_jobs"
    """Poll every unsettled payment now, settle what is queued."""
    NOTIFICATIONS = "notifications"
    """Read what the payer was told by SMS or e-mail."""
    RESTART = "restart"
    KILL = "kill"
    """Leave the connector dead for a while, then start it again."""
    START_WITH_BANKS_AT = "start_with_banks_at"
    """Start it again with another address for the banks."""
    START_WITH_CLOCK_AHEAD = "start_with_clock_ahead"
    """Start it again with a clock that is ahead of the machine's."""
    RECONCILE = "reconcile"
    """Compare a bank's file of a business day with the books, and tell what does not agree."""
    OUTAGE_BOOKS = "outage_books"
    """Put the connector's own books out of order for a while."""
    OUTAGE_RECEIPTS = "outage_receipts"
    """Put out of order what issues its receipts."""
    BOOKS = "books"
    """Tell of many dossiers at once what a status tells of one."""
    LOOKUP = "lookup"
    """The public page or API where a payer looks up what a dossier owes."""


SHAPES = frozenset({"redirect", "server_create", "bill", "advice"})
"""The words for who starts a payment, as the simulator's list of banks has them."""

_ID = re.compile(r"([A-Z]+)-(\d{2,})")


class BadRequirement(ValueError):
    """A requirement is declared wrongly; the sentence says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One promise, in a whole sentence whose subject is the connector (`says`, and `says_vi` in Vietnamese).

    `why` tells what money is lost. `source` is a key of fixtures/sources/ with a place
    ("vnpay-pay-2.1.0#ipn"). Empty `shapes`, `banks`, `methods` = all. `guards` are numbers of
    defects seen in the field ("egov D10"). `once_a_bank` = what it asks has nothing to do with the method of
    paying, so it is asked of a bank's first one. `once_a_shape` = it takes long and is alike at all banks of one shape,
    so a run over all banks asks it of the first of each.
    """

    id: str
    level: Level
    source: str
    says: str
    says_vi: str
    why: str
    why_vi: str
    needs: tuple[Capability, ...] = ()
    shapes: tuple[str, ...] = ()
    banks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    once_a_bank: bool = False
    once_a_shape: bool = False

    @property
    def area(self) -> Area:
        return Area(self.id.partition("-")[0])

    @property
    def number(self) -> int:
        return int(self.id.partition("-")[2])


@dataclass(frozen=True, slots=True)
class Case:
    """Where a requirement is asked: one bank, one method of paying."""

    bank: str
    method: str

    def __str__(self) -> str:
        return f"{self.bank}-{self.method}"


class NotApplicable(Exception):
    """This requirement cannot be asked of this connector, bank or method; the reason is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Failure(AssertionError):
    """The connector broke the requirement: what must hold, what was expected, what was found."""

    def __init__(self, sentence: str, *, expected: object = None, actual: object = None) -> None:
        self.sentence = sentence
        self.expected = as_text(expected)
        self.actual = as_text(actual)
        super().__init__(f"{sentence} (expected {self.expected or '-'}, found {self.actual or '-'})")


def expect(condition: object, sentence: str, *, expected: object = None, actual: object = None) -> None:
    """Raises Failure unless `condition` holds. `sentence` says what must hold: "the dossier is paid once"."""
    if not condition:
        raise Failure(sentence, expected=expected, actual=actual)


def as_text(value: object) -> str:
    """A value as a report shows it: text as it is, None as "", the rest as JSON where that can say it.

    What no file could hold (half a surrogate pair, bytes that are not UTF-8) is written as an escape.
    """
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    text = str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def requirement(
    id: str,
    *,
    level: Level,
    source: str,
    says: str,
    vi: str,
    why: str,
    why_vi: str,
    needs: tuple[str, ...] = (),
    shapes: tuple[str, ...] = (),
    banks: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
    guards: tuple[str, ...] = (),
    once_a_bank: bool = False,
    once_a_shape: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Declares the requirement a test asks for; it is kept as the function's `requirement`."""
    _check_words(id, needs, shapes, {"source": source, "says": says, "vi": vi, "why": why, "why_vi": why_vi})
    declared = Requirement(
        id=id,
        level=level,
        source=source,
        says=says,
        says_vi=vi,
        why=why,
        why_vi=why_vi,
        needs=tuple(Capability(word) for word in needs),
        shapes=shapes,
        banks=banks,
        methods=methods,
        guards=guards,
        once_a_bank=once_a_bank or once_a_shape,
        once_a_shape=once_a_shape,
    )

    def attach(test: Decorated) -> Decorated:
        test.requirement = declared  # type: ignore[attr-defined]
        return test

    return attach


def catalogue(package: str = "conformance.suite") -> tuple[Requirement, ...]:
    """Every requirement of the modules of `package`, by area and number.

    Raises BadRequirement for an id used twice.
    """
    found: dict[str, tuple[Requirement, str]] = {}
    for module in _modules(package):
        for name, declared in _declared_in(module):
            where = f"{module.__name__}.{name}"
            if declared.id in found:
                raise BadRequirement(f"{declared.id} is declared by both {found[declared.id][1]} and {where}")
            found[declared.id] = (declared, where)
    return tuple(sorted((declared for declared, _ in found.values()), key=catalogue_order))


def catalogue_order(declared: Requirement) -> tuple[int, int]:
    """Areas in the order of `Area`, then numbers."""
    return list(Area).index(declared.area), declared.number


def _modules(package: str) -> list[ModuleType]:
    parent = import_module(package)
    names = sorted(module.name for module in iter_modules(parent.__path__) if module.name.startswith("test_"))
    return [import_module(f"{package}.{name}") for name in names]


def _declared_in(module: ModuleType) -> list[tuple[str, Requirement]]:
    found = [(name, getattr(value, "requirement", None)) for name, value in vars(module).items()]
    return [(name, declared) for name, declared in found if isinstance(declared, Requirement)]


def _check_words(id: str, needs: tuple[str, ...], shapes: tuple[str, ...], texts: dict[str, str]) -> None:
    match = _ID.fullmatch(id)
    if match is None or match[1] not in set(Area):
        areas = ", ".join(Area)
        raise BadRequirement(f"{id!r} is no requirement id: an area and two digits (SIGNATURE-01); areas: {areas}")
    unknown_needs = sorted(set(needs) - set(Capability))
    if unknown_needs:
        raise BadRequirement(f"{id} needs {unknown_needs}; known capabilities: {', '.join(Capability)}")
    unknown_shapes = sorted(set(shapes) - SHAPES)
    if unknown_shapes:
        raise BadRequirement(f"{id} names shapes {unknown_shapes}; known: {', '.join(sorted(SHAPES))}")
    empty = [name for name, text in texts.items() if not text.strip()]
    if empty:
        raise BadRequirement(f"{id} says nothing in {', '.join(empty)}")
