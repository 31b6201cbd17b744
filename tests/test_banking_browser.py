"""Internet Banking in a real Chromium: double clicks, the back button and two tabs pay once and say what happened."""

from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.browser import (
    PAID,
    PASSWORD,
    START,
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
    walks,
)
from tests.samples import vietcombank_qn

__all__ = ["axe", "browser", "page", "sandbox"]

pytestmark = walks

BIG_VND = 100_000_001
PAYS = "form[action$='/otp'] button"


def at_log_in(page: Any, sandbox: SandboxClient, order_ref: str, amount_vnd: int = 1_200_000) -> str:
    """A bank was chosen already; the address of the payment's page."""
    url = opened(sandbox, order_ref, amount_vnd, vnp_BankCode="NCB")
    page.goto(f"{url}?lang={page.language}")
    page.wait_for_selector("#username")
    return url


def at_otp(
    page: Any, sandbox: SandboxClient, order_ref: str, amount_vnd: int = 1_200_000, username: str = USERNAME
) -> str:
    """The payer has logged in already; the address of the payment's page."""
    url = opened(sandbox, order_ref, amount_vnd, vnp_BankCode="NCB")
    sent(url, "login", username=username, password=PASSWORD)
    page.goto(f"{url}?lang={page.language}")
    page.wait_for_selector("#otp")
    return url


def at_captcha(page: Any, sandbox: SandboxClient, order_ref: str) -> None:
    """The log-in of a bank that shows letters in a picture."""
    order = vietcombank_qn.pay(order_ref, 50_000, START)
    answer = httpx.get(f"{sandbox.url}/vietcombank_qn{order.path}?{order.query.decode()}")
    sent(answer.headers["location"], "choose", channel="internet_banking", issuer="VIETCOMBANK")
    page.goto(f"{answer.headers['location']}?lang={page.language}")
    page.wait_for_selector(".captcha")


def debits(sandbox: SandboxClient) -> list[int]:
    return [entry.amount_vnd for entry in sandbox.ledger()]


# --- double click ------------------------------------------------------------------------------------------------


def test_a_double_click_on_pay_pays_once(page: Any, sandbox: SandboxClient) -> None:
    at_otp(page, sandbox, "HS-2X")
    page.fill("#otp", "123456")
    page.dblclick(PAYS)
    page.wait_for_selector(".result.paid")
    assert page.inner_text("h1") == PAID[page.language]
    assert debits(sandbox) == [1_200_000]
    assert sandbox.account(USERNAME).spent_vnd == 1_200_000


def test_a_double_click_on_log_in_with_a_wrong_password_costs_one_try(page: Any, sandbox: SandboxClient) -> None:
    at_log_in(page, sandbox, "HS-2W")
    page.fill("#username", USERNAME)
    page.fill("#password", "wrong")
    page.dblclick("form[action$='/login'] button.primary")
    page.wait_for_selector(".alert")
    assert "Bạn còn 2 lần thử." in page.inner_text(".alert")


def test_a_double_click_on_a_matching_face_pays_once(page: Any, sandbox: SandboxClient) -> None:
    sent(at_otp(page, sandbox, "HS-2F", BIG_VND), "otp", otp="123456")
    page.reload()
    page.dblclick("button[value=match]")
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [BIG_VND]


# --- back button -------------------------------------------------------------------------------------------------


def test_the_back_button_after_the_payment_shows_its_result_and_pays_nothing_more(
    page: Any, sandbox: SandboxClient
) -> None:
    at_log_in(page, sandbox, "HS-BACK")
    logs_in(page)
    confirms(page)
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
    confirms(page)
    page.wait_for_selector(".result.paid")
    page.reload()
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [1_200_000]


# --- two tabs ----------------------------------------------------------------------------------------------------


def test_two_tabs_with_one_payment_pay_it_once(page: Any, sandbox: SandboxClient) -> None:
    url = at_otp(page, sandbox, "HS-TABS")
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
    url = at_otp(page, sandbox, "HS-TABS3")
    other = page.context.new_page()
    other.goto(url)
    other.click("form[action$='/cancel'] button")
    other.wait_for_selector(".result.cancelled")
    confirms(page)
    page.wait_for_selector(".result.cancelled")
    assert debits(sandbox) == []


