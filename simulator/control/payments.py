"""Payments, and what the payer or the bank does with them when no browser is at hand."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field, model_validator

from simulator import bank
from simulator.control.desk import REFUSALS, Body, Dong, Limit, Offset, TheWorld, View, shown_as
from simulator.payment import Channel, Event, Outcome, Payment, RefundState, State
from simulator.store import ById
from simulator.world import World

AMOUNT_MAX = 10**15

router = APIRouter(prefix="/sandboxes/{sandbox}/payments", tags=["payments"], responses=REFUSALS)


class ThreeDSView(View):
    status: Annotated[
        str, Field(description="Y, A, N, U or R: the issuer's last word; C: its page waits.", examples=["Y"])
    ]
    eci: Annotated[str, Field(description="The electronic commerce indicator; empty with C.", examples=["05"])]


class RefundView(View):
    request_ref: Annotated[str, Field(description="The connector's number; the bank's own where it has none.")]
    amount_vnd: Annotated[int, Field(examples=[50_000])]
    state: Annotated[RefundState, Field(description="`pending` = taken on, and no money has moved yet.")]
    bank_ref: Annotated[str, Field(description="The bank's number of the refund.")]
    refunded_at: Annotated[AwareDatetime, Field(description="When it came to that state.")]
    decides_at: Annotated[
        AwareDatetime | None, Field(description="When a pending one is decided by itself; null = when somebody does.")
    ]


class PaymentView(View):
    payment_id: Annotated[str, Field(description="The bank's own, 32 hex digits.")]
    bank: Annotated[str, Field(examples=["vnpay"])]
    merchant_code: Annotated[str, Field(examples=["DEMOV210"])]
    order_ref: Annotated[str, Field(description="The connector's number of the order.", examples=["HS2026-0001"])]
    order_key: Annotated[str, Field(description='What "the same order" means to this bank.')]
    amount_vnd: Annotated[int, Field(description="What the payer pays, in dong.", examples=[50_000])]
    order_amount_vnd: Annotated[int, Field(description="What the connector asked for.", examples=[50_000])]
    description: str
    state: State
    outcome: Annotated[Outcome | None, Field(description="How the payer's attempt ended; null while pending.")]
    channel: Annotated[Channel | None, Field(description="Where the payer acts; null if not chosen yet.")]
    issuer_code: Annotated[str, Field(description="The payer's bank, as this bank names it.", examples=["NCB"])]
    bank_ref: Annotated[str, Field(description="The bank's number of the payment, as the connector sees it.")]
    created_at: AwareDatetime
    settled_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    refunded_vnd: Annotated[int, Field(description="Given back so far.", examples=[0])]
    refunding_vnd: Annotated[int, Field(description="Asked back, and not decided yet.", examples=[0])] = 0
    page_url: Annotated[str, Field(description="Where the payer pays.")]
    return_url: Annotated[str, Field(description="Where the order wants the payer's browser to go afterwards.")]
    three_ds: Annotated[
        ThreeDSView | None, Field(description="What 3-D Secure said of a card's holder; null if nobody was asked.")
    ] = None
    refunds: Annotated[
        tuple[RefundView, ...], Field(description="Made ones first; then pending and refused ones.")
    ] = ()


class Decision(Body):
    model_config = shown_as(made=True)

    made: Annotated[bool, Field(strict=True, description="`true` = the money goes back; `false` = refused.")]
    request_ref: Annotated[str, Field(max_length=200, description="Which refund; empty = the one pending longest.")] = (
        ""
    )


class Happening(Body):
    model_config = shown_as(event="decline", outcome="insufficient_funds")

    event: Annotated[
        Literal["approve", "decline", "cancel", "expire", "suspect", "reverse", "approve_late"],
        Field(
            description="`approve_late`: the money comes after the bank had given the payment up. "
            "`suspect`: debited, but held for a fraud check. `reverse`: debited and given back."
        ),
    ]
    outcome: Annotated[
        Outcome | None,
        Field(description="Why, for instance `insufficient_funds`; without it the event's usual one."),
    ] = None
    amount_vnd: Annotated[
        Dong | None,
        Field(ge=1, le=AMOUNT_MAX, description="What the payer pays, if not the order's amount."),
    ] = None

    @model_validator(mode="after")
    def outcome_fits(self) -> Self:
        paid = self.event in ("approve", "approve_late")
        if self.outcome is not None and paid != (self.outcome is Outcome.SUCCESS):
            raise ValueError(f"`{self.event}` cannot have the outcome `{self.outcome}`")
        return self


class Place(View):
    url: Annotated[str, Field(description="Where the browser goes; empty = this bank sends it nowhere.")]
    fields: Annotated[
        dict[str, str],
        Field(description="What a form posts there; without fields the browser goes there by GET."),
    ]


@router.get("", summary="List the payments, newest first")
async def payments(
    world: TheWorld,
    order_ref: Annotated[str, Query(description="Only those of this order.")] = "",
    bank: Annotated[str, Query(description="Only those of this bank.")] = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> list[PaymentView]:
    found = await world.store.payments(world.name, order_ref=order_ref, bank=bank, limit=limit, offset=offset)
    return [view(world, payment) for payment in found]


@router.get("/{payment_id}", summary="Show a payment")
async def payment(world: TheWorld, payment_id: str) -> PaymentView:
    return view(world, await kept(world, payment_id))


@router.post("/{payment_id}/events", summary="Let something happen to a payment")
async def happen(world: TheWorld, payment_id: str, wanted: Happening) -> PaymentView:
    """What the payer or the bank does; if the bank tells of it, the callback becomes due.

    409 if the payment's state does not allow it; nothing is then changed.
    """
    event = Event(wanted.event)
    return view(
        world,
        await bank.act(world, payment_id, event, outcome=wanted.outcome, amount_vnd=wanted.amount_vnd),
    )


@router.post("/{payment_id}/refund-decision", summary="Make or refuse a pending refund")
async def decide(world: TheWorld, payment_id: str, wanted: Decision) -> PaymentView:
    """409 if no refund, or not that one, is pending; nothing is then changed."""
    pending = (await kept(world, payment_id)).pending_refunds
    request_ref = wanted.request_ref or (pending[0].request_ref if pending else "")
    state = RefundState.MADE if wanted.made else RefundState.REFUSED
    return view(world, await bank.decide_refund(world, payment_id, request_ref, state))


@router.post("/{payment_id}/abandon", summary="The payer closes the browser")
async def abandon(world: TheWorld, payment_id: str) -> PaymentView:
    """Nothing happens at once: the payment stays as it is, and expires when its time is over."""
    return view(world, await kept(world, payment_id))


@router.post("/{payment_id}/return", summary="The payer's browser goes back")
async def go_back(world: TheWorld, payment_id: str) -> Place:
    """The connector's address to which the browser is sent, with a signed result in it or in the fields of a form.

    Callbacks held for the return are let go.
    """
    url, fields = await bank.way_back(world, payment_id)
    return Place(url=url, fields=dict(fields))


async def kept(world: World, payment_id: str) -> Payment:
    """Raises UnknownPayment."""
    found = await world.store.payment(world.name, ById(payment_id))
    if found is None:
        raise bank.UnknownPayment(payment_id)
    return found


def view(world: World, payment: Payment) -> PaymentView:
    order = payment.order
    return PaymentView(
        payment_id=payment.payment_id,
        bank=payment.bank,
        merchant_code=payment.merchant_code,
        order_ref=order.order_ref,
        order_key=order.order_key,
        amount_vnd=payment.amount_vnd,
        order_amount_vnd=order.amount_vnd,
        description=order.description,
        state=payment.state,
        outcome=payment.outcome,
        channel=payment.channel,
        issuer_code=payment.issuer_code,
        bank_ref=payment.bank_ref,
        created_at=payment.created_at,
        settled_at=payment.settled_at,
        expires_at=order.expires_at,
        refunded_vnd=payment.refunded_vnd,
        page_url=world.page_url(payment.payment_id),
        return_url=order.return_url,
        three_ds=ThreeDSView(status=said.status, eci=said.eci) if (said := payment.three_ds) else None,
        refunding_vnd=payment.refunding_vnd,
        refunds=tuple(RefundView.model_validate(each) for each in payment.all_refunds),
    )
