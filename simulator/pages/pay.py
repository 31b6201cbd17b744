"""The pages on which a payer pays: choose, log in or give a card, one-time password, QR code, result, and back.

Rule: a form changes the payment by one function of `payer` and answers 303; what is shown is read from the payment.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from simulator import accounts, bank, payer, qr
from simulator.banks import dialects
from simulator.dialect import Dialect
from simulator.maintenance import ends_at
from simulator.pages import captcha
from simulator.pages.frame import HEADERS, page, posted, posting_to, see, texts_of, world_of
from simulator.payer import Change, Problem, Stage
from simulator.payment import TRANSITIONS, Channel, Event, Merchant, Payment
from simulator.store import ById
from simulator.world import World

CODE_MAX = 60
"""Characters of an error code that are looked at."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at one payment."""

    world: World
    payment: Payment
    dialect: Dialect
    merchant: Merchant | None
    now: datetime

    @property
    def url(self) -> str:
        """The payer's page without the host, so that it works behind any name of this server."""
        return f"{self.world.prefix}/pay/{self.payment.payment_id}"

    @property
    def stage(self) -> Stage:
        return payer.stage(self.payment, self.now)

    @property
    def of_a_bill(self) -> bool:
        """The bank asked for it; an order that a connector made carries the connector's own time."""
        return self.dialect.inquiry is not None and self.payment.order.ordered_at is None

    @property
    def merchant_name(self) -> str:
        return self.merchant.name if self.merchant else self.payment.merchant_code

    @property
    def expired(self) -> bool:
        return payer.expired(self.payment, self.now)

    @property
    def seconds_left(self) -> int | None:
        expires_at = self.payment.order.expires_at
        return None if expires_at is None else max(int((expires_at - self.now).total_seconds()), 0)

    @property
    def tries_left(self) -> int:
        return payer.tries_left(self.payment)

    @property
    def issuer_name(self) -> str:
        """The bank at which the payer logs in."""
        issuer = payer.issuers().get(self.payment.issuer_code)
        return issuer.name if issuer else self.payment.issuer_code or self.dialect.name

    @property
    def closed_until(self) -> datetime | None:
        """When the payer's bank lets people log in again; None while it does, or where nobody logs in."""
        if self.payment.channel not in (Channel.INTERNET_BANKING, Channel.MOBILE):
            return None
        return ends_at(self.world.sandbox.maintenance, self.now)

    @property
    def session_over(self) -> bool:
        return payer.session_over(self.payment, self.now)

    @property
    def amount_is_free(self) -> bool:
        """Whether the code is a transfer to an account, where a payer may send another amount than it says."""
        return self.stage is Stage.QR and qr.parse(qr_text(self)).service in qr.TRANSFERS

    @property
    def may_pay_late(self) -> bool:
        ended = (self.payment.state, Event.APPROVE_LATE) in TRANSITIONS
        return ended and self.payment.channel is Channel.QR and qr.parse(qr_text(self)).service in qr.TRANSFERS

    @property
    def steps(self) -> tuple[str, ...]:
        """The way through the pages on the chosen channel, as keys of the texts' section "steps"."""
        first = "bill" if self.of_a_bill else "choose"
        middle = _STEPS.get(self.payment.channel, ("login", "otp")) if self.payment.channel else ("login", "otp")
        face = ("biometrics",) if self.stage is Stage.BIOMETRICS else ()
        return (first, *middle, *face, "done")


_STEPS = {
    Channel.QR: ("qr",),
    Channel.CARD: ("card", "otp"),
    Channel.COUNTER: ("confirm",),
    Channel.POS: ("confirm",),
}


async def visit(request: Request) -> Visit:
    """Raises UnknownSandbox, UnknownPayment."""
    world = await world_of(request)
    payment_id = request.path_params["payment_id"]
    payment = await world.store.payment(world.name, ById(payment_id))
    if payment is None:
        raise bank.UnknownPayment(payment_id)
    return await look_at(world, payment)


async def look_at(world: World, payment: Payment) -> Visit:
    merchant = world.merchant(payment.bank, payment.merchant_code)
    return Visit(world, payment, dialects()[payment.bank], merchant, await world.now())


# --- what is shown ---------------------------------------------------------------------------------------------------


async def show(request: Request) -> Response:
    """The step that the payment waits for; its result, if it waits for none. Counter and terminal have pages of their
    own."""
    here = await visit(request)
    if here.stage is Stage.DONE:
        return see(f"{here.url}/result", request)
    if here.stage is Stage.CHALLENGE:
        problem = problem_of(request)
        return see(f"{here.url}/challenge?problem={problem}" if problem else f"{here.url}/challenge", request)
    template, values = await _TEMPLATES[here.stage](here, request.query_params)
    return page(
        request, template, payment=here.payment, visit=here, problem=problem_of(request), current=here.stage, **values
    )


async def result(request: Request) -> Response:
    here = await visit(request)
    if here.stage is not Stage.DONE:
        return see(here.url, request)
    shown = "expired" if here.expired and here.payment.state == "pending" else here.payment.state.value
    goes_back = here.merchant is not None and bool(here.dialect.return_url(here.payment, here.merchant))
    return page(request, "result", payment=here.payment, visit=here, shown=shown, goes_back=goes_back, current="done")


async def phone(request: Request) -> Response:
    """The simulated phone that scans the code."""
    here = await visit(request)
    listed = payer.accounts().values()
    return page(request, "phone", payment=here.payment, visit=here, accounts=listed, current="qr")


