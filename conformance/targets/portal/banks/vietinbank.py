"""VietinBank's bill collection: the bank asks what a bill code owes, then tells that it was paid."""

from starlette.requests import Request
from starlette.responses import Response

from conformance.targets.portal.business_days import EVERY_DAY
from conformance.targets.portal.counterpart import Counterpart, DayBooks
from conformance.targets.portal.dossiers import Effect, Rejected
from conformance.targets.portal.hearing import answer, json_body_of, not_believed, owed, said, take, told
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import vietinbank, vietinbank_day
from conformance.targets.portal.protocols.fields import text
from conformance.targets.portal.protocols.vietinbank import BANK, VietinbankContract


def _contract(portal: Portal) -> VietinbankContract:
    return portal.contract(BANK, VietinbankContract)


async def _hear_notice(portal: Portal, request: Request) -> Response:
    contract = _contract(portal)
    try:
        message = vietinbank.parse(await json_body_of(portal, request))
    except Rejected as rejected:
        unread = vietinbank.answer_unread(contract, told(portal, rejected.effect))
        return answer(portal, rejected.effect, unread)
    try:
        words = vietinbank.read_notice(contract, message, portal.flaws)
        effects = [await take(portal, word) for word in words]
    except Rejected as rejected:
        await not_believed(portal, BANK, rejected)
        effects = [rejected.effect] * len(message.records)
    told_all = [told(portal, effect) for effect in effects]
    return answer(portal, effects[0], vietinbank.answer_notice(contract, message, told_all))


async def _hear_inquiry(portal: Portal, request: Request) -> Response:
    contract = _contract(portal)
    try:
        message = vietinbank.parse(await json_body_of(portal, request))
    except Rejected as rejected:
        return said(portal, rejected.effect, vietinbank.answer_unread(contract, rejected.effect))
    try:
        vietinbank.check_inquiry(contract, message, portal.flaws)
    except Rejected as rejected:
        return said(portal, rejected.effect, vietinbank.answer_inquiry(contract, message, rejected.effect, None))
    effect, dossier = await owed(portal, text(message.records[0], "custCode"))
    return said(portal, effect, vietinbank.answer_inquiry(contract, message, effect, dossier))


def _party(portal: Portal) -> tuple[str, str]:
    contract = _contract(portal)
    return contract.provider_id, contract.file_secret


COUNTERPART = Counterpart(
    bank=BANK,
    contract=VietinbankContract,
    methods=vietinbank.METHODS,
    offered=("bill",),
    hears={("POST", "/notice"): _hear_notice, ("POST", "/inquiry"): _hear_inquiry},
    apology=lambda portal: vietinbank.answer_unread(_contract(portal), Effect.BROKEN),
    day_books=DayBooks(
        layouts=(vietinbank_day.DAY, vietinbank_day.BILLS),
        calendar=lambda: EVERY_DAY,
        party=_party,
        reply_name=vietinbank_day.reply_name,
    ),
)
