"""Internet Banking in a real Chromium: double clicks, the back button and two tabs pay once and say something sensible.

Playwright has no types here, so pages are of any type.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.samples import vietcombank_qn
from tests.samples.vnpay import vnpay_pay
from tests.test_pages_browser import PAID, START, WIDTHS, axe, browser, faults, fits, sandbox, server, tab

__all__ = ["axe", "browser", "sandbox", "server", "tab"]

pytestmark = pytest.mark.browser

BIG_VND = 100_000_001
FACE = {"vi": "Xác thực khuôn mặt", "en": "Face check"}
PAYS = "form[action$='/otp'] button"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh window of a phone."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.language = "en"
    yield page
    context.close()


def at_log_in(page: Any, sandbox: SandboxClient, order_ref: str, amount_vnd: int = 1_200_000) -> str:
    """Chooses a bank; the address of the payment's page."""
    order = vnpay_pay(order_ref, amount_vnd, START)
    answer = httpx.get(f"{sandbox.url}/vnpay{order.path}?{order.query.decode()}")
    url = str(answer.headers["location"])
    page.goto(f"{url}?lang={page.language}")
    page.click("button[value=NCB]")
    page.wait_for_selector("#username")
    return url


def logs_in(page: Any, username: str = "nguyenvana") -> None:
    page.fill("#username", username)
    page.fill("#password", "banksim")
    page.press("#password", "Enter")
    page.wait_for_selector("#otp")


def debits(sandbox: SandboxClient) -> list[int]:
    return [entry.amount_vnd for entry in sandbox.ledger()]


# --- double click ------------------------------------------------------------------------------------------------


