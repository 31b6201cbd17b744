"""Declaring a dossier, opening a payment for it, and cancelling it.

Rule: an attempt stands in the books before a bank hears of it, so that a lost answer loses nothing; what is signed
is the bill's own amount.
"""

import asyncio
import re
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from conformance.targets.portal import references
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.counterpart import Checkout, Counterpart, Payer
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, Dossier, Rejected
from conformance.targets.portal.entries import Entries
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import PROVINCES

FEE_MAX_VND = 10**15
_NO_ANSWER = "no answer"

_CUT_AT = 32
"""What the defect leaves of a reference that begins with the dossier's code."""


class UnknownDossier(Exception):
    """There is no dossier of that code."""


class NotPossible(Exception):
    """The dossier's state does not allow it; the sentence says why."""


class Unacceptable(Exception):
    """What was asked for makes no sense; the sentence says what was wrong."""


class BankFailed(Exception):
    """The bank was asked and gave nothing to go on with. The attempt stands, and will be asked about."""

    def __init__(self, order_ref: str, why: str) -> None:
        super().__init__(why)
        self.order_ref = order_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What an applicant declares. Empty texts are filled in: a new code, the province's first service and its fee."""

    dossier_code: str = ""
    service_code: str = ""
    province: str = ""
    fee_vnd: int | None = None
    applicant: str = ""
    phone: str = ""
    email: str = ""


def declare(portal: Portal, declaration: Declaration) -> Dossier:
    """A new dossier, or the one of that code if it was declared alike. Raises NotPossible, Unacceptable."""
    wanted = _completed(portal, declaration)
    with portal.books.writing() as entries:
        known = entries.dossier(wanted.dossier_code)
        if known is not None and known.fee_vnd != wanted.fee_vnd:
            raise NotPossible(f"dossier {known.dossier_code} is declared already, with a fee of {known.fee_vnd}")
        if known is not None:
            return known
        dossier = wanted if wanted.dossier_code else replace(wanted, dossier_code=_next_code(entries, wanted))
        entries.add_dossier(dossier)
        for counterpart in counterparts().values():
            if counterpart.start is None:
                entries.add_attempt(_bill(dossier, counterpart.bank))
    return dossier


async def open_payment(
    portal: Portal,
    dossier_code: str,
    bank: str,
    method: str,
    payer: Payer,
    browser_amount_vnd: int | None = None,
    *,
    retried: bool = False,
) -> Checkout:
    """Raises UnknownDossier, NotPossible, Unacceptable and BankFailed.

    `browser_amount_vnd` is what the browser thinks the fee is, `retried` that it was tried before: of no interest to
    anyone but a defect.
    """
    counterpart = counterparts().get(bank)
    if counterpart is None or method not in counterpart.methods:
        raise Unacceptable(f"{bank!r} has no method {method!r}")
    record = (portal, dossier_code, counterpart, method, payer, browser_amount_vnd)
    dossier, attempt = await asyncio.to_thread(_record, *record)
    if counterpart.start is None:
        return Checkout(kind="bill", order_ref=attempt.order_ref, bill_code=dossier.bill_code)
    try:
        found = await counterpart.start(portal, dossier, attempt, payer)
    except (BankSilent, Rejected) as error:
        if Flaw.CREATE_RETRIED_ANEW in portal.flaws and not retried:
            return await open_payment(portal, dossier_code, bank, method, payer, retried=True)
        if Flaw.CREATE_ERROR_IS_FINAL in portal.flaws:
            await asyncio.to_thread(_give_up, portal, attempt)
        raise BankFailed(attempt.order_ref, f"{bank} did not start a payment: {error}") from error
    if found.kind == "qr":
        found = replace(found, url=f"{portal.settings.public_url}/qr/{bank}/{attempt.order_ref}")
    await asyncio.to_thread(_keep, portal, counterpart, attempt, found)
    return found


