"""The payer's pages in a real Chromium, at phone and desktop width, in both languages, with and without scripts."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import segno

from simulator import qr
from simulator.client import SandboxClient
from tests.browser import (
    PAID,
    PASSWORD,
    USERNAME,
    axe,
    browser,
    confirms,
    faults,
    fits,
    fits_in_english,
    logs_in,
    opened,
    page,
    sandbox,
    sent,
    tab,
    walks,
    window,
)

__all__ = ["axe", "browser", "page", "sandbox", "tab"]

pytestmark = walks

AGAIN = {"vi": "Bạn còn 2 lần thử.", "en": "Tries left: 2."}
SCAN = {"vi": "Quét mã để thanh toán", "en": "Scan to pay"}


def account_of(sandbox: SandboxClient) -> str:
    """The account at which money by transfer arrives."""
    return next(str(each.options["account"]) for each in sandbox.merchants() if each.bank == "sepay")


def test_internet_banking_is_walked_with_a_mistake_on_the_way(tab: Any, sandbox: SandboxClient) -> None:
    tab.goto(opened(sandbox, "HS-IB") + f"?lang={tab.language}")
    fits(tab)
    tab.click("button[value=NCB]")
    fits(tab)
    tab.fill("#username", USERNAME)
    tab.fill("#password", "wrong")
    tab.press("#password", "Enter")
    tab.wait_for_selector(".alert")
    assert AGAIN[tab.language] in tab.inner_text(".alert")
    fits(tab)
    logs_in(tab)
    fits(tab)
    confirms(tab)
    tab.wait_for_selector("#return")
    fits(tab)
    assert tab.inner_text("h1") == PAID[tab.language]
    assert [each.state for each in sandbox.payments(order_ref="HS-IB")] == ["paid"]
    back = tab.get_attribute("#return", "href")
    answer = httpx.get(f"{sandbox.url.partition('/s/')[0]}{back}")
    assert urlsplit(answer.headers["location"]).netloc == "portal.test"


def test_a_qr_code_is_scanned_by_the_phone_and_the_waiting_page_notices(tab: Any, sandbox: SandboxClient) -> None:
    tab.goto(opened(sandbox, "HS-QR") + f"?lang={tab.language}")
    tab.click(".way-qr button")
    assert tab.inner_text("h1") == SCAN[tab.language]
    fits(tab)
    drawn = tab.eval_on_selector(".qr-code", "each => [each.clientWidth, each.clientHeight]")
    assert drawn[0] == drawn[1] >= 200
    with tab.context.expect_page() as opening:
        tab.click("#phone")
    phone = opening.value
    phone.wait_for_selector("#username")
    fits(phone)
    phone.click("button.primary")
    phone.wait_for_selector(".result.paid")
    tab.wait_for_selector(".result.paid", timeout=15_000)
    fits(tab)
    assert [each.channel for each in sandbox.payments(order_ref="HS-QR")] == ["qr"]


def test_the_pages_work_without_javascript(browser: Any, sandbox: SandboxClient) -> None:
    with window(browser, java_script_enabled=False) as page:
        page.goto(opened(sandbox, "HS-NOJS"))
        assert page.inner_text(".left") == "15:00"
        page.click("details summary")
        page.click("button[value=EXIMBANK]")
        logs_in(page)
        confirms(page)
        page.wait_for_selector("#return")
    assert [each.issuer_code for each in sandbox.payments(order_ref="HS-NOJS")] == ["EXIMBANK"]


def test_the_control_room_fits_and_opens_its_journal(page: Any, sandbox: SandboxClient) -> None:
    opened(sandbox, "HS-ROOM")
    root, _, name = sandbox.url.partition("/s/")
    page.goto(f"{root}/room/{name}")
    fits_in_english(page)
    page.click("text=HS-ROOM")
    page.click(".exchanges summary")
    assert "vnp_TxnRef" in page.inner_text(".exchanges")
    fits(page)


def test_a_photographed_code_of_an_account_is_paid_by_transfer(
    tab: Any, sandbox: SandboxClient, tmp_path: Path
) -> None:
    account = account_of(sandbox)
    picture = tmp_path / "code.png"
    segno.make(qr.vietqr("970436", account, 65_000, purpose="HS-CK"), micro=False).save(str(picture), scale=4)
    tab.goto(f"{sandbox.url}/phone?lang={tab.language}")
    fits(tab)
    tab.set_input_files("#picture", str(picture))
    tab.click("form[action$='/picture'] button")
    tab.wait_for_selector("#account")
    fits(tab)
    read = [tab.input_value(f"#{name}") for name in ("account", "amount_vnd", "content")]
    assert read == [account, "65000", "HS-CK"]
    tab.fill("#amount_vnd", "64000")
    tab.click("button.primary")
    tab.wait_for_selector(".result.paid")
    (paid,) = sandbox.payments(order_ref="HS-CK")
    assert (paid.bank, paid.state, paid.amount_vnd) == ("sepay", "paid", 64_000)


def test_the_inbox_shows_what_a_portal_sent(page: Any, sandbox: SandboxClient) -> None:
    long = "Hồ sơ H49.12.6-261122-0001 đã được thanh toán 65.000 đ. " * 8
    httpx.post(f"{sandbox.url}/inbox/sms", json={"to": "0912345678", "text": long}).raise_for_status()
    page.goto(f"{sandbox.url}/inbox")
    assert "0912345678" in page.inner_text("article.letter")
    fits_in_english(page)


@pytest.mark.node
def test_no_page_has_a_serious_accessibility_fault(page: Any, sandbox: SandboxClient, axe: str) -> None:
    found: set[str] = set()
    server = sandbox.url.partition("/s/")[0]

    def visit(url: str) -> None:
        page.goto(url)
        found.update(faults(page, axe))

    payment = opened(sandbox, "HS-AXE")
    visit(f"{payment}?lang=vi")
    sent(payment, "choose", channel="internet_banking", issuer="NCB")
    sent(payment, "login", username=USERNAME, password=PASSWORD)
    sent(payment, "otp", otp="000000")
    visit(f"{payment}?problem=wrong_otp")
    sent(payment, "otp", otp="123456")
    visit(payment)
    payment = opened(sandbox, "HS-AXE-QR", vnp_BankCode="VNPAYQR")
    visit(f"{payment}?lang=en")
    visit(f"{payment}/phone")
    for place in ("phone", "inbox", "bill/vietinbank", "vnpay/paymentv2/Payment/Error.html?code=70"):
        visit(f"{sandbox.url}/{place}")
    page.goto(f"{sandbox.url}/phone")
    page.fill("#qr", qr.vietqr("970436", account_of(sandbox), 65_000, purpose="HS-AXE"))
    page.click("form[action$='/phone'] button")
    found.update(faults(page, axe))
    for place in ("", f"room/{sandbox.name}", f"room/{sandbox.name}/journal", f"room/{sandbox.name}/deliveries"):
        visit(f"{server}/{place}")
    assert not found, "\n".join(sorted(found))
