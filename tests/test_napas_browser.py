"""The hosted form's script in a real Chromium: a merchant's page as the documents show it, paid, and back."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl

import httpx
import pytest

from simulator.client import SandboxClient
from simulator.wire import FORM_TYPE, Request
from tests.samples import napas as client
from tests.test_pages_browser import browser, sandbox, server

__all__ = ["browser", "sandbox", "server"]

pytestmark = pytest.mark.browser

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
RESULT = "/portal/result?dossier=1"
PAGE = """<!doctype html><title>Portal</title><link rel="icon" href="data:,">
<form id="merchant-form" action="/portal/result?dossier=1" method="POST"></form>
<div id="napas-widget-container"></div>
<script type="text/javascript" id="napas-widget-script" src="{base}/api/restjs/resources/js/napas.hostedform.min.js"
 merchantId="NAPASDEMO" clientIP="10.0.0.1" deviceId="D1" environment="WebApp" cardScheme="AtmCard"
 enable3DSecure="false" orderId="HS-1" dataKey="{dataKey}" napasKey="{napasKey}" apiOperation="PAY"
 orderAmount="18060" orderCurrency="VND" orderReference="Nop le phi" channel="6014"
 sourceOfFundsType="CARD"></script>"""


class Portal(ThreadingHTTPServer):
    """A merchant's site: it serves one page, and keeps what is posted to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.page = ""
        self.posted: list[tuple[str, dict[str, str], bytes]] = []


class _Visit(BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        self._answer(self.server.page)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posted.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
        self._answer("<!doctype html><title>Back</title><h1>Back</h1>")

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal() as it:
        thread = Thread(target=it.serve_forever)
        thread.start()
        yield it
        it.shutdown()
        thread.join()


def sent(base: str, request: Request, headers: dict[str, str]) -> dict[str, str]:
    answer = httpx.request(request.method, base + request.path, content=request.body, headers=headers)
    assert answer.status_code == 200
    found = answer.json()
    assert isinstance(found, dict)
    return found


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def tab(browser: object, request: pytest.FixtureRequest) -> Iterator[object]:
    """A fresh browser window; any error on its console fails the test."""
    context = browser.new_context(java_script_enabled=request.param)  # type: ignore[attr-defined]
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.scripted = request.param
    yield page
    context.close()
    assert said == []


def pay_and_return(page: object) -> None:
    """With scripts the page posts itself to the merchant, without them its button does."""
    page.fill("#card_number", "9704000000000018")  # type: ignore[attr-defined]
    page.fill("#card_holder", "NGUYEN VAN A")  # type: ignore[attr-defined]
    page.fill("#card_date", "03/07")  # type: ignore[attr-defined]
    page.press("#card_date", "Enter")  # type: ignore[attr-defined]
    page.fill("#otp", "OTP")  # type: ignore[attr-defined]
    page.press("#otp", "Enter")  # type: ignore[attr-defined]
    page.click("a#return")  # type: ignore[attr-defined]
    if not page.scripted:  # type: ignore[attr-defined]
        page.click("button#return")  # type: ignore[attr-defined]
    page.wait_for_selector("h1:has-text('Back')")  # type: ignore[attr-defined]


def arrived(portal: Portal, server: str) -> dict[str, object]:
    """What the one post to the merchant says, once it is known to have come as a browser posts a form."""
    ((path, headers, body),) = portal.posted
    assert (path, headers["content-type"], headers["origin"]) == (RESULT, FORM_TYPE, server)
    assert headers["referer"] == f"{server}/", "the payment's address is nothing that a merchant should see"
    fields = dict(parse_qsl(body.decode()))
    assert list(fields) == ["napasResult"]
    found = json.loads(base64.b64decode(json.loads(fields["napasResult"])["data"]))["paymentResult"]
    assert isinstance(found, dict)
    return found


def test_the_result_is_posted_to_the_merchant(tab: object, portal: Portal, sandbox: SandboxClient, server: str) -> None:
    base = f"{sandbox.url}/napas"
    fields = client.form_fields("HS-2", 18_060, START, returnUrl=portal.url + RESULT)
    answer = httpx.post(f"{base}/api/rest/hostedform", data=fields)
    assert answer.status_code == 302
    page = tab
    page.goto(answer.headers["location"])  # type: ignore[attr-defined]
    pay_and_return(page)
    assert page.url == portal.url + RESULT  # type: ignore[attr-defined]
    result = arrived(portal, server)
    assert (result["result"], result["order"]["id"]) == ("SUCCESS", "HS-2")  # type: ignore[index]
    (found,) = sandbox.payments(order_ref="HS-2")
    assert json.loads(sandbox.go_back(found.payment_id).fields["napasResult"])["data"]


@pytest.mark.parametrize("tab", [True], ids=["scripts"], indirect=True)
def test_a_merchants_page_leads_to_payment_and_back(
    tab: object, portal: Portal, sandbox: SandboxClient, server: str
) -> None:
    base = f"{sandbox.url}/napas"
    request = client.token_request()
    token = sent(base, request, dict(request.headers))["access_token"]
    request = client.key_request("HS-1", 18_060, START)
    keys = sent(base, request, {**request.headers, "authorization": f"Bearer {token}"})
    portal.page = PAGE.format(base=base, **keys)
    page = tab
    page.goto(f"{portal.url}/portal/pay")  # type: ignore[attr-defined]
    page.wait_for_url("**/pay/*")  # type: ignore[attr-defined]
    pay_and_return(page)
    result = arrived(portal, server)
    order = result["order"]
    assert (result["result"], order["id"], order["amount"]) == ("SUCCESS", "HS-1", "18060")  # type: ignore[index]
