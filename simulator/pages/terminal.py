"""A payment terminal: name a code, insert a card or show a QR code, tear off the slip, and close the day's batch.

Rule: what the screen says follows from the payment and its slip; every button works without JavaScript.
"""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator import payer
from simulator import terminal as wire
from simulator.dialect import Dialect
from simulator.pages.frame import page, posted, see, texts_of, world_of
from simulator.pages.naming import Objection, bank_of, merchant_of, merchants_of, named
from simulator.pages.pay import Visit, picture, qr_text, visit
from simulator.payer import Stage
from simulator.payment import TRANSITIONS, Channel, Event, IllegalEvent, Payment, State
from simulator.places import NotDone, Why, terminals
from simulator.places.terminals import Batch, Terminal
from simulator.terminal import ANSWERS, SALE_ANSWERS, Host, Sums
from simulator.world import World


def has_terminal(dialect: Dialect) -> bool:
    return terminals.channel_of(dialect) is not None


# --- a code ----------------------------------------------------------------------------------------------------------


async def idle(request: Request) -> Response:
    """The terminal waits for a code."""
    return await _idle(request, {})


async def name(request: Request) -> Response:
    """The code of a bill is asked for at the connector, the code of an order is looked up; then on to the payment."""
    world, dialect, form = await world_of(request), _bank_of(request), await posted(request)
    channel = terminals.channel_of(dialect)
    assert channel is not None, "a bank without a terminal was refused before"
    try:
        payment = await named(request, world, dialect, form, channel)
        if channel is Channel.QR:
            await terminals.show_qr(terminals.terminal_of(world, dialect, payment), payment)
    except Objection as objection:
        return await _idle(request, form, objection.key)
    except NotDone:
        return await _idle(request, form, Why.UNKNOWN_ORDER)
    return see(f"{world.prefix}/pay/{payment.payment_id}")


async def _idle(request: Request, form: dict[str, str], refused: str = "") -> Response:
    world, dialect = await world_of(request), _bank_of(request)
    it = _terminal(world, dialect, form or dict(request.query_params))
    return page(
        request,
        "terminal",
        status=422 if refused else 200,
        dialect=dialect,
        merchants=merchants_of(world, dialect),
        terminal_id=it.terminal_id if it else "",
        batch=await terminals.batch_number(it) if it else 1,
        sales=[_line(sale) for sale in await terminals.recent(it)] if it else [],
        now=await world.now(),
        url=f"{world.prefix}/terminal/{dialect.code}",
        prefix=world.prefix,
        form=form,
        refused=refused,
    )


def _line(sale: Payment) -> dict[str, object]:
    return {"payment": sale, "slip": wire.of_terminal(sale), "code": wire.code_in_time(sale)}


def _bank_of(request: Request) -> Dialect:
    dialect = bank_of(request)
    if not has_terminal(dialect):
        raise HTTPException(404)
    return dialect


def _terminal(world: World, dialect: Dialect, form: dict[str, str]) -> Terminal | None:
    """The terminal of the merchant that the form names; None if there is no merchant."""
    merchant = merchant_of(world, dialect, form.get("merchant_code", ""))
    return terminals.usual_terminal(world, dialect, merchant) if merchant else None


# --- a sale ----------------------------------------------------------------------------------------------------------


def waiting(request: Request, here: Visit) -> Response:
    """The amount is shown; a card is awaited, or a phone that scans the code."""
    refused = request.query_params.get("refused", "")
    shows_qr = here.stage is Stage.QR
    text = qr_text(here) if shows_qr else ""
    return page(
        request,
        "pos_qr" if shows_qr else "pos",
        payment=here.payment,
        visit=here,
        current=here.stage,
        cards=payer.cards().values(),
        hosts=tuple(Host),
        codes=[(code, answer_text(request, code)) for code in SALE_ANSWERS],
        refused=refused if refused in list(Why) else "",
        home=_home(here),
        text=text,
        picture=picture(text) if text else "",
    )


