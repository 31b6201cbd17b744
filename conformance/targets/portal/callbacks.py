"""Where banks call: each message is read, settled or stored, and acknowledged in the bank's own words.

Rule: always HTTP 200 with JSON, never a redirect or a page; what went wrong in the portal itself is answered so
that the bank tries again.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.targets.portal import settlement
from conformance.targets.portal.defects import DVCQG, VIETINBANK, VNPAY, Flaw
from conformance.targets.portal.dossiers import RECORDED, BankWord, Dossier, Effect, Rejected
from conformance.targets.portal.moments import compact
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg, dvcqg_fees, vietinbank, vnpay
from conformance.targets.portal.protocols.fields import Fields, json_object, text
from conformance.targets.portal.settings import Style

_BODY_MAX = 200_000


def callbacks_app(portal: Portal) -> Starlette:
    """To be mounted at /callbacks."""

    async def hear_vnpay(request: Request) -> Response:
        query: bytes = request.scope["query_string"]
        effect, hint = await _hear(
            portal, VNPAY, lambda: vnpay.read_callback(portal.settings.vnpay, query, portal.flaws)
        )
        return _answer(portal, effect, vnpay.acknowledge(_told(portal, effect), hint))

    async def hear_confirm(request: Request) -> Response:
        return await _hear_confirm(portal, await _body(request))

    async def hear_notice(request: Request) -> Response:
        return await _hear_notice(portal, await _body(request))

    async def hear_inquiry(request: Request) -> Response:
        return await _hear_inquiry(portal, await _body(request))

    async def hear_lookup(request: Request) -> Response:
        return await _hear_lookup(portal, await _body(request))

    def failed(request: Request, error: Exception) -> Response:
        return JSONResponse(_apology(portal, request.url.path))

    return Starlette(
        routes=[
            Route("/vnpay", hear_vnpay, methods=["GET"]),
            Route("/dvcqg/confirm", hear_confirm, methods=["POST"]),
            Route("/dvcqg/lookup", hear_lookup, methods=["POST"]),
            Route("/vietinbank/notice", hear_notice, methods=["POST"]),
            Route("/vietinbank/inquiry", hear_inquiry, methods=["POST"]),
        ],
        exception_handlers={Exception: failed},
    )


async def take(portal: Portal, word: BankWord) -> Effect:
    """Settles now, or stores for later, by the portal's style."""
    if portal.settings.style is Style.LISTENS:
        return await asyncio.to_thread(
            settlement.settle, portal.books, word, portal.clock(), portal.flaws, portal.handled
        )
    effect = await asyncio.to_thread(_store, portal, word)
    portal.queued.set()
    return effect


def _store(portal: Portal, word: BankWord) -> Effect:
    effect = settlement.preview(portal.books, word, portal.clock(), portal.flaws)
    if effect in RECORDED:
        with portal.books.writing() as entries:
            entries.queue(word, portal.clock())
    return effect


async def _hear(portal: Portal, bank: str, read: Callable[[], BankWord]) -> tuple[Effect, str]:
    """The effect of what `read` reads, and a hint that only a defect gives."""
    try:
        word = read()
    except Rejected as rejected:
        await _not_believed(portal, bank, rejected)
        return rejected.effect, rejected.hint or await asyncio.to_thread(_name_told, portal, bank, rejected)
    return await take(portal, word), ""


async def _not_believed(portal: Portal, bank: str, rejected: Rejected) -> None:
    """Nothing: what is not believed changes nothing, but with the defect."""
    if rejected.effect is Effect.BAD_SIGNATURE and Flaw.BAD_SIGNATURE_POISONS in portal.flaws:
        await asyncio.to_thread(settlement.poison, portal.books, bank, rejected.order_ref)


def _name_told(portal: Portal, bank: str, rejected: Rejected) -> str:
    """Nothing, but with the defect whose order it was that someone spoke of."""
    if Flaw.REFUSAL_TELLS_NAME not in portal.flaws:
        return ""
    with portal.books.reading() as entries:
        attempt = entries.attempt(bank, rejected.order_ref)
        dossier = entries.dossier(attempt.dossier_code) if attempt else None
    return dossier.applicant if dossier else ""


async def _hear_confirm(portal: Portal, body: bytes) -> Response:
    contract, flaws = portal.settings.dvcqg, portal.flaws
    fields: Fields = {}

    def read() -> BankWord:
        nonlocal fields
        fields = json_object(body)
        return dvcqg.read_confirm(contract, fields, flaws)

    effect, hint = await _hear(portal, DVCQG, read)
    now = compact(portal.clock())
    return _answer(portal, effect, dvcqg.acknowledge(contract, fields, _told(portal, effect), now, hint, flaws))


