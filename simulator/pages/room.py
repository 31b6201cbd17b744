"""The control room: what each sandbox holds, read-only; whatever changes something is in the control API.

Rule: nothing secret is shown, and everything that came from outside is shown as text.
"""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from simulator.bank import UnknownPayment
from simulator.banks import dialects
from simulator.pages.bill import PLACES
from simulator.pages.frame import Office, office_of, page, posted, problem_page, see, world_of
from simulator.store import ById, Exchange
from simulator.wire import Headers
from simulator.world import DEFAULT

ROWS = 50
EXCHANGES = 25
SHOWN_BYTES_MAX = 8 * 1024

TOKEN_COOKIE = "banksim_token"


@dataclass(frozen=True, slots=True)
class Text:
    """A body as a reader sees it: pairs for forms, else indented text. `cut` bytes are left out."""

    pairs: tuple[tuple[str, str], ...] = ()
    text: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """One exchange, made readable."""

    exchange_id: int
    exchange: Exchange
    address: str
    parameters: tuple[tuple[str, str], ...]
    request: Text
    response: Text


async def sandboxes(request: Request) -> Response:
    office = office_of(request)
    if (refused := _refused(request, office)) is not None:
        return refused
    worlds = await office.worlds.all()
    rows = [(world, await world.now(), await world.store.totals(world.name)) for world in worlds]
    return page(request, "room", rows=rows, dialects=dialects().values(), default=DEFAULT)


async def sandbox(request: Request) -> Response:
    """One sandbox: totals, clock, merchants, faults, and its newest payments."""
    if (refused := _refused(request, office_of(request))) is not None:
        return refused
    world = await world_of(request)
    order_ref, offset = request.query_params.get("order_ref", "")[:200], _number(request, "offset")
    payments = await world.store.payments(world.name, order_ref=order_ref, limit=ROWS + 1, offset=offset)
    return page(
        request,
        "sandbox",
        world=world,
        now=await world.now(),
        totals=await world.store.totals(world.name),
        stored=await world.store.sandbox(world.name),
        payments=payments[:ROWS],
        earlier=max(offset - ROWS, 0) if offset else None,
        later=offset + ROWS if len(payments) > ROWS else None,
        order_ref=order_ref,
        collectors=[dialect for dialect in dialects().values() if dialect.inquiry],
        places=[
            (channel, place, dialect)
            for channel, (place, has_place) in PLACES.items()
            for dialect in dialects().values()
            if has_place(dialect)
        ],
    )


async def payment(request: Request) -> Response:
    """One payment with its callbacks, its money and all that was said about it."""
    if (refused := _refused(request, office_of(request))) is not None:
        return refused
    world, payment_id = await world_of(request), request.path_params["payment_id"]
    found = await world.store.payment(world.name, ById(payment_id))
    if found is None:
        raise UnknownPayment(payment_id)
    exchanges = await world.store.exchanges(world.name, payment_id=payment_id, limit=100)
    return page(
        request,
        "one_payment",
        world=world,
        shown=found,
        deliveries=await world.store.deliveries(world.name, payment_id=payment_id),
        ledger=await world.store.ledger(world.name, payment_id=payment_id),
        exchanges=[spoken(number, exchange) for number, exchange in exchanges],
        return_url=_without_query(found.order.return_url),
    )


async def deliveries(request: Request) -> Response:
    if (refused := _refused(request, office_of(request))) is not None:
        return refused
    world, offset = await world_of(request), _number(request, "offset")
    found = await world.store.deliveries(world.name, limit=ROWS + 1, offset=offset)
    return page(
        request,
        "deliveries",
        world=world,
        deliveries=found[:ROWS],
        earlier=max(offset - ROWS, 0) if offset else None,
        later=offset + ROWS if len(found) > ROWS else None,
    )


async def journal(request: Request) -> Response:
    """All exchanges, in the order they happened."""
    if (refused := _refused(request, office_of(request))) is not None:
        return refused
    world, after_id = await world_of(request), _number(request, "after_id")
    found = await world.store.exchanges(world.name, after_id=after_id, limit=EXCHANGES + 1)
    shown = [spoken(number, exchange) for number, exchange in found[:EXCHANGES]]
    later = shown[-1].exchange_id if len(found) > EXCHANGES else None
    return page(request, "journal", world=world, exchanges=shown, after_id=after_id, later=later)


async def give_token(request: Request) -> Response:
    """Keeps the token for this browser, if it is the right one."""
    token = (await posted(request)).get("token", "").strip()
    if not token.isascii() or _objection(request, office_of(request), token) is not None:
        return page(request, "token", status=401, wrong=True)
    response = see("/")
    response.set_cookie(TOKEN_COOKIE, token, httponly=True, samesite="strict")
    return response


def spoken(exchange_id: int, exchange: Exchange) -> Spoken:
    parts = urlsplit(exchange.url)
    address = exchange.url.partition("?")[0]
    return Spoken(
        exchange_id,
        exchange,
        address,
        tuple(parse_qsl(parts.query, keep_blank_values=True)),
        _readable(exchange.request_body, exchange.request_headers),
        _readable(exchange.response_body, exchange.response_headers),
    )


def _readable(body: bytes, headers: Headers) -> Text:
    """JSON indented, a form as pairs, other text as it is, and bytes that are no text as hex digits."""
    cut = max(len(body) - SHOWN_BYTES_MAX, 0)
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return Text(text=body[:SHOWN_BYTES_MAX].hex(" ", 4), cut=cut)
    if cut:
        return Text(text=text[:SHOWN_BYTES_MAX], cut=cut)
    if "form-urlencoded" in kind:
        return Text(pairs=tuple(parse_qsl(text, keep_blank_values=True)))
    try:
        return Text(text=json.dumps(json.loads(text), ensure_ascii=False, indent=2))
    except (ValueError, RecursionError):
        return Text(text=text)


def _refused(request: Request, office: Office) -> Response | None:
    """The answer to a caller who may not look; None for one who may."""
    objection = _objection(request, office, request.cookies.get(TOKEN_COOKIE, ""))
    if objection is None:
        return None
    if objection[0] == 401:
        return page(request, "token", status=401, wrong=False)
    return problem_page(request, "not_here", objection[0])


def _objection(request: Request, office: Office, token: str) -> tuple[int, str] | None:
    host, origin = request.headers.get("host", ""), request.headers.get("origin", "")
    return office.objection(request.method, host, origin, f"Bearer {token}")


def _number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


def _without_query(url: str) -> str:
    return url.partition("?")[0]
