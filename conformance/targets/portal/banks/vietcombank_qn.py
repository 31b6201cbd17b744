"""Vietcombank for Quảng Ninh: the browser is sent there, a callback comes back, the bank answers questions, refunds."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.entries import Refund
from conformance.targets.portal.hearing import answer, body_of, hear, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import vietcombank_qn
from conformance.targets.portal.protocols.fields import Fields
from conformance.targets.portal.protocols.vietcombank_qn import BANK, VietcombankQnContract
from conformance.targets.portal.references import request_number


def _contract(portal: Portal) -> VietcombankQnContract:
    return portal.contract(BANK, VietcombankQnContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    url = vietcombank_qn.pay_url(
        _contract(portal),
        attempt,
        bank_url=portal.settings.bank_url,
        return_url=f"{portal.settings.public_url}/return/{BANK}",
        description=f"Lệ phí hồ sơ {dossier.dossier_code}",
        locale=payer.locale,
        flaws=portal.flaws,
    )
    return Checkout(kind="redirect", order_ref=attempt.order_ref, url=url)


async def _hear(portal: Portal, request: Request) -> Response:
    body = await body_of(request)
    contract, flaws = _contract(portal), portal.flaws
    context: Fields = {}

    def read() -> BankWord:
        nonlocal context
        message = vietcombank_qn.read_callback(contract, body, flaws)
        context = message.context
        return vietcombank_qn.word(contract, message.payload, flaws)

    effect, hint = await hear(portal, BANK, read)
    said = vietcombank_qn.acknowledge(contract, context, told(portal, effect), request_number(), hint)
    return answer(portal, effect, said)


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws = _contract(portal), portal.flaws
    number = vietcombank_qn.query_number(attempt, request_number(), flaws)
    message = vietcombank_qn.query_request(contract, attempt, number, portal.clock())
    found = await portal.line.post(f"{portal.settings.bank_url}{vietcombank_qn.QUERY_PATH}", message)
    return vietcombank_qn.read_query(contract, attempt, number, found, flaws)


async def _give_back(portal: Portal, attempt: Attempt, refund: Refund, whole: bool) -> bool | None:
    contract, number = _contract(portal), request_number()
    order = (contract, attempt, refund.request_ref, refund.amount_vnd, number)
    message = vietcombank_qn.refund_request(*order, portal.clock())
    found = await portal.line.post(f"{portal.settings.bank_url}{vietcombank_qn.REFUND_PATH}", message)
    return vietcombank_qn.read_refund(*order, found)


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """None unless the bank signed it."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = dict(parse_qsl(query.decode()))["transactionNo"]
    trusting = Flaw.FORGED_RETURN_SETTLES in portal.flaws
    flaws = portal.flaws | {Flaw.SIGNATURE_NOT_CHECKED} if trusting else portal.flaws
    try:
        word = vietcombank_qn.read_return(_contract(portal), query, flaws)
    except Rejected:
        return None
    return Claim(BANK, word.order_ref, word.outcome is Outcome.PAID)


COUNTERPART = Counterpart(
    bank=BANK,
    contract=VietcombankQnContract,
    methods=tuple(vietcombank_qn.METHODS),
    offered=("internet_banking", "qr", "card", "pos"),
    start=_start,
    hears={("POST", ""): _hear},
    apology=lambda portal: vietcombank_qn.acknowledge(_contract(portal), {}, Effect.BROKEN, request_number(), ""),
    ask=_ask,
    give_back=_give_back,
    returned=_returned,
)
