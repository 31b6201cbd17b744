"""Messages by hand: the very callback that a bank would send, to be changed, kept, and sent in the bank's name."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter
from msgspec.structs import replace
from pydantic import Field, StringConstraints, field_validator

from simulator import bank
from simulator.banks import dialects
from simulator.control.desk import REFUSALS, Body, Desk, Dong, TheDesk, TheWorld, View, dialect_of, shown_as
from simulator.control.payments import kept
from simulator.control.problems import Refused
from simulator.dialect import Dialect, Notice
from simulator.distortion import Distortion, Spared, distorted
from simulator.journal import outgoing_exchange
from simulator.outbox import Retry
from simulator.payment import DEFAULT_OUTCOMES, TRANSITIONS, Outcome, Payment, State
from simulator.store import ById, Change, Stored
from simulator.wire import Answer, Outgoing
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}", tags=["messages"], responses=REFUSALS)

BODY_CHARACTERS_MAX = 2_000_000
TOGETHER_MAX = 100
USUAL = Retry(delays_s=())

HeaderLine = tuple[
    Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200)],
    Annotated[str, StringConstraints(pattern=r"^[\t\x20-\x7e\x80-\xff]*$", max_length=8000)],
]
"""Name and value; a character of the value is one byte of the wire, as HTTP has it."""


class Telling(Body):
    """What the message says where that differs from the payment as it is."""

    model_config = shown_as(state="paid", amount_vnd=1)

    state: State | None = None
    outcome: Annotated[Outcome | None, Field(description="Without it, the usual one of that state.")] = None
    amount_vnd: Annotated[Dong | None, Field(description="Any amount: zero, negative, huge.")] = None
    merchant_code: Annotated[
        str | None, Field(min_length=1, description="Another merchant's code, signed with this merchant's secrets.")
    ] = None
    forged: Annotated[bool, Field(description="Signed with secrets that are not this merchant's.")] = False
    distorted: Annotated[
        Distortion | None, Field(description="What else is wrong with the message itself, as the fault of that name.")
    ] = None


class MessageView(View):
    method: Annotated[str, Field(examples=["POST"])]
    url: Annotated[str, Field(examples=["http://127.0.0.1:9000/callbacks/vietinbank/notice"])]
    headers: Annotated[list[tuple[str, str]], Field(examples=[[["content-type", "application/json"]]])]
    body_base64: Annotated[str, Field(examples=["eyJzdGF0dXMiOiAiMDAifQ=="])]


class Sending(Body):
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,20}$"), Field(examples=["POST"])]
    url: Annotated[
        str,
        StringConstraints(pattern=r"^https?://[^\s/?#]+[^\s#]*$", max_length=20_000),
        Field(examples=["http://127.0.0.1:9000/callbacks/vietinbank/notice"]),
    ]
    headers: Annotated[tuple[HeaderLine, ...], Field(max_length=100)] = ()
    body_base64: Annotated[str, Field(max_length=BODY_CHARACTERS_MAX)] = ""
    bank: Annotated[str, Field(description="In whose name; for the journal and the time limit.")] = ""
    payment_id: Annotated[str, Field(description="The payment that it is about, for the journal.")] = ""
    note: Annotated[str, Field(max_length=500, description="For the journal.")] = ""

    @field_validator("body_base64")
    @classmethod
    def base64_text(cls, text: str) -> str:
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"this is not base64 ({error})") from error
        return text


class SendingTogether(Body):
    messages: Annotated[list[Sending], Field(min_length=1, max_length=TOGETHER_MAX)]


class AnswerView(View):
    status: Annotated[int, Field(description="0 = there was no answer.", examples=[200])]
    headers: list[tuple[str, str]]
    body_base64: Annotated[str, Field(description="Cut at the bank's size limit.")]
    error: Annotated[str, Field(description="Why there was no answer.", examples=[""])]


@router.post("/payments/{payment_id}/callback", summary="Write a callback, without sending it")
async def write(world: TheWorld, payment_id: str, wanted: Telling | None = None) -> MessageView:
    """The very message that the bank would send for this payment, or for what you make of it."""
    wanted = wanted or Telling()
    payment, now = await kept(world, payment_id), await world.now()
    dialect = dialect_of(payment.bank)
    told = _told(payment, wanted)
    if told.state is not State.PENDING and told.settled_at is None:
        told = msgspec.structs.replace(told, settled_at=now)
    distortion = wanted.distorted or (Distortion.FORGED_SIGNATURE if wanted.forged else None)
    notice = bank.notice_of(world, dialect, told, now, forge=wanted.forged and wanted.distorted is not None)
    if wanted.merchant_code is not None:
        notice = replace(
            notice,
            payment=msgspec.structs.replace(told, merchant_code=wanted.merchant_code),
            merchant=msgspec.structs.replace(notice.merchant, merchant_code=wanted.merchant_code),
        )
    message = _written(dialect, notice, distortion)
    return MessageView(
        method=message.method,
        url=message.url,
        headers=list(message.headers),
        body_base64=base64.b64encode(message.body).decode(),
    )


@router.post("/send", summary="Send a message as the bank would")
async def send(desk: TheDesk, world: TheWorld, wanted: Sending) -> AnswerView:
    """Sent through the banks' own HTTP client and journalled; no payment changes by it."""
    [answer] = await _sent(desk, world, [wanted])
    return answer


