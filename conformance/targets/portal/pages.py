"""What a citizen sees: choosing a service, declaring a dossier, paying, the status, the receipt and the messages.

Rule: pages show the books. What a browser brings back from a bank is shown to nobody and settles nothing.
"""

import asyncio
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote_plus

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from conformance.targets.portal import checkout, returns
from conformance.targets.portal.api import payer_of
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.counterpart import Claim
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, Dossier, Standing
from conformance.targets.portal.entries import Receipt
from conformance.targets.portal.given import text, whole_number
from conformance.targets.portal.hearing import body_of
from conformance.targets.portal.moments import spoken
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import PROVINCES
from conformance.targets.portal.wording import in_dong, in_words, masked_address, masked_name

# No script runs on these pages, whatever a bank or an applicant wrote into a field.
_HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_SHOWN_MESSAGES = 50
_PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    checkout.UnknownDossier: (404, "not_found"),
    checkout.NotPossible: (409, "not_possible"),
    checkout.Unacceptable: (422, "unacceptable"),
    checkout.BankFailed: (502, "bank_failed"),
}


def static_files() -> StaticFiles:
    return StaticFiles(packages=[("conformance.targets.portal", "static")])


class Pages:
    """Templates and texts, read once."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._texts = tomllib.loads(files(__package__).joinpath("texts.toml").read_text(encoding="utf-8"))
        self._templates = Environment(
            loader=PackageLoader("conformance.targets.portal"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters |= {
            "dong": in_dong,
            "words": in_words,
            "spoken": spoken,
            "masked_name": masked_name,
            "masked_address": masked_address,
        }

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """`?lang=` wins over the cookie, and is kept in it."""
        asked = request.query_params.get("lang", "")
        locale = asked if asked in ("vi", "en") else request.cookies.get("lang", "vi")
        locale = "en" if locale == "en" else "vi"
        texts = {name: words[locale] for name, words in self._texts.items()}
        page = self._templates.get_template(template).render(
            t=texts, locale=locale, path=request.url.path, catalogue=self._portal.catalogue, **values
        )
        response = HTMLResponse(page, status, _HEADERS)
        if asked:
            response.set_cookie("lang", locale, max_age=365 * 86400, samesite="lax")
        return response

    def problem(self, request: Request, error: Exception) -> HTMLResponse:
        status, name = _PROBLEMS[type(error)]
        return self.show(request, "problem.html", status, name=name)


def page_routes(portal: Portal) -> list[Route]:
    pages = Pages(portal)

    async def home(request: Request) -> Response:
        provinces = {code: portal.catalogue.of_province(code) for code in PROVINCES}
        return pages.show(request, "home.html", provinces=provinces, province_names=PROVINCES)

    async def find(request: Request) -> Response:
        return RedirectResponse(_dossier_path(request.query_params.get("dossier_code", "").strip()), status_code=303)

    async def declare(request: Request) -> Response:
        service = portal.catalogue.services.get(request.path_params["service_code"])
        if service is None:
            return pages.problem(request, checkout.Unacceptable())
        return pages.show(request, "declare.html", service=service)

    async def declared(request: Request) -> Response:
        async with request.form() as form:
            declaration = checkout.Declaration(
                service_code=request.path_params["service_code"],
                applicant=text(form, "applicant"),
                phone=text(form, "phone"),
                email=text(form, "email"),
            )
        try:
            dossier = await asyncio.to_thread(checkout.declare, portal, declaration)
        except checkout.Unacceptable as error:
            return pages.problem(request, error)
        return RedirectResponse(_dossier_path(dossier.dossier_code), status_code=303)

    async def dossier(request: Request) -> Response:
        try:
            standing, receipts = await asyncio.to_thread(_standing, portal, _code(request))
        except checkout.UnknownDossier as error:
            return pages.problem(request, error)
        return pages.show(
            request,
            "dossier.html",
            standing=standing,
            dossier=standing.dossier,
            attempts=_worth_showing(standing.attempts),
            receipts=receipts,
            ways=[f"{each.bank}-{method}" for each in counterparts().values() for method in each.offered],
        )

    async def pay(request: Request) -> Response:
        payer = payer_of(request, request.cookies.get("lang", "vi"))
        try:
            async with request.form() as form:
                bank, _, method = text(form, "way").partition("-")
                amount_vnd = whole_number(form, "amount_vnd")
            found = await checkout.open_payment(portal, _code(request), bank, method, payer, amount_vnd)
        except tuple(_PROBLEMS) as error:
            return pages.problem(request, error)
        if found.kind == "form":
            return pages.show(request, "go.html", checkout=found)
        return RedirectResponse(found.url or f"{_dossier_path(_code(request))}#bill", status_code=303)

    async def receipt(request: Request) -> Response:
        try:
            standing, receipts = await asyncio.to_thread(_standing, portal, _code(request))
        except checkout.UnknownDossier as error:
            return pages.problem(request, error)
        status = 200 if receipts else 404
        return pages.show(request, "receipt.html", status, dossier=standing.dossier, receipts=receipts)

    async def qr(request: Request) -> Response:
        named = request.path_params
        attempt = await asyncio.to_thread(_attempt, portal, named["bank"], named["order_ref"])
        if attempt is None or attempt.method != "qr" or not attempt.url:
            return pages.problem(request, checkout.UnknownDossier())
        drawing = segno.make(attempt.url, error="m").svg_inline(omitsize=True, border=4)
        return pages.show(request, "qr.html", attempt=attempt, drawing=drawing)

    async def outbox(request: Request) -> Response:
        messages = await asyncio.to_thread(_messages, portal)
        return pages.show(request, "outbox.html", messages=messages)

    async def returned(request: Request) -> Response:
        return await show_returned(request, request.scope["query_string"])

    async def returned_by_form(request: Request) -> Response:
        return await show_returned(request, await body_of(request))

    async def show_returned(request: Request, said: bytes) -> Response:
        claim = _claim(portal, request.path_params["bank"], said)
        dossier_code = await returns.look_up(portal, claim) if claim else ""
        echo = _echo(request) if Flaw.RETURN_UNESCAPED in portal.flaws else ""
        if Flaw.RETURN_REDIRECTS_ANYWHERE in portal.flaws and "url" in request.query_params:
            return RedirectResponse(request.query_params["url"], status_code=303)
        if not dossier_code:
            return pages.show(request, "returned.html", standing=None, echo=echo)
        standing, _ = await asyncio.to_thread(_standing, portal, dossier_code)
        if Flaw.RETURN_TELLS_NAME in portal.flaws:
            echo = Markup(escape(standing.dossier.applicant))
        return pages.show(request, "returned.html", standing=standing, echo=echo)

    return [
        Route("/", home),
        Route("/find", find),
        Route("/declare/{service_code}", declare),
        Route("/declare/{service_code}", declared, methods=["POST"]),
        Route("/dossiers/{dossier_code}", dossier),
        Route("/dossiers/{dossier_code}/pay", pay, methods=["POST"]),
        Route("/dossiers/{dossier_code}/receipt", receipt),
        Route("/qr/{bank}/{order_ref}", qr),
        Route("/outbox", outbox),
        Route("/return/{bank}", returned),
        Route("/return/{bank}", returned_by_form, methods=["POST"]),
    ]


def _code(request: Request) -> str:
    return str(request.path_params["dossier_code"])


def _claim(portal: Portal, bank: str, said: bytes) -> Claim | None:
    counterpart = counterparts().get(bank)
    if counterpart is None or counterpart.returned is None:
        return None
    return counterpart.returned(portal, said)


def _echo(request: Request) -> Markup:
    """What the defect writes into the page: all that the browser brought along, as it came."""
    return Markup(unquote_plus(request.url.query))


def _dossier_path(dossier_code: str) -> str:
    return f"/dossiers/{quote(dossier_code, safe='')}"


def _standing(portal: Portal, dossier_code: str) -> tuple[Standing, list[Receipt]]:
    with portal.books.reading() as entries:
        dossier: Dossier = checkout.known_dossier(entries, dossier_code)
        return entries.standing(dossier), entries.receipts(dossier_code)


def _attempt(portal: Portal, bank: str, order_ref: str) -> Attempt | None:
    with portal.books.reading() as entries:
        return entries.attempt(bank, order_ref)


def _worth_showing(attempts: tuple[Attempt, ...]) -> list[Attempt]:
    """Newest first; a bill that nobody has paid yet is no payment."""
    return [each for each in attempts if not _is_bill(each) or each.state is not AttemptState.PENDING][::-1]


def _is_bill(attempt: Attempt) -> bool:
    return counterparts()[attempt.bank].start is None


def _messages(portal: Portal) -> list[Mapping[str, Any]]:
    with portal.books.reading() as entries:
        return [
            {"channel": each.channel, "address": each.address, "text": each.text, "written_at": each.written_at}
            for each in entries.newest_notifications(_SHOWN_MESSAGES)
        ]
