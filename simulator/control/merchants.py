"""What a connector and a bank have agreed in one sandbox: codes, secrets, addresses, and the bank's retries."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints

from simulator.control.desk import REFUSALS, Body, TheDesk, TheWorld, View, dialect_of, shown_as
from simulator.control.problems import Refused
from simulator.dialect import Dialect
from simulator.holidays import DAYS_OFF, parse_days_off
from simulator.outbox import Retry
from simulator.payment import Merchant
from simulator.reconciling import BUSINESS_DAY, FILES_AT, WrongOption, late_s_of
from simulator.settlement.day import TREASURY, parse_time
from simulator.settlement.day import parse_cut_off as parse_cut_off_of_files
from simulator.settlement.sheet import SECRET
from simulator.signing import check_rsa_key
from simulator.store import Sandbox
from simulator.workday import CUT_OFF, USUAL_CUT_OFF, parse_cut_off

router = APIRouter(prefix="/sandboxes/{sandbox}", tags=["merchants"], responses=REFUSALS)

MONTH_S = 31 * 24 * 3600

Bank = Annotated[str, Path(description="The bank's code.", examples=["vnpay"])]
Code = Annotated[
    str,
    Path(
        description="What the bank calls the merchant.",
        min_length=1,
        max_length=64,
        pattern=r"^[^\s\x00-\x1f]+$",
        examples=["DEMOV210"],
    ),
]
Address = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=r"^(https?://[^\s/?#]+[^\s#]*)?$"),
    Field(examples=["http://127.0.0.1:9000/callbacks/vnpay"]),
]


class MerchantView(View):
    """Test credentials: they are shown as they are."""

    bank: Annotated[str, Field(examples=["vnpay"])]
    merchant_code: Annotated[str, Field(examples=["DEMOV210"])]
    name: Annotated[str, Field(examples=["Public service portal (test)"])]
    secrets: Annotated[
        dict[str, str], Field(description="What both sides sign with.", examples=[{"secret": "SIMULATORSECRETKEY"}])
    ]
    callback_url: str = Field(description="Where the bank sends its callbacks; empty = nowhere yet.")
    inquiry_url: str = Field(description="Where a bank that collects bills asks for them.")
    return_hosts: tuple[str, ...] = Field(description="The hosts to which a payer may be sent back; empty = any.")
    options: dict[str, str] = Field(description="The dialect's switches.", examples=[{"format": "records"}])


class MerchantChange(Body):
    """What is given is changed, the rest stays. In `secrets` and `options` each name is changed by itself."""

    model_config = shown_as(callback_url="http://127.0.0.1:9000/callbacks/vnpay")

    name: Annotated[str | None, Field(max_length=200)] = None
    secrets: dict[str, str] | None = None
    callback_url: Address | None = None
    inquiry_url: Address | None = None
    return_hosts: tuple[str, ...] | None = None
    options: dict[str, str] | None = None


class RetryChange(Body):
    delays_s: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=0, le=MONTH_S)], ...],
        Field(
            max_length=50,
            description="Seconds between one attempt and the next; then the bank gives up. Empty = one attempt.",
            examples=[[15, 30, 60]],
        ),
    ]
    timeout_s: Annotated[
        float | None,
        Field(gt=0, le=50, description="How long the bank waits for one answer; without it as before."),
    ] = None


class RetryView(View):
    bank: Annotated[str, Field(examples=["vnpay"])]
    delays_s: Annotated[tuple[int, ...], Field(examples=[[15, 30, 60]])]
    timeout_s: Annotated[float, Field(examples=[15.0])]


@router.get("/merchants", summary="List the merchants")
async def merchants(world: TheWorld) -> list[MerchantView]:
    return [MerchantView.model_validate(each) for each in world.merchants.values()]


@router.put("/merchants/{bank}/{code}", summary="Change a merchant, or add one")
async def set_merchant(desk: TheDesk, world: TheWorld, bank: Bank, code: Code, change: MerchantChange) -> MerchantView:
    """Tells a bank where the connector listens, and what both sign with.

    A code that is not known becomes a new merchant, and must come with all of the bank's secrets.
    """
    dialect = dialect_of(bank)
    _check_cut_off(change.options or {})
    _check_business_day(change.options or {})
    _check_days_off(change.options or {})
    _check_files(Merchant(bank=bank, merchant_code=code, name=code, options=change.options or {}))
    before = world.merchant(bank, code) or Merchant(bank=bank, merchant_code=code, name=code)
    merchant = _changed(before, change)
    _check_secrets(dialect, merchant, before, change.secrets or {})

    def settle(sandbox: Sandbox) -> Sandbox:
        kept = {(each.bank, each.merchant_code): each for each in sandbox.merchants}
        kept[bank, code] = merchant
        return msgspec.structs.replace(sandbox, merchants=tuple(kept.values()))

    await desk.worlds.update(world.name, settle)
    return MerchantView.model_validate(merchant)


@router.put("/retries/{bank}", summary="Set a bank's retries")
async def set_retries(desk: TheDesk, world: TheWorld, bank: Bank, wanted: RetryChange) -> RetryView:
    """How often, and how far apart, this bank repeats a callback that was not acknowledged."""
    before = world.retry(dialect_of(bank))
    retry = Retry(delays_s=wanted.delays_s, timeout_s=wanted.timeout_s or before.timeout_s)
    await desk.worlds.update(
        world.name,
        lambda sandbox: msgspec.structs.replace(sandbox, retries={**sandbox.retries, bank: retry}),
    )
    return RetryView(bank=bank, delays_s=retry.delays_s, timeout_s=retry.timeout_s)


def _changed(merchant: Merchant, change: MerchantChange) -> Merchant:
    given = change.model_dump(exclude_none=True)
    for name in ("secrets", "options"):
        if name in given:
            given[name] = {**getattr(merchant, name), **given[name]}
    return msgspec.structs.replace(merchant, **given)


def _check_secrets(dialect: Dialect, merchant: Merchant, before: Merchant, given: dict[str, str]) -> None:
    """A wrong secret must be found here, not when the first callback is to be signed."""
    known = ", ".join(dialect.secrets) or "none"
    of_files = (SECRET,) if dialect.settlement else ()
    strange = [name for name in given if name not in (*dialect.secrets, *before.secrets, *of_files)]
    if strange:
        raise Refused(400, f"{dialect.code} has no secret {strange[0]!r}; its secrets are: {known}.")
    missing = [name for name in dialect.secrets if not merchant.secrets.get(name)]
    if missing:
        raise Refused(
            400,
            f"The merchant {merchant.merchant_code!r} of {dialect.code} needs the secret {missing[0]!r}; "
            f"the bank's secrets are: {known}.",
        )
    for name, value in given.items():
        if name.endswith(("private_key", "public_key")):
            _check_key(dialect, name, value)


def _check_cut_off(given: dict[str, str]) -> None:
    try:
        parse_cut_off(given.get(CUT_OFF, USUAL_CUT_OFF))
    except ValueError as error:
        raise Refused(400, f"The option {error}, a time of the day in Vietnam, such as {USUAL_CUT_OFF}.") from error


def _check_days_off(given: dict[str, str]) -> None:
    try:
        parse_days_off(given.get(DAYS_OFF, ""))
    except ValueError as error:
        raise Refused(400, f"The option {DAYS_OFF}: {error}; days between commas are wanted, as 2027-02-12.") from error


def _check_business_day(given: dict[str, str]) -> None:
    try:
        parse_cut_off_of_files(given.get(BUSINESS_DAY) or TREASURY)
    except ValueError as error:
        raise Refused(400, f"The option {BUSINESS_DAY}: {error}, the end of the day in Vietnam.") from error


def _check_files(given: Merchant) -> None:
    try:
        parse_time(given.options.get(FILES_AT) or "07:00")
        late_s_of(given)
    except ValueError as error:
        raise Refused(400, f"The option {FILES_AT}: {error}, the time of the day in Vietnam.") from error
    except WrongOption as error:
        raise Refused(400, f"It cannot be: {error}.") from error


def _check_key(dialect: Dialect, name: str, value: str) -> None:
    kind = "private" if "private" in name else "public"
    if (kind == "private") != ("PRIVATE KEY" in value):
        raise Refused(400, f"The secret {name!r} of {dialect.code} must be a {kind} key in PEM.")
    try:
        check_rsa_key(value)
    except ValueError as error:
        raise Refused(
            400, f"The secret {name!r} of {dialect.code} must be an RSA key in PEM without a password."
        ) from error
