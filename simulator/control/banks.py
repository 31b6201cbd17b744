"""The banks that are simulated, and all that this project had to assume about them."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from simulator import chosen, payer, reconciling
from simulator.banks import dialects
from simulator.control.desk import REFUSALS, View
from simulator.dialect import Assumption, Shape
from simulator.distortion import Distortion, unfit
from simulator.faults import FAULTS, PAYERS, FaultKind, Side
from simulator.payment import Channel, State
from simulator.settling import spared

router = APIRouter(tags=["banks"], responses=REFUSALS)


class BankView(View):
    code: Annotated[str, Field(examples=["vnpay"])]
    name: Annotated[str, Field(examples=["VNPAY"])]
    shape: Annotated[Shape, Field(description="Who starts: the connector or the bank.")]
    path: Annotated[str, Field(description="Where its addresses begin in a sandbox.", examples=["/vnpay"])]
    channels: tuple[Channel, ...]
    secrets: Annotated[tuple[str, ...], Field(description="What a merchant's `secrets` must have.")]
    announces: Annotated[tuple[State, ...], Field(description="Entering these states makes a callback.")]
    retry_delays_s: Annotated[tuple[int, ...], Field(description="Seconds between the attempts, then it gives up.")]
    timeout_s: Annotated[float, Field(description="How long it waits for one answer.")]
    sources: Annotated[tuple[str, ...], Field(description="Keys of the documents it was made from.")]


class KindView(View):
    kind: Annotated[FaultKind, Field(examples=["lost"])]
    number: Annotated[int, Field(description="By which an amount asks for it; 0 = none can.", examples=[31])]
    side: Side
    en: Annotated[str, Field(description="What happens.")]
    vi: Annotated[str, Field(description="The same in Vietnamese.")]
    settings: Annotated[tuple[str, ...], Field(description="What of a fault's settings it reads.")]


class SparedView(View):
    bank: Annotated[str, Field(examples=["momo"])]
    kind: Annotated[FaultKind, Field(examples=["wrong_currency"])]
    why: Annotated[str, Field(examples=["a callback of momo names no currency"])]


class AssumptionView(View):
    bank: Annotated[str, Field(examples=["vnpay"])]
    key: str
    value: Annotated[str, Field(description="What was chosen.")]
    why: str
    setting: Annotated[
        str, Field(description="The setting that changes it; empty = none.", examples=["options.format"])
    ]


@router.get("/banks", summary="List the banks")
async def banks() -> list[BankView]:
    return [
        BankView(
            code=dialect.code,
            name=dialect.name,
            shape=dialect.shape,
            path=f"/{dialect.code}",
            channels=dialect.channels,
            secrets=dialect.secrets,
            announces=tuple(sorted(dialect.announces)),
            retry_delays_s=dialect.retry.delays_s,
            timeout_s=dialect.retry.timeout_s,
            sources=dialect.sources,
        )
        for dialect in dialects().values()
    ]


@router.get("/faults", summary="List what can go wrong")
async def fault_kinds() -> list[KindView]:
    """The same as `banksim faults`. POST /_control/sandboxes/NAME/faults asks for one."""
    return [KindView.model_validate(fault) for fault in FAULTS.values()]


@router.get("/spared", summary="List what cannot go wrong at a bank")
async def all_spared() -> list[SparedView]:
    """Faults of callbacks that have no such field or no such proof, and of payers who cannot do that there."""
    kinds = (*Distortion, *PAYERS)
    return [
        SparedView(bank=code, kind=FaultKind(kind), why=why)
        for code, dialect in dialects().items()
        for kind in kinds
        if (why := unfit(code, kind) or spared(dialect, kind))
    ]


@router.get("/assumptions", summary="List what no document says")
async def assumptions() -> list[AssumptionView]:
    """Where the public documents are silent, something had to be chosen. Check these against your contract."""
    return [
        AssumptionView(bank=code, key=each.key, value=each.value, why=each.why, setting=each.setting)
        for code, each in all_assumptions()
    ]


def all_assumptions() -> Iterator[tuple[str, Assumption]]:
    """Each with its bank's code; first those about payers' banks, business days and faults."""
    for assumption in payer.ASSUMPTIONS:
        yield payer.PAYER, assumption
    for assumption in reconciling.ASSUMPTIONS:
        yield reconciling.SETTLEMENT, assumption
    for assumption in chosen.assumptions():
        yield chosen.FAULTS, assumption
    for dialect in dialects().values():
        for assumption in dialect.assumptions:
            yield dialect.code, assumption
