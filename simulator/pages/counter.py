"""A teller's window: inquiry, cash or account, slip, taking back, and correcting a code that was typed wrong."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator import payer
from simulator.dialect import Dialect
from simulator.holidays import days_off_of
from simulator.pages.frame import office_of, page, posted, see, texts_of, world_of
from simulator.pages.naming import Objection, bank_of, merchants_of, named
from simulator.pages.pay import Visit, visit
from simulator.payment import Channel, Payment, Refusal, State
from simulator.places import NotDone, Why, counters, refused
from simulator.places.counters import Teller, teller_of
from simulator.slip import PaidWith, TellerSlip
from simulator.store import ById
from simulator.workday import booking_date, cut_off_of
from simulator.world import World

SHOWN = 8
CODE_CHARACTERS_MAX = 300


def has_counter(dialect: Dialect) -> bool:
    return Channel.COUNTER in dialect.channels


async def window(request: Request) -> Response:
    """The teller waits for the next payer."""
    return await _window(request, {})


async def name(request: Request) -> Response:
    world, dialect, form = await world_of(request), _bank_of(request), await posted(request)
    try:
        payment = await named(request, world, dialect, form, Channel.COUNTER)
    except Objection as objection:
        return await _window(request, form, objection.key)
    teller = _teller(form)
    return see(f"{world.prefix}/pay/{payment.payment_id}?branch={teller.branch}&teller_id={teller.teller_id}")


async def _window(request: Request, form: dict[str, str], objection: str = "") -> Response:
    world, dialect = await world_of(request), _bank_of(request)
    now = await world.now()
    merchants = merchants_of(world, dialect)
    first = merchants[0] if merchants else None
    cut_off = cut_off_of(first)
    return page(
        request,
        "teller",
        status=422 if objection else 200,
        dialect=dialect,
        merchants=merchants,
        teller=_teller(form or dict(request.query_params)),
        now=now,
        cut_off=cut_off,
        booked_on=booking_date(now, cut_off, days_off_of(first)),
        names_amount=dialect.inquiry is None and not dialect.shape.connector_orders,
        visits=await counters.recent(world, dialect, SHOWN),
        url=f"{world.prefix}/counter/{dialect.code}",
        prefix=world.prefix,
        form=form,
        refused=objection,
    )


def _bank_of(request: Request) -> Dialect:
    dialect = bank_of(request)
    if not has_counter(dialect):
        raise HTTPException(404)
    return dialect


def _teller(form: dict[str, str]) -> Teller:
    return teller_of(form.get("branch", "").strip().upper(), form.get("teller_id", "").strip().upper())


# --- one visit -------------------------------------------------------------------------------------------------------


async def taking(request: Request, here: Visit) -> Response:
    """The bill lies on the counter: cash or account."""
    why = request.query_params.get("refused", "")
    cut_off = cut_off_of(here.merchant)
    return page(
        request,
        "counter",
        payment=here.payment,
        visit=here,
        current=here.stage,
        teller=_teller(dict(request.query_params)),
        cut_off=cut_off,
        booked_on=booking_date(here.now, cut_off, days_off_of(here.merchant)),
        accounts=payer.accounts().values(),
        besides=await counters.paid_besides(here.world, here.payment),
        refused=why if why in list(Why) else "",
    )


async def take(here: Visit, form: dict[str, str]) -> Response:
    paid_with = PaidWith.ACCOUNT if form.get("paid_with") == PaidWith.ACCOUNT else PaidWith.CASH
    try:
        await counters.take_money(here.world, here.payment, paid_with, form.get("username", ""), _teller(form))
    except NotDone as error:
        return see(f"{here.url}?refused={error.why}")
    return see(here.url)


async def slip(request: Request, here: Visit, objection: str = "", right_code: str = "") -> Response:
    """The slip, and what the teller can still do about it."""
    kept = here.payment.slip
    assert isinstance(kept, TellerSlip), "only a teller's payments come here"
    paid = here.payment.state is State.PAID
    return page(
        request,
        "teller_slip",
        status=422 if objection else 200,
        payment=here.payment,
        visit=here,
        current="done",
        shown=here.payment.state.value,
        slip=kept,
        corrects=await _other(here.world, kept.corrects),
        corrected_by=await _other(here.world, kept.corrected_by),
        besides=await counters.paid_besides(here.world, here.payment),
        may_take_back=payer.may_take_back(here.payment, here.now),
        may_correct=paid,
        tells_reversals=counters.tells_reversals(here.dialect),
        home=f"{here.world.prefix}/counter/{here.dialect.code}?branch={kept.branch}&teller_id={kept.teller_id}",
        refused=objection,
        right_code=right_code,
    )


async def _other(world: World, payment_id: str) -> Payment | None:
    return await world.store.payment(world.name, ById(payment_id)) if payment_id else None


async def take_back(request: Request) -> Response:
    here = await visit(request)
    try:
        await counters.take_back(here.world, here.payment)
    except NotDone as error:
        if isinstance(here.payment.slip, TellerSlip):
            return await slip(request, here, error.why)
    return see(f"{here.url}/result")


async def correct(request: Request) -> Response:
    """The code was wrong: the connector is asked for the right one, and the money moves there."""
    here, form = await visit(request), await posted(request)
    code = form.get("bill_code", "").strip()
    if not isinstance(here.payment.slip, TellerSlip):
        return see(here.url)
    if not 0 < len(code) <= CODE_CHARACTERS_MAX or not code.isprintable():
        return await slip(request, here, "bad_code", code)
    try:
        right = await counters.correct(office_of(request).courier, here.world, here.dialect, here.payment, code)
    except (NotDone, Refusal) as error:
        key = refused(error)
        return await slip(request, here, key if texts_of(request).has(f"bill_refusal.{key}") else "other", code)
    return see(f"{here.world.prefix}/pay/{right.payment_id}")
