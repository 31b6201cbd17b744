"""The clock: a manual one moves only here, and carries out all that falls due on the way."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import AwareDatetime, Field, model_validator

from simulator.control.desk import REFUSALS, Body, Instant, TheDesk, TheWorld, View, shown_as
from simulator.control.problems import Refused

YEARS_S = 10 * 366 * 24 * 3600

router = APIRouter(prefix="/sandboxes/{sandbox}/clock", tags=["clock"], responses=REFUSALS)


class Move(Body):
    """One of both."""

    model_config = shown_as(advance_s=900)

    advance_s: Annotated[
        int | None,
        Field(strict=True, ge=0, le=YEARS_S, description="So many seconds on; 0 = what is due now.", examples=[900]),
    ] = None
    to: Annotated[
        Instant | None,
        Field(description="To this instant, never back.", examples=["2026-01-05T23:00:00+07:00"]),
    ] = None

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if (self.advance_s is None) == (self.to is None):
            raise ValueError('give either {"advance_s": SECONDS} or {"to": INSTANT}')
        return self


class ClockView(View):
    now: Annotated[AwareDatetime, Field(examples=["2026-01-05T02:15:00Z"])]
    manual: bool


class Moved(ClockView):
    attempts: Annotated[int, Field(description="How many callbacks were attempted on the way.", examples=[1])]


@router.get("", summary="Read the clock")
async def read(world: TheWorld) -> ClockView:
    return ClockView(now=await world.now(), manual=world.manual)


@router.post("", summary="Move a manual clock")
async def move(desk: TheDesk, world: TheWorld, wanted: Move) -> Moved:
    """On a manual clock nothing is sent on its own: callbacks go out, in order, only inside this call.

    It stops at each due event on the way (callback, retry, expiry), so six hours of retries take milliseconds.
    """
    if not world.manual:
        raise Refused(
            409,
            f"The sandbox {world.name!r} is on the machine's clock, which cannot be moved; "
            'POST /_control/sandboxes {"manual": true} makes one whose clock can.',
        )
    now = await world.now()
    to = wanted.to if wanted.to is not None else now + timedelta(seconds=wanted.advance_s or 0)
    if to < now:
        raise Refused(409, f"A clock never goes back: it is {now.isoformat()}; POST .../reset starts a sandbox anew.")
    if (to - now).total_seconds() > YEARS_S:
        raise Refused(400, f"{to.isoformat()} is more than ten years on from {now.isoformat()}.")
    attempts = await desk.courier.advance(world, to)
    return Moved(now=await world.now(), manual=True, attempts=attempts)
