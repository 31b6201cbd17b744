"""What a fault's file says of it: its number, side, words and settings, and the pure function that is its effect."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from random import Random

import msgspec

from simulator.faults.rule import Fault
from simulator.outbox import Delivery
from simulator.payment import Channel, Event, Merchant, Outcome, Payment, Reason, Refund
from simulator.wire import Response


class Side(StrEnum):
    """Where a fault strikes."""

    ANSWER = "answer"
    """What the bank answers to a connector."""
    CALLBACK = "callback"
    """What the bank tells a connector of its own accord."""
    PAYER = "payer"
    """What the payer does."""
    REFUND = "refund"
    """What the bank decides of a refund that a connector asks for."""


class Break(StrEnum):
    """How an exchange breaks in which the bank calls the connector."""

    GATEWAY_ERROR = "gateway_error"
    """A gateway between the two answers 500; the connector gets nothing."""
    RESET = "reset"
    """The connection is reset halfway through the request."""
    ANSWER_LOST = "answer_lost"
    """The connector gets all, and its answer never arrives."""
    CUT = "cut"
    """The connection is closed in the middle of the request's body."""


class Ending(StrEnum):
    """How an answer's connection ends."""

    WHOLE = "whole"
    CLOSE = "close"
    """Closed (FIN) after what was sent."""
    RESET = "reset"
    """Reset (RST) after what was sent."""
    SILENCE = "silence"
    """Held open without a byte until the connector leaves or `wait_s` has passed; then closed."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is really sent in place of an answer.

    Before the first byte `wait_s` seconds pass. `starts` False = not even the status line is sent. The body, or half
    of it (`halved`), goes out in `pieces` spread over `drip_s` seconds, then `filler_bytes` spaces; the content-length
    told is that of the whole. `other` is what the bank would say instead, for effects that compare: a refusal in its
    general words, or else this answer signed by an impostor. `note` is for the journal.
    """

    response: Response
    other: Response | None = None
    wait_s: float = 0.0
    starts: bool = True
    halved: bool = False
    pieces: int = 1
    drip_s: float = 0.0
    filler_bytes: int = 0
    ending: Ending = Ending.WHOLE
    note: str = ""

    @property
    def body(self) -> bytes:
        """What goes out of the body, whichever fault wrote it, before or after the one that halves it."""
        whole = self.response.body
        return whole[: len(whole) // 2] if self.halved else whole


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer does to a payment. None = as the payment has it.

    `at` = not now: money that comes at that moment, if the bank has given the payment up by then.
    """

    event: Event
    outcome: Outcome | None = None
    amount_vnd: int | None = None
    channel: Channel | None = None
    at: datetime | None = None


class Where(StrEnum):
    """Which payers can do it."""

    ANYWHERE = "anywhere"
    OPEN_AMOUNT = "open_amount"
    """Who types the amount: by transfer, of a bill, or from a code that was scanned."""
    UNASKED = "unasked"
    """Who comes to the bank of his own accord: to pay a bill, or to send money."""
    BROWSER = "browser"
    """Whom the bank sends back to the connector."""


class AnswerFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the bank as a server. `number` is its own for good: amounts can ask for it (0 = none can).

    `commits` = the request is carried out and kept, and only then goes its answer wrong; else nothing is done.
    `refuses` = the bank refuses the request in its own words. `compares` = the effect wants `Sent.other`.
    `breaks` = it can also break an exchange in which the bank calls the connector. `defaults` are settings that
    differ from a rule's own.
    """

    kind: str
    number: int
    en: str
    vi: str
    effect: Callable[[Sent, Fault, Random], Sent]
    commits: bool
    settings: tuple[str, ...] = ()
    defaults: dict[str, int | float | bool | str] = {}
    refuses: Reason | None = None
    compares: bool = False
    breaks: Break | None = None

    @property
    def side(self) -> Side:
        return Side.ANSWER


class CallbackFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the bank's messages to the connector: planned deliveries in, planned deliveries out.

    `falsifies` = it can also distort an answer of the bank, where the rule names its operation. `tells_failure` =
    banks whose callbacks only ever say "paid" are spared it. A fault that only breaks the exchange has no `effect`.
    """

    kind: str
    number: int
    en: str
    vi: str
    effect: Callable[[list[Delivery], Fault], list[Delivery]] | None = None
    settings: tuple[str, ...] = ()
    defaults: dict[str, int | float | bool | str] = {}
    falsifies: Callable[[Merchant, Payment, Fault], tuple[Merchant, Payment]] | None = None
    tells_failure: bool = False
    breaks: Break | None = None

    @property
    def side(self) -> Side:
        return Side.CALLBACK


class PayerFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the payer: the deed that was to settle the payment becomes others, done one after another.

    () = the payer does nothing. A later deed that the payment's state no longer allows is left out, as a sound bank
    does. `rushes` = the payer pays before the connector has its answer; such a fault has no `effect` on later deeds.
    `again` = another payment of the same order follows, over another channel. `tampers` = it is no deed at the bank:
    the address to which the browser goes back is changed. At banks without a `where` the payer is spared it.
    """

    kind: str
    number: int
    en: str
    vi: str
    effect: Callable[[Payment, Deed, Fault, datetime], tuple[Deed, ...]] | None = None
    settings: tuple[str, ...] = ()
    defaults: dict[str, int | float | bool | str] = {}
    rushes: bool = False
    again: bool = False
    tampers: bool = False
    where: Where = Where.ANYWHERE

    @property
    def side(self) -> Side:
        return Side.PAYER

    @property
    def breaks(self) -> Break | None:
        return None


class RefundFault(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank makes of a refund that would else be made at once. Banks without refunds are spared it."""

    kind: str
    number: int
    en: str
    vi: str
    effect: Callable[[Refund, Fault, datetime], Refund]
    settings: tuple[str, ...] = ()
    defaults: dict[str, int | float | bool | str] = {}

    @property
    def side(self) -> Side:
        return Side.REFUND

    @property
    def breaks(self) -> Break | None:
        return None


AnyFault = AnswerFault | CallbackFault | PayerFault | RefundFault
