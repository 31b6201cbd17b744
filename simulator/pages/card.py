"""What a payer with a card sees: the card's form, the issuer's own page of 3-D Secure, and the list of test cards.

Rule: a number that is no test card is refused at once; it is neither shown again nor put into an address.
"""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from simulator import payer
from simulator.cards import CardScheme, scheme_of
from simulator.pages.frame import page, posted, see, world_of
from simulator.pages.pay import problem_of, stepped, tries_seen, visit
from simulator.payer import Card, Problem, Stage
from simulator.sources import sources

PROGRAMS = {
    CardScheme.VISA: "Visa Secure",
    CardScheme.MASTERCARD: "Mastercard Identity Check",
    CardScheme.JCB: "J/Secure",
    CardScheme.AMEX: "American Express SafeKey",
    CardScheme.UNIONPAY: "UnionPay 3DS",
}
"""What the schemes call 3-D Secure."""


async def give(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    names = ("card_number", "card_holder", "card_date", "card_cvc")
    number, holder, date, cvc = (form.get(name, "") for name in names)
    luhn = payer.checks_luhn(here.merchant)
    change = payer.give_card(number, holder, date, cvc, tries_seen(form), luhn=luhn)
    problem = payer.number_problem(number, luhn=luhn) or Problem.WRONG_CARD
    return await stepped(here, change, unless={Stage.CARD: problem})


async def challenge(request: Request) -> Response:
    """The page of the card's issuer, which is no page of the gateway."""
    here = await visit(request)
    if here.stage is not Stage.CHALLENGE:
        return see(here.url, request)
    return page(
        request,
        "challenge",
        payment=here.payment,
        visit=here,
        problem=problem_of(request),
        current=Stage.CHALLENGE,
        program=_program(here.payment.payer_account),
        silent=payer.silent(here.payment),
        test_otp=payer.test_otp(here.payment),
    )


async def answer_challenge(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    change = payer.answer_challenge(form.get("otp", ""), tries_seen(form))
    problem = Problem.EXPIRED_OTP if payer.otp_expired(here.payment, here.now) else Problem.WRONG_OTP
    return await stepped(here, change, unless={Stage.CHALLENGE: problem})


async def refuse_challenge(request: Request) -> Response:
    return await stepped(await visit(request), payer.refuse_challenge())


async def listing(request: Request) -> Response:
    """All test cards and the passwords that choose an outcome."""
    world = await world_of(request)
    groups = (
        ("domestic", "date_domestic", _sorted(domestic=True)),
        ("international", "date_international", _sorted(domestic=False)),
    )
    return page(
        request,
        "cards",
        world=world,
        groups=groups,
        otps=payer.outcome_otps().values(),
        sources=sources(),
        breaks_luhn=payer.breaks_luhn(),
    )


def _sorted(*, domestic: bool) -> Iterable[Card]:
    """Published ones first, in the order of the fixture."""
    chosen = [card for card in payer.cards().values() if card.domestic is domestic]
    return sorted(chosen, key=lambda card: card.source == "assumed")


def _program(kept: str) -> str:
    """What the scheme of a masked number calls 3-D Secure."""
    scheme = scheme_of(kept.replace("*", "0"))
    return next((name for known, name in PROGRAMS.items() if known is scheme), "3-D Secure")
