"""payOS: a payment link and its code are made there, a webhook tells of transfers, links are asked about, cancelled."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect
from conformance.targets.portal.hearing import acknowledged, hear, json_body_of, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import payos
from conformance.targets.portal.protocols.payos import BANK, PayosContract


def _contract(portal: Portal) -> PayosContract:
    return portal.contract(BANK, PayosContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    contract, settings = _contract(portal), portal.settings
    message = payos.create_request(contract, attempt, dossier.bill_code, f"{settings.public_url}/return/{BANK}")
    answer = await portal.line.post(f"{settings.bank_url}{payos.LINKS_PATH}", message, contract.headers)
    url, payload = payos.read_created(contract, attempt, answer)
    if attempt.method == "qr":
        return Checkout(kind="qr", order_ref=attempt.order_ref, payload=payload)
    return Checkout(kind="redirect", order_ref=attempt.order_ref, url=url)


async def _hear_webhook(portal: Portal, request: Request) -> Response:
    body, contract, flaws = await json_body_of(portal, request), _contract(portal), portal.flaws
    effect, hint = await hear(portal, BANK, lambda: payos.read_webhook(contract, body, flaws))
    status, content = payos.acknowledge(told(portal, effect), hint)
    return acknowledged(portal, effect, JSONResponse(content, status))


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws = _contract(portal), portal.flaws
    answer = await portal.line.get(_link_url(portal, attempt), contract.headers)
    return payos.read_link(contract, attempt, answer, flaws)


async def _withdraw(portal: Portal, attempt: Attempt) -> None:
    """What became of it is asked for as of any order."""
    message = payos.cancel_request("Ho so da huy")
    await portal.line.post(f"{_link_url(portal, attempt)}/cancel", message, _contract(portal).headers)


def _link_url(portal: Portal, attempt: Attempt) -> str:
    return f"{portal.settings.bank_url}{payos.LINKS_PATH}/{attempt.order_ref}"


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """Nobody signs it, so it is only a hint at an order."""
    parameters = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = parameters["status"]
    order_ref, paid = payos.returned_order(parameters)
    return Claim(BANK, order_ref, paid) if order_ref else None


COUNTERPART = Counterpart(
    bank=BANK,
    contract=PayosContract,
    methods=payos.METHODS,
    offered=("redirect", "qr"),
    start=_start,
    hears={("POST", ""): _hear_webhook},
    # Any 2xx would tell payOS that all is well.
    apology=lambda portal: JSONResponse(*payos.acknowledge(Effect.BROKEN, "")[::-1]),
    ask=_ask,
    withdraw=_withdraw,
    returned=_returned,
    order_ref=payos.new_order,
    known_late=True,
)
