"""Declaring a dossier, opening a payment for it, and cancelling it.

Rule: an attempt stands in the books before a bank hears of it, so that a lost answer loses nothing; what is signed
is the bill's own amount.
"""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta

from conformance.targets.portal import references
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.defects import DVCQG, VIETINBANK, VNPAY, Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, Dossier, Rejected
from conformance.targets.portal.entries import Entries
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg, vietinbank, vnpay
from conformance.targets.portal.services import PROVINCES

FEE_MAX_VND = 10**15

METHODS = {VNPAY: tuple(vnpay.METHODS), DVCQG: dvcqg.METHODS, VIETINBANK: vietinbank.METHODS}
"""How one can pay at each bank. "redirect" and "bill" leave the choice to the payer and the bank."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """How the payer goes on: `kind` is redirect, qr or bill."""

    kind: str
    order_ref: str
    url: str = ""
    payload: str = ""
    bill_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who sits at the browser: its address and language ("vi" or "en")."""

    client_ip: str = "127.0.0.1"
    locale: str = "vi"


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
        entries.add_attempt(_bill(dossier))
    return dossier


async def open_payment(
    portal: Portal, dossier_code: str, bank: str, method: str, payer: Payer, browser_amount_vnd: int | None = None
) -> Checkout:
    """Raises UnknownDossier, NotPossible, Unacceptable and BankFailed.

    `browser_amount_vnd` is what the browser thinks the fee is: of no interest to anyone but a defect.
    """
    if method not in METHODS.get(bank, ()):
        raise Unacceptable(f"{bank!r} has no method {method!r}")
    dossier, attempt = await asyncio.to_thread(_record, portal, dossier_code, bank, method, payer, browser_amount_vnd)
    if bank == VIETINBANK:
        return Checkout(kind="bill", order_ref=attempt.order_ref, bill_code=dossier.bill_code)
    if bank == VNPAY:
        return await _start_vnpay(portal, dossier, attempt, payer)
    return await _start_dvcqg(portal, dossier, attempt, payer)


def cancel(portal: Portal, dossier_code: str) -> None:
    """Money that comes all the same will be due back. Raises UnknownDossier, NotPossible."""
    with portal.books.writing() as entries:
        dossier = known_dossier(entries, dossier_code)
        if entries.standing(dossier).paid_vnd:
            raise NotPossible(f"dossier {dossier_code} is paid; it can only be refunded")
        if dossier.cancelled_at is None:
            entries.cancel(dossier_code, portal.clock())


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
        fee_vnd=fee_vnd,
        applicant=declaration.applicant.strip()[:100],
        phone=declaration.phone.strip()[:20],
        email=declaration.email.strip()[:100],
        declared_at=now,
    )


def _province_of(dossier_code: str) -> str:
    """By the official form of the code; the first province for codes of another form."""
    found = re.search(r"\bH\d{2}\b", dossier_code)
    return found[0] if found and found[0] in PROVINCES else next(iter(PROVINCES))


def _next_code(entries: Entries, dossier: Dossier) -> str:
    unit = f"{dossier.province}.12.6"
    prefix = references.dossier_code(unit, dossier.declared_at, 0).removesuffix("0000")
    return references.dossier_code(unit, dossier.declared_at, entries.next_serial(prefix))


def _bill(dossier: Dossier) -> Attempt:
    """Under its bill code a dossier can be paid from the first day, at any counter of a bank that collects bills."""
    return Attempt(
        bank=VIETINBANK,
        order_ref=dossier.bill_code,
        dossier_code=dossier.dossier_code,
        method="bill",
        amount_vnd=dossier.fee_vnd,
        ordered_at=dossier.declared_at,
        expires_at=dossier.declared_at + timedelta(days=365),
    )