@router.post("/send/together", summary="Send several messages at the same moment")
async def send_together(desk: TheDesk, world: TheWorld, wanted: SendingTogether) -> list[AnswerView]:
    """None waits for another's answer; journalled, and answered, in the order given here."""
    return await _sent(desk, world, wanted.messages)


async def _sent(desk: Desk, world: World, messages: Sequence[Sending]) -> list[AnswerView]:
    for each in messages:
        if each.payment_id:
            await kept(world, each.payment_id)
    outgoing = [
        Outgoing(method=each.method, url=each.url, headers=each.headers, body=base64.b64decode(each.body_base64))
        for each in messages
    ]
    limits = [(world.retry(dialect_of(each.bank)) if each.bank else USUAL).timeout_s for each in messages]
    answers = await asyncio.gather(*map(desk.courier.send, outgoing, limits))
    for each, sent, answer in zip(messages, outgoing, answers, strict=True):
        await _journal(world, each, sent, answer)
    return [
        AnswerView(
            status=answer.status,
            headers=list(answer.headers),
            body_base64=base64.b64encode(answer.body).decode(),
            error=answer.error,
        )
        for answer in answers
    ]


async def _journal(world: World, wanted: Sending, sent: Outgoing, answer: Answer) -> None:
    def journalled(stored: Stored) -> Change[None]:
        about = (wanted.bank, "crafted", stored.payment)
        entry = outgoing_exchange(*about, sent, answer, stored.now, wanted.note)
        return Change(reply=None, exchanges=(entry,))

    await world.store.transact(world.name, ById(wanted.payment_id) if wanted.payment_id else None, journalled)


def _written(dialect: Dialect, notice: Notice, distortion: Distortion | None) -> Outgoing:
    if distortion is None:
        return dialect.callback(notice)
    try:
        return distorted(dialect, notice, distortion)
    except Spared as why:
        raise Refused(400, f"`{distortion}` is impossible here: {why}.") from why


def _told(payment: Payment, wanted: Telling) -> Payment:
    """The payment as the message is to tell it."""
    state = wanted.state or payment.state
    if wanted.state is None and state is State.PENDING and state not in dialects()[payment.bank].announces:
        raise Refused(
            409,
            f"The payment {payment.payment_id} is pending, of which {payment.bank} sends no callback; "
            'say what it shall tell, for instance {"state": "paid"}.',
        )
    outcome = wanted.outcome or (payment.outcome if state is payment.state else _usual_outcome(state))
    amount_vnd = payment.amount_vnd if wanted.amount_vnd is None else wanted.amount_vnd
    return msgspec.structs.replace(payment, state=state, outcome=outcome, amount_vnd=amount_vnd)


def _usual_outcome(state: State) -> Outcome | None:
    """What the event that leads to that state usually says."""
    return next(
        (
            DEFAULT_OUTCOMES[event]
            for (_, event), to in TRANSITIONS.items()
            if to is state and event in DEFAULT_OUTCOMES
        ),
        None if state is State.PENDING else Outcome.SUCCESS,
    )
