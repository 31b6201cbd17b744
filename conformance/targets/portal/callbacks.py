"""Where banks call: /callbacks/<bank> and below it, each path with the handler that its counterpart names.

Rule: what went wrong in the portal itself is answered in the bank's own words, so that the bank tries again.
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.counterpart import Hear
from conformance.targets.portal.portal import Portal


def callbacks_app(portal: Portal) -> Starlette:
    """To be mounted at /callbacks."""

    def handler(hear: Hear) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await hear(portal, request)

        return handle

    def failed(request: Request, error: Exception) -> Response:
        bank = request.url.path.removeprefix("/callbacks").split("/")[1]
        told = counterparts()[bank].apology(portal)
        return told if isinstance(told, Response) else JSONResponse(told)

    return Starlette(
        routes=[
            Route(f"/{each.bank}{path}", handler(hear), methods=[method])
            for each in counterparts().values()
            for (method, path), hear in each.hears.items()
        ],
        exception_handlers={Exception: failed},
    )