def _record(
    portal: Portal, dossier_code: str, bank: str, method: str, payer: Payer, browser_amount_vnd: int | None
) -> tuple[Dossier, Attempt]:
    flaws = portal.flaws
    with portal.books.writing() as entries:
        dossier = known_dossier(entries, dossier_code)
        reopened = dossier.cancelled_at is None and Flaw.PAID_DOSSIER_REOPENED in flaws
        if not entries.standing(dossier).awaits_money and not reopened:
            raise NotPossible(f"dossier {dossier_code} awaits no payment any more")
        if Flaw.FAILED_DOSSIER_CLOSED in flaws and _has_failed(entries, dossier_code):
            raise NotPossible(f"the payment of dossier {dossier_code} has failed")
        if bank == VIETINBANK:
            return dossier, _bill(dossier)
        attempt = _new_attempt(portal, dossier, bank, method, payer)
        if browser_amount_vnd is not None and Flaw.BROWSER_AMOUNT_TRUSTED in flaws:
            attempt = replace(attempt, amount_vnd=browser_amount_vnd)
        if Flaw.NEW_ATTEMPT_FORGETS_OLD in flaws:
            entries.forget_pending(dossier_code, bank)
        if bank != DVCQG or Flaw.ATTEMPT_RECORDED_AFTER_ANSWER not in flaws:
            entries.add_attempt(attempt, instead=Flaw.ORDER_REF_BY_SECOND in flaws)
    return dossier, attempt


def _has_failed(entries: Entries, dossier_code: str) -> bool:
    return any(attempt.state is AttemptState.FAILED for attempt in entries.attempts(dossier_code))


def _new_attempt(portal: Portal, dossier: Dossier, bank: str, method: str, payer: Payer) -> Attempt:
    now = portal.clock().replace(microsecond=0)
    by_second = Flaw.ORDER_REF_BY_SECOND in portal.flaws
    return Attempt(
        bank=bank,
        order_ref=references.by_second(now) if by_second else references.order_ref(now),
        dossier_code=dossier.dossier_code,
        method=method,
        amount_vnd=dossier.fee_vnd,
        ordered_at=now,
        expires_at=now + timedelta(seconds=portal.settings.order_life_s),
        client_ip=payer.client_ip,
    )


async def _start_vnpay(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    settings = portal.settings
    command = "genqr" if attempt.method == "qr" else "pay"
    url = vnpay.pay_url(
        settings.vnpay,
        attempt,
        command=command,
        bank_url=settings.bank_url,
        return_url=f"{settings.public_url}/return/vnpay",
        description=f"Lệ phí hồ sơ {dossier.dossier_code}",
        locale=payer.locale,
        flaws=portal.flaws,
    )
    if command == "pay":
        return await _go_on(portal, attempt, Checkout(kind="redirect", order_ref=attempt.order_ref, url=url))
    try:
        payload = vnpay.read_qr(await portal.line.get(url))
    except (BankSilent, Rejected) as error:
        raise BankFailed(attempt.order_ref, f"VNPAY gave no QR code: {error}") from error
    page = f"{settings.public_url}/qr/{attempt.order_ref}"
    found = Checkout(kind="qr", order_ref=attempt.order_ref, url=page, payload=payload)
    return await _go_on(portal, attempt, found)


async def _start_dvcqg(portal: Portal, dossier: Dossier, attempt: Attempt, payer: Payer) -> Checkout:
    settings = portal.settings
    service = portal.catalogue.services[dossier.service_code]
    message = dvcqg.init_request(settings.dvcqg, attempt, dossier, service, payer.locale, portal.flaws)
    try:
        url = dvcqg.read_init(await portal.line.post(f"{settings.bank_url}{dvcqg.INIT_PATH}", message))
    except (BankSilent, Rejected) as error:
        raise BankFailed(attempt.order_ref, f"the payment platform did not start a payment: {error}") from error
    if Flaw.ATTEMPT_RECORDED_AFTER_ANSWER in portal.flaws:
        await asyncio.to_thread(_record_late, portal, attempt)
    return await _go_on(portal, attempt, Checkout(kind="redirect", order_ref=attempt.order_ref, url=url))


def _record_late(portal: Portal, attempt: Attempt) -> None:
    with portal.books.writing() as entries:
        entries.add_attempt(attempt)


async def _go_on(portal: Portal, attempt: Attempt, checkout: Checkout) -> Checkout:
    """Keeps where the payer goes on, so that the status page can offer it again."""
    await asyncio.to_thread(_keep_way_on, portal, attempt, checkout.payload or checkout.url)
    return checkout


def _keep_way_on(portal: Portal, attempt: Attempt, way: str) -> None:
    with portal.books.writing() as entries:
        entries.set_url(attempt, way)