def cancel(portal: Portal, dossier_code: str) -> None:
    """Money that comes all the same will be due back. Raises UnknownDossier, NotPossible."""
    with portal.books.writing() as entries:
        dossier = known_dossier(entries, dossier_code)
        if entries.standing(dossier).paid_vnd:
            raise NotPossible(f"dossier {dossier_code} is paid; it can only be refunded")
        if dossier.cancelled_at is None:
            entries.cancel(dossier_code, portal.clock())


def lock(portal: Portal, dossier_code: str, locked: bool) -> None:
    """While a dossier is locked, nobody is asked to pay it. Raises UnknownDossier."""
    with portal.books.writing() as entries:
        known_dossier(entries, dossier_code)
        if locked or Flaw.UNLOCKING_FORGOTTEN not in portal.flaws:
            entries.lock(dossier_code, portal.clock() if locked else None)


async def withdraw(portal: Portal, dossier_code: str) -> None:
    """Tells the banks that a cancelled dossier's open orders are not wanted any more, as far as they take that."""
    for attempt in await asyncio.to_thread(_open_attempts, portal, dossier_code):
        take_back = counterparts()[attempt.bank].withdraw
        if take_back is None:
            continue
        # Whether it was taken back is found out by asking, and money that comes all the same is due back.
        with suppress(BankSilent, Rejected):
            await take_back(portal, attempt)


def _open_attempts(portal: Portal, dossier_code: str) -> list[Attempt]:
    with portal.books.reading() as entries:
        return [each for each in entries.attempts(dossier_code) if each.state is AttemptState.PENDING]


def known_dossier(entries: Entries, dossier_code: str) -> Dossier:
    """Raises UnknownDossier."""
    dossier = entries.dossier(dossier_code)
    if dossier is None:
        raise UnknownDossier(f"there is no dossier {dossier_code!r}")
    return dossier


def _completed(portal: Portal, declaration: Declaration) -> Dossier:
    if declaration.dossier_code and not references.DOSSIER_CODE.fullmatch(declaration.dossier_code):
        raise Unacceptable("a dossier code has letters, digits, dots, hyphens and underscores, at most 80")
    province = declaration.province or _province_of(declaration.dossier_code)
    service = portal.catalogue.services.get(declaration.service_code)
    if declaration.service_code and service is None:
        raise Unacceptable(f"there is no service {declaration.service_code!r}")
    if service is None and province not in PROVINCES:
        raise Unacceptable(f"province is {province!r}, not one of {', '.join(PROVINCES)}")
    service = service or portal.catalogue.default(province)
    fee_vnd = service.fee_vnd if declaration.fee_vnd is None else declaration.fee_vnd
    if not 0 < fee_vnd <= FEE_MAX_VND:
        raise Unacceptable(f"a fee is between 1 and {FEE_MAX_VND} VND")
    now = portal.clock()
    return Dossier(
        dossier_code=declaration.dossier_code,
        bill_code=references.bill_code(service.province, now),
        province=service.province,
        service_code=service.code,
        fee_vnd=_single(fee_vnd) if Flaw.AMOUNT_IN_FLOAT32 in portal.flaws else fee_vnd,
        applicant=declaration.applicant.strip()[:100],
        phone=declaration.phone.strip()[:20],
        email=declaration.email.strip()[:100],
        declared_at=now,
    )


def _single(fee_vnd: int) -> int:
    """What the defect keeps of a fee: seven digits or so."""
    return int(struct.unpack("f", struct.pack("f", fee_vnd))[0])


def _province_of(dossier_code: str) -> str:
    """By the official form of the code; the first province for codes of another form."""
    found = re.search(r"\bH\d{2}\b", dossier_code)
    return found[0] if found and found[0] in PROVINCES else next(iter(PROVINCES))


def _next_code(entries: Entries, dossier: Dossier) -> str:
    unit = f"{dossier.province}.12.6"
    prefix = references.dossier_code(unit, dossier.declared_at, 0).removesuffix("0000")
    return references.dossier_code(unit, dossier.declared_at, entries.next_serial(prefix))


