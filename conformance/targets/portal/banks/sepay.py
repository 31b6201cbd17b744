"""SePay: the payer scans a VietQR code and transfers; a webhook tells what came to the account."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.targets.portal.counterpart import Checkout, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, Dossier, Effect
from conformance.targets.portal.entries import Refund
from conformance.targets.portal.hearing import acknowledged, body_of, hear, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import sepay
from conformance.targets.portal.protocols.sepay import BANK, SepayContract
from conformance.targets.portal.protocols.vietqr import transfer_code


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    """No bank is asked: the code is the portal's own."""
    contract = portal.contract(BANK, SepayContract)
    limited = Flaw.QR_ABOVE_LIMIT not in portal.flaws
    payload = transfer_code(contract.bank_bin, contract.account, attempt.amount_vnd, attempt.order_ref, limited=limited)
    return Checkout(kind="qr", order_ref=attempt.order_ref, payload=payload)


async def _hear_webhook(portal: Portal, request: Request) -> Response:
    body, contract, flaws = await body_of(request), portal.contract(BANK, SepayContract), portal.flaws
    effect, hint = await hear(
        portal, BANK, lambda: sepay.read_webhook(contract, request.headers, body, portal.clock(), flaws)
    )
    status, content = sepay.acknowledge(told(portal, effect), hint)
    return acknowledged(portal, effect, JSONResponse(content, status))


def _transaction(portal: Portal, refund: Refund) -> str:
    """SePay's number of the transfer that is given back."""
    with portal.books.reading() as entries:
        credit = entries.credit(refund.credit)
    return credit.money_ref if credit else ""


async def _give_back(portal: Portal, attempt: Attempt, refund: Refund, whole: bool) -> bool | None:
    transaction = await asyncio.to_thread(_transaction, portal, refund)
    contract = portal.contract(BANK, SepayContract)
    path, message, headers = sepay.refund_request(contract, transaction, refund.request_ref, refund.amount_vnd)
    found = await portal.line.post_for_refusal(f"{portal.settings.bank_url}{path}", message, headers)
    return sepay.read_refund(transaction, refund.amount_vnd, found)


COUNTERPART = Counterpart(
    bank=BANK,
    contract=SepayContract,
    methods=sepay.METHODS,
    offered=("qr",),
    start=_start,
    hears={("POST", ""): _hear_webhook},
    apology=lambda portal: sepay.acknowledge(Effect.BROKEN, "")[1],
    give_back=_give_back,
    order_ref=sepay.new_order,
)
