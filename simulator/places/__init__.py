"""What people do at a place where somebody else takes the money: they name a code, and are served under a number."""

from collections.abc import Mapping
from enum import StrEnum

from simulator import bank, payer
from simulator.delivery import Courier
from simulator.dialect import Dialect
from simulator.payment import Channel, Merchant, Payment, Refusal
from simulator.store import Name
from simulator.world import World

NUMBER_MAX = 999_999
FOUND_MAX = 200
"""How many payments of one order are looked at."""


class Why(StrEnum):
    """Why a place does not do what it is asked for."""

    NO_ADDRESS = "no_address"
    """The connector's inquiry_url is not set."""
    CHANNEL_NOT_OFFERED = "channel_not_offered"
    UNKNOWN_ORDER = "unknown_order"
    """No order of that code waits to be paid on this channel."""
    NO_AMOUNT = "no_amount"
    """Nobody can be asked what is owed, and no amount was named."""
    NO_TEST_CARD = "no_test_card"
    NO_TEST_ACCOUNT = "no_test_account"
    WAITS_FOR_NOTHING = "waits_for_nothing"
    """The payment is settled, has expired, or waits for something else."""
    NOT_AT_TERMINAL = "not_at_terminal"
    NOT_AT_COUNTER = "not_at_counter"
    NO_VOID = "no_void"
    """Only an approved sale can be voided, on its own day, before its batch is closed."""
    NOT_GIVEN_UP = "not_given_up"
    """The terminal has its answer: there is no reversal to repeat and no late answer to come."""
    EMPTY_BATCH = "empty_batch"
    NO_TAKING_BACK = "no_taking_back"
    """A teller takes back what he was paid on the same day; later it is corrected."""
    NOT_PAID = "not_paid"
    SAME_CODE = "same_code"
    NUMBERS_USED_UP = "numbers_used_up"


SENTENCES: Mapping[Why, str] = {
    Why.NO_ADDRESS: "the bank does not know where to ask; PUT the merchant's `inquiry_url`",
    Why.CHANNEL_NOT_OFFERED: "this bank takes no payments there; GET /_control/banks lists its channels",
    Why.UNKNOWN_ORDER: "no order of that code waits to be paid there; the connector makes it first",
    Why.NO_AMOUNT: "nobody can be asked what is owed at this bank; give `amount_vnd`",
    Why.NO_TEST_CARD: "that is no test card's number; the page /cards lists them",
    Why.NO_TEST_ACCOUNT: "there is no test account of that username",
    Why.WAITS_FOR_NOTHING: "the payment is settled, has expired, or waits for something else",
    Why.NOT_AT_TERMINAL: "no terminal has taken this payment up",
    Why.NOT_AT_COUNTER: "no teller has taken this payment",
    Why.NO_VOID: "only an approved sale can be voided, on its own day, before its batch is closed",
    Why.NOT_GIVEN_UP: "the terminal has its answer; only after a time-out is there a reversal to repeat",
    Why.EMPTY_BATCH: "there is nothing in the open batch",
    Why.NO_TAKING_BACK: "a teller takes back on the same day what is still paid; later, correct it",
    Why.NOT_PAID: "it is not, or no longer, paid",
    Why.SAME_CODE: "that is the very code that was paid",
    Why.NUMBERS_USED_UP: "all numbers up to 999999 are used",
}


class NotDone(Exception):
    """Nothing was changed; `why` says why, the message in a sentence."""

    def __init__(self, why: Why) -> None:
        super().__init__(SENTENCES[why])
        self.why = why


async def name_code(
    courier: Courier,
    world: World,
    dialect: Dialect,
    merchant: Merchant,
    code: str,
    channel: Channel,
    amount_vnd: int | None = None,
) -> Payment:
    """The payment that waits for a payer who names a code on that channel: of the bill that the connector is asked
    for, of an order that it has made, or of a transfer of that amount. Raises NotDone, and Refusal by the connector.
    """
    if dialect.shape.connector_orders:
        return await _ordered(world, dialect, merchant, code, channel)
    if channel not in dialect.channels:
        raise NotDone(Why.CHANNEL_NOT_OFFERED)
    if dialect.inquiry is None:
        if amount_vnd is None:
            raise NotDone(Why.NO_AMOUNT)
        return await courier.transfer(world, dialect, merchant, code, amount_vnd, channel)
    if not merchant.inquiry_url:
        raise NotDone(Why.NO_ADDRESS)
    return await courier.inquire(world, dialect, merchant, code, channel)


async def _ordered(world: World, dialect: Dialect, merchant: Merchant, code: str, channel: Channel) -> Payment:
    """The newest order of that number that waits, once the payer has chosen this channel where it was left to him."""
    now = await world.now()
    orders = await world.store.payments(world.name, bank=dialect.code, order_ref=code, limit=FOUND_MAX)
    if not orders:  # A payer may have been given the bank's own number for the teller.
        newest = await world.store.payments(world.name, bank=dialect.code, limit=FOUND_MAX)
        orders = [each for each in newest if each.bank_ref == code]
    for found in orders:
        if found.merchant_code != merchant.merchant_code or payer.stage(found, now) is payer.Stage.DONE:
            continue
        if found.channel is None and channel in dialect.channels:
            found = await bank.progress(world, found.payment_id, payer.choose(channel, ""))
        if found.channel is channel:
            return found
    raise NotDone(Why.UNKNOWN_ORDER)


def refused(error: NotDone | Refusal) -> str:
    """One word for both: a place's own no, or the connector's."""
    return str(error.why) if isinstance(error, NotDone) else str(error.reason)


# --- numbers ---------------------------------------------------------------------------------------------------------


def numbered(bank_code: str, merchant_code: str, series: str, number: int) -> Name:
    """The name by which a number of a series (a terminal, a teller's day) means its payment, and no other."""
    return Name(bank_code, merchant_code, f"{series}\x1f{number:06d}")


async def last_number(world: World, bank_code: str, merchant_code: str, series: str) -> int:
    """The last number given in a series without gaps, 0 if none: looked for in steps that double, then halve."""

    async def given(number: int) -> bool:
        return await world.store.named(world.name, numbered(bank_code, merchant_code, series, number)) is not None

    high = 1
    while high <= NUMBER_MAX and await given(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await given(middle) else (low, middle)
    return low


async def take_number(world: World, payment: Payment, series: str) -> int:
    """The series' next number, now this payment's. Raises NotDone when there are none left."""
    number = await last_number(world, payment.bank, payment.merchant_code, series)
    while number < NUMBER_MAX:
        number += 1
        name = numbered(payment.bank, payment.merchant_code, series, number)
        await bank.progress(world, payment.payment_id, lambda kept, now: kept, (name.name,))
        if await world.store.named(world.name, name) == payment.payment_id:
            return number
    raise NotDone(Why.NUMBERS_USED_UP)
