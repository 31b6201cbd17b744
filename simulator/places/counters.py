"""A bank's counter: a teller takes cash or debits an account, takes back his mistake, and corrects a wrong code.

Rule: money taken after the merchant's cut-off is booked on the next working day; what the connector is told of a
reversal is the bank's own dialect, and where it has no word for one nothing is told.
"""

import re
from dataclasses import dataclass

from simulator import bank, payer
from simulator.clock import VIETNAM
from simulator.delivery import Courier
from simulator.dialect import Dialect
from simulator.holidays import days_off_of
from simulator.payer import Stage
from simulator.payment import COLLECTED, Channel, Event, Merchant, Payment, State
from simulator.places import NotDone, Why, name_code, take_number
from simulator.slip import PaidWith, TellerSlip
from simulator.workday import booking_date, cut_off_of
from simulator.world import World

OTHERS_MAX = 50
SHOWN_MAX = 100

TELLER_FORM = re.compile(r"[A-Z0-9]{1,8}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who takes the money, and where."""

    branch: str = "0001"
    teller_id: str = "GDV01"


USUAL_TELLER = Teller()


def teller_of(branch: str, teller_id: str) -> Teller:
    """What was typed, or the usual ones for what is no such number."""
    return Teller(
        branch=branch if TELLER_FORM.fullmatch(branch) else USUAL_TELLER.branch,
        teller_id=teller_id if TELLER_FORM.fullmatch(teller_id) else USUAL_TELLER.teller_id,
    )


def tells_reversals(dialect: Dialect) -> bool:
    """Whether the connector hears of a reversal; else it finds out by the reconciliation file alone."""
    return State.REVERSED in dialect.announces


async def take_money(
    world: World,
    payment: Payment,
    paid_with: PaidWith = PaidWith.CASH,
    username: str = "",
    teller: Teller = USUAL_TELLER,
    corrects: str = "",
) -> Payment:
    """The payment as cash, or as the test account lets it end. Raises NotDone."""
    now = await world.now()
    if payer.stage(payment, now) is not Stage.CONFIRM or payment.channel is not Channel.COUNTER:
        raise NotDone(Why.WAITS_FOR_NOTHING)
    if paid_with is PaidWith.ACCOUNT and username.strip().lower() not in payer.accounts():
        raise NotDone(Why.NO_TEST_ACCOUNT)
    day = now.astimezone(VIETNAM).date()
    series = f"teller\x1f{teller.branch}\x1f{teller.teller_id}\x1f{day:%Y%m%d}"
    merchant = world.merchant(payment.bank, payment.merchant_code)
    slip = TellerSlip(
        branch=teller.branch,
        teller_id=teller.teller_id,
        sequence=await take_number(world, payment, series),
        paid_with=paid_with,
        taken_at=now,
        booked_on=booking_date(now, cut_off_of(merchant), days_off_of(merchant)),
        corrects=corrects,
    )
    return await bank.progress(world, payment.payment_id, payer.take_money(slip, username))


async def take_back(world: World, payment: Payment) -> Payment:
    """A teller reverses his mistake of the same day. Raises NotDone."""
    if not isinstance(payment.slip, TellerSlip):
        raise NotDone(Why.NOT_AT_COUNTER)
    after = await bank.progress(world, payment.payment_id, payer.take_back())
    if after.state is not State.REVERSED or payment.state is State.REVERSED:
        raise NotDone(Why.NO_TAKING_BACK)
    return after


async def correct(courier: Courier, world: World, dialect: Dialect, payment: Payment, right_code: str) -> Payment:
    """Moves a paid visit to the code that was meant: the first payment is reversed, and a new one is paid for what
    the connector says is owed there. The new payment. Raises NotDone, and Refusal by the connector: nothing is moved.
    """
    slip, merchant = payment.slip, world.merchant(payment.bank, payment.merchant_code)
    if not isinstance(slip, TellerSlip) or merchant is None:
        raise NotDone(Why.NOT_AT_COUNTER)
    if payment.state is not State.PAID:
        raise NotDone(Why.NOT_PAID)
    if right_code == payment.order.order_ref:
        raise NotDone(Why.SAME_CODE)
    right = await _right_one(courier, world, dialect, merchant, payment, right_code)
    before = await bank.progress(world, payment.payment_id, payer.take_back(corrected_by=right.payment_id))
    if not (isinstance(before.slip, TellerSlip) and before.slip.corrected_by == right.payment_id):
        await bank.act(world, right.payment_id, Event.CANCEL)
        raise NotDone(Why.NOT_PAID)
    teller = Teller(branch=slip.branch, teller_id=slip.teller_id)
    username = next((each.username for each in payer.accounts().values() if each.number == payment.payer_account), "")
    return await take_money(world, right, slip.paid_with, username, teller, corrects=payment.payment_id)


async def _right_one(
    courier: Courier, world: World, dialect: Dialect, merchant: Merchant, payment: Payment, right_code: str
) -> Payment:
    """A transfer that names its own content moves with its amount; what is owed elsewhere is asked for."""
    return await name_code(courier, world, dialect, merchant, right_code, Channel.COUNTER, payment.amount_vnd)


async def paid_besides(world: World, payment: Payment) -> list[Payment]:
    """Other payments of the same code, at any bank, that the payer has made already: cash and a QR code, twice."""
    found = await world.store.payments(world.name, order_ref=payment.order.order_ref, limit=OTHERS_MAX)
    return [each for each in found if each.payment_id != payment.payment_id and each.state in COLLECTED]


async def recent(world: World, dialect: Dialect, limit: int) -> list[Payment]:
    """What this bank's tellers took, newest first, among its newest payments."""
    found = await world.store.payments(world.name, bank=dialect.code, limit=SHOWN_MAX)
    return [each for each in found if isinstance(each.slip, TellerSlip)][:limit]
