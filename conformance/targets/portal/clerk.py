"""What a clerk sees of reconciliation: the banks' files of the last days, what was found in them, and the answers.

Rule: this page shows and takes in files. It has no button that changes money: what was found is settled with the bank.
"""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from conformance.targets.portal import checkout, reconciliation
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.entries import DayFile, Finding
from conformance.targets.portal.pages import Pages
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols.day_sheet import SIZE_MAX

_SHOWN_FILES = 30
_PLACE = "/clerk/reconciliation"


def clerk_router(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    pages = Pages(portal)
    banks = [each.bank for each in counterparts().values() if each.day_books is not None]

    @router.get(_PLACE)
    async def show(request: Request) -> Response:
        found = await asyncio.to_thread(_newest, portal)
        return pages.show(request, "reconciliation.html", days=found, banks=banks)

    @router.post(_PLACE)
    async def hand_in(
        request: Request,
        bank: Annotated[str, Form(max_length=40)],
        business_date: Annotated[date, Form()],
        file: UploadFile,
    ) -> Response:
        content = await file.read(SIZE_MAX + 1)
        try:
            await reconciliation.reconcile(portal, bank, business_date, file.filename or "", content)
        except checkout.Unacceptable as error:
            return pages.problem(request, error)
        return RedirectResponse(_PLACE, status_code=303)

    @router.get(_PLACE + "/{bank}/{business_date}/reply")
    async def reply(request: Request, bank: str, business_date: date) -> Response:
        found = await asyncio.to_thread(_file, portal, bank, business_date)
        if found is None or not found.reply:
            return pages.problem(request, checkout.UnknownDossier())
        headers = {"content-disposition": f'attachment; filename="{bank}_{business_date}.txt"'}
        return Response(found.reply, media_type="text/plain; charset=utf-8", headers=headers)

    return router


def _newest(portal: Portal) -> list[tuple[DayFile, list[Finding]]]:
    with portal.books.reading() as entries:
        return [
            (file, entries.findings(file.bank, file.business_date)) for file in entries.newest_day_files(_SHOWN_FILES)
        ]


def _file(portal: Portal, bank: str, business_date: date) -> DayFile | None:
    with portal.books.reading() as entries:
        return entries.day_file(bank, business_date)
