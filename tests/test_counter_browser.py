"""The teller's window and the bank's app in a real Chromium, at both widths and in both languages."""

from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.browser import axe, browser, confirms, faults, fits, fits_in_english, logs_in, page, sandbox, tab, walks
from tests.test_places import BANK, Town, asking, portal_http

__all__ = ["axe", "browser", "page", "portal_http", "sandbox", "tab"]

pytestmark = walks

BOOKED = {"vi": "05/01/2026", "en": "05 Jan 2026"}
NOT_TOLD = {"vi": "tệp đối soát", "en": "reconciliation file"}


@pytest.fixture
def town(sandbox: SandboxClient, portal_http: httpx.Client) -> Town:
    return asking(sandbox, portal_http)


def named(page: Any, town: Town, code: str) -> None:
    """Types the code at the counter."""
    page.goto(f"{town.sandbox.url}/counter/{BANK}?lang={page.language}")
    page.fill("#bill_code", code)
    page.press("#bill_code", "Enter")
    page.wait_for_selector("#take")


def taken(page: Any) -> None:
    page.click("button[form=take]")
    page.wait_for_selector(".paper")


def test_who_chooses_the_counter_on_the_bill_page_comes_to_the_tellers_window(page: Any, town: Town) -> None:
    page.goto(f"{town.sandbox.url}/bill/{BANK}?channel=counter")
    page.wait_for_selector("body[data-stage=teller]")
    fits(page)


def test_cash_is_taken_and_the_mistake_taken_back(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    named(tab, town, town.bill(dossier))
    fits(tab)
    taken(tab)
    fits(tab)
    assert "0001-GDV01-000001" in tab.inner_text(".paper")
    assert tab.inner_text("#booked-on") == BOOKED[tab.language]
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


def test_a_late_payer_is_booked_tomorrow(page: Any, town: Town) -> None:
    merchant = next(each for each in town.sandbox.merchants() if each.bank == BANK)
    town.sandbox.set_merchant(BANK, merchant.merchant_code, options={"cut_off": "08:30"})
    named(page, town, town.bill(town.dossier()))
    assert "06/01/2026" in page.inner_text(".sheet")
    taken(page)
    assert page.inner_text("#booked-on") == "06/01/2026"


def test_a_second_payment_of_the_same_code_is_seen_before_it_is_taken(page: Any, town: Town) -> None:
    dossier = town.dossier()
    sale = town.sandbox.name_sale(BANK, town.bill(dossier))
    named(page, town, town.bill(dossier))
    town.sandbox.insert_card(sale.payment.payment_id)
    page.reload()
    assert "Mã này đã được nộp bằng một khoản khác:" in page.inner_text(".besides")
    fits_in_english(page)
    assert "This code was also paid by another payment:" in page.inner_text(".besides")
    taken(page)
    fits(page)
    assert town.status(dossier)["refund_due_vnd"] == 50_000


def test_the_app_finds_the_bill_before_anybody_logs_in(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    tab.goto(f"{town.sandbox.url}/app/{BANK}?lang={tab.language}")
    fits(tab)
    tab.fill("#bill_code", town.bill(dossier))
    tab.press("#bill_code", "Enter")
    tab.wait_for_selector("#username")
    fits(tab)
    logs_in(tab)
    confirms(tab)
    tab.wait_for_selector("body[data-state=paid]")
    assert town.status(dossier)["status"] == "paid"
    assert [each.channel for each in town.sandbox.payments(order_ref=town.bill(dossier))] == ["mobile"]


@pytest.mark.node
def test_no_page_of_the_teller_has_a_serious_accessibility_fault(page: Any, town: Town, axe: str) -> None:
    found: set[str] = set()
    page.goto(f"{town.sandbox.url}/app/{BANK}?lang=en")
    found |= faults(page, axe)
    dossier = town.dossier()
    sale = town.sandbox.name_sale(BANK, town.bill(dossier))
    named(page, town, town.bill(dossier))
    town.sandbox.insert_card(sale.payment.payment_id)
    page.reload()
    found |= faults(page, axe)
    taken(page)
    found |= faults(page, axe)
    page.fill("#bill_code", "NO-SUCH-BILL")
    page.press("#bill_code", "Enter")
    page.wait_for_selector(".alert:not(.besides)")
    found |= faults(page, axe)
    page.fill("#bill_code", town.bill(town.dossier()))
    page.press("#bill_code", "Enter")
    page.wait_for_selector(".paper-foot")
    found |= faults(page, axe)
    page.goto(f"{town.sandbox.url}/counter/{BANK}")
    found |= faults(page, axe)
    assert not found, "\n".join(sorted(found))
