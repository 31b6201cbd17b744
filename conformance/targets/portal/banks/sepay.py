"""SePay: the payer scans a VietQR code and transfers; a webhook tells what came to the account."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.targets.portal.counterpart import Checkout, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, Dossier, Effect
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


COUNTERPART = Counterpart(
    bank=BANK,
    contract=SepayContract,
    methods=sepay.METHODS,
    offered=("qr",),
    start=_start,
    hears={("POST", ""): _hear_webhook},
    apology=lambda portal: sepay.acknowledge(Effect.BROKEN, "")[1],
    order_ref=sepay.new_order,
)
