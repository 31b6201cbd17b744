"""The portal's JSON interface: for its own front end, and for whoever drives it in a test."""

import asyncio
import base64
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.targets.portal import checkout, jobs, reconciliation, refunds
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.counterpart import Payer
from conformance.targets.portal.defects import named
from conformance.targets.portal.dossiers import Attempt, AttemptState, Dossier, Rejected, Standing
from conformance.targets.portal.entries import Notification
from conformance.targets.portal.given import Code, Name, Short, day_file, json_of
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg
from conformance.targets.portal.protocols.fields import json_object

PAGE = 200
"""So many dossiers are told at once."""


class NewDossier(msgspec.Struct):
    dossier_code: Code = ""
    service_code: Code = ""
    province: Annotated[str, msgspec.Meta(max_length=10)] = ""
    fee_vnd: int | None = None
    applicant: Name = ""
    phone: Short = ""
    email: Name = ""


class NewPayment(msgspec.Struct):
    """`amount_vnd` is what the browser believes; the bill's own amount is what counts."""

    bank: str
    method: str
    amount_vnd: int | None = None
    locale: str = "vi"


class Lock(msgspec.Struct):
    locked: bool


class NewRefund(msgspec.Struct):
    amount_vnd: int | None = None
    key: Name = ""


class Outage(msgspec.Struct):
    down: bool


class Defects(msgspec.Struct):
    names: list[str]


def api_routes(portal: Portal) -> list[Route]:
    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "style": portal.settings.style})

    async def declare(request: Request) -> JSONResponse:
        new = await json_of(request, NewDossier)
        declaration = checkout.Declaration(**msgspec.structs.asdict(new))
        dossier = await asyncio.to_thread(checkout.declare, portal, declaration)
        return JSONResponse(await asyncio.to_thread(_view, portal, dossier.dossier_code), 201)

    async def show(request: Request) -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(_view, portal, _code(request)))

    async def show_many(request: Request) -> JSONResponse:
        """A page of the books in the order of dossier codes; `next` is null on the last one."""
        after, prefix = (request.query_params.get(name, "")[:80] for name in ("after", "prefix"))
        page = await asyncio.to_thread(_page, portal, after, prefix)
        return JSONResponse({"dossiers": page, "next": page[-1]["dossier_code"] if len(page) == PAGE else None})

    async def pay(request: Request) -> JSONResponse:
        new = await json_of(request, NewPayment)
        payer = payer_of(request, new.locale)
        found = await checkout.open_payment(portal, _code(request), new.bank, new.method, payer, new.amount_vnd)
        return JSONResponse({name: value for name, value in asdict(found).items() if value}, 201)

    async def notifications(request: Request) -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(_notifications, portal, _code(request)))

    async def cancel(request: Request) -> JSONResponse:
        await asyncio.to_thread(checkout.cancel, portal, _code(request))
        await checkout.withdraw(portal, _code(request))
        return await show(request)

    async def lock(request: Request) -> JSONResponse:
        wanted = await json_of(request, Lock)
        await asyncio.to_thread(checkout.lock, portal, _code(request), wanted.locked)
        return await show(request)

    async def refund(request: Request) -> JSONResponse:
        new = await json_of(request, NewRefund)
        key = new.key or request.headers.get("idempotency-key", "")
        done = await refunds.refund(portal, _code(request), new.amount_vnd, key)
        status = {refunds.DONE: 200, refunds.ASKED: 202}.get(done.state, 409)
        return JSONResponse({"state": done.state, "amount_vnd": done.amount_vnd}, status)

    async def platform_receipt(request: Request) -> Response:
        return await _platform_receipt(portal, _code(request))

    async def run_jobs(request: Request) -> JSONResponse:
        return JSONResponse(asdict(await jobs.run_now(portal, request.query_params.get("dossier_code", ""))))

    async def reconcile(request: Request) -> JSONResponse:
        """A bank's file of a business day. 422 with the reason where it is refused as a whole."""
        async with request.form() as form:
            bank, business_date, name, content = await day_file(form)
        found = await reconciliation.reconcile(portal, bank, business_date, name, content)
        return JSONResponse(_compared(found), 422 if found.refused else 200)

    async def break_books(request: Request) -> JSONResponse:
        """For tests alone: the store refuses every transaction until it is mended."""
        portal.books.out_of_order = (await json_of(request, Outage)).down
        return JSONResponse({"down": portal.books.out_of_order})

    async def break_issuer(request: Request) -> JSONResponse:
        """For tests alone: nobody issues receipts until that is mended."""
        portal.issuer_is_down = (await json_of(request, Outage)).down
        return JSONResponse({"down": portal.issuer_is_down})

    async def confess(request: Request) -> JSONResponse:
        """For tests alone: how many payments it has dropped and settled twice on purpose."""
        return JSONResponse({"dropped": len(portal.leaks.dropped), "doubled": len(portal.leaks.doubled)})

    async def set_defects(request: Request) -> JSONResponse:
        wanted = await json_of(request, Defects)
        try:
            portal.flaws = named(wanted.names)
        except ValueError as error:
            raise checkout.Unacceptable(str(error)) from error
        return JSONResponse({"names": sorted(flaw.value for flaw in portal.flaws)})

    dossier = "/api/dossiers/{dossier_code}"
    return [
        Route("/healthz", health),
        Route("/api/dossiers", declare, methods=["POST"]),
        Route("/api/dossiers", show_many),
        Route(dossier, show),
        Route(f"{dossier}/payments", pay, methods=["POST"]),
        Route(f"{dossier}/notifications", notifications),
        Route(f"{dossier}/cancel", cancel, methods=["POST"]),
        Route(f"{dossier}/lock", lock, methods=["POST"]),
        Route(f"{dossier}/refund", refund, methods=["POST"]),
        Route(f"{dossier}/platform-receipt", platform_receipt),
        Route("/api/jobs/run", run_jobs, methods=["POST"]),
        Route("/api/reconciliations", reconcile, methods=["POST"]),
        Route("/api/outages/books", break_books, methods=["POST"]),
        Route("/api/outages/receipts", break_issuer, methods=["POST"]),
        Route("/api/leaks", confess),
        Route("/api/defects", set_defects, methods=["POST"]),
    ]


def _code(request: Request) -> str:
    return str(request.path_params["dossier_code"])


def payer_of(request: Request, locale: str) -> Payer:
    host = request.client.host if request.client else "127.0.0.1"
    return Payer(client_ip=host, locale="en" if locale == "en" else "vi")


def _view(portal: Portal, dossier_code: str) -> dict[str, Any]:
    with portal.books.reading() as entries:
        standing = entries.standing(checkout.known_dossier(entries, dossier_code))
        discrepancies = entries.discrepancies(dossier_code)
    return _shown(standing.dossier, standing) | {"discrepancies": discrepancies}


def _page(portal: Portal, after: str, prefix: str) -> list[dict[str, Any]]:
    with portal.books.reading() as entries:
        return [_booked(entries.standing(each)) for each in entries.dossiers_after(after, prefix, PAGE)]


def _booked(standing: Standing) -> dict[str, Any]:
    return {
        "dossier_code": standing.dossier.dossier_code,
        "status": standing.status,
        "amount_paid_vnd": standing.paid_vnd,
        "refunded_vnd": standing.refunded_vnd,
        "refund_due_vnd": standing.refund_due_vnd,
        "receipts": standing.receipts,
    }


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
