"""Faults: what is to go wrong, where, and how often; each is spent by the occasions that it strikes."""

from collections.abc import Iterator
from itertools import count
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from simulator.banks import dialects
from simulator.control.desk import REFUSALS, Body, TheWorld, View, dialect_of, shown_as
from simulator.control.problems import Refused
from simulator.distortion import unfit
from simulator.faults import (
    CALLBACK,
    EXCHANGE_KINDS,
    FALSIFYING_KINDS,
    FAULTS,
    MEANINGS,
    PAY,
    REFUND,
    RETURN,
    RUSH_KINDS,
    SETTINGS,
    TAMPER_KINDS,
    Fault,
    FaultKind,
    Side,
)
from simulator.inbox import INBOX
from simulator.maintenance import parse_window
from simulator.settling import spared
from simulator.store import Change, Stored
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}/faults", tags=["faults"], responses=REFUSALS)

MONTH_S = 31 * 24 * 3600
CREATE = "create"
INQUIRY = "inquiry"
ANSWERED = (CREATE, "query", "refund", "query_refund", "receipt", "cancel", "capture", "confirm", "ask")
"""What a bank answers, where a connector calls it. One address may take several of them."""


SIZE_MAX = 64 * 1024 * 1024


def _setting(
    name: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    max_length: int | None = None,
) -> Any:
    """A setting of a fault; left out, it is what the fault's own file says."""
    told = f"{SETTINGS[name][0].capitalize()}."
    return Field(strict=True, ge=ge, gt=gt, le=le, max_length=max_length, description=told)


class NewFault(Body):
    model_config = shown_as(kind="duplicate", bank="vnpay", copies=3)

    kind: Annotated[
        FaultKind,
        Field(description="\n".join(f"- `{kind}`: {meaning}" for kind, meaning in MEANINGS.items())),
    ]
    bank: Annotated[str, Field(description="Only at this bank; empty = at all.", examples=["vnpay"])] = ""
    operation: Annotated[
        str,
        Field(
            description="Only in this exchange: `callback`, `create`, `query`, `refund`, `inquiry`, ... "
            "Empty = the callback; for what breaks an exchange, the one the payment starts with. "
            "`inbox` is the gateway for messages to payers.",
            examples=[""],
        ),
    ] = ""
    merchant_code: Annotated[str, Field(description="Only for this merchant; empty = for all.")] = ""
    order_ref: Annotated[str, Field(description="Only for this order; empty = for all.")] = ""
    skip: Annotated[int, Field(strict=True, ge=0, le=10**6, description="So many occasions pass first.")] = 0
    times: Annotated[
        int | None,
        Field(strict=True, ge=0, le=10**6, description="So many are hit; 0 = all from then on. Usually 1."),
    ] = None
    probability: Annotated[float, Field(gt=0, le=1, description="Chance of each occasion, by the seed.")] = 1.0
    delay_s: Annotated[float | None, _setting("delay_s", ge=0, le=MONTH_S)] = None
    delay_max_s: Annotated[float | None, _setting("delay_max_s", ge=0, le=MONTH_S)] = None
    spread: Annotated[float | None, _setting("spread", gt=0, le=10)] = None
    copies: Annotated[int | None, _setting("copies", ge=2, le=100)] = None
    at_once: Annotated[bool | None, _setting("at_once")] = None
    amount_delta_vnd: Annotated[int | None, _setting("amount_delta_vnd")] = None
    status: Annotated[int | None, _setting("status", ge=500, le=504)] = None
    size_bytes: Annotated[int | None, _setting("size_bytes", ge=0, le=SIZE_MAX)] = None
    limit: Annotated[int | None, _setting("limit", ge=0, le=10**6)] = None
    window_s: Annotated[int | None, _setting("window_s", ge=1, le=MONTH_S)] = None
    hours: Annotated[str | None, _setting("hours", max_length=11)] = None


class FaultView(View):
    fault_id: Annotated[str, Field(examples=["f1"])]
    kind: FaultKind
    bank: str
    operation: str
    merchant_code: str
    order_ref: str
    skip: int
    times: int
    probability: float
    delay_s: float
    copies: int
    at_once: bool
    amount_delta_vnd: int
    delay_max_s: float
    spread: float
    status: int
    size_bytes: int
    limit: int
    window_s: int
    hours: str


@router.get("", summary="List what is still to go wrong")
async def faults(world: TheWorld) -> list[FaultView]:
    planned = (await world.store.sandbox(world.name)).faults
    return [FaultView.model_validate(fault) for fault in planned]


@router.post("", status_code=201, summary="Ask for a fault")
async def add(world: TheWorld, wanted: NewFault) -> FaultView:
    """It strikes the next occasion that matches, and is gone from the list once it was spent."""
    check(wanted)

    def planned(stored: Stored) -> Change[Fault]:
        fault = rule(wanted, _fresh_id(world, stored))
        return Change(reply=fault, faults=(*stored.faults, fault))

    return FaultView.model_validate(await world.store.transact(world.name, None, planned))


