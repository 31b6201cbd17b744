"""The connector under test as its owner describes it: a few verbs, and what its answers mean.

Rule: the suite knows a connector only through this contract; a TOML file or a Python class may fill it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast
from zlib import crc32

from conformance.requirement import Capability, Failure

METHODS = frozenset({"internet_banking", "qr", "card", "mobile", "pos", "counter", "redirect", "bill"})
"""How one pays. "redirect" = as the payer chooses on the bank's page; "bill" = at any place of the bank's."""

PAYER = "Nguyễn Thị Ánh"
"""Who pays when a test does not care."""


def phone_of(dossier_code: str) -> str:
    """The payer's number in the suite's own dossiers: ten digits, another one for every dossier."""
    return f"09{crc32(dossier_code.encode()) % 10**8:08d}"


class BadTarget(Exception):
    """The target is described wrongly: a sentence for its owner, never a verdict on the connector."""


class Refused(Failure):
    """The connector said no over HTTP, as it should when a paid dossier is opened; else a failure."""

    def __init__(self, doing: str, status: int, text: str) -> None:
        super().__init__(f"the connector answers when asked to {doing}", expected="success", actual=f"{status} {text}")
        self.status = status
        self.text = text


class Unreachable(Failure):
    """The connector did not answer at all."""

    def __init__(self, doing: str, why: str) -> None:
        super().__init__(f"the connector answers when asked to {doing}", expected="an answer", actual=why)


class CheckoutKind(StrEnum):
    REDIRECT = "redirect"
    """The payer's browser goes to `url`."""
    FORM = "form"
    """The payer's browser posts `fields` to `url`."""
    QR = "qr"
    """The payer scans `payload`, or what the page at `url` shows."""
    BILL = "bill"
    """The payer names `bill_code` at the bank."""


