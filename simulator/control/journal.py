"""The journal and the books: what crossed the wire, what the bank still owes the connector, and what money moved."""

import base64
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from simulator.control.desk import REFUSALS, Limit, Offset, PaymentFilter, TheWorld, View
from simulator.control.problems import Refused
from simulator.faults import FaultKind
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Outcome, State
from simulator.store import ById, Change, Exchange, Standing, Stored

router = APIRouter(prefix="/sandboxes/{sandbox}", tags=["journal"], responses=REFUSALS)

DELIVERIES_OF_ONE_MAX = 1000


class JournalEntry(View):
    id: Annotated[int, Field(description="Rises in the order in which things happened.", examples=[7])]
    direction: Annotated[str, Field(description='"in" = the connector called the bank.', examples=["in", "out"])]
    at: AwareDatetime
    bank: Annotated[str, Field(examples=["vnpay"])]
    operation: Annotated[str, Field(examples=["callback"])]
    payment_id: str
    order_ref: str
    method: Annotated[str, Field(examples=["GET"])]
    url: str
    request_headers: list[tuple[str, str]]
    request_body: Annotated[str, Field(description="As text; what is no UTF-8 is replaced.")]
    request_body_base64: Annotated[str, Field(description="The bytes, only where they are no UTF-8.")]
    status: Annotated[int, Field(description="0 = there was no answer.", examples=[200])]
    response_headers: list[tuple[str, str]]
    response_body: str
    response_body_base64: str
    note: Annotated[str, Field(description="Why it was refused, which fault struck, how the answer was read.")]


class DeliveryView(View):
    delivery_id: str
    payment_id: str
    bank: str
    merchant_code: str
    due_at: Annotated[AwareDatetime, Field(description="The next attempt.")]
    says_state: State
    says_outcome: Outcome | None
    says_amount_vnd: int
    attempt: Annotated[int, Field(description="How many attempts were made.", examples=[1])]
    state: DeliveryState
    forged: bool
    distorted: Annotated[str, Field(description="What is wrong with the message itself; empty = nothing.")]
    repeats: Annotated[bool, Field(description="An added copy: sent once, whatever is answered.")]
    held: Annotated[bool, Field(description="Waits for the payer's browser to go back.")]
    copies: Annotated[int, Field(description="How many are sent at the same moment.")]
    breaks: Annotated[tuple[FaultKind | None, ...], Field(description="What befalls the coming attempts.")]
    last_answer: Annotated[str, Field(description="How the last answer was read.", examples=["RspCode 00"])]


class LedgerEntry(View):
    payment_id: str
    entry_id: Annotated[str, Field(examples=["debit"])]
    bank: str
    merchant_code: str
    order_ref: str
    amount_vnd: Annotated[int, Field(description="+ from the payer, - back to the payer.", examples=[50_000])]
    booked_at: AwareDatetime


class StandingView(View):
    number: Annotated[int, Field(description="Grows with the payment's age; `after` of the next page.", examples=[7])]
    payment_id: str
    bank: str
    merchant_code: str
    order_ref: str
    state: State
    debited_vnd: Annotated[int, Field(description="What the payer paid in all.", examples=[50_000])]
    returned_vnd: Annotated[int, Field(description="What went back to the payer in all.", examples=[0])]
    telling: Annotated[bool, Field(description="A callback is still under way, or due.")]


class TotalsView(View):
    payments: int
    payments_by_state: Annotated[dict[str, int], Field(examples=[{"paid": 3}])]
    debited_vnd: int
    refunded_vnd: int
    deliveries_by_state: Annotated[dict[str, int], Field(examples=[{"acknowledged": 3}])]
    exchanges: int
    payments_by_bank: Annotated[dict[str, dict[str, int]], Field(examples=[{"vnpay": {"paid": 3}}])]
    retries: Annotated[int, Field(description="Attempts of callbacks after a first one.")]
    faults_spent: Annotated[dict[str, int], Field(description="Faults that struck, by kind.", examples=[{"lost": 1}])]
    payments_removed: Annotated[int, Field(description="How many of the payments were removed for their age.")]
    exchanges_removed: int
    letters_removed: int


class CallbackTimesView(View):
    """Milliseconds, with two exact digits, and how many callbacks took as long."""

    answered: Annotated[
        dict[int, int],
        Field(description="From sending a callback to the connector's answer; every attempt.", examples=[{"4": 17}]),
    ]
    told: Annotated[
        dict[int, int],
        Field(description="From a payment's settlement until it was acknowledged.", examples=[{"9": 16}]),
    ]


@router.get("/journal", summary="What crossed the wire, in order")
async def journal(
    world: TheWorld,
    payment_id: PaymentFilter = "",
    after_id: Annotated[int, Query(ge=0, description="Only what came after this entry.")] = 0,
    limit: Limit = 100,
) -> list[JournalEntry]:
    """Secrets and card numbers are masked."""
    found = await world.store.exchanges(world.name, payment_id=payment_id, after_id=after_id, limit=limit)
    return [_entry(number, exchange) for number, exchange in found]


