"""The test cards, and a payer who pays with one when no browser is at hand."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from simulator import bank, payer
from simulator.banks import dialects
from simulator.cards import luhn_holds, scheme_of
from simulator.control.desk import REFUSALS, Body, TheWorld, View, shown_as
from simulator.control.payments import PaymentView, kept, view
from simulator.control.problems import Refused
from simulator.payer import Card, Change, Flow, Problem, Stage
from simulator.payment import Channel, Outcome, Payment

router = APIRouter(tags=["cards"], responses=REFUSALS)

REFUSED = {
    Problem.NOT_A_TEST_CARD: "This number is no test card: it was refused and not stored. Use only the cards of "
    "GET /_control/cards, never the number of a real card.",
    Problem.BAD_CHECK_DIGIT: "This test card's number breaks Luhn's rule; a merchant takes it only with the option "
    "`luhn` = `off`.",
}


class FaceView(View):
    """What another gateway publishes for the same number."""

    date: str
    cvc: str
    otp: str
    source: str


class CardView(View):
    number: Annotated[str, Field(examples=["9704198526191432198"])]
    scheme: Annotated[str, Field(examples=["napas"])]
    holder: Annotated[str, Field(examples=["NGUYEN VAN A"])]
    date: Annotated[str, Field(description="MM/YY: issue of a domestic card, else expiry.", examples=["07/15"])]
    cvc: Annotated[str, Field(description="Empty for a domestic card.")]
    otp: Annotated[str, Field(description="Empty where none is asked for.", examples=["123456"])]
    three_ds: Annotated[Flow, Field(description="What 3-D Secure does with it.")]
    outcome: Annotated[Outcome, Field(description="How its payments end.")]
    decided_at: Annotated[str, Field(description="`login` = the card alone tells, `otp` = only after the password.")]
    source: Annotated[str, Field(description="Key of what publishes it; `assumed` = this project's own.")]
    also: tuple[FaceView, ...]
    luhn: Annotated[bool, Field(description="Whether its check digit is right.")]


class OutcomeOtpView(View):
    otp: Annotated[str, Field(examples=["900051"])]
    outcome: Outcome
    source: str


class CardsView(View):
    cards: tuple[CardView, ...]
    otps: Annotated[tuple[OutcomeOtpView, ...], Field(description="Passwords that choose how a card's payment ends.")]


class Given(Body):
    """What is left out is as the card has it."""

    model_config = shown_as(number="9704198526191432198")

    number: Annotated[str, Field(description="Of a test card.")]
    holder: str | None = None
    date: Annotated[str | None, Field(description="MM/YY.")] = None
    cvc: Annotated[str | None, Field(description="Looked at, never kept.")] = None
    otp: Annotated[str | None, Field(description="The code that is then asked for, at the gateway or the issuer.")] = (
        None
    )
    then: Annotated[
        Literal["answer", "refuse", "leave"],
        Field(description="What the payer does when asked for a code; `refuse` = tells the issuer no, else gives up."),
    ] = "answer"


@router.get("/cards", summary="List the test cards")
async def cards() -> CardsView:
    """No other number is taken anywhere, and none is ever stored."""
    return CardsView(
        cards=tuple(_shown(card) for card in payer.cards().values()),
        otps=tuple(OutcomeOtpView.model_validate(each) for each in payer.outcome_otps().values()),
    )


@router.post("/sandboxes/{sandbox}/payments/{payment_id}/card", summary="Pay with a test card")
async def pay(world: TheWorld, payment_id: str, given: Given) -> PaymentView:
    """As the payer would on the bank's pages; 409 if this payment waits for no card, 422 for any other number.

    Wrong details count as a try, as on the page.
    """
    payment = await kept(world, payment_id)
    luhn = payer.checks_luhn(world.merchant(payment.bank, payment.merchant_code))
    problem = payer.number_problem(given.number, luhn=luhn)
    card = payer.card_of(given.number, luhn=luhn)
    if problem is not None or card is None:
        raise Refused(422, REFUSED[problem or Problem.NOT_A_TEST_CARD])
    now = await world.now()
    chosen = _chosen(payment, now)
    if payer.stage(chosen, now) is not Stage.CARD:
        raise Refused(409, f"The payment waits for no card: its step is {payer.stage(payment, now)}.")
    return view(world, await bank.progress(world, payment_id, _paying(card, given, luhn)))


def _paying(card: Card, given: Given, luhn: bool) -> Change:
    face = next((each for each in card.also if given.date in (None, each.date) and given.cvc == each.cvc), card)
    holder, date, cvc = (
        wanted if wanted is not None else usual
        for wanted, usual in ((given.holder, card.holder), (given.date, face.date), (given.cvc, face.cvc))
    )
    otp = card.otp if given.otp is None else given.otp

    def change(payment: Payment, now: datetime) -> Payment:
        asked = payer.give_card(given.number, holder, date, cvc, luhn=luhn)(_chosen(payment, now), now)
        if payer.stage(asked, now) not in (Stage.OTP, Stage.CHALLENGE) or given.then == "leave":
            return asked
        if given.then == "answer":
            return payer.pass_otp(otp)(asked, now)
        no = payer.refuse_challenge if payer.stage(asked, now) is Stage.CHALLENGE else payer.cancel
        return no()(asked, now)

    return change


def _chosen(payment: Payment, now: datetime) -> Payment:
    """The payer picks the card, where he has a choice."""
    offered = payer.choice_problem(dialects()[payment.bank], Channel.CARD, "") is None
    return payer.choose(Channel.CARD, "")(payment, now) if offered else payment


def _shown(card: Card) -> CardView:
    return CardView(
        number=card.number,
        scheme=scheme_of(card.number) or "",
        holder=card.holder,
        date=card.date,
        cvc=card.cvc,
        otp=card.otp,
        three_ds=card.three_ds,
        outcome=card.outcome,
        decided_at=card.decided_at,
        source=card.source,
        also=tuple(FaceView.model_validate(face) for face in card.also),
        luhn=luhn_holds(card.number),
    )
