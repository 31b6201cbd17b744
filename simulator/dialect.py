"""What a bank must say: pure functions between raw HTTP messages and the house's own words, gathered in one value."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from random import Random
from typing import TypeVar

import msgspec

from simulator.outbox import Retry
from simulator.payment import (
    COLLECTED,
    Bill,
    Channel,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    RefundState,
    Refusal,
    State,
)
from simulator.settlement.sheet import DayFile
from simulator.wire import Answer, Outgoing, Request, Response


class Shape(StrEnum):
    REDIRECT = "redirect"
    """The connector sends the payer's browser to the bank."""
    SERVER_CREATE = "server_create"
    """The connector calls the bank's API, then sends the browser to the address it was given."""
    BILL = "bill"
    """The bank asks the connector for the bill, then notifies the payment."""
    ADVICE = "advice"
    """Money arrives by transfer; the bank tells what came in."""

    @property
    def connector_orders(self) -> bool:
        """Whether the connector makes the order; else the payer comes to the bank unannounced."""
        return self in (Shape.REDIRECT, Shape.SERVER_CREATE)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request understood. `wire` keeps its fields as they came, for the answer to echo.

    `warnings` are remarks for the journal ("signature matches only in PHP's encoding"). `claims` are names that must
    not be another payment's, each with why it is else refused; those of a refund are the payment's from then on.
    """

    merchant: Merchant
    wire: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()
    claims: Mapping[str, Reason] = {}


class Create(Command, frozen=True, kw_only=True):
    """`pays_with` is the account or card number that the connector collected itself; "" = the bank's page asks.

    `at_once` = who gave it has agreed to pay already (a code shown at a till): no password is asked for.
    `repeatable` = the very same order again is answered with the payment that it made.
    """

    order: Order
    pays_with: str = ""
    at_once: bool = False
    repeatable: bool = False


class OfOrder(Command, frozen=True, kw_only=True):
    """A command about an order that exists, named by its key or, if `name` is set, by another of its names."""

    order_key: str = ""
    name: str = ""


class Query(OfOrder, frozen=True, kw_only=True):
    request_ref: str = ""


class RefundOrder(OfOrder, frozen=True, kw_only=True):
    """`full` says which kind the connector asked for; `amount_vnd` is what it wants back.

    `all_left` = it wants whatever is not refunded yet, and `amount_vnd` is not looked at.
    `repeatable` = the same request number again is answered with the refund that it made, if it wants as much and
    comes with the same `idempotency_key`.
    `unnumbered` = the dialect made the number from the request's words: once refused, the same words may come again.
    """

    request_ref: str
    amount_vnd: int
    full: bool
    all_left: bool = False
    repeatable: bool = False
    idempotency_key: str = ""
    unnumbered: bool = False


class QueryRefund(OfOrder, frozen=True, kw_only=True):
    """What became of the refund that was asked for with that number."""

    request_ref: str


class GetReceipt(OfOrder, frozen=True, kw_only=True):
    """The receipt of a paid order."""


class CancelOrder(OfOrder, frozen=True, kw_only=True):
    """The connector withdraws an order that nobody has paid yet. `reason` is kept as `wire["cancel_reason"]` of it."""

    reason: str = ""


class Capture(OfOrder, frozen=True, kw_only=True):
    """The connector takes the money that is held for it; of any other payment the reply only tells the state."""


class Confirm(OfOrder, frozen=True, kw_only=True):
    """The connector passes on the one-time password that its payer typed."""

    otp: str


class Ask(Command, frozen=True, kw_only=True):
    """What no payment answers: which banks a payer may choose, an access token, a key for a form.

    `pays_with` is the account or card that it is about, "" = none.
    """

    pays_with: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the use case answers to a command; the dialect writes it out.

    `page_url` is where the payer goes on, `bank_url` the bank's own address (both absolute). `reply_ref` is 32 hex
    digits, fresh for every answer, the same for the same seed. `payment` is None only for Ask.
    """

    now: datetime
    reply_ref: str
    payment: Payment | None = None
    page_url: str = ""
    bank_url: str = ""
    refund: Refund | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One of the bank's own addresses. `decode` raises Refusal; `encode` writes the reply or the refusal.

    `path` may have places, "/orders/{id}": each stands for one segment, and `request.places` has what came.
    `merchants` looks a merchant up by its code. `command` is None when decoding was refused.
    `operation` is the usual one here ("create", "query", ...), for faults; a decoded command may be another.
    `probe` is sent to the connector between decoding and deciding.
    """

    operation: str
    method: str
    path: str
    decode: Callable[[Request, "Merchants"], Command]
    encode: Callable[[Request, Command | None, Reply | Refusal], Response]
    probe: "Probe | None" = None


Merchants = Callable[[str], Merchant | None]


class Part(StrEnum):
    """What a callback may hold beside its amount and its result; a notice can want one of them told otherwise."""

    MERCHANT = "merchant"
    """Whose money it is: a merchant's code, or the account that was credited."""
    ORDER = "order"
    CURRENCY = "currency"
    SECOND_STATUS = "second_status"
    """A second field that says how the payment stands."""
    OPTIONAL = "optional"
    """Fields that need not be there."""
    UNKNOWN = "unknown"
    """Room for a field that no document names yet."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """All that a callback is made of: the payment as it is to be told, and the merchant whose secrets sign it.

    `message` is which of the dialect's `messages` it is, `token` what its `access` brought for this attempt.
    `odd` is the part that is told otherwise than usual, see `worded`.
    """

    payment: Payment
    merchant: Merchant
    now: datetime
    attempt: int = 1
    message: str = ""
    token: str = ""
    odd: Part | None = None

    @property
    def second(self) -> Payment:
        """The payment as a second status field tells it: as it is, unless that part is to contradict the first."""
        if self.odd is not Part.SECOND_STATUS:
            return self.payment
        paid = self.payment.state in COLLECTED
        state, outcome = (State.FAILED, Outcome.INSUFFICIENT_FUNDS) if paid else (State.PAID, Outcome.SUCCESS)
        return msgspec.structs.replace(self.payment, state=state, outcome=outcome)


OTHER_ACCOUNT = "9999999990"
"""An account that is no test merchant's."""

