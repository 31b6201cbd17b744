"""The national payment platform: INIT, CONFIRM, QUERY, its receipt, and the fee lookup that it makes by itself."""

import asyncio
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.targets.portal.business_days import treasury
from conformance.targets.portal.counterpart import Checkout, Claim, Counterpart, DayBooks, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Rejected
from conformance.targets.portal.entries import Entries
from conformance.targets.portal.hearing import answer, hear, json_body_of, told
from conformance.targets.portal.moments import compact
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg, dvcqg_day, dvcqg_fees
from conformance.targets.portal.protocols.dvcqg import BANK, DvcqgContract
from conformance.targets.portal.protocols.fields import Fields, json_object, text


def _contract(portal: Portal) -> DvcqgContract:
    return portal.contract(BANK, DvcqgContract)


async def _start(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    service = portal.catalogue.services[dossier.service_code]
    message = dvcqg.init_request(_contract(portal), attempt, dossier, service, payer.locale, portal.flaws)
    url = dvcqg.read_init(await portal.line.post(f"{portal.settings.bank_url}{dvcqg.INIT_PATH}", message))
    return Checkout(kind="redirect", order_ref=attempt.order_ref, url=url)


async def _hear_confirm(portal: Portal, request: Request) -> Response:
    body = await json_body_of(portal, request)
    contract, flaws = _contract(portal), portal.flaws
    fields: Fields = {}

    def read() -> BankWord:
        nonlocal fields
        fields = json_object(body)
        return dvcqg.read_confirm(contract, fields, flaws)

    effect, hint = await hear(portal, BANK, read)
    now = compact(portal.clock())
    return answer(portal, effect, dvcqg.acknowledge(contract, fields, told(portal, effect), now, hint, flaws))


async def _hear_lookup(portal: Portal, request: Request) -> Response:
    try:
        dossier_code = text(json_object(await json_body_of(portal, request)), "MaHoSo")
    except Rejected:
        return JSONResponse(dvcqg_fees.answer_lookup(None, None, False, "", portal.flaws))
    dossier, payable = await asyncio.to_thread(_looked_up, portal, dossier_code)
    service = portal.catalogue.services[dossier.service_code] if dossier else None
    now = compact(portal.clock())
    return JSONResponse(dvcqg_fees.answer_lookup(dossier, service, payable, now, portal.flaws))


def _looked_up(portal: Portal, dossier_code: str) -> tuple[Dossier | None, bool]:
    with portal.books.reading() as entries:
        dossier = entries.dossier(dossier_code)
        return dossier, dossier is not None and entries.standing(dossier).is_payable


async def _ask(portal: Portal, attempt: Attempt) -> BankWord:
    contract, flaws = _contract(portal), portal.flaws
    message = dvcqg.query_request(contract, attempt, compact(portal.clock()), flaws)
    found = await portal.line.post(f"{portal.settings.bank_url}{dvcqg.QUERY_PATH}", message)
    return dvcqg.read_query(contract, attempt, found, flaws)


def _returned(portal: Portal, query: bytes) -> Claim | None:
    """How the platform signs this is not known, so it is only a hint at an order."""
    parameters = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = parameters["secureCode"]
    order_ref = dvcqg.returned_order(parameters)
    return Claim(BANK, order_ref, parameters.get("responseCode") == dvcqg.SUCCESS) if order_ref else None


def _of_a_lookup(entries: Entries, word: BankWord, now: datetime) -> Attempt | None:
    """The order that the national portal made of its own fee lookup: the dossier is named by the reference."""
    dossier = entries.dossier(dvcqg_fees.looked_up(word.order_ref))
    if dossier is None:
        return None
    return Attempt(
        bank=BANK,
        order_ref=word.order_ref,
        dossier_code=dossier.dossier_code,
        method="lookup",
        amount_vnd=dossier.fee_vnd,
        ordered_at=now,
        expires_at=now,
    )


def _apology(portal: Portal) -> Fields:
    now = compact(portal.clock())
    return dvcqg.acknowledge(_contract(portal), {}, Effect.BROKEN, now, "", portal.flaws)


def _party(portal: Portal) -> tuple[str, str]:
    contract = _contract(portal)
    return contract.partner_code, contract.secret


COUNTERPART = Counterpart(
    bank=BANK,
    contract=DvcqgContract,
    methods=dvcqg.METHODS,
    offered=("redirect",),
    start=_start,
    hears={("POST", "/confirm"): _hear_confirm, ("POST", "/lookup"): _hear_lookup},
    apology=_apology,
    ask=_ask,
    returned=_returned,
    unannounced=_of_a_lookup,
    known_late=True,
    day_books=DayBooks(layouts=(dvcqg_day.DAY,), calendar=treasury, party=_party, reply_name=dvcqg_day.reply_name),
)
