"""A shop's payment terminal: sales by card and by QR code, voids, reversals, and the batch at the end of the day.

Rule: what a terminal knows of itself follows from the sales that bear its numbers.
"""

from dataclasses import dataclass
from datetime import datetime

from simulator import bank, payer, terminal
from simulator.dialect import Dialect
from simulator.payer import Card, Change, Stage
from simulator.payment import Channel, Merchant, Payment
from simulator.places import NotDone, Why, last_number, numbered, take_number
from simulator.slip import TerminalSlip
from simulator.store import ById
from simulator.terminal import Host, Message, Record, Sums
from simulator.world import World

BATCH_MAX = 500
"""How many sales of a batch are looked at; assumption: terminals are full after some hundreds."""

SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """One terminal of a merchant; `terminal_id` has eight letters or digits."""

    world: World
    dialect: Dialect
    merchant: Merchant
    terminal_id: str

    @property
    def series(self) -> str:
        return f"terminal\x1f{self.terminal_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The sales of one batch as both sides have them. `claimed` are the totals that the terminal sends."""

    number: int
    records: tuple[Record, ...]
    claimed: Sums
    host: Sums
    said: tuple[Message, ...] = ()
    closed: bool = False

    @property
    def matches(self) -> bool:
        return self.claimed == self.host

    @property
    def differences(self) -> tuple[Record, ...]:
        return tuple(each for each in self.records if not each.matches)


def usual_terminal(world: World, dialect: Dialect, merchant: Merchant, terminal_id: str = "") -> Terminal:
    """The terminal of that number, or the merchant's usual one."""
    usual = f"{int(world.token('terminal', dialect.code, merchant.merchant_code), 16) % 10**8:08d}"
    return Terminal(world=world, dialect=dialect, merchant=merchant, terminal_id=terminal_id or usual)


def channel_of(dialect: Dialect) -> Channel | None:
    """How a payment at a terminal is named on this bank's wire: POS, else a QR code shown there; None = no terminal.

    Only where somebody can be asked what is to be paid.
    """
    asks = dialect.shape.connector_orders or dialect.inquiry is not None
    return next((each for each in (Channel.POS, Channel.QR) if asks and each in dialect.channels), None)


# --- one sale --------------------------------------------------------------------------------------------------------


async def sell(it: Terminal, payment: Payment, card_number: str, host: Host | str = "") -> Payment:
    """The payer's card is read. `host` is what the tester wants of the host: a DE39, a Host, "" = as the card says.

    Raises NotDone.
    """
    card = card_of(card_number)
    now = await it.world.now()
    if payer.stage(payment, now) is not Stage.CONFIRM or payment.channel is not Channel.POS:
        raise NotDone(Why.WAITS_FOR_NOTHING)
    begun = await _begun(it, payment, now, by_card=True)
    approval = f"{it.world.rng_for('approval', payment.payment_id).randrange(10**6):06d}"
    return await bank.progress(it.world, begun.payment_id, payer.insert_card(card, approval, host))


async def show_qr(it: Terminal, payment: Payment) -> Payment:
    """The terminal shows a code for the payer's phone. Raises NotDone."""
    now = await it.world.now()
    if payer.stage(payment, now) not in (Stage.CONFIRM, Stage.QR) or payment.channel is Channel.COUNTER:
        raise NotDone(Why.WAITS_FOR_NOTHING)
    return await _begun(it, payment, now, by_card=False)


async def _begun(it: Terminal, payment: Payment, now: datetime, by_card: bool) -> Payment:
    """The payment under the terminal's next number, or under the one that it has already."""
    kept = payment.slip
    if isinstance(kept, TerminalSlip) and kept.by_card is by_card:
        return payment
    number = await batch_number(it)
    stan = await take_number(it.world, payment, it.series)
    slip = TerminalSlip(terminal_id=it.terminal_id, stan=stan, batch=number, sent_at=now, by_card=by_card)
    return await bank.progress(it.world, payment.payment_id, payer.begin_sale(slip))


def card_of(card_number: str) -> Card:
    """Raises NotDone for a number that is no test card's."""
    card = payer.cards().get("".join(card_number.split()))
    if card is None:
        raise NotDone(Why.NO_TEST_CARD)
    return card


async def void(it: Terminal, payment: Payment) -> Payment:
    """Raises NotDone."""
    _at_terminal(payment)
    if not payer.may_void(payment, await it.world.now()):
        raise NotDone(Why.NO_VOID)
    stan = await take_number(it.world, payment, it.series)
    after = await bank.progress(it.world, payment.payment_id, payer.void_sale(stan))
    if terminal.of_terminal(after).void_stan != stan:
        raise NotDone(Why.NO_VOID)
    return after


async def late_answer(it: Terminal, payment: Payment) -> Payment:
    """Raises NotDone, and IllegalEvent where the host cannot have approved."""
    return await _after_giving_up(it, payment, payer.answer_late())


