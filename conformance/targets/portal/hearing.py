"""What all handlers of banks' messages share: a word is settled or stored, and the bank is told what became of it.

Rule: always HTTP 200 unless a bank's own document says otherwise, never a redirect or a page.
"""

import asyncio
import json
import sqlite3
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from conformance.targets.portal import asking, messenger, settlement
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import RECORDED, AttemptState, BankWord, Dossier, Effect, Rejected
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.settings import Style

_BODY_MAX = 200_000


async def hear(portal: Portal, bank: str, read: Callable[[], BankWord]) -> tuple[Effect, str]:
    """The effect of what `read` reads, and a hint that only a defect gives."""
    try:
        word = read()
    except Rejected as rejected:
        await not_believed(portal, bank, rejected)
        hint = rejected.hint or _secret_told(portal, bank)
        return rejected.effect, hint or await asyncio.to_thread(_name_told, portal, bank, rejected)
    return await take(portal, word), ""


async def take(portal: Portal, word: BankWord) -> Effect:
    """Settles now, or stores for later, by the portal's style. Raises what the books raise."""
    if Flaw.TURN_KEPT_AFTER_ERROR in portal.flaws:
        return await _in_its_turn(portal, word)
    try:
        return await _take(portal, word)
    except sqlite3.Error:
        if Flaw.BOOKS_ERROR_ACKED in portal.flaws:
            return Effect.SETTLED
        raise


async def _in_its_turn(portal: Portal, word: BankWord) -> Effect:
    """What the defect does: a mark keeps others off meanwhile, and is only taken away when all went well."""
    mark = f"{word.bank} {word.money_ref} has its turn"
    if mark in portal.handled:
        return Effect.REPEATED
    portal.handled.add(mark)
    effect = await _take(portal, word)
    portal.handled.discard(mark)
    return effect


async def _take(portal: Portal, word: BankWord) -> Effect:
    if Flaw.CALLBACK_ASKS_BANK in portal.flaws:
        await _ask_first(portal, word)
    if Flaw.GATEWAY_DOWN_FAILS_CALLBACK in portal.flaws and not await messenger.gateway_is_up(portal):
        return Effect.BROKEN
    if Flaw.BUSY_CALLBACK_DROPPED in portal.flaws and portal.alone.locked():
        return Effect.REPEATED
    if portal.settings.style is Style.LISTENS:
        return await _settle(portal, word)
    effect = await asyncio.to_thread(_store, portal, word)
    portal.queued.set()
    return effect


async def _settle(portal: Portal, word: BankWord) -> Effect:
    if portal.leaks.drops(word):
        return Effect.SETTLED
    effect = await _settle_once(portal, word, portal.flaws)
    if effect is Effect.SETTLED and portal.leaks.doubles(word):
        await _settle_once(portal, word, portal.flaws | {Flaw.DUPLICATE_SETTLES_TWICE})
    return effect


async def _settle_once(portal: Portal, word: BankWord, flaws: frozenset[Flaw]) -> Effect:
    async with portal.alone if Flaw.BUSY_CALLBACK_DROPPED in portal.flaws else nullcontext():
        effect = await asyncio.to_thread(
            settlement.settle,
            portal.books,
            word,
            portal.clock(),
            flaws,
            portal.handled,
            portal.settings.keeps_overpayments,
            portal.issuer_is_down,
        )
    portal.written.set()
    return effect


async def _ask_first(portal: Portal, word: BankWord) -> None:
    """What the defect does: it asks the bank whether it really said so, and the bank waits for its acknowledgement."""
    with portal.books.reading() as entries:
        attempt = entries.attempt(word.bank, word.order_ref)
    if attempt is not None and attempt.state is AttemptState.PENDING:
        await asking.ask(portal, attempt)


def _store(portal: Portal, word: BankWord) -> Effect:
    keeps = portal.settings.keeps_overpayments
    effect = settlement.preview(portal.books, word, portal.clock(), portal.flaws, keeps)
    if effect in RECORDED:
        with portal.books.writing() as entries:
            entries.queue(word, portal.clock())
    return effect


async def not_believed(portal: Portal, bank: str, rejected: Rejected) -> None:
    """Nothing: what is not believed changes nothing, but with the defect."""
    if rejected.effect is Effect.BAD_SIGNATURE and Flaw.BAD_SIGNATURE_POISONS in portal.flaws:
        await asyncio.to_thread(settlement.poison, portal.books, bank, rejected.order_ref)