async def insert(here: Visit, form: dict[str, str]) -> Response:
    """Reads the card; `host` says how the host is to answer."""
    host = form.get("host", "")
    wanted: Host | str = Host(host) if host in list(Host) else host if host in SALE_ANSWERS else ""
    try:
        it = terminals.terminal_of(here.world, here.dialect, here.payment)
        await terminals.sell(it, here.payment, form.get("card_number", ""), wanted)
    except NotDone as error:
        return see(f"{here.url}?refused={error.why}")
    return see(here.url)


async def show_qr(request: Request) -> Response:
    return await _done(request, terminals.show_qr)


async def void(request: Request) -> Response:
    return await _done(request, terminals.void)


async def answer_late(request: Request) -> Response:
    return await _done(request, terminals.late_answer)


async def repeat_reversal(request: Request) -> Response:
    return await _done(request, terminals.repeat_reversal)


async def _done(request: Request, act: Callable[[Terminal, Payment], Awaitable[Payment]]) -> Response:
    here = await visit(request)
    try:
        await act(terminals.terminal_of(here.world, here.dialect, here.payment), here.payment)
    except NotDone as error:
        return see(f"{here.url}?refused={error.why}" if here.stage is not Stage.DONE else f"{here.url}/result")
    except IllegalEvent:
        return see(f"{here.url}/result")
    return see(here.url)


def slip(request: Request, here: Visit) -> Response:
    """What the terminal prints, and what was said to get there."""
    kept, code = wire.of_terminal(here.payment), wire.code_in_time(here.payment)
    approval_may_come = here.payment.state is State.PENDING or (here.payment.state, Event.APPROVE_LATE) in TRANSITIONS
    return page(
        request,
        "terminal_slip",
        payment=here.payment,
        visit=here,
        current="done",
        shown=here.payment.state.value,
        slip=kept,
        code=code,
        code_text=answer_text(request, code) if code else "",
        reference=wire.retrieval_reference(kept.sent_at, kept.stan),
        said=wire.messages(here.payment),
        may_void=payer.may_void(here.payment, here.now),
        gave_up=bool(kept.reversals),
        may_answer_late=bool(kept.reversals) and (bool(kept.reversal_code) or approval_may_come),
        may_reverse=bool(kept.reversals) and not kept.reversal_code,
        goes_back=here.merchant is not None and bool(here.dialect.return_url(here.payment, here.merchant)),
        home=_home(here),
    )


def _home(here: Visit) -> str:
    return f"{here.world.prefix}/terminal/{here.dialect.code}" if has_terminal(here.dialect) else ""


def answer_text(request: Request, code: str) -> str:
    """What a DE39 means, in the reader's language."""
    vietnamese, english = ANSWERS[code]
    return english if texts_of(request).code == "en" else vietnamese


# --- the end of the day ----------------------------------------------------------------------------------------------


async def show_batch(request: Request) -> Response:
    world, dialect = await world_of(request), _bank_of(request)
    it = _terminal(world, dialect, dict(request.query_params))
    if it is None:
        raise HTTPException(404)
    return _batch(request, it, await terminals.open_batch(it))


async def close_batch(request: Request) -> Response:
    """Settles; totals that the tester typed are sent instead of the terminal's own."""
    world, dialect, form = await world_of(request), _bank_of(request), await posted(request)
    it = _terminal(world, dialect, form)
    if it is None:
        raise HTTPException(404)
    try:
        return _batch(request, it, await terminals.close_batch(it, _claimed(form)))
    except NotDone as error:
        return _batch(request, it, await terminals.open_batch(it), error.why)


def _claimed(form: dict[str, str]) -> Sums | None:
    given = {name: form.get(name, "").strip() for name in ("sales", "sales_vnd", "voids", "voids_vnd")}
    if not all(text.isascii() and text.isdigit() and len(text) <= 12 for text in given.values()):
        return None
    return Sums(**{name: int(text) for name, text in given.items()})


def _batch(request: Request, it: Terminal, batch: Batch, refused: str = "") -> Response:
    return page(
        request,
        "terminal_batch",
        status=422 if refused else 200,
        dialect=it.dialect,
        merchant=it.merchant,
        terminal_id=it.terminal_id,
        batch=batch,
        rows=(("sales", "sales_vnd"), ("voids", "voids_vnd")),
        url=f"{it.world.prefix}/terminal/{it.dialect.code}",
        prefix=it.world.prefix,
        refused=refused,
    )