Told = TypeVar("Told", str, object)


def worded(
    notice: Notice,
    fields: Mapping[str, Told],
    *,
    merchant: Mapping[str, Told] | None = None,
    currency: Mapping[str, Told] | None = None,
    second: Mapping[str, Told] | None = None,
    optional: tuple[str, ...] = (),
    prefix: str = "",
) -> dict[str, Told]:
    """A callback's fields, before they are signed, in the wording that its notice asks for: usually as they are.

    `merchant`, `currency` and `second` are the fields of these parts with another account, a foreign currency and the
    notice's `second` payment. `optional` names what may be left out; `prefix` opens the bank's own names.
    """
    if notice.odd is None:
        return dict(fields)
    if notice.odd is Part.OPTIONAL:
        return {name: told for name, told in fields.items() if name not in optional}
    unknown = {f"{prefix}campaign": "TET"}
    parts = {Part.MERCHANT: merchant, Part.CURRENCY: currency, Part.SECOND_STATUS: second, Part.UNKNOWN: unknown}
    changed = parts.get(notice.odd)
    return {**fields, **changed} if changed else dict(fields)


class Ack(msgspec.Struct, frozen=True):
    """How the bank reads an answer to its callback. `done` ends the retries; `text` is for the journal."""

    done: bool
    text: str


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How a bank gets the token without which a connector takes no callback.

    `ask` None = this merchant wants none. `read` raises ValueError for an answer that holds no token.
    """

    ask: Callable[[Notice], Outgoing | None]
    read: Callable[[Answer], str]


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank tries out on a connector before it answers that connector's request.

    `read` raises Refusal where the answer was not what the bank needs.
    """

    ask: Callable[[Command, datetime], Outgoing]
    read: Callable[[Answer, Command], None]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A bill inquiry: `trans_ref` is the bank's number for this visit, the same in inquiry and notice."""

    bill_code: str
    trans_ref: str
    channel: Channel
    now: datetime


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """How a bank asks a connector what is owed. `read` raises Refusal (unknown_order, already_paid, ...)."""

    ask: Callable[[Question, Merchant], Outgoing]
    read: Callable[[Answer, Question, Merchant], Bill]


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """Something no source tells, so this project chose it. `setting` names the switch that changes it, "" if none."""

    key: str
    value: str
    why: str
    setting: str = ""