async def _hear_notice(portal: Portal, body: bytes) -> Response:
    contract = portal.settings.vietinbank
    try:
        message = vietinbank.parse(body)
    except Rejected as rejected:
        told = _told(portal, rejected.effect)
        return _answer(portal, rejected.effect, vietinbank.answer_unread(contract, told))
    try:
        words = vietinbank.read_notice(contract, message, portal.flaws)
        effects = [await take(portal, word) for word in words]
    except Rejected as rejected:
        await _not_believed(portal, VIETINBANK, rejected)
        effects = [rejected.effect] * len(message.records)
    told_all = [_told(portal, effect) for effect in effects]
    return _answer(portal, effects[0], vietinbank.answer_notice(contract, message, told_all))


async def _hear_inquiry(portal: Portal, body: bytes) -> Response:
    contract = portal.settings.vietinbank
    try:
        message = vietinbank.parse(body)
    except Rejected as rejected:
        return _said(portal, rejected.effect, vietinbank.answer_unread(contract, rejected.effect))
    try:
        vietinbank.check_inquiry(contract, message, portal.flaws)
    except Rejected as rejected:
        answer = vietinbank.answer_inquiry(contract, message, rejected.effect, None)
        return _said(portal, rejected.effect, answer)
    effect, dossier = await asyncio.to_thread(_owed, portal, text(message.records[0], "custCode"))
    return _said(portal, effect, vietinbank.answer_inquiry(contract, message, effect, dossier))


async def _hear_lookup(portal: Portal, body: bytes) -> Response:
    try:
        dossier_code = text(json_object(body), "MaHoSo")
    except Rejected:
        return JSONResponse(dvcqg_fees.answer_lookup(None, None, False, "", portal.flaws))
    dossier, payable = await asyncio.to_thread(_looked_up, portal, dossier_code)
    service = portal.catalogue.services[dossier.service_code] if dossier else None
    now = compact(portal.clock())
    return JSONResponse(dvcqg_fees.answer_lookup(dossier, service, payable, now, portal.flaws))


def _owed(portal: Portal, bill_code: str) -> tuple[Effect, Dossier | None]:
    """The dossier if its bill is to be paid; else why not."""
    with portal.books.reading() as entries:
        dossier = entries.dossier_of_bill(bill_code)
        if dossier is None:
            return Effect.UNKNOWN_ORDER, None
        payable = entries.standing(dossier).awaits_money and not _locked(portal, bill_code)
        if Flaw.BILL_TOLD_IN_HUNDREDTHS in portal.flaws:
            dossier = replace(dossier, fee_vnd=dossier.fee_vnd * 100)
        if payable or Flaw.INQUIRY_OF_PAID_BILL_PAYABLE in portal.flaws:
            return Effect.SETTLED, dossier
        return Effect.REPEATED, None


def _locked(portal: Portal, bill_code: str) -> bool:
    """Never, but with the defect from the second question on."""
    if Flaw.INQUIRY_LOCKS_BILL not in portal.flaws:
        return False
    asked_before = bill_code in portal.handled
    portal.handled.add(bill_code)
    return asked_before


def _looked_up(portal: Portal, dossier_code: str) -> tuple[Dossier | None, bool]:
    with portal.books.reading() as entries:
        dossier = entries.dossier(dossier_code)
        return dossier, dossier is not None and entries.standing(dossier).awaits_money


def _told(portal: Portal, effect: Effect) -> Effect:
    """What the bank is told: the truth, where a repetition may by choice be answered like the first one."""
    flaws = portal.flaws
    if effect is Effect.REPEATED and Flaw.DUPLICATE_REFUSED in flaws:
        return Effect.BROKEN
    if effect is Effect.FAILED and Flaw.FAILURE_ACKED_WITH_ERROR in flaws:
        return Effect.BROKEN
    if effect is Effect.REPEATED and not portal.settings.says_already_confirmed:
        return Effect.SETTLED
    if effect not in RECORDED and effect is not Effect.REPEATED and Flaw.ALWAYS_ACKED in flaws:
        return Effect.SETTLED
    return effect


def _answer(portal: Portal, effect: Effect, content: Mapping[str, Any]) -> Response:
    """The acknowledgement of a callback."""
    if Flaw.REDIRECT_AS_ACK in portal.flaws:
        return RedirectResponse(f"{portal.settings.public_url}/", status_code=302)
    return _said(portal, effect, content)


def _said(portal: Portal, effect: Effect, content: Mapping[str, Any]) -> Response:
    refused = effect not in RECORDED and effect is not Effect.REPEATED
    if refused and Flaw.REFUSAL_IS_HTTP_500 in portal.flaws:
        return Response("Internal Server Error", status_code=500)
    return JSONResponse(content)


def _apology(portal: Portal, path: str) -> Mapping[str, Any]:
    """What a bank is told when the portal itself fails: try again."""
    if "/vnpay" in path:
        return vnpay.acknowledge(Effect.BROKEN, "")
    if "/vietinbank" in path:
        return vietinbank.answer_unread(portal.settings.vietinbank, Effect.BROKEN)
    now = compact(portal.clock())
    return dvcqg.acknowledge(portal.settings.dvcqg, {}, Effect.BROKEN, now, "", portal.flaws)


async def _body(request: Request) -> bytes:
    """At most _BODY_MAX bytes; nothing of a longer one, which then is no message."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX:
            return b""
    return bytes(body)