@router.delete("", status_code=204, summary="Ask for no more faults")
async def clear(world: TheWorld) -> None:
    """Removes all that were not spent yet. Callbacks that are already planned keep theirs."""
    await world.store.set_faults(world.name, ())


@router.delete("/{fault_id}", status_code=204, summary="Take a fault back")
async def remove(world: TheWorld, fault_id: str) -> None:
    def without(stored: Stored) -> Change[bool]:
        left = tuple(fault for fault in stored.faults if fault.fault_id != fault_id)
        return Change(reply=left != stored.faults, faults=left)

    if not await world.store.transact(world.name, None, without):
        raise Refused(404, f"There is no fault {fault_id!r} left in sandbox {world.name!r}: unknown, or spent.")


def rule(wanted: NewFault, fault_id: str) -> Fault:
    """What is left out is as the fault's own file has it."""
    told = {name: value for name, value in wanted.model_dump().items() if value is not None}
    return Fault(fault_id=fault_id, **FAULTS[wanted.kind].defaults | told)


def _fresh_id(world: World, stored: Stored) -> str:
    """The same at the same point of the same run; never that of a fault still planned."""
    taken = {fault.fault_id for fault in stored.faults}
    moment = stored.now.isoformat()
    ids = (f"f-{world.token('fault', moment, str(n))[:10]}" for n in count(len(taken)))
    return next(fault_id for fault_id in ids if fault_id not in taken)


def check(wanted: NewFault) -> None:
    """A fault that could never strike is a mistake of the test, and is told at once. Raises Refused."""
    if wanted.bank:
        dialect_of(wanted.bank)
    known = set(_operations(wanted.bank)) | _beside(wanted)
    if wanted.operation and wanted.operation not in known:
        raise Refused(
            400,
            f"There is no operation {wanted.operation!r}{f' at {wanted.bank}' if wanted.bank else ''}; "
            f"there are: {', '.join(sorted(known))}.",
        )
    possible = {"", *(known & _where(wanted.kind, known))}
    if wanted.operation not in possible:
        raise Refused(
            400,
            f"`{wanted.kind}` cannot strike in {wanted.operation!r}; "
            f"leave `operation` out, or use: {', '.join(sorted(possible - {''})) or 'none'}.",
        )
    if wanted.bank and not wanted.operation and not _is_asked(wanted):
        raise Refused(400, f"`{wanted.kind}` cannot strike: no connector asks {wanted.bank} for anything.")
    if wanted.bank and (why := unfit(wanted.bank, wanted.kind) or spared(dialects()[wanted.bank], wanted.kind)):
        raise Refused(400, f"`{wanted.kind}` cannot strike: {why}.")
    if wanted.kind == "wrong_amount" and wanted.amount_delta_vnd == 0:
        raise Refused(400, "A wrong amount with `amount_delta_vnd` 0 is the right one; give another.")
    try:
        parse_window(wanted.hours or "")
    except ValueError as error:
        raise Refused(400, f"`hours`: {error}.") from error


def _is_asked(wanted: NewFault) -> bool:
    """Whether there can be an answer for it to spoil, if it is one that spoils answers."""
    spoils = FAULTS[wanted.kind].side is Side.ANSWER and wanted.kind not in EXCHANGE_KINDS
    return not spoils or bool(dialects()[wanted.bank].endpoints)


def _where(kind: str, known: set[str]) -> set[str]:
    """The operations that a rule of that kind may name."""
    if kind in RUSH_KINDS:
        return {CREATE, INQUIRY}
    if kind in TAMPER_KINDS:
        return {RETURN}
    if FAULTS[kind].side is Side.PAYER:
        return {PAY}
    if FAULTS[kind].side is Side.REFUND:
        return {REFUND}
    if FAULTS[kind].side is Side.ANSWER:
        return known - ({PAY, RETURN} if kind in EXCHANGE_KINDS else {PAY, RETURN, CALLBACK, INQUIRY})
    return known - {PAY, RETURN, INQUIRY} if kind in FALSIFYING_KINDS else {CALLBACK}


def _beside(wanted: NewFault) -> set[str]:
    """The gateway of messages to payers, which is no bank's."""
    return {INBOX} if not wanted.bank and wanted.kind in EXCHANGE_KINDS else set()


def _operations(bank: str) -> Iterator[str]:
    yield from (CALLBACK, PAY, RETURN)
    for dialect in dialects().values():
        if bank in ("", dialect.code):
            answered = ANSWERED if dialect.endpoints else ()
            yield from (each for each in answered if each != CREATE or dialect.shape.connector_orders)
            yield from (INQUIRY,) if dialect.inquiry else ()