def test_two_tabs_cannot_spend_the_same_fifty_thousand(page: Any, sandbox: SandboxClient) -> None:
    other = page.context.new_page()
    other.language = page.language
    for number, each in enumerate((page, other)):
        at_otp(each, sandbox, f"HS-POOR{number}", 50_000, "vuadu")
        assert "50.000" in each.inner_text(".funds")
    for each, shown in ((page, ".result.paid"), (other, ".result.failed")):
        confirms(each)
        each.wait_for_selector(shown)
    assert debits(sandbox) == [50_000]
    assert sandbox.account("vuadu").balance_vnd == 0


# --- pages -------------------------------------------------------------------------------------------------------


def test_a_large_payment_is_confirmed_before_the_camera(page: Any, sandbox: SandboxClient) -> None:
    at_otp(page, sandbox, "HS-FACE", BIG_VND)
    confirms(page)
    page.wait_for_selector(".camera")
    assert page.inner_text("h1") == "Xác thực khuôn mặt"
    fits_in_english(page)
    assert page.inner_text("h1") == "Face check"
    page.click("button[value=mismatch]")
    page.wait_for_selector(".result.failed")
    fits(page)
    assert debits(sandbox) == []
    (ended,) = sandbox.payments(order_ref="HS-FACE")
    assert ended.outcome == "over_limit"


def test_the_letters_of_the_picture_are_typed_and_another_picture_can_be_had(page: Any, sandbox: SandboxClient) -> None:
    at_captcha(page, sandbox, "HS-CAP")
    fits_in_english(page)
    wide = page.eval_on_selector(".captcha", "each => each.getBoundingClientRect().width")
    assert wide >= 200
    before = page.get_attribute("[data-hint=captcha]", "data-value")
    page.click(".captcha-row a")
    page.wait_for_selector(".captcha")
    letters = page.get_attribute("[data-hint=captcha]", "data-value")
    assert letters != before
    page.fill("#captcha", letters.lower())
    logs_in(page)


def test_maintenance_is_told_with_its_end_and_ways_out(page: Any, sandbox: SandboxClient) -> None:
    sandbox.set_maintenance("08:00-10:00")
    page.goto(opened(sandbox, "HS-NIGHT", vnp_BankCode="NCB"))
    assert "10:00:00" in page.inner_text("[data-closed]")
    assert page.query_selector("#password") is None
    fits_in_english(page)
    sandbox.advance(3600)
    assert sandbox.maintenance().until is None


def test_a_session_that_ended_says_so_and_goes_on_after_a_new_log_in(page: Any, sandbox: SandboxClient) -> None:
    at_otp(page, sandbox, "HS-IDLE")
    sandbox.advance(600)
    confirms(page)
    page.wait_for_selector("#username")
    assert "10" in page.inner_text("[role=status]")
    fits_in_english(page)
    logs_in(page)
    confirms(page)
    page.wait_for_selector(".result.paid")
    assert debits(sandbox) == [1_200_000]


def test_the_accounts_page_fits_and_shows_what_was_spent(page: Any, sandbox: SandboxClient) -> None:
    url = opened(sandbox, "HS-ACC", 50_000, vnp_BankCode="NCB")
    sent(url, "login", username="vuadu", password=PASSWORD)
    sent(url, "otp", otp="123456")
    page.goto(f"{sandbox.url}/accounts")
    assert page.inner_text("tr:has(code:text-is('vuadu'))").count("50.000") == 2
    fits_in_english(page)


@pytest.mark.node
def test_no_page_of_the_bank_has_a_serious_accessibility_fault(page: Any, sandbox: SandboxClient, axe: str) -> None:
    found: set[str] = set()
    url = at_log_in(page, sandbox, "HS-AXE", BIG_VND)
    page.click("details.tests summary")
    found |= faults(page, axe)
    sent(url, "login", username=USERNAME, password=PASSWORD)
    sent(url, "otp", otp="123456")
    page.goto(url)
    page.wait_for_selector(".camera")
    found |= faults(page, axe)
    sandbox.set_maintenance("08:00-10:00")
    page.reload()
    found |= faults(page, axe)
    sandbox.set_maintenance("")
    sandbox.advance(600)
    page.reload()
    page.wait_for_selector("[role=status]")
    found |= faults(page, axe)
    page.goto(f"{sandbox.url}/accounts")
    found |= faults(page, axe)
    at_captcha(page, sandbox, "HS-AXE")
    found |= faults(page, axe)
    assert not found, "\n".join(sorted(found))
