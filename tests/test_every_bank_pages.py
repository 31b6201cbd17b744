"""What holds for every bank on every page that a browser can see: no secret of a merchant is ever on one.

The pages are those of the running application, found in its own table of routes, so that a new page is looked at too.
"""

import asyncio
import base64
import binascii
import html
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_plus, urljoin

import httpx
import msgspec
import pytest
from starlette.routing import Route

from conformance.payer import Payer, Stuck
from simulator.app import App
from simulator.bank import act
from simulator.banks import dialects
from simulator.control import create_control
from simulator.control.guard import Guard
from simulator.delivery import Courier
from simulator.merchants import default_merchants
from simulator.pages import create_pages, routes
from simulator.pages.frame import ASSETS
from simulator.payment import Event, Merchant, Payment, State
from simulator.serving import _either
from simulator.wire import Request
from simulator.world import World
from tests.samples import BILL_AMOUNT_VND, SAMPLES, answered
from tests.test_pages import Bridge
from tests.worlds import START, Connector, connector, courier_of, served, worlds_in

HERE = "http://127.0.0.1"
SANDBOX = f"{HERE}/s/ci"
SHOWN_PAGES = [route for route in routes() if isinstance(route, Route) and "GET" in (route.methods or ())]
SEEN_AT_SOME_BANKS = {
    f"/s/{{sandbox}}/{path}"
    for path in (
        "pay/{payment_id}/challenge",
        "terminal/{bank}",
        "terminal/{bank}/batch",
        "counter/{bank}",
        "app/{bank}",
        "bill/{bank}",
        *(f"{each.code}{each.error_page.path}" for each in dialects().values() if each.error_page),
    )
}
"""The issuer's own page, and those of banks that have a counter, a terminal, an app or an error page."""

ENCODED = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")


@dataclass(slots=True)
class Watched:
    """One bank's sandbox, and every text that a browser was answered: `seen` by method and address."""

    code: str
    world: World
    courier: Courier
    portal: Connector
    browser: httpx.Client
    seen: dict[str, str] = field(default_factory=dict)

    async def look(self, path: str) -> int:
        """The status of that page."""
        answer = await asyncio.to_thread(self.browser.get, urljoin(HERE, path))
        return answer.status_code

    async def ask(self, request: Request) -> httpx.Response:
        """A connector's request, as bytes at the bank's own address."""
        query = f"?{request.query.decode('latin-1')}" if request.query else ""
        url, headers = f"{SANDBOX}/{self.code}{request.path}{query}", dict(request.headers)
        return await asyncio.to_thread(self.browser.request, request.method, url, headers=headers, content=request.body)

    async def payments(self) -> list[Payment]:
        return list(await self.world.store.payments("ci"))

    async def walked(self, url: str, **how: str) -> None:
        """As far as these pages lead: what is wanted is that they are seen."""
        with suppress(Stuck):
            await asyncio.to_thread(Payer(self.browser).pay, url, follow_return=False, **how)


class Recording(Bridge):
    """A browser that keeps all that it is shown; what a bank answers a connector is no page."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop, seen: dict[str, str]) -> None:
        super().__init__(app, loop)
        self._seen = seen

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "127.0.0.1":
            return httpx.Response(200, text="back at the merchant", request=request)
        answer = super().handle_request(request)
        answer.read()
        if answer.headers.get("content-type", "").startswith("text/html") or answer.has_redirect_location:
            shown = [f"{name}: {value}" for name, value in answer.headers.items()]
            self._seen[f"{request.method} {request.url}"] = "\n".join([*shown, answer.text])
        return answer


@pytest.fixture
async def watched(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    code = request.getfixturevalue("code")
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(answered(code, method, path, body))
        await worlds.create("default", seed="1", clock_at=START)
        merchants = tuple(
            msgspec.structs.replace(each, callback_url=f"{portal.url}/callback", inquiry_url=f"{portal.url}/inquiry")
            for each in default_merchants()
            if each.bank == code
        )
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=merchants)
        guard = Guard()
        rest = _either(create_control(worlds, courier, guard), create_pages(worlds, courier, guard.objection))
        seen: dict[str, str] = {}
        transport = Recording(App(worlds, courier, rest, "1"), asyncio.get_running_loop(), seen)
        with httpx.Client(transport=transport) as browser:
            yield Watched(code, world, courier, portal, browser, seen)


async def one_more(at: Watched, order_ref: str, channel: str) -> str:
    """The page of a new payment, come about in the way of the bank's shape."""
    dialect, known = dialects()[at.code], {each.payment_id for each in await at.payments()}
    (merchant,) = at.world.merchants.values()
    if dialect.shape.connector_orders:
        await at.ask(SAMPLES[at.code].create(SAMPLES[at.code].named(order_ref), BILL_AMOUNT_VND, START))  # type: ignore[misc]
    elif dialect.inquiry:
        for place in ("bill", "terminal", "counter", "app"):
            with suppress(Stuck):
                page = await asyncio.to_thread(Payer(at.browser).open, f"{SANDBOX}/{place}/{at.code}")
                wanted = {"bill_code": f"{order_ref}{place[0]}", "channel": channel, "amount_vnd": str(BILL_AMOUNT_VND)}
                await asyncio.to_thread(Payer(at.browser).send, page, at.code, wanted)
    else:
        by = next(each for each in dialect.channels if each == channel)
        await at.courier.transfer(at.world, dialect, merchant, order_ref, BILL_AMOUNT_VND, by)
    made = [each for each in await at.payments() if each.payment_id not in known]
    assert made, f"{order_ref} was refused"
    return at.world.page_url(made[0].payment_id).replace("http://banksim.test", HERE)