def test_a_double_click_on_pay_pays_once(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-2X")
    logs_in(page)
    page.fill("#otp", "123456")
    page.dblclick(PAYS)
    page.wait_for_selector(".result.paid")
    fits(page)
    assert page.inner_text("h1") == PAID[page.language]
    assert debits(sandbox) == [1_200_000]
    assert sandbox.account("nguyenvana").spent_vnd == 1_200_000


def test_a_double_click_on_log_in_with_a_wrong_password_costs_one_try(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-2W")
    page.fill("#username", "nguyenvana")
    page.fill("#password", "wrong")
    page.dblclick("form[action$='/login'] button.primary")
    page.wait_for_selector(".alert")
    assert "Tries left: 2." in page.inner_text(".alert")


def test_a_double_click_on_a_matching_face_pays_once(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-2F", BIG_VND)
    logs_in(page)
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.dblclick("button[value=match]")
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [BIG_VND]


# --- back button -------------------------------------------------------------------------------------------------


def test_the_back_button_after_the_payment_shows_its_result_and_pays_nothing_more(
    page: Any, sandbox: SandboxClient
) -> None:
    at_log_in(page, sandbox, "HS-BACK")
    logs_in(page)
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector(".result.paid")
    for _ in range(2):
        page.go_back()
        page.wait_for_selector(".result.paid")
        assert page.inner_text("h1") == PAID[page.language]
        assert page.query_selector("#otp, #password") is None
    assert debits(sandbox) == [1_200_000]


def test_the_back_button_after_the_log_in_asks_for_the_otp_again_and_can_pay(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-BACK2")
    logs_in(page)
    page.go_back()
    page.wait_for_selector("#otp")
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector(".result.paid")
    page.reload()
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [1_200_000]


# --- two tabs ----------------------------------------------------------------------------------------------------


def test_two_tabs_with_one_payment_pay_it_once(page: Any, sandbox: SandboxClient) -> None:
    url = at_log_in(page, sandbox, "HS-TABS")
    logs_in(page)
    other = page.context.new_page()
    other.goto(url)
    for each in (page, other):
        each.fill("#otp", "123456")
    for each in (page, other):
        each.click(PAYS)
        each.wait_for_selector(".result.paid")
        assert each.inner_text("h1") == PAID[page.language]
    assert debits(sandbox) == [1_200_000]


def test_a_tab_left_at_the_log_in_shows_how_far_the_other_one_has_come(page: Any, sandbox: SandboxClient) -> None:
    url = at_log_in(page, sandbox, "HS-TABS2")
    other = page.context.new_page()
    other.goto(url)
    logs_in(page)
    logs_in(other, "tranthib")
    assert sandbox.account("tranthib").spent_vnd == 0
    assert "NGUYEN VAN A" in other.inner_text(".funds")


def test_a_tab_that_pays_what_the_other_one_has_cancelled_is_told_so(page: Any, sandbox: SandboxClient) -> None:
    url = at_log_in(page, sandbox, "HS-TABS3")
    logs_in(page)
    other = page.context.new_page()
    other.goto(url)
    other.click("form[action$='/cancel'] button")
    other.wait_for_selector(".result.cancelled")
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector(".result.cancelled")
    assert debits(sandbox) == []


def test_two_tabs_cannot_spend_the_same_fifty_thousand(tab: Any, sandbox: SandboxClient) -> None:
    other = tab.context.new_page()
    other.language = tab.language
    for number, each in enumerate((tab, other)):
        at_log_in(each, sandbox, f"HS-POOR{number}", 50_000)
        logs_in(each, "vuadu")
        assert "50,000" in each.inner_text(".funds").replace(".", ",")
        each.fill("#otp", "123456")
    for each, shown in ((tab, ".result.paid"), (other, ".result.failed")):
        each.click(PAYS)
        each.wait_for_selector(shown)
        fits(each)
    assert debits(sandbox) == [50_000]
    assert sandbox.account("vuadu").balance_vnd == 0


# --- pages -------------------------------------------------------------------------------------------------------


def test_a_large_payment_is_confirmed_before_the_camera(tab: Any, sandbox: SandboxClient) -> None:
    at_log_in(tab, sandbox, "HS-FACE", BIG_VND)
    logs_in(tab)
    fits(tab)
    tab.fill("#otp", "123456")
    tab.click(PAYS)
    tab.wait_for_selector(".camera")
    fits(tab)
    assert tab.inner_text("h1") == FACE[tab.language]
    tab.click("button[value=mismatch]")
    tab.wait_for_selector(".result.failed")
    assert debits(sandbox) == []
    (ended,) = sandbox.payments(order_ref="HS-FACE")
    assert ended.outcome == "over_limit"


def test_the_letters_of_the_picture_are_typed_and_another_picture_can_be_had(tab: Any, sandbox: SandboxClient) -> None:
    order = vietcombank_qn.pay("HS-CAP", 50_000, START)
    answer = httpx.get(f"{sandbox.url}/vietcombank_qn{order.path}?{order.query.decode()}")
    tab.goto(f"{answer.headers['location']}?lang={tab.language}")
    if tab.query_selector("button[value=VIETCOMBANK]"):
        tab.click("button[value=VIETCOMBANK]")
    tab.wait_for_selector(".captcha")
    fits(tab)
    wide = tab.eval_on_selector(".captcha", "each => each.getBoundingClientRect().width")
    assert wide >= 200
    before = tab.get_attribute("[data-hint=captcha]", "data-value")
    tab.click(".captcha-row a")
    tab.wait_for_selector(".captcha")
    letters = tab.get_attribute("[data-hint=captcha]", "data-value")
    assert letters != before
    tab.fill("#captcha", letters.lower())
    logs_in(tab)


def test_maintenance_is_told_with_its_end_and_ways_out(page: Any, sandbox: SandboxClient) -> None:
    url = at_log_in(page, sandbox, "HS-NIGHT")
    sandbox.set_maintenance("08:00-10:00")
    page.goto(url)
    fits(page)
    assert "10:00:00" in page.inner_text("[data-closed]")
    assert page.query_selector("#password") is None
    sandbox.advance(3600)
    assert sandbox.maintenance().until is None


def test_a_session_that_ended_says_so_and_goes_on_after_a_new_log_in(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-IDLE")
    logs_in(page)
    sandbox.advance(600)
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector("#username")
    assert "10" in page.inner_text("[role=status]")
    fits(page)
    logs_in(page)
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [1_200_000]


def test_the_accounts_page_fits_and_shows_what_was_spent(tab: Any, sandbox: SandboxClient) -> None:
    at_log_in(tab, sandbox, "HS-ACC", 50_000)
    logs_in(tab, "vuadu")
    tab.fill("#otp", "123456")
    tab.click(PAYS)
    tab.wait_for_selector(".result.paid")
    tab.goto(f"{sandbox.url}/accounts?lang={tab.language}")
    fits(tab)
    row = tab.inner_text("tr:has(code:text-is('vuadu'))").replace(".", ",")
    assert row.count("50,000") == 2


@pytest.mark.node
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_of_the_bank_has_a_serious_accessibility_fault(
    browser: Any, sandbox: SandboxClient, axe: str, width: str
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)
    page = context.new_page()
    page.language = "vi"
    found: set[str] = set()
    at_log_in(page, sandbox, f"HS-AXE-{width}", BIG_VND)
    page.click("details.tests summary")
    found.update(faults(page, axe))
    logs_in(page)
    found.update(faults(page, axe))
    page.fill("#otp", "123456")
    page.click(PAYS)
    page.wait_for_selector(".camera")
    found.update(faults(page, axe))
    sandbox.set_maintenance("08:00-10:00")
    page.reload()
    found.update(faults(page, axe))
    sandbox.set_maintenance("")
    sandbox.advance(600)
    page.reload()
    page.wait_for_selector("[role=status]")
    found.update(faults(page, axe))
    page.goto(f"{sandbox.url}/accounts")
    found.update(faults(page, axe))
    order = vietcombank_qn.pay(f"HS-AXE-{width}", 50_000, START)
    answer = httpx.get(f"{sandbox.url}/vietcombank_qn{order.path}?{order.query.decode()}")
    if answer.status_code < 400:
        page.goto(str(answer.headers["location"]))
        if page.query_selector("button[value=VIETCOMBANK]"):
            page.click("button[value=VIETCOMBANK]")
        page.wait_for_selector(".captcha")
        found.update(faults(page, axe))
    context.close()
    assert not found, "\n".join(sorted(found))
