"""BIDV's bill collection: getbill asks what a bill code owes, paybill tells that it was paid."""

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.counterpart import Counterpart
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Rejected
from conformance.targets.portal.hearing import answer, hear, json_body_of, owed, said, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import bidv
from conformance.targets.portal.protocols.bidv import BANK, BidvContract
from conformance.targets.portal.protocols.fields import json_object


def _contract(portal: Portal) -> BidvContract:
    return portal.contract(BANK, BidvContract)


async def _hear_paybill(portal: Portal, request: Request) -> Response:
    body, contract, flaws = await json_body_of(portal, request), _contract(portal), portal.flaws
    if not bidv.bears_token(contract, request.headers, portal.clock(), flaws):
        status, content = bidv.refuse_token()
        return answer(portal, Effect.BAD_SIGNATURE, content, status)
    effect, hint = await hear(portal, BANK, lambda: bidv.read_paybill(contract, json_object(body), flaws))
    status, content = bidv.acknowledge(told(portal, effect), hint)
    return answer(portal, effect, content, status)


async def _hear_getbill(portal: Portal, request: Request) -> Response:
    body, contract, flaws = await json_body_of(portal, request), _contract(portal), portal.flaws
    anyone = Flaw.INQUIRY_UNSIGNED_ANSWERED in flaws
    if not anyone and not bidv.bears_token(contract, request.headers, portal.clock(), flaws):
        status, content = bidv.refuse_token()
        return said(portal, Effect.BAD_SIGNATURE, content, status)
    try:
        effect, dossier = await owed(portal, bidv.check_getbill(contract, json_object(body), flaws))
    except Rejected as rejected:
        effect, dossier = rejected.effect, None
    status, content = bidv.answer_getbill(contract, effect, dossier)
    return said(portal, effect, content, status)


COUNTERPART = Counterpart(
    bank=BANK,
    contract=BidvContract,
    methods=bidv.METHODS,
    offered=("bill",),
    hears={("POST", "/paybill"): _hear_paybill, ("POST", "/getbill"): _hear_getbill},
    apology=lambda portal: bidv.acknowledge(Effect.BROKEN, "")[1],
)
