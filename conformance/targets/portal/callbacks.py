"""Where banks call: /callbacks/<bank> and below it, each path with the handler that its counterpart names.

Rule: what went wrong in the portal itself is answered in the bank's own words, so that the bank tries again.
"""

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.counterpart import Hear
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.portal import Portal

_SLOW_PARSER_S = 6.0
_TURN = "a callback has its turn"


def callbacks_app(portal: Portal) -> Starlette:
    """To be mounted at /callbacks."""

    def handler(hear: Hear) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            if Flaw.HUGE_CALLBACK_STALLS in portal.flaws and len(request.headers.get("content-length", "")) > 6:
                _stall()
            if Flaw.BANK_HOLDS_UP_CALLBACKS in portal.flaws:
                async with portal.alone:
                    return await hear(portal, request)
            if Flaw.CUT_CALLBACK_KEEPS_LOCK in portal.flaws:
                return await _in_turn(portal, hear, request)
            return await hear(portal, request)

        return handle

    def failed(request: Request, error: Exception) -> Response:
        return _apology(portal, request)

    return Starlette(
        routes=[
            Route(f"/{each.bank}{path}", handler(hear), methods=[method])
            for each in counterparts().values()
            for (method, path), hear in each.hears.items()
        ],
        exception_handlers={Exception: failed},
    )


def _stall() -> None:
    """What the defect does: all that is served waits."""
    time.sleep(_SLOW_PARSER_S)


def _apology(portal: Portal, request: Request) -> Response:
    bank = request.url.path.removeprefix("/callbacks").split("/")[1]
    told = counterparts()[bank].apology(portal)
    return told if isinstance(told, Response) else JSONResponse(told)


async def _in_turn(portal: Portal, hear: Hear, request: Request) -> Response:
    """What the defect does: one callback at a time, and who is cut off does not give up the turn. The next one, which
    is turned away, makes it free again."""
    if _TURN in portal.handled:
        portal.handled.discard(_TURN)
        return _apology(portal, request)
    portal.handled.add(_TURN)
    answer = await hear(portal, request)
    portal.handled.discard(_TURN)
    return answer
