"""The bank's app on a payer's phone: name a bill's code, see what is owed, then log in and confirm.

Rule: there is no log-in before the bill is found; anybody may look up what a code owes.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.dialect import Dialect
from simulator.pages.frame import page, posted, see, world_of
from simulator.pages.naming import Objection, bank_of, merchants_of, named
from simulator.payment import Channel


def has_app(dialect: Dialect) -> bool:
    """Whether the bank asks a connector for a bill that is named in its app."""
    return dialect.inquiry is not None and not dialect.shape.connector_orders and Channel.MOBILE in dialect.channels


async def ask(request: Request) -> Response:
    return await _form(request, {})


async def look_up(request: Request) -> Response:
    world, dialect, form = await world_of(request), _bank_of(request), await posted(request)
    try:
        payment = await named(request, world, dialect, form, Channel.MOBILE)
    except Objection as objection:
        return await _form(request, form, objection.key)
    return see(f"{world.prefix}/pay/{payment.payment_id}")


def _bank_of(request: Request) -> Dialect:
    dialect = bank_of(request)
    if not has_app(dialect):
        raise HTTPException(404)
    return dialect


async def _form(request: Request, form: dict[str, str], refused: str = "") -> Response:
    world, dialect = await world_of(request), _bank_of(request)
    return page(
        request,
        "app",
        status=422 if refused else 200,
        dialect=dialect,
        merchants=merchants_of(world, dialect),
        action=f"{world.prefix}/app/{dialect.code}",
        form=form,
        refused=refused,
    )
