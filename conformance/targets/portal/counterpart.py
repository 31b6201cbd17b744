"""What the portal must know of one bank, as a value that a file a bank fills in.

Rule: how money is booked is the same for all of them and is not in here; a counterpart only turns messages into
words and words into messages.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.business_days import Calendar
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier
from conformance.targets.portal.entries import Entries, Refund
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols.day_sheet import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """How the payer goes on: `kind` is redirect, form (posting `fields` to `url`), qr or bill."""

    kind: str
    order_ref: str
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    payload: str = ""
    bill_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who sits at the browser: its address and language ("vi" or "en")."""

    client_ip: str = "127.0.0.1"
    locale: str = "vi"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a browser says that comes back: an order, and whether it was paid."""

    bank: str
    order_ref: str
    paid: bool


Parameters = Mapping[str, str]
Start = Callable[[Portal, Dossier, Attempt, Payer], Awaitable[Checkout]]
Hear = Callable[[Portal, Request], Awaitable[Response]]
Ask = Callable[[Portal, Attempt], Awaitable[BankWord]]
GiveBack = Callable[[Portal, Attempt, Refund, bool], Awaitable[bool | None]]
Withdraw = Callable[[Portal, Attempt], Awaitable[None]]
Returned = Callable[[Portal, bytes], Claim | None]
Apology = Callable[[Portal], Mapping[str, Any] | Response]
Unannounced = Callable[[Entries, BankWord, datetime], Attempt | None]


def _nobody(entries: Entries, word: BankWord, now: datetime) -> Attempt | None:
    """No order but those that the portal made."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBooks:
    """How this bank's files of a business day are read. `party` gives the merchant's code there and the secret that
    seals files; `reply_name` names the answer to a file, if the layout has one."""

    layouts: tuple[Layout, ...]
    calendar: Callable[[], Calendar]
    party: Callable[[Portal], tuple[str, str]]
    reply_name: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """One bank.

    `contract` makes the contract with it from what differs from the test contract, TypeError for an unknown name.
    `methods` are the ways to pay there, `offered` those that the citizen's page lists. `start` gives what the payer
    goes on with and raises BankSilent or Rejected; None = a payer names the dossier's bill code at the bank.
    `hears` are the handlers of what the bank sends, by (method, path behind /callbacks/<bank>); `apology` is what
    it is told when the portal itself fails: fields of JSON, or a whole answer. `ask` raises BankSilent, Rejected
    and NoSuchOrder; None = the bank answers no questions. `give_back` says whether the money went back, None when
    that is not certain yet; it is asked again under the same number, and what the bank has made is not made twice;
    without it money goes back by hand. `returned` reads what a browser brings back (a query, or a form's body).
    `unannounced` finds the attempt of an order that the bank made of its own. `order_ref` makes an order's number
    from the instant. `known_late` = an order is written down when the bank has answered, if the defect of that name
    is on. `withdraw` tells the bank that an order is not wanted any more, and raises BankSilent and Rejected; None
    = it cannot be told. `day_books` None = it sends no files.
    """

    bank: str
    contract: Callable[..., object]
    methods: tuple[str, ...]
    offered: tuple[str, ...] = ()
    start: Start | None = None
    hears: Mapping[tuple[str, str], Hear]
    apology: Apology
    ask: Ask | None = None
    give_back: GiveBack | None = None
    withdraw: Withdraw | None = None
    returned: Returned | None = None
    unannounced: Unannounced = _nobody
    order_ref: Callable[[datetime], str] | None = None
    known_late: bool = False
    day_books: DayBooks | None = None
