"""Sandboxes: tenants of this server, each with its own merchants, seed, clock, faults, payments and journal."""

import secrets
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from simulator.banks import dialects
from simulator.control.desk import REFUSALS, Body, Instant, TheDesk, TheWorld, View, shown_as
from simulator.control.merchants import MerchantView
from simulator.control.problems import Refused
from simulator.store import UnknownSandbox
from simulator.world import DEFAULT, World

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"

router = APIRouter(prefix="/sandboxes", tags=["sandboxes"], responses=REFUSALS)

Seed = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=200,
        coerce_numbers_to_str=True,
        description="The same seed gives the same ids, delays and outcomes. Without one it is drawn.",
        examples=["42"],
    ),
]
ClockAt = Annotated[
    Instant | None,
    Field(
        description="Where a manual clock stands; without it, at the machine's time.",
        examples=["2026-01-05T09:00:00+07:00"],
    ),
]


class NewSandbox(Body):
    """All is optional: an empty object gives a sandbox with a drawn name on the machine's clock."""

    model_config = shown_as(name="ci-41", seed="42", clock_at="2026-01-05T09:00:00+07:00")

    name: Annotated[
        str | None,
        Field(pattern=NAME, description="Letters, digits, `-`, `_`. It stands in every URL.", examples=["ci-41"]),
    ] = None
    seed: Seed = None
    manual: Annotated[
        bool | None,
        Field(description="Whether time stands still until it is moved. True if `clock_at` is given."),
    ] = None
    clock_at: ClockAt = None
    faults_by_amount: Annotated[
        bool,
        Field(description="Whether an amount that ends in 9NN asks for fault number NN; `banksim faults` lists them."),
    ] = False


class Reset(Body):
    model_config = shown_as(seed="42")

    clock_at: ClockAt = None
    seed: Seed = None


class SandboxView(View):
    name: Annotated[str, Field(examples=["ci-41"])]
    seed: Annotated[str, Field(examples=["42"])]
    manual: Annotated[bool, Field(description="Whether its clock stands still until it is moved.")]
    now: Annotated[AwareDatetime, Field(description="Its time.", examples=["2026-01-05T02:00:00Z"])]
    base_url: Annotated[
        str,
        Field(description="Where its addresses begin.", examples=["http://127.0.0.1:8080/s/ci-41"]),
    ]
    faults_by_amount: Annotated[bool, Field(description="Whether an amount that ends in 9NN asks for fault number NN.")]
    merchants: tuple[MerchantView, ...]
    banks: Annotated[
        dict[str, str],
        Field(
            description="The base URL of each bank: what a connector is configured with.",
            examples=[{"vnpay": "http://127.0.0.1:8080/s/ci-41/vnpay"}],
        ),
    ]


@router.post("", status_code=201, summary="Make a sandbox")
async def create(desk: TheDesk, wanted: NewSandbox) -> SandboxView:
    """A new tenant with the test merchants. Fifty CI jobs can share one server, each in a sandbox of its own."""
    if wanted.manual is False and wanted.clock_at is not None:
        raise Refused(400, "`clock_at` sets a manual clock, but `manual` is false: leave one of them out.")
    name = wanted.name or f"sandbox-{secrets.token_hex(4)}"
    if await _exists(desk, name):
        raise Refused(
            409,
            f"There is a sandbox {name!r} already: choose another name, "
            f"or empty it with POST /_control/sandboxes/{name}/reset.",
        )
    manual = wanted.manual or wanted.clock_at is not None
    clock_at = (wanted.clock_at or desk.worlds.clock()) if manual else None
    seed = wanted.seed or secrets.token_hex(8)
    return await view(
        await desk.worlds.create(name, seed=seed, clock_at=clock_at, faults_by_amount=wanted.faults_by_amount)
    )


@router.get("", summary="List the sandboxes")
async def all_of_them(desk: TheDesk) -> list[SandboxView]:
    return [await view(world) for world in await desk.worlds.all()]


@router.get("/{sandbox}", summary="Show a sandbox")
async def one(world: TheWorld) -> SandboxView:
    return await view(world)


@router.delete("/{sandbox}", status_code=204, summary="Remove a sandbox and all that is in it")
async def drop(desk: TheDesk, world: TheWorld) -> None:
    if world.name == DEFAULT:
        raise Refused(
            409,
            f"The sandbox {DEFAULT!r} serves all addresses without /s/NAME and stays; "
            f"POST /_control/sandboxes/{DEFAULT}/reset empties it.",
        )
    await desk.worlds.drop(world.name)


@router.post("/{sandbox}/reset", summary="Empty a sandbox")
async def reset(desk: TheDesk, world: TheWorld, wanted: Reset | None = None) -> SandboxView:
    """Removes payments, ledger, faults, deliveries and journal; merchants and retries stay.

    A manual clock goes to `clock_at`, or else to the machine's time.
    """
    wanted = wanted or Reset()
    if wanted.clock_at is not None and not world.manual:
        raise Refused(409, f"The sandbox {world.name!r} is on the machine's clock, so `clock_at` means nothing there.")
    return await view(await desk.worlds.reset(world.name, seed=wanted.seed, clock_at=wanted.clock_at))


async def view(world: World) -> SandboxView:
    return SandboxView(
        name=world.name,
        seed=world.sandbox.seed,
        manual=world.manual,
        now=await world.now(),
        base_url=f"{world.base_url}{world.prefix}",
        faults_by_amount=world.sandbox.faults_by_amount,
        merchants=tuple(MerchantView.model_validate(each) for each in world.merchants.values()),
        banks={code: world.bank_url(code) for code in dialects()},
    )


async def _exists(desk: TheDesk, name: str) -> bool:
    try:
        await desk.worlds.get(name)
    except UnknownSandbox:
        return False
    return True
