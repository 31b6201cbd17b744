"""What every control call works on: the desk with its worlds and courier, and the sandbox that the address names."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from simulator.banks import dialects
from simulator.control.problems import Problem, Refused
from simulator.delivery import Courier
from simulator.dialect import Dialect
from simulator.payment import Merchant
from simulator.world import World, Worlds


@dataclass(frozen=True, slots=True)
class Listeners:
    """Addresses at which TLS goes wrong ("https://127.0.0.1:8443"); "" = not listened to."""

    tls_untrusted_url: str = ""
    tls_refused_url: str = ""


NO_LISTENERS = Listeners()


@dataclass(frozen=True, slots=True)
class Desk:
    worlds: Worlds
    courier: Courier
    listeners: Listeners
    started_at: datetime


class Body(BaseModel):
    """A request's body: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


def shown_as(**example: str | int) -> ConfigDict:
    """A body's configuration with the example that /docs fills in."""
    shown: JsonDict = {**example}
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [shown]})


class View(BaseModel):
    """An answer, read off one of the simulator's values."""

    model_config = ConfigDict(from_attributes=True)


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused; nothing was changed. `detail` says what to do."}
}
"""Every route declares these: a refusal always has this form."""


def desk_of(request: Request) -> Desk:
    desk = request.app.state.desk
    assert isinstance(desk, Desk), "the control app is made with a desk"
    return desk


async def the_desk(request: Request) -> Desk:
    return desk_of(request)


TheDesk = Annotated[Desk, Depends(the_desk)]


async def the_world(
    request: Request,
    sandbox: Annotated[str, Path(description="The sandbox's name.", examples=["default"])],
) -> World:
    return await desk_of(request).worlds.get(sandbox)


TheWorld = Annotated[World, Depends(the_world)]

Instant = Annotated[AwareDatetime, AfterValidator(lambda instant: instant.astimezone(UTC))]
"""With its offset from UTC in the text, in UTC inside."""

Dong = Annotated[int, Field(strict=True, description="Whole dong.", examples=[50_000])]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, description="How many to skip.")]
PaymentFilter = Annotated[str, Query(description="Only those of this payment; empty = of all.")]


def dialect_of(code: str) -> Dialect:
    """Raises Refused, naming the banks there are."""
    dialect = dialects().get(code)
    if dialect is None:
        raise Refused(404, f"There is no bank {code!r}; there are: {', '.join(dialects())}.")
    return dialect


def merchant_of(world: World, dialect: Dialect, merchant_code: str) -> Merchant:
    """The merchant named, or the bank's first one if none is named. Raises Refused."""
    known = [merchant for (code, _), merchant in world.merchants.items() if code == dialect.code]
    for merchant in known:
        if merchant_code in ("", merchant.merchant_code):
            return merchant
    codes = ", ".join(merchant.merchant_code for merchant in known) or "none"
    asked = f"no merchant {merchant_code!r}" if merchant_code else "no merchant"
    raise Refused(
        404,
        f"{dialect.code} has {asked} in sandbox {world.name!r}; it has: {codes}. "
        f"PUT /_control/sandboxes/{world.name}/merchants/{dialect.code}/CODE makes one.",
    )
