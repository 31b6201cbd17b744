"""The portal as a web application: callbacks, JSON interface and citizens' pages under one roof."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount

from conformance.targets.portal import checkout, jobs
from conformance.targets.portal.api import api_routes
from conformance.targets.portal.callbacks import callbacks_app
from conformance.targets.portal.clerk import clerk_routes
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.pages import page_routes, static_files
from conformance.targets.portal.portal import Portal

_STATUSES: dict[type[Exception], int] = {
    checkout.UnknownDossier: 404,
    checkout.NotPossible: 409,
    checkout.Unacceptable: 422,
}


def _nothing() -> None:
    return None


def portal_app(portal: Portal, on_start: Callable[[], None] = _nothing) -> Starlette:
    """Its timetable runs as long as the server does. `on_start` is called once it can be used."""
    return Starlette(
        routes=[
            Mount("/callbacks", callbacks_app(portal)),
            Mount("/static", static_files()),
            *api_routes(portal),
            *page_routes(portal),
            *clerk_routes(portal),
        ],
        exception_handlers={
            **{error: _told_with(status) for error, status in _STATUSES.items()},
            checkout.BankFailed: _told_of_bank,
            sqlite3.OperationalError: _told_with(503),
        },
        lifespan=_timetable(portal, on_start),
    )


def _timetable(
    portal: Portal, on_start: Callable[[], None]
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        if Flaw.START_CLEARS_PENDING in portal.flaws:
            with portal.books.writing() as entries:
                entries.forget_all_pending()
        timetable = [jobs.keep_settling, jobs.keep_sending, jobs.keep_issuing]
        if portal.settings.poll_every_s:
            timetable.append(jobs.keep_asking)
        tasks = [asyncio.create_task(job(portal)) for job in timetable]
        on_start()
        yield
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await portal.line.close()
        portal.books.close()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    return run


def _told_with(status: int) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def tell(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status)

    return tell


async def _told_of_bank(request: Request, error: Exception) -> JSONResponse:
    order_ref = getattr(error, "order_ref", "")
    return JSONResponse({"detail": str(error), "order_ref": order_ref}, 502)