@router.get("/deliveries", summary="What the bank told the connector, or still owes it")
async def deliveries(
    world: TheWorld, payment_id: PaymentFilter = "", limit: Limit = 100, offset: Offset = 0
) -> list[DeliveryView]:
    found = await world.store.deliveries(world.name, payment_id=payment_id, limit=limit, offset=offset)
    return [DeliveryView.model_validate(each) for each in found]


@router.post("/deliveries/{delivery_id}/again", status_code=201, summary="Tell the connector once more")
async def again(world: TheWorld, delivery_id: str) -> DeliveryView:
    """A further copy becomes due now; it is sent once. On a manual clock the next move of the clock carries it out."""
    payment_id = delivery_id.rpartition(".")[0]
    known = await world.store.deliveries(world.name, payment_id=payment_id, limit=DELIVERIES_OF_ONE_MAX)
    first = next((each for each in known if each.delivery_id == delivery_id), None) if payment_id else None
    if first is None:
        raise Refused(
            404,
            f"There is no delivery {delivery_id!r} in sandbox {world.name!r}; "
            f"GET /_control/sandboxes/{world.name}/deliveries lists them.",
        )

    def decide(stored: Stored) -> Change[Delivery]:
        assert stored.payment is not None, "a delivery has a payment"
        copy = Delivery(
            delivery_id=f"{payment_id}.{stored.payment.told}",
            payment_id=payment_id,
            bank=first.bank,
            merchant_code=first.merchant_code,
            due_at=stored.now,
            says_state=first.says_state,
            says_outcome=first.says_outcome,
            says_amount_vnd=first.says_amount_vnd,
            forged=first.forged,
            distorted=first.distorted,
            kept=first.kept,
            repeats=True,
            message=first.message,
        )
        payment = msgspec.structs.replace(stored.payment, told=stored.payment.told + 1)
        return Change(reply=copy, payment=payment, deliveries=(copy,))

    copy = await world.store.transact(world.name, ById(payment_id), decide)
    world.poke()
    return DeliveryView.model_validate(copy)


@router.get("/ledger", summary="What money moved, in the order it was booked")
async def ledger(
    world: TheWorld, payment_id: PaymentFilter = "", limit: Limit = 1000, offset: Offset = 0
) -> list[LedgerEntry]:
    """The truth about the money: a connector's own books must agree with it."""
    found = await world.store.ledger(world.name, payment_id=payment_id, limit=limit, offset=offset)
    return [LedgerEntry.model_validate(entry) for entry in found]


@router.get("/standings", summary="What each payment came to, oldest first")
async def standings(
    world: TheWorld,
    after: Annotated[int, Query(ge=0, description="Only payments younger than the one of this number.")] = 0,
    limit: Limit = 1000,
) -> list[StandingView]:
    """For audits: a page costs the same however many payments there are."""
    return [_standing(each) for each in await world.store.standings(world.name, after=after, limit=limit)]


@router.get("/totals", summary="Counters of the sandbox")
async def totals(world: TheWorld) -> TotalsView:
    """Of all that ever was in the sandbox, since it was made or reset.

    What `banksim serve --keep` has removed for its age goes on counting, in the state in which it ended; the numbers
    that end in `_removed` say how much of it is gone.
    """
    return TotalsView.model_validate(await world.store.totals(world.name))


@router.get("/callback-times", summary="How long callbacks took")
async def callback_times(world: TheWorld) -> CallbackTimesView:
    """In real time, so none of a sandbox on a manual clock. Reset with it."""
    return CallbackTimesView.model_validate(await world.store.callback_times(world.name))


def _standing(each: Standing) -> StandingView:
    amounts = [entry.amount_vnd for entry in each.entries]
    return StandingView(
        number=each.number,
        payment_id=each.payment.payment_id,
        bank=each.payment.bank,
        merchant_code=each.payment.merchant_code,
        order_ref=each.payment.order.order_ref,
        state=each.payment.state,
        debited_vnd=sum(amount for amount in amounts if amount > 0),
        returned_vnd=-sum(amount for amount in amounts if amount < 0),
        telling=each.telling,
    )


def _entry(number: int, exchange: Exchange) -> JournalEntry:
    request_body, request_body_base64 = _readable(exchange.request_body)
    response_body, response_body_base64 = _readable(exchange.response_body)
    return JournalEntry(
        id=number,
        direction=exchange.direction,
        at=exchange.at,
        bank=exchange.bank,
        operation=exchange.operation,
        payment_id=exchange.payment_id,
        order_ref=exchange.order_ref,
        method=exchange.method,
        url=exchange.url,
        request_headers=list(exchange.request_headers),
        request_body=request_body,
        request_body_base64=request_body_base64,
        status=exchange.status,
        response_headers=list(exchange.response_headers),
        response_body=response_body,
        response_body_base64=response_body_base64,
        note=exchange.note,
    )


def _readable(body: bytes) -> tuple[str, str]:
    """(the text, base64 of the bytes if that text does not give them back)."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace"), base64.b64encode(body).decode()
