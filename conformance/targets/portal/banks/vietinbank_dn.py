"""Đà Nẵng's gateway at VietinBank: a payment is opened there, a notice comes back, questions and refunds are asked."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.entries import Refund
from conformance.targets.portal.hearing import answer, body_of, hear, told
from conformance.targets.portal.moments import compact
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import vietinbank_dn
from conformance.targets.portal.protocols.fields import Fields, json_object
from conformance.targets.portal.protocols.vietinbank_dn import BANK, VietinbankDnContract
from conformance.targets.portal.references import request_number


def _contract(portal: Portal) -> VietinbankDnContract:
    return portal.contract(BANK, VietinbankDnContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    contract, number = _contract(portal), request_number()
    message = vietinbank_dn.create_request(
        contract,
        attempt,
        dossier,
        number=number,
        return_url=f"{portal.settings.public_url}/return/{BANK}",
        locale=payer.locale,
        flaws=portal.flaws,
    )
    found = await portal.line.post(f"{portal.settings.bank_url}{vietinbank_dn.CREATE_PATH}", message)
    opened = vietinbank_dn.read_create(contract, attempt, number, found)
    kind = "bill" if opened.pay_code else "redirect"
    return Checkout(kind=kind, order_ref=attempt.order_ref, url=opened.url, bill_code=opened.pay_code)


async def _hear(portal: Portal, request: Request) -> Response:
    body = await body_of(request)
    contract, flaws = _contract(portal), portal.flaws
    fields: Fields = {}

    def read() -> BankWord:
        nonlocal fields
        fields = json_object(body)
        return vietinbank_dn.read_notice(contract, fields, flaws)

    effect, hint = await hear(portal, BANK, read)
    return answer(portal, effect, vietinbank_dn.acknowledge(contract, fields, told(portal, effect), hint))


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws = _contract(portal), portal.flaws
    number = vietinbank_dn.query_number(attempt, request_number(), flaws)
    message = vietinbank_dn.query_request(contract, attempt, number, compact(portal.clock()))
    found = await portal.line.post(f"{portal.settings.bank_url}{vietinbank_dn.QUERY_PATH}", message)
    return vietinbank_dn.read_query(contract, attempt, number, found, flaws)


async def _give_back(portal: Portal, attempt: Attempt, refund: Refund, whole: bool) -> bool | None:
    order = (_contract(portal), attempt, refund.request_ref, refund.amount_vnd)
    message = vietinbank_dn.refund_request(*order, compact(portal.clock()))
    found = await portal.line.post(f"{portal.settings.bank_url}{vietinbank_dn.REFUND_PATH}", message)
    return vietinbank_dn.read_refund(*order, found)


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """None unless the bank signed it."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = dict(parse_qsl(query.decode()))["transStatus"]
    trusting = Flaw.FORGED_RETURN_SETTLES in portal.flaws
    flaws = portal.flaws | {Flaw.SIGNATURE_NOT_CHECKED} if trusting else portal.flaws
    try:
        word = vietinbank_dn.read_return(_contract(portal), query, flaws)
    except Rejected:
        return None
    return Claim(BANK, word.order_ref, word.outcome is Outcome.PAID)


COUNTERPART = Counterpart(
    bank=BANK,
    contract=VietinbankDnContract,
    methods=tuple(vietinbank_dn.METHODS),
    offered=("internet_banking", "card", "credit_card", "qr", "counter"),
    start=_start,
    hears={("POST", ""): _hear},
    apology=lambda portal: vietinbank_dn.acknowledge(_contract(portal), {}, Effect.BROKEN, ""),
    ask=_ask,
    give_back=_give_back,
    returned=_returned,
    known_late=True,
)
