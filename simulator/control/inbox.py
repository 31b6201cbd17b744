"""The inbox: what portals have sent to payers, and what the payers' banks have."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from simulator import payer
from simulator.bank import UnknownPayment
from simulator.banks import dialects
from simulator.control.desk import REFUSALS, Limit, TheWorld, View
from simulator.letter import LetterKind, bank_letters, recipient_of
from simulator.store import ById

router = APIRouter(prefix="/sandboxes/{sandbox}", tags=["inbox"], responses=REFUSALS)


class LetterView(View):
    kind: LetterKind
    at: AwareDatetime
    sender: Annotated[str, Field(examples=["CONG DVC"])]
    recipient: Annotated[str, Field(description="A phone in digits, or an address in lower case.")]
    subject: str
    text: str


class ReceivedLetter(LetterView):
    id: int


@router.get("/inbox", summary="What portals have sent to payers, in the order it came")
async def inbox(
    world: TheWorld,
    to: Annotated[str, Query(description="A phone number in any spelling, or an e-mail address.")] = "",
    after_id: Annotated[int, Query(ge=0, description="Only what came after this letter.")] = 0,
    limit: Limit = 100,
) -> list[ReceivedLetter]:
    """Portals send to `POST /inbox/sms` and `POST /inbox/email` of the sandbox, or by SMTP."""
    kind = LetterKind.EMAIL if "@" in to else LetterKind.SMS
    recipient = recipient_of(kind, to) if to else ""
    found = await world.store.letters(world.name, recipient=recipient, after_id=after_id, limit=limit)
    return [ReceivedLetter.model_validate({"id": number, **msgspec.structs.asdict(letter)}) for number, letter in found]


@router.get("/payments/{payment_id}/letters", summary="What the payer's bank has sent the payer")
async def letters(world: TheWorld, payment_id: str) -> list[LetterView]:
    """One-time password and change of the balance."""
    payment = await world.store.payment(world.name, ById(payment_id))
    if payment is None:
        raise UnknownPayment(payment_id)
    issuer = payer.issuers().get(payment.issuer_code)
    sender = issuer.name if issuer else dialects()[payment.bank].name
    return [LetterView.model_validate(each) for each in bank_letters(payment, sender, payer.test_otp(payment))]
