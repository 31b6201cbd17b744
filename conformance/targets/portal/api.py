"""The portal's JSON interface: for its own front end, and for whoever drives it in a test."""

import asyncio
import base64
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from conformance.targets.portal import checkout, jobs, reconciliation, refunds
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.counterpart import Payer
from conformance.targets.portal.defects import named
from conformance.targets.portal.dossiers import Attempt, AttemptState, Dossier, Rejected, Standing
from conformance.targets.portal.entries import Notification
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg
from conformance.targets.portal.protocols.day_sheet import SIZE_MAX
from conformance.targets.portal.protocols.fields import json_object


class NewDossier(BaseModel):
    dossier_code: str = Field("", max_length=80)
    service_code: str = Field("", max_length=80)
    province: str = Field("", max_length=10)
    fee_vnd: int | None = None
    applicant: str = Field("", max_length=100)
    phone: str = Field("", max_length=20)
    email: str = Field("", max_length=100)


class NewPayment(BaseModel):
    """`amount_vnd` is what the browser believes; the bill's own amount is what counts."""

    bank: str
    method: str
    amount_vnd: int | None = None
    locale: str = "vi"


class Lock(BaseModel):
    locked: bool


class NewRefund(BaseModel):
    amount_vnd: int | None = None
    key: str = Field("", max_length=100)


class Outage(BaseModel):
    down: bool


class Defects(BaseModel):
    names: list[str]


def api_router(portal: Portal) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok", "style": portal.settings.style}

    @router.post("/api/dossiers", status_code=201)
    async def declare(new: NewDossier) -> dict[str, Any]:
        dossier = await asyncio.to_thread(checkout.declare, portal, checkout.Declaration(**new.model_dump()))
        return await asyncio.to_thread(_view, portal, dossier.dossier_code)

    @router.get("/api/dossiers/{dossier_code}")
    async def show(dossier_code: str) -> dict[str, Any]:
        return await asyncio.to_thread(_view, portal, dossier_code)

    @router.post("/api/dossiers/{dossier_code}/payments", status_code=201)
    async def pay(dossier_code: str, new: NewPayment, request: Request) -> dict[str, Any]:
        payer = payer_of(request, new.locale)
        found = await checkout.open_payment(portal, dossier_code, new.bank, new.method, payer, new.amount_vnd)
        return {name: value for name, value in asdict(found).items() if value}

    @router.get("/api/dossiers/{dossier_code}/notifications")
    async def notifications(dossier_code: str) -> list[dict[str, Any]]:
        return await asyncio.to_thread(_notifications, portal, dossier_code)

    @router.post("/api/dossiers/{dossier_code}/cancel")
    async def cancel(dossier_code: str) -> dict[str, Any]:
        await asyncio.to_thread(checkout.cancel, portal, dossier_code)
        await checkout.withdraw(portal, dossier_code)
        return await asyncio.to_thread(_view, portal, dossier_code)

    @router.post("/api/dossiers/{dossier_code}/lock")
    async def lock(dossier_code: str, wanted: Lock) -> dict[str, Any]:
        await asyncio.to_thread(checkout.lock, portal, dossier_code, wanted.locked)
        return await asyncio.to_thread(_view, portal, dossier_code)

    @router.post("/api/dossiers/{dossier_code}/refund")
    async def refund(dossier_code: str, new: NewRefund, idempotency_key: Annotated[str, Header()] = "") -> JSONResponse:
        done = await refunds.refund(portal, dossier_code, new.amount_vnd, new.key or idempotency_key)
        status = {refunds.DONE: 200, refunds.ASKED: 202}.get(done.state, 409)
        return JSONResponse({"state": done.state, "amount_vnd": done.amount_vnd}, status)

    @router.get("/api/dossiers/{dossier_code}/platform-receipt")
    async def platform_receipt(dossier_code: str) -> Response:
        return await _platform_receipt(portal, dossier_code)

    @router.post("/api/jobs/run")
    async def run_jobs(dossier_code: str = "") -> dict[str, int]:
        return asdict(await jobs.run_now(portal, dossier_code))

    @router.post("/api/reconciliations")
    async def reconcile(
        bank: Annotated[str, Form(max_length=40)], business_date: Annotated[date, Form()], file: UploadFile
    ) -> JSONResponse:
        """A bank's file of a business day. 422 with the reason where it is refused as a whole."""
        content = await file.read(SIZE_MAX + 1)
        found = await reconciliation.reconcile(portal, bank, business_date, file.filename or "", content)
        return JSONResponse(_compared(found), 422 if found.refused else 200)

    @router.post("/api/outages/books")
    async def break_books(wanted: Outage) -> dict[str, bool]:
        """For tests alone: the store refuses every transaction until it is mended."""
        portal.books.out_of_order = wanted.down
        return {"down": wanted.down}

    @router.post("/api/outages/receipts")
    async def break_issuer(wanted: Outage) -> dict[str, bool]:
        """For tests alone: nobody issues receipts until that is mended."""
        portal.issuer_is_down = wanted.down
        return {"down": wanted.down}

    @router.get("/api/leaks")
    async def confess() -> dict[str, int]:
        """For tests alone: how many payments it has dropped and settled twice on purpose."""
        return {"dropped": len(portal.leaks.dropped), "doubled": len(portal.leaks.doubled)}

    @router.post("/api/defects")
    async def set_defects(wanted: Defects) -> dict[str, list[str]]:
        try:
            portal.flaws = named(wanted.names)
        except ValueError as error:
            raise checkout.Unacceptable(str(error)) from error
        return {"names": sorted(flaw.value for flaw in portal.flaws)}

    return router


