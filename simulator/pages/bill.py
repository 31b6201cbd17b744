"""The page where a payer names a bill code: at a counter, at a terminal, in Internet Banking or the bank's app."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.banks import dialects
from simulator.dialect import Dialect
from simulator.pages.counter import has_counter
from simulator.pages.frame import office_of, page, posted, see, texts_of, world_of
from simulator.pages.mobile import has_app
from simulator.pages.terminal import has_terminal
from simulator.payment import Channel, Merchant, Refusal
from simulator.world import World

CODE_CHARACTERS_MAX = 300


PLACES = {
    Channel.COUNTER: ("counter", has_counter),
    Channel.POS: ("terminal", has_terminal),
    Channel.MOBILE: ("app", has_app),
}
"""Channels that have a page of their own."""


async def ask(request: Request) -> Response:
    world, dialect = await world_of(request), _collector(request)
    for channel, (place, has_place) in PLACES.items():
        if request.query_params.get("channel") == channel and has_place(dialect):
            return see(f"{world.prefix}/{place}/{dialect.code}", request)
    return _form(request, world, dialect, {})


async def look_up(request: Request) -> Response:
    """Asks the connector what is owed, then goes on to the payment."""
    world, dialect, form = await world_of(request), _collector(request), await posted(request)
    bill_code, channel = form.get("bill_code", "").strip(), form.get("channel", "")
    merchant = _merchant(world, dialect, form.get("merchant_code", ""))
    objection = _objection(dialect, merchant, bill_code, channel)
    if objection or merchant is None:
        return _form(request, world, dialect, form, objection)
    try:
        payment = await office_of(request).courier.inquire(world, dialect, merchant, bill_code, Channel(channel))
    except Refusal as refusal:
        known = texts_of(request).has(f"bill_refusal.{refusal.reason}")
        return _form(request, world, dialect, form, refusal.reason if known else "other")
    return see(f"{world.prefix}/pay/{payment.payment_id}")


def _collector(request: Request) -> Dialect:
    dialect = dialects().get(request.path_params["bank"])
    if dialect is None or dialect.inquiry is None:
        raise HTTPException(404)
    return dialect


def _merchant(world: World, dialect: Dialect, merchant_code: str) -> Merchant | None:
    return world.merchant(dialect.code, merchant_code) if merchant_code else world.first_merchant(dialect.code)


def _objection(dialect: Dialect, merchant: Merchant | None, bill_code: str, channel: str) -> str:
    """A key of the texts' section "bill_refusal"; "" if the connector may be asked."""
    checks = (
        (merchant is None, "no_merchant"),
        (channel not in dialect.channels, "channel_not_offered"),
        (not 0 < len(bill_code) <= CODE_CHARACTERS_MAX or not bill_code.isprintable(), "bad_code"),
        (merchant is not None and not merchant.inquiry_url, "no_address"),
    )
    return next((key for holds, key in checks if holds), "")


def _form(request: Request, world: World, dialect: Dialect, form: dict[str, str], refused: str = "") -> Response:
    merchants = [merchant for (code, _), merchant in world.merchants.items() if code == dialect.code]
    return page(
        request,
        "bill",
        status=422 if refused else 200,
        dialect=dialect,
        merchants=merchants,
        action=f"{world.prefix}/bill/{dialect.code}",
        form=form,
        refused=refused,
    )