def _bill(dossier: Dossier, bank: str) -> Attempt:
    """Under its bill code a dossier can be paid from the first day, at any counter of a bank that collects bills."""
    return Attempt(
        bank=bank,
        order_ref=dossier.bill_code,
        dossier_code=dossier.dossier_code,
        method="bill",
        amount_vnd=dossier.fee_vnd,
        ordered_at=dossier.declared_at,
        expires_at=dossier.declared_at + timedelta(days=365),
    )


def _record(
    portal: Portal,
    dossier_code: str,
    counterpart: Counterpart,
    method: str,
    payer: Payer,
    browser_amount_vnd: int | None,
) -> tuple[Dossier, Attempt]:
    flaws = portal.flaws
    with portal.books.writing() as entries:
        dossier = known_dossier(entries, dossier_code)
        reopened = dossier.cancelled_at is None and Flaw.PAID_DOSSIER_REOPENED in flaws
        if not entries.standing(dossier).awaits_money and not reopened:
            raise NotPossible(f"dossier {dossier_code} awaits no payment any more")
        if dossier.locked_at is not None:
            raise NotPossible(f"dossier {dossier_code} is locked by its office")
        if Flaw.FAILED_DOSSIER_CLOSED in flaws and _has_failed(entries, dossier_code):
            raise NotPossible(f"the payment of dossier {dossier_code} has failed")
        if any(each.code == _NO_ANSWER for each in entries.attempts(dossier_code)):
            raise NotPossible(f"dossier {dossier_code} cannot be paid online")
        if counterpart.start is None:
            return dossier, _bill(dossier, counterpart.bank)
        attempt = _new_attempt(portal, dossier, counterpart, method, payer)
        if browser_amount_vnd is not None and Flaw.BROWSER_AMOUNT_TRUSTED in flaws:
            attempt = replace(attempt, amount_vnd=browser_amount_vnd)
        if Flaw.NEW_ATTEMPT_FORGETS_OLD in flaws:
            entries.forget_pending(dossier_code, counterpart.bank)
        if not _is_known_late(portal, counterpart):
            entries.add_attempt(attempt, instead=Flaw.ORDER_REF_BY_SECOND in flaws)
    return dossier, attempt


def _give_up(portal: Portal, attempt: Attempt) -> None:
    """What the defect does with an order that the bank gave no answer to."""
    with portal.books.writing() as entries:
        entries.set_state(attempt, AttemptState.FAILED, _NO_ANSWER)


def _has_failed(entries: Entries, dossier_code: str) -> bool:
    return any(attempt.state is AttemptState.FAILED for attempt in entries.attempts(dossier_code))


def _new_attempt(portal: Portal, dossier: Dossier, counterpart: Counterpart, method: str, payer: Payer) -> Attempt:
    now = portal.clock().replace(microsecond=0)
    by_second = Flaw.ORDER_REF_BY_SECOND in portal.flaws
    number = references.by_second if by_second else counterpart.order_ref or references.order_ref
    drawn = number(now)
    if Flaw.ORDER_REF_IN_12_HOURS in portal.flaws:
        drawn = references.in_12_hours(now)
    if Flaw.REFERENCE_CUT in portal.flaws:
        drawn = f"{''.join(filter(str.isalnum, dossier.dossier_code))}{drawn}"[:_CUT_AT]
    return Attempt(
        bank=counterpart.bank,
        order_ref=drawn,
        dossier_code=dossier.dossier_code,
        method=method,
        amount_vnd=dossier.fee_vnd,
        ordered_at=now,
        expires_at=now + timedelta(seconds=portal.settings.order_life_s),
        client_ip=payer.client_ip,
    )


def _is_known_late(portal: Portal, counterpart: Counterpart) -> bool:
    """Never, but with the defect that writes an order down only when the bank has answered."""
    return counterpart.known_late and Flaw.ATTEMPT_RECORDED_AFTER_ANSWER in portal.flaws


def _keep(portal: Portal, counterpart: Counterpart, attempt: Attempt, checkout: Checkout) -> None:
    """Where the payer goes on, so that the status page can offer it again."""
    with portal.books.writing() as entries:
        if _is_known_late(portal, counterpart):
            entries.add_attempt(attempt)
        entries.set_url(attempt, checkout.payload or checkout.url)