def payer_of(request: Request, locale: str) -> Payer:
    host = request.client.host if request.client else "127.0.0.1"
    return Payer(client_ip=host, locale="en" if locale == "en" else "vi")


def _view(portal: Portal, dossier_code: str) -> dict[str, Any]:
    with portal.books.reading() as entries:
        standing = entries.standing(checkout.known_dossier(entries, dossier_code))
        discrepancies = entries.discrepancies(dossier_code)
    return _shown(standing.dossier, standing) | {"discrepancies": discrepancies}


def _shown(dossier: Dossier, standing: Standing) -> dict[str, Any]:
    return {
        "dossier_code": dossier.dossier_code,
        "bill_code": dossier.bill_code,
        "service_code": dossier.service_code,
        "fee_vnd": dossier.fee_vnd,
        "status": standing.status,
        "locked": dossier.locked_at is not None,
        "amount_paid_vnd": standing.paid_vnd,
        "refunded_vnd": standing.refunded_vnd,
        "refund_due_vnd": standing.refund_due_vnd,
        "receipts": standing.receipts,
        "notifications": standing.notifications,
        "attempts": [_attempt(attempt) for attempt in standing.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "order_ref": attempt.order_ref,
        "bank": attempt.bank,
        "method": attempt.method,
        "status": attempt.state,
        "amount_vnd": attempt.amount_vnd,
    }


def _compared(found: reconciliation.Compared) -> dict[str, Any]:
    return {
        "refused": found.refused,
        "why": found.why,
        "findings": [
            {
                "kind": each.kind,
                "order_ref": each.order_ref,
                "bank_ref": each.bank_ref,
                "amount_vnd": each.amount_vnd,
                "says": each.says,
            }
            for each in found.findings
        ],
        "reply_name": found.reply_name,
        "reply_base64": base64.b64encode(found.reply).decode(),
    }


def _notifications(portal: Portal, dossier_code: str) -> list[dict[str, Any]]:
    with portal.books.reading() as entries:
        checkout.known_dossier(entries, dossier_code)
        return [_notification(each) for each in entries.notifications(dossier_code)]


def _notification(notification: Notification) -> dict[str, Any]:
    return {
        "channel": notification.channel,
        "text": notification.text,
        "amount_vnd": notification.amount_vnd,
        "written_at": notification.written_at.isoformat(),
    }


async def _platform_receipt(portal: Portal, dossier_code: str) -> Response:
    """The national platform's own receipt: its file, or the way to it."""
    attempt = await asyncio.to_thread(_paid_on_platform, portal, dossier_code)
    message = dvcqg.bill_request(portal.contract(dvcqg.BANK, dvcqg.DvcqgContract), attempt)
    try:
        body, kind = await portal.line.post_for_file(f"{portal.settings.bank_url}{dvcqg.BILL_PATH}", message)
        if kind.startswith("application/pdf"):
            return Response(body, media_type="application/pdf")
        return RedirectResponse(dvcqg.read_bill(json_object(body)), status_code=303)
    except (BankSilent, Rejected) as error:
        raise checkout.BankFailed(attempt.order_ref, f"the platform gave no receipt: {error}") from error


def _paid_on_platform(portal: Portal, dossier_code: str) -> Attempt:
    with portal.books.reading() as entries:
        checkout.known_dossier(entries, dossier_code)
        for attempt in entries.attempts(dossier_code):
            if attempt.bank == dvcqg.BANK and attempt.state is AttemptState.PAID:
                return attempt
    raise checkout.NotPossible(f"dossier {dossier_code} was not paid on the national platform")
