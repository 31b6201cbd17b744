"""The teller's window and the bank's app in a real Chromium, at both widths and in both languages."""

from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.test_pages_browser import WIDTHS, axe, browser, faults, fits, sandbox, server, tab
from tests.test_places import BANK, Town, asking, portal_http

__all__ = ["axe", "browser", "portal_http", "sandbox", "server", "tab"]

pytestmark = pytest.mark.browser

TWICE = {"vi": "Mã này đã được nộp bằng một khoản khác:", "en": "This code was also paid by another payment:"}
NOT_TOLD = {"vi": "tệp đối soát", "en": "reconciliation file"}


@pytest.fixture
def town(sandbox: SandboxClient, portal_http: httpx.Client) -> Town:
    return asking(sandbox, portal_http)


def named(page: Any, town: Town, code: str) -> None:
    """Types the code at the counter."""
    page.goto(f"{town.sandbox.url}/bill/{BANK}?channel=counter&lang={page.language}")
    page.wait_for_selector("body[data-stage=teller]")
    page.goto(f"{page.url}?lang={page.language}")
    fits(page)
    page.fill("#bill_code", code)
    page.press("#bill_code", "Enter")
    page.wait_for_selector("#take")
    fits(page)


def taken(page: Any) -> None:
    page.click("button[form=take]")
    page.wait_for_selector(".paper")
    fits(page)


def test_cash_is_taken_and_the_mistake_taken_back(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    named(tab, town, town.bill(dossier))
    taken(tab)
    assert "0001-GDV01-000001" in tab.inner_text(".paper")
    assert tab.inner_text("#booked-on") == "05/01/2026"
    assert town.status(dossier)["status"] == "paid"
    tab.click("form[action$='/take-back'] button")
    tab.wait_for_selector("body[data-state=reversed]")
    fits(tab)
    assert NOT_TOLD[tab.language] in tab.inner_text("main")
    tab.click("#next")
    tab.wait_for_selector("body[data-stage=teller]")
    assert town.bill(dossier) in tab.inner_text(".sheet")
    fits(tab)


def test_an_account_is_debited_and_a_wrong_code_corrected(tab: Any, town: Town) -> None:
    wrong, right = town.dossier(), town.dossier()
    named(tab, town, town.bill(wrong))
    tab.check("input[value=account]")
    tab.select_option("#username", "tranthib")
    taken(tab)
    assert "100000000002" in tab.inner_text(".paper")
    assert NOT_TOLD[tab.language] in tab.inner_text("main")
    tab.fill("#bill_code", town.bill(right))
    tab.press("#bill_code", "Enter")
    tab.wait_for_selector(f".paper-foot a:text('{town.bill(wrong)}')")
    fits(tab)
    assert town.status(right)["status"] == "paid"
    tab.click(".paper-foot a")
    tab.wait_for_selector("body[data-state=reversed]")
    assert town.bill(right) in tab.inner_text(".paper")


def test_a_late_payer_is_booked_tomorrow(tab: Any, town: Town) -> None:
    merchant = next(each for each in town.sandbox.merchants() if each.bank == BANK)
    town.sandbox.set_merchant(BANK, merchant.merchant_code, options={"cut_off": "08:30"})
    named(tab, town, town.bill(town.dossier()))
    assert "06/01/2026" in tab.inner_text(".sheet")
    taken(tab)
    assert tab.inner_text("#booked-on") == "06/01/2026"


def test_a_second_payment_of_the_same_code_is_seen_before_it_is_taken(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    sale = town.sandbox.name_sale(BANK, town.bill(dossier))
    named(tab, town, town.bill(dossier))
    town.sandbox.insert_card(sale.payment.payment_id)
    tab.reload()
    assert TWICE[tab.language] in tab.inner_text(".besides")
    fits(tab)
    taken(tab)
    assert town.status(dossier)["refund_due_vnd"] == 50_000


def test_the_app_finds_the_bill_before_anybody_logs_in(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    tab.goto(f"{town.sandbox.url}/app/{BANK}?lang={tab.language}")
    fits(tab)
    tab.fill("#bill_code", town.bill(dossier))
    tab.press("#bill_code", "Enter")
    tab.wait_for_selector("#username")
    fits(tab)
    tab.fill("#username", "nguyenvana")
    tab.fill("#password", "banksim")
    tab.press("#password", "Enter")
    tab.wait_for_selector("#otp")
    tab.fill("#otp", "123456")
    tab.press("#otp", "Enter")
    tab.wait_for_selector("body[data-state=paid]")
    fits(tab)
    assert town.status(dossier)["status"] == "paid"
    assert [each.channel for each in town.sandbox.payments(order_ref=town.bill(dossier))] == ["mobile"]


@pytest.mark.node
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_of_the_teller_has_a_serious_accessibility_fault(
    browser: Any, town: Town, axe: str, width: str
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)
    page = context.new_page()
    found: set[str] = set()

    def look() -> None:
        found.update(faults(page, axe))

    page.goto(f"{town.sandbox.url}/app/{BANK}?lang=en")
    look()
    page.goto(f"{town.sandbox.url}/counter/{BANK}")
    look()
    dossier = town.dossier()
    sale = town.sandbox.name_sale(BANK, town.bill(dossier))
    page.fill("#bill_code", town.bill(dossier))
    page.press("#bill_code", "Enter")
    page.wait_for_selector("#take")
    town.sandbox.insert_card(sale.payment.payment_id)
    page.reload()
    look()
    page.click("button[form=take]")
    look()
    page.fill("#bill_code", "NO-SUCH-BILL")
    page.press("#bill_code", "Enter")
    page.wait_for_selector(".alert:not(.besides)")
    look()
    page.fill("#bill_code", town.bill(town.dossier()))
    page.press("#bill_code", "Enter")
    page.wait_for_selector(".paper-foot")
    look()
    page.goto(f"{town.sandbox.url}/counter/{BANK}")
    look()
    context.close()
    assert not found, "\n".join(sorted(found))
