"""A bank's counter: what a teller does, and on which day it is booked."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from simulator.control.desk import REFUSALS, Body, Dong, TheDesk, TheWorld, View, dialect_of, merchant_of, shown_as
from simulator.control.payments import AMOUNT_MAX, PaymentView, kept, view
from simulator.dialect import Dialect
from simulator.payment import Channel, Payment
from simulator.places import counters, name_code
from simulator.places.counters import Teller
from simulator.slip import PaidWith, TellerSlip
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}/counter/visits", tags=["counter"], responses=REFUSALS)


class VisitNamed(Body):
    model_config = shown_as(bank="vietinbank", code="HS2026-0001")

    bank: Annotated[str, Field(examples=["vietinbank"])]
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    code: Annotated[str, Field(min_length=1, max_length=300, description="Of a bill, an order, or a transfer's text.")]
    amount_vnd: Annotated[
        Dong | None, Field(ge=1, le=AMOUNT_MAX, description="Only where nobody can be asked what is owed.")
    ] = None


class MoneyTaken(Body):
    model_config = shown_as(paid_with="cash", branch="0001", teller_id="GDV01")

    paid_with: PaidWith = PaidWith.CASH
    username: Annotated[str, Field(description="Of the test account, if not in cash.", examples=["nguyenvana"])] = ""
    branch: Annotated[str, Field(pattern="^[A-Z0-9]{1,8}$")] = "0001"
    teller_id: Annotated[str, Field(pattern="^[A-Z0-9]{1,8}$")] = "GDV01"


class CodeCorrected(Body):
    model_config = shown_as(code="HS2026-0002")

    code: Annotated[str, Field(min_length=1, max_length=300, description="The code that was meant.")]


class VisitView(View):
    """A payment at a counter; without a `sequence` no money was taken yet."""

    payment: PaymentView
    branch: str
    teller_id: str
    sequence: int | None
    paid_with: PaidWith | None
    taken_at: AwareDatetime | None
    booked_on: Annotated[date | None, Field(description="The business date: the next working day after the cut-off.")]
    corrects: Annotated[str, Field(description="The payment of the wrong code that this one took the place of.")]
    corrected_by: Annotated[str, Field(description="The payment that took this one's place.")]
    reversal_is_told: Annotated[bool, Field(description="Whether this bank tells its connector of a reversal.")]
    paid_besides: Annotated[tuple[str, ...], Field(description="Other payments of the same code that are paid.")]


@router.post("", status_code=201, summary="Name a code at a counter")
async def name_visit(desk: TheDesk, world: TheWorld, wanted: VisitNamed) -> VisitView:
    dialect = dialect_of(wanted.bank)
    merchant = merchant_of(world, dialect, wanted.merchant_code)
    payment = await name_code(desk.courier, world, dialect, merchant, wanted.code, Channel.COUNTER, wanted.amount_vnd)
    return await _visit(world, dialect, payment)


@router.get("/{payment_id}", summary="Show a visit and its slip")
async def visit(world: TheWorld, payment_id: str) -> VisitView:
    payment = await kept(world, payment_id)
    return await _visit(world, dialect_of(payment.bank), payment)


@router.post("/{payment_id}/payment", summary="Take the money")
async def take_money(world: TheWorld, payment_id: str, wanted: MoneyTaken) -> VisitView:
    """In cash, or from a test account, which may let itself not be debited. After the cut-off (the merchant's option
    `cut_off`, 16:00 without it) it is booked on the next working day.
    """
    payment = await kept(world, payment_id)
    teller = Teller(branch=wanted.branch, teller_id=wanted.teller_id)
    after = await counters.take_money(world, payment, wanted.paid_with, wanted.username, teller)
    return await _visit(world, dialect_of(after.bank), after)


@router.post("/{payment_id}/reversal", summary="Take back a teller's mistake")
async def take_back(world: TheWorld, payment_id: str) -> VisitView:
    """On the same day only."""
    payment = await kept(world, payment_id)
    after = await counters.take_back(world, payment)
    return await _visit(world, dialect_of(after.bank), after)


@router.post("/{payment_id}/correction", status_code=201, summary="Correct a code typed wrong")
async def correct(desk: TheDesk, world: TheWorld, payment_id: str, wanted: CodeCorrected) -> VisitView:
    """The payment of the wrong code is reversed, and a new one is paid for what is owed under the right code.

    422 with a `reason` when the connector refuses the right code; the first payment then stays as it is.
    """
    payment = await kept(world, payment_id)
    dialect = dialect_of(payment.bank)
    right = await counters.correct(desk.courier, world, dialect, payment, wanted.code)
    return await _visit(world, dialect, right)


async def _visit(world: World, dialect: Dialect, payment: Payment) -> VisitView:
    slip = payment.slip if isinstance(payment.slip, TellerSlip) else None
    return VisitView(
        payment=view(world, payment),
        branch=slip.branch if slip else "",
        teller_id=slip.teller_id if slip else "",
        sequence=slip.sequence if slip else None,
        paid_with=slip.paid_with if slip else None,
        taken_at=slip.taken_at if slip else None,
        booked_on=slip.booked_on if slip else None,
        corrects=slip.corrects if slip else "",
        corrected_by=slip.corrected_by if slip else "",
        reversal_is_told=counters.tells_reversals(dialect),
        paid_besides=tuple(each.payment_id for each in await counters.paid_besides(world, payment)),
    )
