"""Transfers: a payer sends money to a merchant's account, and nobody was asked for it before."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from simulator.control.desk import REFUSALS, Body, Dong, TheDesk, TheWorld, dialect_of, merchant_of, shown_as
from simulator.control.payments import AMOUNT_MAX, PaymentView, view
from simulator.control.problems import Refused
from simulator.payee import takes_transfers
from simulator.payment import Channel

router = APIRouter(prefix="/sandboxes/{sandbox}/transfers", tags=["bills"], responses=REFUSALS)


class Transfer(Body):
    model_config = shown_as(bank="sepay", content="HS2026-0001", amount_vnd=50_000)

    bank: Annotated[str, Field(examples=["sepay"])]
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    content: Annotated[str, Field(min_length=1, max_length=100, description="What the payer writes beside the money.")]
    amount_vnd: Annotated[Dong, Field(ge=1, le=AMOUNT_MAX)]
    channel: Annotated[Channel | None, Field(description="Where the payer is; without it, the bank's usual one.")] = (
        None
    )


@router.post("", status_code=201, summary="Begin a transfer to a merchant's account")
async def begin(desk: TheDesk, world: TheWorld, wanted: Transfer) -> PaymentView:
    """The payment that results is pending; the event `approve` sends the money, and the merchant is then told."""
    dialect = dialect_of(wanted.bank)
    if not takes_transfers(dialect):
        raise Refused(409, f"{dialect.code} tells of no transfers: there an order or a bill comes first.")
    merchant = merchant_of(world, dialect, wanted.merchant_code)
    channel = wanted.channel or dialect.channels[0]
    if channel not in dialect.channels:
        offered = ", ".join(dialect.channels)
        raise Refused(409, f"{dialect.code} takes no transfers by {channel}; it takes them by: {offered}.")
    begun = await desk.courier.transfer(world, dialect, merchant, wanted.content, wanted.amount_vnd, channel)
    return view(world, begun)