def kind_by_what_came(found: Mapping[str, Any]) -> CheckoutKind | None:
    """The kind of a checkout that does not name its own; None if nothing came that a payer could go on with."""
    by_sign = {
        "bill_code": CheckoutKind.BILL,
        "payload": CheckoutKind.QR,
        "fields": CheckoutKind.FORM,
        "url": CheckoutKind.REDIRECT,
    }
    return next((kind for sign, kind in by_sign.items() if found.get(sign)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """How the payer goes on. `order_ref` is the number under which the bank knows the payment order."""

    kind: CheckoutKind
    order_ref: str
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    payload: str = ""
    bill_code: str = ""


class DossierStatus(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


BELIEVED = frozenset({DossierStatus.PAID, DossierStatus.PARTLY_REFUNDED, DossierStatus.REFUNDED})
"""Statuses of a dossier whose fee has been believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the connector says of a dossier. `raw` is its answer as it came.

    `receipts` = how many were issued. `refund_due_vnd` is money it says it must give back, `refunded_vnd` what of
    the fee it has given back, each None when it does not tell.
    """

    status: DossierStatus
    amount_paid_vnd: int
    receipts: int
    refund_due_vnd: int | None = None
    refunded_vnd: int | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Booked:
    """One dossier among many; its status has no `raw`."""

    dossier_code: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message that the payer was sent."""

    text: str
    amount_vnd: int | None = None


class DiscrepancyKind(StrEnum):
    """What a connector may find in a bank's file of a business day."""

    MISSING_AT_CONNECTOR = "missing_at_connector"
    """The bank lists money that the connector's books do not have."""
    MISSING_AT_BANK = "missing_at_bank"
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"
    """Paid on one side; taken back, failed or given back on the other."""
    DUPLICATE = "duplicate"
    BAD_ROW = "bad_row"
    """A row that cannot be read, or whose checksum is wrong."""
    BAD_CHECKSUM = "bad_checksum"
    """That of the file."""
    BAD_COUNT = "bad_count"
    LATE = "late"
    """A row of an earlier day: worth saying, and no disagreement."""
    FOREIGN = "foreign"
    """Another merchant's or another bank's."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing that does not agree. `order_ref` and `bank_ref` name the payment as the bank's file does, "" if the
    file as a whole is meant."""

    kind: DiscrepancyKind
    order_ref: str = ""
    bank_ref: str = ""
    amount_vnd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a connector says of a bank's file. `refused` is why it did not compare it, "" = it did.

    `reply` is what it would send the bank in return, None when it does not tell.
    """

    refused: str = ""
    discrepancies: tuple[Discrepancy, ...] = ()
    reply: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSetup:
    """What the connector's owner says of one bank. Empty `merchant_code` = the sandbox's own test merchant.

    `secrets` and `options` are set at that merchant before the run.
    """

    methods: tuple[str, ...]
    merchant_code: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


class Target(Protocol):
    """A connector under test.

    `settle_s` = how long it may take to settle after a callback, `bank_timeout_s` = how long it waits for a bank's
    answer at most (0 or left out = not told). `policies` are its choices where sound
    connectors differ ("duplicate_ack" = "00"). What needs a capability that is not in `capabilities` is
    never asked, so a Python class leaves those methods out. `bank_url` is where a connector that runs already
    expects the banks ("http://127.0.0.1:8080/s/check"); "" = it is told by `start`.
    """

    name: str
    bank_url: str
    banks: Mapping[str, BankSetup]
    settle_s: float
    bank_timeout_s: float
    policies: Mapping[str, str]
    capabilities: frozenset[Capability]

    def start(self, bank_url: str, workdir: Path) -> None:
        """Called once before the first test; `bank_url` is where the banks are now."""

    def stop(self) -> None:
        """Called once at the end; nothing that `start` started may live on."""

    def open(self, dossier_code: str, amount_vnd: int, bank: str, method: str, payer: str = PAYER) -> Checkout:
        """Opens a payment of that dossier, new or known. Raises Refused when the connector will not."""

    def status(self, dossier_code: str) -> Status: ...

    def callback_url(self, bank: str) -> str:
        """Where the bank sends its callback; "" when the protocol carries it."""

    def inquiry_url(self, bank: str) -> str:
        """Where the bank asks for a bill; "" when this bank asks nothing."""

    def refund(self, dossier_code: str, amount_vnd: int | None) -> None:
        """Gives back `amount_vnd`, or all when None. Raises Refused when the connector will not."""

    def cancel(self, dossier_code: str) -> None: ...

    def run_jobs(self, dossier_code: str = "") -> None:
        """Everything the connector does by timetable, now: polls, queued callbacks. It is done on return.

        A connector that can may keep to that dossier, which makes a run faster; "" = all.
        """

    def notifications(self, dossier_code: str) -> tuple[Notification, ...]: ...

    def reconcile(self, bank: str, business_date: date, file_name: str, content: bytes) -> Report:
        """Compares the bank's file of that day. A file that it will not compare is a Report too, never an error.

        The day is over at the bank, whatever the connector's own clock says.
        """

    def lock(self, dossier_code: str, locked: bool) -> None:
        """The office locks the dossier, or unlocks it: meanwhile its fee may not be asked for."""

    def outage_books(self, down: bool) -> None:
        """While they are down, whatever the connector books in refuses to be read and written."""

    def outage_receipts(self, down: bool) -> None:
        """While it is down, whoever issues its receipts issues none. `run_jobs` issues later what is owed."""

    def lookup(self, dossier_code: str) -> str:
        """What anyone sees who asks for that dossier's fee, as it came (also when it was refused)."""

    def books(self, prefix: str) -> Iterator[Booked]:
        """All dossiers whose codes begin so, and maybe others, each once and in any order; read bit by bit."""

    def restart(self) -> None:
        """Kills the connector without warning, then starts it with the same books at the same address."""

    def kill(self) -> None:
        """The first half of a restart: until `start_again`, nobody listens at the connector's address."""

    def start_again(self) -> None:
        """The second half: with the same books, at the same address."""

    def start_with_banks_at(self, bank_url: str) -> None:
        """Instead of `start_again`: the same connector, told that the banks are at that address until the next time."""

    def start_with_clock_ahead(self, ahead_s: int) -> None:
        """Instead of `start_again`: the same connector, its clock so far ahead of the machine's until the next time."""


def load_python_target(text: str) -> Target:
    """An instance of "module:Class", made without arguments and checked against the contract.

    Raises BadTarget.
    """
    module_name, _, class_name = text.partition(":")
    try:
        made = getattr(import_module(module_name), class_name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise BadTarget(f"{text} cannot be made: {error}. It is imported, then called without arguments") from error
    _check_python_target(text, made)
    return cast(Target, made)


_ALWAYS = (
    *("name", "bank_url", "banks", "settle_s", "policies", "capabilities"),
    *("start", "stop", "open", "status", "callback_url", "inquiry_url"),
)


def _check_python_target(text: str, made: Any) -> None:
    missing = [name for name in _ALWAYS if not hasattr(made, name)]
    if missing:
        raise BadTarget(f"{text} lacks {', '.join(missing)}; conformance.target.Target says what each is")
    unknown = sorted(set(made.capabilities) - set(Capability))
    if unknown:
        raise BadTarget(f"{text}.capabilities names {unknown}; known: {', '.join(Capability)}")
    wanted = [name for word in made.capabilities for name in _methods_of(Capability(word))]
    promised = [name for name in wanted if not hasattr(made, name)]
    if promised:
        raise BadTarget(f"{text}.capabilities promises {', '.join(promised)}, but has no such method")
    for bank, setup in made.banks.items():
        check_methods(f"{text}.banks[{bank!r}].methods", setup.methods)


def _methods_of(capability: Capability) -> tuple[str, ...]:
    """A capability is called like its method; who can kill a connector must be able to start it again."""
    return ("kill", "start_again") if capability is Capability.KILL else (capability.value,)


def check_methods(where: str, methods: tuple[str, ...]) -> None:
    """Raises BadTarget unless there is a method, and each is one of METHODS."""
    unknown = sorted(set(methods) - METHODS)
    if unknown or not methods:
        found = ", ".join(unknown) or "nothing"
        raise BadTarget(f"{where} names {found}; choose from {', '.join(sorted(METHODS))}")