def everything(sample_requests: Iterable[Request]) -> list[Request]:
    """Each request as it should be, and once broken, so that its refusal is in the journal too."""
    whole = list(sample_requests)
    return [*whole, *(msgspec.structs.replace(each, query=each.query[:-3], body=each.body[:-3]) for each in whole)]


async def lived(at: Watched) -> None:
    """One of everything that this bank can do, with its pages seen on the way."""
    dialect = dialects()[at.code]
    for number, channel in enumerate(dialect.channels):
        await at.walked(await one_more(at, f"HS10{number}", channel), channel=channel)
    poor = await one_more(at, "HS190", dialect.channels[0])
    await at.walked(poor, channel=dialect.channels[0], username="hetsodu")
    await one_more(at, "HS191", dialect.channels[0])
    if at.code in SAMPLES:
        sample = SAMPLES[at.code]
        for request in everything(sample.requests(sample.named("HS192"), BILL_AMOUNT_VND, START)):
            await at.ask(request)
    for payment, event in zip(
        [each for each in await at.payments() if each.state is State.PENDING],
        (Event.APPROVE, Event.CANCEL, Event.DECLINE),
        strict=False,
    ):
        await act(at.world, payment.payment_id, event)
    await at.courier.advance(at.world, START + timedelta(hours=3))


async def every_page(at: Watched) -> set[str]:
    """The routes of which at least one page was there."""
    await at.ask(Request("POST", "/nowhere", body=b"x"))
    found = set()
    dialect = dialects()[at.code]
    one_a_state = {each.state: each.payment_id for each in await at.payments()}
    for route in SHOWN_PAGES:
        values = {"sandbox": ["ci"], "bank": [at.code, "nowhere"], "name": [*ASSETS, "vi.toml"]}
        values["payment_id"] = [*one_a_state.values(), "nobody"]
        (varied,) = [name for name in route.param_convertors if name != "sandbox"] or ["sandbox"]
        for value in values[varied]:
            status = await at.look(route.path.format(**{"sandbox": "ci", varied: value}))
            if status < 400:
                found.add(route.path)
    for path in ("/api/docs", "/docs", "/nowhere"):
        await at.look(path)
    exchanges = await at.world.store.exchanges("ci", limit=1000)
    for after_id, _ in exchanges[::20]:
        await at.look(f"/room/ci/journal?after_id={after_id}")
    if (error := dialect.error_page) is not None:
        for error_code in error.texts:
            await at.look(f"/s/ci/{at.code}{error.path}?{error.parameter}={error_code}")
    return found


def spellings(texts: Iterable[str]) -> str:
    """All of it as it is, unescaped, and with what is base64 in it decoded."""
    whole = "\n".join(texts)
    plain = html.unescape(whole)
    decoded = []
    for token in set(ENCODED.findall(plain)):
        bare = token.rstrip("=").replace("-", "+").replace("_", "/")
        with suppress(binascii.Error):
            decoded.append(base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("latin-1"))
    return "\n".join([whole, plain, unquote_plus(plain), *decoded])


def secrets_of(merchant: Merchant) -> dict[str, list[str]]:
    """By name: the texts of which none may be seen. A public key is none; of a private one, no line of it may be."""
    return {
        name: [line for line in value.splitlines() if len(line) > 40] if "\n" in value else [value]
        for name, value in merchant.secrets.items()
        if not name.endswith("public_key")
    }


@pytest.mark.parametrize("code", dialects())
async def test_no_page_of_any_kind_shows_a_secret(watched: Watched, code: str) -> None:
    await lived(watched)
    found = await every_page(watched)
    unseen = {route.path for route in SHOWN_PAGES} - found - SEEN_AT_SOME_BANKS
    assert not {path for path in unseen if path.startswith(("/s/{sandbox}", "/room")) or "{" not in path}
    assert {each.state for each in await watched.payments()} - {State.PENDING}
    (merchant,) = watched.world.merchants.values()
    shown = spellings(watched.seen.values())
    for name, texts in secrets_of(merchant).items():
        assert texts
        leaks = [text for text in texts if text in shown]
        where = [place for place, page in watched.seen.items() for text in leaks if text in spellings([page])]
        assert not leaks, f"{name} on {where[:5]}"
