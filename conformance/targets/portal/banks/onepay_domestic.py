"""OnePay for domestic cards and accounts: the browser is sent there, a callback comes back, queryDR answers."""

from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.hearing import acknowledged, body_of, hear, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import onepay_domestic as onepay
from conformance.targets.portal.protocols.onepay_domestic import BANK, OnepayContract


def _contract(portal: Portal) -> OnepayContract:
    return portal.contract(BANK, OnepayContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    settings = portal.settings
    url = onepay.pay_url(
        _contract(portal),
        attempt,
        bank_url=settings.bank_url,
        return_url=f"{settings.public_url}/return/{BANK}",
        dossier_url=f"{settings.public_url}/dossiers/{quote(dossier.dossier_code, safe='')}",
        description=f"Hồ sơ {dossier.dossier_code}",
        locale=payer.locale,
        flaws=portal.flaws,
    )
    return Checkout(kind="redirect", order_ref=attempt.order_ref, url=url)


async def _hear(portal: Portal, request: Request) -> Response:
    """By GET or POST, as the contract has it: the fields are the same."""
    said = await body_of(request) if request.method == "POST" else request.scope["query_string"]
    contract, flaws = _contract(portal), portal.flaws
    effect, hint = await hear(portal, BANK, lambda: onepay.read_callback(contract, said, flaws))
    return acknowledged(portal, effect, PlainTextResponse(onepay.acknowledge(told(portal, effect), hint)))


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws = _contract(portal), portal.flaws
    url = f"{portal.settings.bank_url}{onepay.QUERY_PATH}"
    answer = await portal.line.post_form(url, onepay.query_request(contract, attempt))
    return onepay.read_query(contract, attempt, answer, flaws)


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """None unless OnePay signed it."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = dict(parse_qsl(query.decode()))["vpc_Locale"]
    trusting = Flaw.FORGED_RETURN_SETTLES in portal.flaws
    flaws = portal.flaws | {Flaw.SIGNATURE_NOT_CHECKED} if trusting else portal.flaws
    try:
        word = onepay.read_callback(_contract(portal), query, flaws)
    except Rejected:
        return None
    return Claim(BANK, word.order_ref, word.outcome is Outcome.PAID)


COUNTERPART = Counterpart(
    bank=BANK,
    contract=OnepayContract,
    methods=onepay.METHODS,
    offered=("redirect",),
    start=_start,
    hears={("GET", ""): _hear, ("POST", ""): _hear},
    apology=lambda portal: PlainTextResponse(onepay.acknowledge(Effect.BROKEN, "")),
    ask=_ask,
    returned=_returned,
)
