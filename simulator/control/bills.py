"""Bills: a payer names a bill code at a bank that collects, and the bank asks the connector what is owed."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from simulator.control.desk import REFUSALS, Body, Dong, TheDesk, TheWorld, dialect_of, merchant_of, shown_as
from simulator.control.payments import AMOUNT_MAX, PaymentView, view
from simulator.control.problems import Refused
from simulator.dialect import Dialect
from simulator.payment import Channel

router = APIRouter(prefix="/sandboxes/{sandbox}/bills", tags=["bills"], responses=REFUSALS)


class BillAsked(Body):
    model_config = shown_as(bank="vietinbank", bill_code="HS2026-0001", channel="counter")

    bank: Annotated[str, Field(examples=["vietinbank"])]
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    bill_code: Annotated[str, Field(min_length=1, max_length=300, examples=["HS2026-0001"])]
    channel: Annotated[Channel | None, Field(description="Where the payer is; without it, the bank's usual one.")] = (
        None
    )


class BillPaid(BillAsked):
    model_config = shown_as(bank="vietinbank", bill_code="HS2026-0001", amount_vnd=50_000)

    amount_vnd: Annotated[Dong, Field(ge=1, le=AMOUNT_MAX)]


@router.post("", status_code=201, summary="Ask the connector for a bill")
async def ask(desk: TheDesk, world: TheWorld, wanted: BillAsked) -> PaymentView:
    """The payment that results is pending; an event makes it paid, and the connector is then notified.

    422 with a `reason` when the connector refuses (no such bill, already paid) or does not answer.
    """
    dialect, channel = _collector(wanted)
    merchant = merchant_of(world, dialect, wanted.merchant_code)
    if not merchant.inquiry_url:
        raise Refused(
            409,
            f"{dialect.code} does not know where to ask: PUT /_control/sandboxes/{world.name}/merchants/"
            f'{dialect.code}/{merchant.merchant_code} {{"inquiry_url": "http://..."}} tells it.',
        )
    return view(world, await desk.courier.inquire(world, dialect, merchant, wanted.bill_code, channel))


@router.post("/unasked", status_code=201, summary="Pay a bill of which the connector was never asked")
async def pay_unasked(desk: TheDesk, world: TheWorld, wanted: BillPaid) -> PaymentView:
    """The payer typed code and amount: the notice comes out of the blue."""
    dialect, channel = _collector(wanted)
    merchant = merchant_of(world, dialect, wanted.merchant_code)
    paid = await desk.courier.pay_unasked(world, dialect, merchant, wanted.bill_code, wanted.amount_vnd, channel)
    return view(world, paid)


def _collector(wanted: BillAsked) -> tuple[Dialect, Channel]:
    dialect = dialect_of(wanted.bank)
    if dialect.inquiry is None:
        raise Refused(409, f"{dialect.code} does not collect bills: there the connector creates the order.")
    channel = wanted.channel or dialect.channels[0]
    if channel not in dialect.channels:
        raise Refused(
            409, f"{dialect.code} takes no bills by {channel}; it takes them by: {', '.join(dialect.channels)}."
        )
    return dialect, channel