async def repeat_reversal(it: Terminal, payment: Payment) -> Payment:
    """The terminal sends 0401 once more; this one is answered. Raises NotDone."""
    return await _after_giving_up(it, payment, payer.repeat_reversal())


async def _after_giving_up(it: Terminal, payment: Payment, change: Change) -> Payment:
    if not _at_terminal(payment).reversals:
        raise NotDone(Why.NOT_GIVEN_UP)
    return await bank.progress(it.world, payment.payment_id, change)


async def reverse_number(it: Terminal, stan: int) -> tuple[Payment | None, tuple[Message, ...]]:
    """A reversal of the sale of that number: (the sale, all that was said). The host answers 25 to one that it does
    not know; a sale that the terminal has an answer for is reversed by a void, so that nothing is changed here."""
    found = await _numbered(it, stan)
    if found is None or terminal.of_terminal(found).stan != stan:
        return None, terminal.reversal_of_nothing(it.terminal_id, stan, await it.world.now())
    after = await bank.progress(it.world, found.payment_id, payer.repeat_reversal())
    return after, terminal.messages(after)


def terminal_of(world: World, dialect: Dialect, payment: Payment) -> Terminal:
    """The terminal that has the payment, or the merchant's usual one. Raises NotDone if the merchant is gone."""
    merchant = world.merchant(payment.bank, payment.merchant_code)
    if merchant is None:
        raise NotDone(Why.NOT_AT_TERMINAL)
    kept = payment.slip.terminal_id if isinstance(payment.slip, TerminalSlip) else ""
    return usual_terminal(world, dialect, merchant, kept)


def _at_terminal(payment: Payment) -> TerminalSlip:
    if not isinstance(payment.slip, TerminalSlip):
        raise NotDone(Why.NOT_AT_TERMINAL)
    return payment.slip


# --- a day -----------------------------------------------------------------------------------------------------------


async def recent(it: Terminal, limit: int = SHOWN) -> list[Payment]:
    """The terminal's sales, newest first."""
    return await _sales(it, limit, of_open_batch=False)


async def batch_number(it: Terminal) -> int:
    """The batch that the next sale belongs to."""
    newest = await _sales(it, 1, of_open_batch=False)
    slip = terminal.of_terminal(newest[0]) if newest else None
    if slip is None:
        return 1
    return slip.batch + 1 if slip.closed_at else slip.batch


async def open_batch(it: Terminal, claimed: Sums | None = None) -> Batch:
    """The open batch as it stands; `claimed` are totals that the terminal sends instead of its own."""
    sales = await _sales(it, BATCH_MAX, of_open_batch=True)
    return _batch(await batch_number(it), sales, claimed)


async def close_batch(it: Terminal, claimed: Sums | None = None) -> Batch:
    """Settles the open batch with the host, and begins the next one. Raises NotDone if there is nothing in it."""
    sales = await _sales(it, BATCH_MAX, of_open_batch=True)
    if not sales:
        raise NotDone(Why.EMPTY_BATCH)
    batch = _batch(terminal.of_terminal(sales[0]).batch, sales, claimed)
    stan = await take_number(it.world, sales[0], it.series)
    at = await it.world.now()
    said = terminal.settlement(it.terminal_id, batch.number, stan, at, batch.records, batch.claimed, batch.host)
    for sale in sales:  # Newest first: by it alone the batch is known to be closed.
        await bank.progress(it.world, sale.payment_id, payer.close_batch())
    return Batch(
        number=batch.number,
        records=batch.records,
        claimed=batch.claimed,
        host=batch.host,
        said=said,
        closed=True,
    )


def _batch(number: int, sales: list[Payment], claimed: Sums | None) -> Batch:
    records = tuple(terminal.record(sale) for sale in reversed(sales))
    own = terminal.terminal_sums(records)
    return Batch(number=number, records=records, claimed=claimed or own, host=terminal.host_sums(records))


async def _sales(it: Terminal, limit: int, *, of_open_batch: bool) -> list[Payment]:
    """Newest first, from the terminal's last number down."""
    sales: dict[str, Payment] = {}
    stan = await last_number(it.world, it.dialect.code, it.merchant.merchant_code, it.series)
    while stan > 0 and len(sales) < limit:
        sale = await _numbered(it, stan)
        if sale is not None:
            if of_open_batch and terminal.of_terminal(sale).closed_at:
                break
            sales.setdefault(sale.payment_id, sale)
        stan -= 1
    return list(sales.values())


async def _numbered(it: Terminal, stan: int) -> Payment | None:
    """The sale that has that number of this terminal, as its own, its void's or its batch's."""
    name = numbered(it.dialect.code, it.merchant.merchant_code, it.series, stan)
    payment_id = await it.world.store.named(it.world.name, name)
    found = await it.world.store.payment(it.world.name, ById(payment_id)) if payment_id else None
    own = found is not None and isinstance(found.slip, TerminalSlip) and found.slip.terminal_id == it.terminal_id
    return found if own else None
