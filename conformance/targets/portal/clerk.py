"""What a clerk sees of reconciliation: the banks' files of the last days, what was found in them, and the answers.

Rule: this page shows and takes in files. It has no button that changes money: what was found is settled with the bank.
"""

import asyncio
from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from conformance.targets.portal import checkout, reconciliation
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.entries import DayFile, Finding
from conformance.targets.portal.given import day, day_file
from conformance.targets.portal.pages import Pages
from conformance.targets.portal.portal import Portal

_SHOWN_FILES = 30
_PLACE = "/clerk/reconciliation"


def clerk_routes(portal: Portal) -> list[Route]:
    pages = Pages(portal)
    banks = [each.bank for each in counterparts().values() if each.day_books is not None]

    async def show(request: Request) -> Response:
        found = await asyncio.to_thread(_newest, portal)
        return pages.show(request, "reconciliation.html", days=found, banks=banks)

    async def hand_in(request: Request) -> Response:
        try:
            async with request.form() as form:
                bank, business_date, name, content = await day_file(form)
            await reconciliation.reconcile(portal, bank, business_date, name, content)
        except checkout.Unacceptable as error:
            return pages.problem(request, error)
        return RedirectResponse(_PLACE, status_code=303)

    async def reply(request: Request) -> Response:
        bank = str(request.path_params["bank"])
        try:
            business_date = day(str(request.path_params["business_date"]))
        except checkout.Unacceptable as error:
            return pages.problem(request, error)
        found = await asyncio.to_thread(_file, portal, bank, business_date)
        if found is None or not found.reply:
            return pages.problem(request, checkout.UnknownDossier())
        headers = {"content-disposition": f'attachment; filename="{bank}_{business_date}.txt"'}
        return Response(found.reply, media_type="text/plain; charset=utf-8", headers=headers)

    return [
        Route(_PLACE, show),
        Route(_PLACE, hand_in, methods=["POST"]),
        Route(_PLACE + "/{bank}/{business_date}/reply", reply),
    ]


def _newest(portal: Portal) -> list[tuple[DayFile, list[Finding]]]:
    with portal.books.reading() as entries:
        return [
            (file, entries.findings(file.bank, file.business_date)) for file in entries.newest_day_files(_SHOWN_FILES)
        ]


def _file(portal: Portal, bank: str, business_date: date) -> DayFile | None:
    with portal.books.reading() as entries:
        return entries.day_file(bank, business_date)
