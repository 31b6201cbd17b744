"""The payers' test accounts: what they have and may pay; and the hours of the night in which nobody logs in."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from pydantic import AwareDatetime, Field

from simulator import accounts, payer
from simulator.accounts import Kept
from simulator.control.desk import REFUSALS, Body, Dong, TheDesk, TheWorld, View, shown_as
from simulator.control.problems import Refused
from simulator.maintenance import ends_at, parse_window
from simulator.payer import Account, DecidedAt
from simulator.payment import Outcome
from simulator.purse import PLENTY_VND, Biometrics
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}", tags=["accounts"], responses=REFUSALS)

Username = Annotated[str, Path(description="What its payer logs in with, or its number.", examples=["nguyenvana"])]
Wanted = Annotated[Dong | None, Field(ge=0, le=PLENTY_VND)]


class AccountView(View):
    username: Annotated[str, Field(examples=["nguyenvana"])]
    number: Annotated[str, Field(examples=["100000000001"])]
    holder: Annotated[str, Field(examples=["NGUYEN VAN A"])]
    outcome: Annotated[Outcome, Field(description="How its payments end, if money and limits suffice.")]
    decided_at: DecidedAt
    balance_vnd: Annotated[int, Field(description="What it has now.", examples=[50_000])]
    spent_vnd: Annotated[int, Field(description="What it has paid here, less what came back.", examples=[0])]
    per_transfer_vnd: Annotated[int, Field(description="The most it may pay at once.")]
    daily_vnd: Annotated[int, Field(description="The most it may pay in a day (GMT+7).")]
    today_vnd: Annotated[int, Field(description="What it has paid today; what came back still counts.")]
    left_today_vnd: int
    biometrics: Annotated[Biometrics, Field(description="What the bank knows of the payer's face.")]


class AccountChange(Body):
    """What is given is changed, the rest stays."""

    model_config = shown_as(balance_vnd=50_000, daily_vnd=2_000_000)

    balance_vnd: Wanted = None
    per_transfer_vnd: Wanted = None
    daily_vnd: Wanted = None
    biometrics: Annotated[
        Biometrics | None,
        Field(
            description="`registered`: the page decides. `mismatch`: the camera never finds the payer alike. "
            "`none`: the payer is sent to a branch as soon as it is asked for."
        ),
    ] = None


class MaintenanceChange(Body):
    model_config = shown_as(window="23:00-01:00")

    window: Annotated[
        str, Field(description="HH:MM-HH:MM in Vietnam's time; empty = none.", examples=["23:00-01:00"], max_length=20)
    ]


class MaintenanceView(View):
    window: Annotated[str, Field(description="Empty = none.", examples=["23:00-01:00"])]
    until: Annotated[AwareDatetime | None, Field(description="When the one that goes on is over; null if none does.")]


@router.get("/accounts", summary="List the test accounts, with what they have")
async def all_of_them(world: TheWorld) -> list[AccountView]:
    return [_view(each) for each in await accounts.kept_in(world)]


@router.get("/accounts/{username}", summary="Show a test account")
async def one(world: TheWorld, username: Username) -> AccountView:
    account = _known(username)
    return next(_view(each) for each in await accounts.kept_in(world) if each.account == account)


@router.put("/accounts/{username}", summary="Give a test account another balance or other limits")
async def set_account(world: TheWorld, username: Username, wanted: AccountChange) -> AccountView:
    """Holds in this sandbox until it is reset. Its next payment is judged by it, whoever is paying at the moment."""
    return _view(await accounts.change(world, _known(username), **wanted.model_dump(exclude_none=True)))


@router.get("/maintenance", summary="Show the hours in which no payer can log in")
async def maintenance(world: TheWorld) -> MaintenanceView:
    return await _maintenance(world)


@router.put("/maintenance", summary="Set the hours in which no payer can log in")
async def set_maintenance(desk: TheDesk, world: TheWorld, wanted: MaintenanceChange) -> MaintenanceView:
    """Internet Banking and the app say so on their pages; payments stay pending, and connectors are served."""
    try:
        window = parse_window(wanted.window)
    except ValueError as error:
        raise Refused(400, f"{error}.") from error
    return await _maintenance(await desk.worlds.set_maintenance(world.name, window))


async def _maintenance(world: World) -> MaintenanceView:
    window = world.sandbox.maintenance
    return MaintenanceView(window=str(window or ""), until=ends_at(window, await world.now()))


def _known(username: str) -> Account:
    """Raises Refused, naming the accounts there are."""
    account = payer.accounts().get(username.strip().lower()) or payer.account_of(username.strip())
    if account is None:
        raise Refused(404, f"There is no test account {username[:40]!r}; there are: {', '.join(payer.accounts())}.")
    return account


def _view(kept: Kept) -> AccountView:
    given = {name: getattr(kept.account, name) for name in ("username", "number", "holder", "outcome", "decided_at")}
    return AccountView(**given, **msgspec.structs.asdict(kept.stands), spent_vnd=kept.spent_vnd)
