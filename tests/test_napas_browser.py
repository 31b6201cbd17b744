"""The hosted form's script in a real Chromium: a merchant's page as the documents show it, paid, and back."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from simulator.client import SandboxClient
from simulator.wire import Request
from tests.samples import napas as client
from tests.test_pages_browser import browser, sandbox, server

__all__ = ["browser", "sandbox", "server"]

pytestmark = pytest.mark.browser

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PAGE = """<!doctype html><form id="merchant-form" action="/portal/result?dossier=1" method="POST"></form>
<div id="napas-widget-container"></div>
<script type="text/javascript" id="napas-widget-script" src="{base}/api/restjs/resources/js/napas.hostedform.min.js"
 merchantId="NAPASDEMO" clientIP="10.0.0.1" deviceId="D1" environment="WebApp" cardScheme="AtmCard"
 enable3DSecure="false" orderId="HS-1" dataKey="{dataKey}" napasKey="{napasKey}" apiOperation="PAY"
 orderAmount="18060" orderCurrency="VND" orderReference="Nop le phi" channel="6014"
 sourceOfFundsType="CARD"></script>"""


def sent(base: str, request: Request, headers: dict[str, str]) -> dict[str, str]:
    answer = httpx.request(request.method, base + request.path, content=request.body, headers=headers)
    assert answer.status_code == 200
    found = answer.json()
    assert isinstance(found, dict)
    return found


@pytest.fixture
def tab(browser: object) -> Iterator[object]:
    context = browser.new_context()  # type: ignore[attr-defined]
    yield context.new_page()
    context.close()


def test_a_merchants_page_leads_to_payment_and_back(tab: object, sandbox: SandboxClient, server: str) -> None:
    base = f"{sandbox.url}/napas"
    request = client.token_request()
    token = sent(base, request, dict(request.headers))["access_token"]
    request = client.key_request("HS-1", 18_060, START)
    keys = sent(base, request, {**request.headers, "authorization": f"Bearer {token}"})
    page = tab
    page.route(  # type: ignore[attr-defined]
        f"{server}/portal/**",
        lambda route: route.fulfill(
            content_type="text/html",
            body=PAGE.format(base=base, **keys) if route.request.url.endswith("/pay") else "<h1>Back</h1>",
        ),
    )
    page.goto(f"{server}/portal/pay")  # type: ignore[attr-defined]
    page.wait_for_url("**/pay/*")  # type: ignore[attr-defined]
    page.fill("#card_number", "9704000000000018")  # type: ignore[attr-defined]
    page.fill("#card_holder", "NGUYEN VAN A")  # type: ignore[attr-defined]
    page.fill("#card_date", "03/07")  # type: ignore[attr-defined]
    page.press("#card_date", "Enter")  # type: ignore[attr-defined]
    page.fill("#otp", "OTP")  # type: ignore[attr-defined]
    page.press("#otp", "Enter")  # type: ignore[attr-defined]
    page.click("#return")  # type: ignore[attr-defined]
    page.wait_for_url("**/portal/result**")  # type: ignore[attr-defined]
    came = parse_qs(urlsplit(page.url).query)  # type: ignore[attr-defined]
    assert came["dossier"] == ["1"]
    result = json.loads(base64.b64decode(json.loads(came["napasResult"][0])["data"]))["paymentResult"]
    assert (result["result"], result["order"]["id"], result["order"]["amount"]) == ("SUCCESS", "HS-1", "18060")
