"""Transfers: a payer sends money to a merchant's account, and nobody was asked for it before."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from simulator import qr
from simulator.control.desk import REFUSALS, Body, Dong, TheDesk, TheWorld, dialect_of, merchant_of, shown_as
from simulator.control.payments import AMOUNT_MAX, PaymentView, view
from simulator.control.problems import Refused
from simulator.payee import payee_of, takes_transfers, transfer_channel
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


class Scanned(Body):
    model_config = shown_as(
        code="00020101021238540010A00000072701240006970436011001234999900208QRIBFTTA530370454065000005802VN"
        "62150811HS2026-00016304F1CD"
    )

    code: Annotated[str, Field(min_length=1, max_length=600, description="The text of a QR code that a portal shows.")]
    amount_vnd: Annotated[
        Dong | None, Field(ge=1, le=AMOUNT_MAX, description="What the payer types where the code names no amount.")
    ] = None


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


@router.post("/scanned", status_code=201, summary="Begin the transfer that a QR code asks for")
async def scan(desk: TheDesk, world: TheWorld, wanted: Scanned) -> PaymentView:
    """As a banking app reads it: account, amount and text come from the code. 422 says what is wrong with it."""
    try:
        code = qr.parse(wanted.code)
    except qr.QrError as error:
        raise Refused(422, f"No banking app reads this code: {error}") from error
    payee = payee_of(world, code.beneficiary) if code.service in qr.TRANSFERS else None
    if payee is None:
        raise Refused(422, f"The code is for the account {code.beneficiary!r}, which no merchant of this sandbox has.")
    if code.amount_vnd is not None and code.amount_vnd >= qr.INSTANT_LIMIT_VND:
        raise Refused(
            422, f"The code names {code.amount_vnd} VND; an instant transfer is below {qr.INSTANT_LIMIT_VND}."
        )
    amount_vnd = code.amount_vnd or wanted.amount_vnd
    content = code.purpose or code.bill_number or code.reference
    if not content or not amount_vnd:
        raise Refused(422, "The code names no purpose, or no amount: a payer must type what is missing.")
    dialect, merchant = payee
    channel = transfer_channel(dialect, Channel.QR)
    return view(world, await desk.courier.transfer(world, dialect, merchant, content, amount_vnd, channel))
