"""VNPAY: the payer's browser is sent there, an IPN comes back, querydr answers and refunds."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.business_days import EVERY_DAY
from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, DayBooks, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.entries import Refund
from conformance.targets.portal.hearing import answer, hear, told
from conformance.targets.portal.moments import compact
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import vnpay, vnpay_api, vnpay_day
from conformance.targets.portal.protocols.vnpay import BANK, VnpayContract
from conformance.targets.portal.references import request_number


def _contract(portal: Portal) -> VnpayContract:
    return portal.contract(BANK, VnpayContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    settings = portal.settings
    command = "genqr" if attempt.method == "qr" else "pay"
    url = vnpay.pay_url(
        _contract(portal),
        attempt,
        command=command,
        bank_url=settings.bank_url,
        return_url=f"{settings.public_url}/return/{BANK}",
        description=f"Lệ phí hồ sơ {dossier.dossier_code}",
        locale=payer.locale,
        flaws=portal.flaws,
    )
    if command == "pay":
        return Checkout(kind="redirect", order_ref=attempt.order_ref, url=url)
    payload = vnpay.read_qr(await portal.line.get(url))
    return Checkout(kind="qr", order_ref=attempt.order_ref, payload=payload)


async def _hear_ipn(portal: Portal, request: Request) -> Response:
    query: bytes = request.scope["query_string"]
    contract, flaws = _contract(portal), portal.flaws
    effect, hint = await hear(portal, BANK, lambda: vnpay.read_callback(contract, query, flaws))
    return answer(portal, effect, vnpay.acknowledge(told(portal, effect), hint))


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws, now = _contract(portal), portal.flaws, compact(portal.clock())
    message = vnpay_api.query_request(contract, attempt, request_number(), now, flaws)
    found = await portal.line.post(f"{portal.settings.bank_url}{vnpay_api.API_PATH}", message)
    return vnpay_api.read_query(contract, attempt, found, flaws)


async def _give_back(portal: Portal, attempt: Attempt, refund: Refund, whole: bool) -> bool | None:
    contract, now = _contract(portal), compact(portal.clock())
    message = vnpay_api.refund_request(contract, attempt, refund.request_ref, refund.amount_vnd, whole, now)
    found = await portal.line.post(f"{portal.settings.bank_url}{vnpay_api.API_PATH}", message)
    made = vnpay_api.read_refund(contract, attempt, refund.amount_vnd, found)
    if not vnpay_api.is_known(found):
        return made
    question = vnpay_api.query_request(contract, attempt, request_number(), now, portal.flaws)
    answered = await portal.line.post(f"{portal.settings.bank_url}{vnpay_api.API_PATH}", question)
    return vnpay_api.read_refund_query(contract, attempt, answered)


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """None unless VNPAY signed it."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = dict(parse_qsl(query.decode()))["vnp_PayDate"]
    trusting = Flaw.FORGED_RETURN_SETTLES in portal.flaws
    flaws = portal.flaws | {Flaw.SIGNATURE_NOT_CHECKED} if trusting else portal.flaws
    try:
        word = vnpay.read_callback(_contract(portal), query, flaws)
    except Rejected:
        return None
    return Claim(BANK, word.order_ref, word.outcome is Outcome.PAID)


def _party(portal: Portal) -> tuple[str, str]:
    contract = _contract(portal)
    return contract.tmn_code, contract.secret


COUNTERPART = Counterpart(
    bank=BANK,
    contract=VnpayContract,
    methods=tuple(vnpay.METHODS),
    offered=("redirect", "qr", "internet_banking", "card"),
    start=_start,
    hears={("GET", ""): _hear_ipn},
    apology=lambda portal: vnpay.acknowledge(Effect.BROKEN, ""),
    ask=_ask,
    give_back=_give_back,
    returned=_returned,
    day_books=DayBooks(
        layouts=(vnpay_day.DAY,), calendar=lambda: EVERY_DAY, party=_party, reply_name=vnpay_day.reply_name
    ),
)
