"""The hosted form's script in a real Chromium: a merchant's page as the documents show it, paid, and back."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from simulator.client import SandboxClient
from simulator.wire import FORM_TYPE, Request
from tests.browser import START, browser, fits, sandbox, walks, window
from tests.samples import napas as client

__all__ = ["browser", "sandbox"]

pytestmark = walks

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
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    with window(browser, java_script_enabled=request.param) as page:
        page.scripted = request.param
        yield page


def pay_and_return(page: Any) -> None:
    """With scripts the page posts itself to the merchant, without them its button does."""
    page.fill("#card_number", "9704000000000018")
    page.fill("#card_holder", "NGUYEN VAN A")
    page.fill("#card_date", "03/07")
    page.press("#card_date", "Enter")
    page.fill("#otp", "OTP")
    page.press("#otp", "Enter")
    page.click("a#return")
    if not page.scripted:
        fits(page)
        page.click("button#return")
    page.wait_for_selector("h1:has-text('Back')")


def arrived(portal: Portal, sandbox: SandboxClient) -> dict[str, Any]:
    """What the one post to the merchant says, once it is known to have come as a browser posts a form."""
    ((path, headers, body),) = portal.posted
    server = sandbox.url.partition("/s/")[0]
    assert (path, headers["content-type"], headers["origin"]) == (RESULT, FORM_TYPE, server)
    assert headers["referer"] == f"{server}/", "the payment's address is nothing that a merchant should see"
    fields = dict(parse_qsl(body.decode()))
    assert list(fields) == ["napasResult"]
    found = json.loads(base64.b64decode(json.loads(fields["napasResult"])["data"]))["paymentResult"]
    assert isinstance(found, dict)
    return found


def test_the_result_is_posted_to_the_merchant(tab: Any, portal: Portal, sandbox: SandboxClient) -> None:
    base = f"{sandbox.url}/napas"
    fields = client.form_fields("HS-2", 18_060, START, returnUrl=portal.url + RESULT)
    answer = httpx.post(f"{base}/api/rest/hostedform", data=fields)
    assert answer.status_code == 302
    tab.goto(answer.headers["location"])
    pay_and_return(tab)
    assert tab.url == portal.url + RESULT
    result = arrived(portal, sandbox)
    assert (result["result"], result["order"]["id"]) == ("SUCCESS", "HS-2")
    (found,) = sandbox.payments(order_ref="HS-2")
    assert json.loads(sandbox.go_back(found.payment_id).fields["napasResult"])["data"]


@pytest.mark.parametrize("tab", [True], ids=["scripts"], indirect=True)
def test_a_merchants_page_leads_to_payment_and_back(tab: Any, portal: Portal, sandbox: SandboxClient) -> None:
    base = f"{sandbox.url}/napas"
    request = client.token_request()
    token = sent(base, request, dict(request.headers))["access_token"]
    request = client.key_request("HS-1", 18_060, START)
    keys = sent(base, request, {**request.headers, "authorization": f"Bearer {token}"})
    portal.page = PAGE.format(base=base, **keys)
    tab.goto(f"{portal.url}/portal/pay")
    tab.wait_for_url("**/pay/*")
    pay_and_return(tab)
    result = arrived(portal, sandbox)
    order = result["order"]
    assert (result["result"], order["id"], order["amount"]) == ("SUCCESS", "HS-1", "18060")