def assumed(code: str, rows: Iterable[tuple[str, str, str, str]]) -> tuple[Assumption, ...]:
    """A bank's assumptions from rows of (key without the bank's code, value, why, setting)."""
    return tuple(
        Assumption(key=f"{code}.{key}", value=value, why=why, setting=setting) for key, value, why, setting in rows
    )


class ErrorPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the bank that shows an error code to the payer: `texts` by code in (Vietnamese, English)."""

    path: str
    parameter: str
    texts: Mapping[str, tuple[str, str]]


def _never(payment: Payment, merchant: Merchant) -> str:
    return ""


def _nothing_posted(payment: Payment, merchant: Merchant) -> Mapping[str, str]:
    return {}


def _holds_nothing(payment: Payment) -> bool:
    return False


def _no_names(payment: Payment) -> tuple[str, ...]:
    return ()


def _lets_pass(command: Command, payment: Payment | None, now: datetime) -> None:
    return None


def _digits(rng: Random, now: datetime) -> str:
    return str(rng.randrange(10**13, 10**14))


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One bank. `code` is its URL prefix. `secrets` are the names a merchant's `secrets` must have.

    `announces` = entering these states makes a callback. `return_url` is where the payer's browser goes afterwards,
    "" = nowhere, and `return_form` the fields that a form posts there ({} = it goes there by its address alone).
    `query_interval_s` = the same order may be queried once in that time (0 = always).
    `page_life_s` = how long a payer may take when the order sets no expiry. `bank_ref` makes the bank's own number of
    a payment, `trans_ref` that of a visit with a bill inquiry, from the payment's own stream of chance. `qr_text` is
    the code that a payer scans on the bank's page; None = a VietQR code at no real bank. `messages` are the callbacks
    that each announcement makes, usually one. `names` are what else a connector may call a payment by.
    `judge` raises Refusal where a command is against a rule about the time or about the payment that it names (None
    = there is none yet). `holds` = approved money of this payment is only held (suspected, its outcome a success) until
    the connector captures or cancels it. `tells_failures` = a callback can say that a payment failed; else no fault
    makes it say so. `drops_after_s` = no retry later than that after the event it tells of (0 = the ladder alone says).
    `tells_refunds` = the answer to a refund has words for one in these states; what has none is answered as a refusal:
    timed_out while it is pending, refund_refused when it was refused.
    `captcha` = its log-in page also wants the letters of a picture. `settlement` are the files of its business day.
    `parts` are those that its callbacks have, each of which a notice may want told otherwise.
    """

    code: str
    name: str
    shape: Shape
    channels: tuple[Channel, ...]
    endpoints: tuple[Endpoint, ...] = ()
    callback: Callable[[Notice], Outgoing]
    acknowledged: Callable[[Answer, Notice], Ack]
    access: Access | None = None
    retry: Retry
    announces: frozenset[State]
    return_url: Callable[[Payment, Merchant], str] = _never
    return_form: Callable[[Payment, Merchant], Mapping[str, str]] = _nothing_posted
    inquiry: Inquiry | None = None
    secrets: tuple[str, ...] = ()
    query_interval_s: int = 0
    page_life_s: int = 900
    bank_ref: Callable[[Random, datetime], str] = _digits
    trans_ref: Callable[[Random, datetime], str] = _digits
    error_page: ErrorPage | None = None
    qr_text: Callable[[Payment, Merchant], str] | None = None
    messages: tuple[str, ...] = ("",)
    parts: frozenset[Part] = frozenset()
    names: Callable[[Payment], tuple[str, ...]] = _no_names
    judge: Callable[[Command, Payment | None, datetime], None] = _lets_pass
    holds: Callable[[Payment], bool] = _holds_nothing
    tells_failures: bool = True
    captcha: bool = False
    drops_after_s: int = 0
    tells_refunds: frozenset[RefundState] = frozenset({RefundState.MADE})
    settlement: tuple[DayFile, ...] = ()
    sources: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()

    @property
    def sends_back(self) -> bool:
        """Whether the payer's browser goes back to the connector afterwards."""
        return self.return_url is not _never


def places_of(template: str, path: str) -> dict[str, str] | None:
    """What stands in the {places} of an endpoint's path; None if it is another path."""
    found = _pattern(template).fullmatch(path)
    return found.groupdict() if found else None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))