def _secret_told(portal: Portal, bank: str) -> str:
    """Nothing, but with the defect that tells what it has hashed, the merchant's key at its end."""
    if Flaw.REFUSAL_TELLS_SECRET not in portal.flaws:
        return ""
    contract: Any = portal.contract(bank, counterparts()[bank].contract)
    return next(str(value) for name, value in asdict(contract).items() if "secret" in name or "key" in name)


def _name_told(portal: Portal, bank: str, rejected: Rejected) -> str:
    """Nothing, but with the defect whose order it was that someone spoke of."""
    if Flaw.REFUSAL_TELLS_NAME not in portal.flaws:
        return ""
    with portal.books.reading() as entries:
        attempt = entries.attempt(bank, rejected.order_ref)
        dossier = entries.dossier(attempt.dossier_code) if attempt else None
    return dossier.applicant if dossier else ""


async def owed(portal: Portal, bill_code: str) -> tuple[Effect, Dossier | None]:
    """The dossier if its bill is to be paid; else why not (REPEATED = it is not to be paid, now or ever)."""
    return await asyncio.to_thread(_owed, portal, bill_code)


def _owed(portal: Portal, bill_code: str) -> tuple[Effect, Dossier | None]:
    with portal.books.reading() as entries:
        dossier = entries.dossier_of_bill(bill_code)
        if dossier is None:
            return Effect.UNKNOWN_ORDER, None
        standing = entries.standing(dossier)
        wanted = standing.awaits_money if Flaw.LOCKED_BILL_PAYABLE in portal.flaws else standing.is_payable
        payable = wanted and not _taken(portal, bill_code)
        if Flaw.BILL_TOLD_IN_HUNDREDTHS in portal.flaws:
            dossier = replace(dossier, fee_vnd=dossier.fee_vnd * 100)
        forgotten = dossier.cancelled_at is not None and Flaw.CANCELLED_BILL_PAYABLE in portal.flaws
        if payable or forgotten or Flaw.INQUIRY_OF_PAID_BILL_PAYABLE in portal.flaws:
            return Effect.SETTLED, dossier
        return Effect.REPEATED, None


def _taken(portal: Portal, bill_code: str) -> bool:
    """Never, but with the defect from the second question on."""
    if Flaw.INQUIRY_LOCKS_BILL not in portal.flaws:
        return False
    asked_before = bill_code in portal.handled
    portal.handled.add(bill_code)
    return asked_before


def told(portal: Portal, effect: Effect) -> Effect:
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


def answer(portal: Portal, effect: Effect, content: Mapping[str, Any], status: int = 200) -> Response:
    """The acknowledgement of a callback as JSON."""
    return acknowledged(portal, effect, JSONResponse(content, status))


def acknowledged(portal: Portal, effect: Effect, response: Response) -> Response:
    """The acknowledgement of a callback, unless a defect spoils it."""
    if Flaw.REDIRECT_AS_ACK in portal.flaws:
        return RedirectResponse(f"{portal.settings.public_url}/", status_code=302)
    if Flaw.ACK_WITHOUT_TYPE in portal.flaws:
        response.headers["content-type"] = "text/plain"
    return _unless_broken(portal, effect, response)


def said(portal: Portal, effect: Effect, content: Mapping[str, Any], status: int = 200) -> Response:
    """The answer to a bank's question as JSON."""
    if Flaw.ANSWER_BY_CONCATENATION in portal.flaws:
        unescaped = json.dumps(content, ensure_ascii=False).replace('\\"', '"')
        return Response(unescaped, status, media_type="application/json")
    return _unless_broken(portal, effect, JSONResponse(content, status))


def _unless_broken(portal: Portal, effect: Effect, response: Response) -> Response:
    if effect is Effect.MALFORMED and Flaw.TRACE_TOLD in portal.flaws:
        return Response("Traceback (most recent call last):\n" + "".join(traceback.format_stack()), status_code=400)
    refused = effect not in RECORDED and effect is not Effect.REPEATED
    if refused and Flaw.REFUSAL_IS_HTTP_500 in portal.flaws:
        return Response("Internal Server Error", status_code=500)
    return response


async def json_body_of(portal: Portal, request: Request) -> bytes:
    """`body_of`, whatever the message calls its kind: the bytes tell what they are."""
    known = ("application/json", "application/json; charset=utf-8")
    if Flaw.CONTENT_TYPE_EXACT in portal.flaws and request.headers.get("content-type") not in known:
        return b""
    return await body_of(request)


async def body_of(request: Request) -> bytes:
    """At most _BODY_MAX bytes; nothing of a longer one, which then is no message."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX:
            return b""
    return bytes(body)