async def go_back(request: Request) -> Response:
    """The payer's browser returns to the merchant; callbacks that waited for this are let go."""
    here = await visit(request)
    if here.stage is not Stage.DONE:
        return see(here.url)
    url, fields = await bank.way_back(here.world, here.payment.payment_id)
    if url and fields:
        shown = page(request, "return", payment=here.payment, visit=here, current="done", url=url, fields=fields)
        shown.headers.update(posting_to(url))
        return shown
    return RedirectResponse(url, 302, HEADERS) if url else see(f"{here.url}/result")


def error_of(dialect: Dialect) -> Callable[[Request], Awaitable[Response]]:
    """The bank's own page for a code that it sends the browser away with."""

    async def error(request: Request) -> Response:
        await world_of(request)
        assert dialect.error_page is not None, "routes are made for banks that have one"
        code = request.query_params.get(dialect.error_page.parameter, "")[:CODE_MAX]
        texts = texts_of(request)
        vietnamese, english = dialect.error_page.texts.get(code, ("", ""))
        sentence = (english if texts.code == "en" else vietnamese) or texts("error.unknown_code")
        return page(request, "error", sentence=sentence, code=code, brand=dialect.name)

    return error


Shown = tuple[str, Mapping[str, Any]]
Asked = Mapping[str, str]


async def _choose(here: Visit, asked: Asked) -> Shown:
    wanted = here.payment.order.channel
    channels = here.dialect.channels if wanted is None else (wanted,)
    offered = list(payer.issuers().values()) if payer.chooses_issuer(here.dialect) else []
    popular = [issuer for issuer in offered if issuer.popular]
    others = [issuer for issuer in offered if not issuer.popular]
    return "choose", {"channels": channels, "popular": popular, "others": others}


async def _log_in(here: Visit, asked: Asked) -> Shown:
    return "login", {
        "accounts": await accounts.kept_in(here.world),
        "may_choose_again": _may_choose_again(here),
        "idle_minutes": int(payer.SESSION_IDLE.total_seconds()) // 60,
        "captcha": captcha.drawn(here.world, here.payment, asked) if here.dialect.captcha else None,
    }


async def _card(here: Visit, asked: Asked) -> Shown:
    return "card", {"cards": payer.cards().values(), "may_choose_again": _may_choose_again(here)}


def _may_choose_again(here: Visit) -> bool:
    return payer.may_choose_again(here.payment, here.now)


async def _otp(here: Visit, asked: Asked) -> Shown:
    return "otp", {"test_otp": payer.test_otp(here.payment), "kept": await _kept(here)}


async def _biometrics(here: Visit, asked: Asked) -> Shown:
    return "biometrics", {"kept": await _kept(here)}


async def _kept(here: Visit) -> accounts.Kept | None:
    """The payer's account; None for a card."""
    number = here.payment.payer_account
    if payer.account_of(number) is None:
        return None
    return next(each for each in await accounts.kept_in(here.world) if each.account.number == number)


async def _qr(here: Visit, asked: Asked) -> Shown:
    text = qr_text(here)
    return "qr", {"text": text, "picture": picture(text), "may_choose_again": _may_choose_again(here)}


_TEMPLATES: Mapping[Stage, Callable[[Visit, Asked], Awaitable[Shown]]] = {
    Stage.CHOOSE: _choose,
    Stage.LOGIN: _log_in,
    Stage.CARD: _card,
    Stage.OTP: _otp,
    Stage.BIOMETRICS: _biometrics,
    Stage.QR: _qr,
}


def qr_text(here: Visit) -> str:
    """The code that the bank shows for this payment."""
    return payer.text_of(here.payment, here.dialect, here.merchant)


def picture(text: str) -> str:
    """The code as SVG that scales with the page; there is nothing in it but paths."""
    drawn: str = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=2, svgclass="qr-code")
    return drawn


def problem_of(request: Request) -> Problem | None:
    given = request.query_params.get("problem", "")
    return Problem(given) if given in list(Problem) else None


# --- what a payer does -----------------------------------------------------------------------------------------------


async def choose(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    channel, issuer_code = form.get("channel", ""), form.get("issuer", "")
    problem = payer.choice_problem(here.dialect, channel, issuer_code)
    if problem is not None:
        return _again(here, problem)
    return await stepped(here, payer.choose(Channel(channel), issuer_code))


async def choose_again(request: Request) -> Response:
    return await stepped(await visit(request), payer.choose_again())


async def scan(request: Request) -> Response:
    """The phone pays the amount of the code, or the one that the payer typed where the code leaves it to him."""
    here, form = await visit(request), await posted(request)
    amount = form.get("amount_vnd", "")
    given = int(amount) if here.amount_is_free and amount.isascii() and amount.isdigit() and len(amount) < 10 else None
    return await stepped(here, payer.scan(form.get("username", ""), given))


async def pay_late(request: Request) -> Response:
    """The order has ended, but its code is a transfer that any bank carries out."""
    here = await visit(request)
    if here.may_pay_late:
        await bank.act(here.world, here.payment.payment_id, Event.APPROVE_LATE)
    return see(here.url)


async def cancel(request: Request) -> Response:
    return await stepped(await visit(request), payer.cancel())


async def stepped(here: Visit, change: Change, unless: Mapping[Stage, Problem] | None = None) -> Response:
    """Makes the change, then shows the next step; `unless` = staying at that stage means that problem."""
    payment = await bank.progress(here.world, here.payment.payment_id, change)
    after = await look_at(here.world, payment)
    problem = (unless or {}).get(after.stage)
    return _again(after, problem) if problem else see(after.url)


def _again(here: Visit, problem: Problem) -> Response:
    return see(f"{here.url}?problem={problem}")


def tries_seen(form: Mapping[str, str]) -> int | None:
    given = form.get("tries", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 else None
