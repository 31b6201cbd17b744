"""How the control API says no: a status and one sentence with what was wrong, where, and what to do."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from simulator.bank import UnknownPayment
from simulator.cards import mask_pans
from simulator.payment import IllegalEvent, NoSuchPendingRefund, Refusal
from simulator.places import NotDone
from simulator.store import StoreError, UnknownSandbox

SHOWN_MAX = 60
ERRORS_SHOWN = 5


class Problem(BaseModel):
    """Why a call was refused."""

    detail: str = Field(
        description="A sentence: what was wrong, where, and what to do.",
        examples=["There is no payment 'p1' in sandbox 'ci-41'; GET /_control/sandboxes/ci-41/payments lists them."],
    )
    reason: str = Field(
        default="",
        description="Only when a connector refused a bill, a terminal or a teller a payment: why, in one word.",
        examples=["already_paid"],
    )


class Refused(Exception):
    """A call that cannot be carried out, with the status and the sentence that tell so."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def install(app: FastAPI) -> None:
    """Makes every refusal of `app` a `Problem`."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(HTTPException, _not_here)
    app.add_exception_handler(UnknownSandbox, _no_sandbox)
    app.add_exception_handler(UnknownPayment, _no_payment)
    app.add_exception_handler(IllegalEvent, _illegal)
    app.add_exception_handler(NoSuchPendingRefund, _illegal)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(NotDone, _not_done)
    app.add_exception_handler(StoreError, _no_store)


def answer(status: int, detail: str, reason: str = "") -> JSONResponse:
    return JSONResponse(Problem(detail=detail, reason=reason).model_dump(), status)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused), "registered for this error only"
    return answer(error.status, error.detail)


async def _misunderstood(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for this error only"
    kind = request.headers.get("content-type", "")
    if error.errors()[0]["loc"] == ("body",) and not kind.startswith("application/json"):
        came = f"it came as {kind}" if kind else "there was none"
        return answer(400, f"The body must be JSON with the header `content-type: application/json`; {came}.")
    return answer(400, sentence(error.errors()))


async def _not_here(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "registered for this error only"
    place = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        return answer(404, f"Nothing is served at {place}; /docs lists what is.")
    if error.status_code == 405:
        return answer(405, f"{place} is not a call of this API; /docs lists the methods of each address.")
    return answer(error.status_code, f"{place}: {error.detail}")


async def _no_sandbox(request: Request, error: Exception) -> JSONResponse:
    name = request.path_params.get("sandbox", "")
    return answer(
        404,
        f"There is no sandbox {name!r}; GET /_control/sandboxes lists them, "
        f'POST /_control/sandboxes {{"name": "{name}"}} makes one.',
    )


async def _no_payment(request: Request, error: Exception) -> JSONResponse:
    sandbox, payment_id = request.path_params.get("sandbox", ""), str(error)
    return answer(
        404,
        f"There is no payment {payment_id!r} in sandbox {sandbox!r}; "
        f"GET /_control/sandboxes/{sandbox}/payments lists them.",
    )


async def _illegal(request: Request, error: Exception) -> JSONResponse:
    return answer(409, f"Nothing was changed: {error}.")


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal), "registered for this error only"
    return answer(422, f"The connector refused the bill: {error}.", str(error.reason))


async def _not_done(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NotDone), "registered for this error only"
    return answer(409, f"Nothing was changed: {error}.", str(error.why))


async def _no_store(request: Request, error: Exception) -> JSONResponse:
    return answer(503, f"The store cannot be used, nothing was changed: {error}")


def sentence(errors: Sequence[Any]) -> str:
    """What pydantic found, for a person: "Body field `delay_s`: Input should be ... (it is -5)."."""
    told = [_one(error) for error in errors[:ERRORS_SHOWN]]
    more = len(errors) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "") + ". See /docs for what is expected."


def _one(error: dict[str, Any]) -> str:
    where, *path = error["loc"]
    if error["type"] == "json_invalid":
        return f"The body is not JSON: {error['ctx']['error']} at character {path[-1]}"
    message = "there is no such field" if error["type"] == "extra_forbidden" else error["msg"]
    field = ".".join(str(part) for part in path)
    place = f"{str(where).capitalize()} field `{field}`" if field else "The body"
    return f"{place}: {message}{_shown(error)}"


def _shown(error: dict[str, Any]) -> str:
    given = error.get("input")
    if "secrets" in error["loc"] or not isinstance(given, str | int | float):
        return ""
    text = mask_pans(repr(given).encode("utf-8", "replace")).decode()
    return f" (it is {text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + '...'})"
