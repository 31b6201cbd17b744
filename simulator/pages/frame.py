"""What every page shares: language, templates, headers, the form that was posted, and pages for what went wrong."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from simulator.delivery import Courier
from simulator.pages.texts import DEFAULT, Texts, read_texts
from simulator.payment import Payment
from simulator.world import DEFAULT as DEFAULT_SANDBOX
from simulator.world import World, Worlds

FORM_BYTES_MAX = 16 * 1024
YEAR_S = 365 * 24 * 3600

Objection = Callable[[str, str, str, str], tuple[int, str] | None]
"""(method, Host, Origin, Authorization) -> why that caller may not see the control room; None for one who may."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

ASSETS = {"style.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Office:
    """All that a page needs; one an application."""

    worlds: Worlds
    courier: Courier
    objection: Objection
    templates: Environment
    texts: Mapping[str, Texts]


class FormTooLarge(Exception):
    """A posted form is above FORM_BYTES_MAX."""


def open_office(worlds: Worlds, courier: Courier, objection: Objection) -> Office:
    templates = Environment(
        loader=PackageLoader("simulator.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return Office(worlds, courier, objection, templates, read_texts())


def office_of(request: Request) -> Office:
    office = request.app.state.office
    assert isinstance(office, Office), "the pages are made with an office"
    return office


async def world_of(request: Request) -> World:
    """The sandbox that the address names. Raises UnknownSandbox."""
    return await office_of(request).worlds.get(request.path_params.get("sandbox", DEFAULT_SANDBOX))


def texts_of(request: Request, payment: Payment | None = None) -> Texts:
    """By `?lang=`, else as chosen before, else as the order asks, else Vietnamese."""
    known = office_of(request).texts
    wanted = (
        request.query_params.get("lang", ""),
        request.cookies.get("lang", ""),
        payment.order.locale if payment else "",
    )
    return known[next((code for code in wanted if code in known), DEFAULT)]


def page(
    request: Request, name: str, *, status: int = 200, payment: Payment | None = None, **values: Any
) -> HTMLResponse:
    """A page from its template; `t` in it are the texts of the reader's language."""
    office, texts = office_of(request), texts_of(request, payment)
    other = next(code for code in office.texts if code != texts.code)
    html = office.templates.get_template(f"{name}.html").render(
        t=texts, other_language=other, path=request.url.path, payment=payment, **values
    )
    response = HTMLResponse(html, status, HEADERS)
    _remember_language(request, response)
    return response


def _remember_language(request: Request, response: Response) -> None:
    wanted = request.query_params.get("lang", "")
    if wanted in office_of(request).texts:
        response.set_cookie("lang", wanted, max_age=YEAR_S, samesite="lax", httponly=True)


def posting_to(url: str) -> dict[str, str]:
    """Headers for a page whose form goes to that address: its origin and no other; it is told ours, as `Origin`."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    # A host that a policy cannot name (IPv6, other alphabets) leaves only its scheme to be named.
    target = f"{parts.scheme}://{host}" if re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", host) else f"{parts.scheme}:"
    policy = HEADERS["content-security-policy"].replace("form-action 'self'", f"form-action {target}")
    return {**HEADERS, "content-security-policy": policy, "referrer-policy": "strict-origin"}


def see(url: str, request: Request | None = None) -> RedirectResponse:
    """303: a form was understood, the browser looks at `url` now; reloading that sends nothing again.

    A language that the address of `request` chose stays chosen.
    """
    response = RedirectResponse(url, 303, HEADERS)
    if request is not None:
        _remember_language(request, response)
    return response


async def posted(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises FormTooLarge."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise FormTooLarge
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def problem_page(request: Request, key: str, status: int, code: str = "") -> HTMLResponse:
    """`key` names a sentence of the section "error"."""
    return page(request, "error", status=status, sentence=texts_of(request)(f"error.{key}"), code=code)


async def unknown_payment(request: Request, error: Exception) -> Response:
    return problem_page(request, "unknown_payment", 404)


async def unknown_sandbox(request: Request, error: Exception) -> Response:
    return problem_page(request, "unknown_sandbox", 404)


async def form_too_large(request: Request, error: Exception) -> Response:
    return problem_page(request, "too_large", 413)


async def store_down(request: Request, error: Exception) -> Response:
    return problem_page(request, "store", 503)


async def not_served(request: Request, error: Exception) -> Response:
    """An address or a method that there is not."""
    assert isinstance(error, HTTPException), "registered for this one"
    wrong_method = error.status_code == 405
    response = problem_page(request, "wrong_method" if wrong_method else "unknown_page", error.status_code)
    response.headers.update(error.headers or {})
    return response


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        raise HTTPException(404)
    content = files(__package__).joinpath(name).read_bytes()
    return Response(content, headers={"cache-control": "no-cache", "content-type": ASSETS[name]})
