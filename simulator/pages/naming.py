"""What the pages share on which somebody names a code: what is wrong with it, and how a no is shown."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from simulator.banks import dialects
from simulator.dialect import Dialect
from simulator.pages.frame import office_of, texts_of
from simulator.payment import Channel, Merchant, Payment, Refusal
from simulator.places import NotDone, name_code, refused
from simulator.world import World

CODE_CHARACTERS_MAX = 300
AMOUNT_DIGITS_MAX = 12


class Objection(Exception):
    """A code was not taken; `key` is one of the texts' section "bill_refusal"."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def bank_of(request: Request) -> Dialect:
    dialect = dialects().get(request.path_params["bank"])
    if dialect is None:
        raise HTTPException(404)
    return dialect


def merchants_of(world: World, dialect: Dialect) -> list[Merchant]:
    return [merchant for (code, _), merchant in world.merchants.items() if code == dialect.code]


def merchant_of(world: World, dialect: Dialect, merchant_code: str) -> Merchant | None:
    return world.merchant(dialect.code, merchant_code) if merchant_code else world.first_merchant(dialect.code)


async def named(request: Request, world: World, dialect: Dialect, form: dict[str, str], channel: Channel) -> Payment:
    """The payment that waits for the code in the form, the connector having been asked. Raises Objection."""
    code, merchant = form.get("bill_code", "").strip(), merchant_of(world, dialect, form.get("merchant_code", ""))
    if merchant is None:
        raise Objection("no_merchant")
    if not 0 < len(code) <= CODE_CHARACTERS_MAX or not code.isprintable():
        raise Objection("bad_code")
    courier = office_of(request).courier
    try:
        return await name_code(courier, world, dialect, merchant, code, channel, amount_of(form))
    except (NotDone, Refusal) as error:
        key = refused(error)
        raise Objection(key if texts_of(request).has(f"bill_refusal.{key}") else "other") from error


def amount_of(form: dict[str, str]) -> int | None:
    """A whole number of dong above zero; None for anything else."""
    given = form.get("amount_vnd", "").replace(".", "").strip()
    digits = given.isascii() and given.isdigit() and len(given) <= AMOUNT_DIGITS_MAX
    return int(given) if digits and int(given) > 0 else None
