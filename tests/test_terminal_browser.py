"""The terminal in a real Chromium: a code, a card, the slip, a time-out, a QR code, and the end of the day."""

from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.browser import axe, browser, faults, fits, fits_in_english, page, sandbox, tab, walks, window
from tests.test_places import BANK, POOR_CARD, Town, asking, portal_http

__all__ = ["axe", "browser", "page", "portal_http", "sandbox", "tab"]

pytestmark = walks

APPROVED = {"vi": "CHẤP THUẬN", "en": "APPROVED"}
POOR = {"vi": "Số dư không đủ", "en": "Insufficient funds"}
TIME_OUT = {"vi": "HẾT THỜI GIAN CHỜ MÁY CHỦ", "en": "TIME-OUT: NO ANSWER FROM THE HOST"}
DROPPED = {"vi": "Trả lời đến muộn đã bị bỏ qua.", "en": "An answer that came late was dropped."}


@pytest.fixture
def town(sandbox: SandboxClient, portal_http: httpx.Client) -> Town:
    return asking(sandbox, portal_http)


def named(page: Any, town: Town, code: str) -> None:
    """Types the code at the terminal."""
    page.goto(f"{town.sandbox.url}/terminal/{BANK}?lang={page.language}")
    page.fill("#bill_code", code)
    page.press("#bill_code", "Enter")
    page.wait_for_selector("#card_number")


def reads(page: Any, host: str = "", card: str = "") -> None:
    """The terminal reads the card; `host` is how the host answers."""
    page.select_option("#host", host)
    if card:
        page.select_option("#card_number", card)
    page.click("form[action$='/confirm'] button")
    page.wait_for_selector(".paper")


def inserted(page: Any, town: Town, host: str = "") -> str:
    """A sale of a fresh dossier, by the page alone: the dossier's code."""
    dossier = town.dossier()
    named(page, town, town.bill(dossier))
    reads(page, host)
    return dossier


def test_a_card_is_declined_another_pays_and_is_voided(tab: Any, town: Town) -> None:
    tab.goto(f"{town.sandbox.url}/terminal/{BANK}?lang={tab.language}")
    fits(tab)
    named(tab, town, town.bill(town.dossier()))
    fits(tab)
    reads(tab, card=POOR_CARD)
    assert POOR[tab.language] in tab.inner_text(".lcd")
    fits(tab)
    dossier = inserted(tab, town)
    assert tab.inner_text(".lcd h1") == APPROVED[tab.language]
    slip = tab.inner_text(".paper")
    assert "000002" in slip
    assert "970419*********2198" in slip
    tab.click(".said li:last-child summary")
    assert "DE38" in tab.inner_text(".said")
    fits(tab)
    assert town.status(dossier)["status"] == "paid"
    tab.click("form[action$='/void'] button")
    tab.wait_for_selector("body[data-state=reversed]")
    fits(tab)
    assert "000003" in tab.inner_text(".paper")


def test_a_time_out_is_reversed_and_a_late_answer_dropped(tab: Any, town: Town) -> None:
    dossier = inserted(tab, town, "silent")
    fits(tab)
    assert tab.inner_text(".lcd h1") == TIME_OUT[tab.language]
    said = tab.inner_text(".said")
    assert [mti for mti in ("0200", "0400", "0401", "0410") if mti in said] == ["0200", "0400", "0401", "0410"]
    tab.click("form[action$='/late-answer'] button")
    tab.wait_for_selector("text=" + DROPPED[tab.language])
    assert tab.get_attribute("body", "data-outcome") == "timed_out"
    assert town.status(dossier)["status"] == "pending"


def test_a_phone_pays_the_code_on_the_screen(tab: Any, town: Town) -> None:
    dossier = town.dossier()
    named(tab, town, town.bill(dossier))
    tab.click("form[action$='/qr'] button")
    tab.wait_for_selector(".qr-code")
    fits(tab)
    with tab.context.expect_page() as opening:
        tab.click("#phone")
    phone = opening.value
    phone.wait_for_selector("#username")
    phone.click("button.primary")
    tab.wait_for_selector("body[data-state=paid]", timeout=15_000)
    fits(tab)
    assert town.status(dossier)["status"] == "paid"


def test_the_day_ends_with_totals_that_match_or_records_that_do_not(page: Any, town: Town) -> None:
    town.sale()
    page.goto(f"{town.sandbox.url}/terminal/{BANK}")
    page.click("#batch")
    fits_in_english(page)
    page.click("#close")
    page.wait_for_selector("body[data-state=closed]")
    fits(page)
    assert "The totals match." in page.inner_text("main")
    kept, payment_id = town.sale("lost")
    town.sandbox.answer_late(payment_id)
    page.goto(f"{town.sandbox.url}/terminal/{BANK}/batch?lang=vi")
    page.click("#close")
    page.wait_for_selector("body[data-outcome=mismatch]")
    fits(page)
    assert "Tổng kết không khớp" in page.inner_text("main")
    assert town.bill(kept) in page.inner_text("tr.differs")


def test_the_terminal_works_without_javascript(browser: Any, town: Town) -> None:
    with window(browser, java_script_enabled=False) as page:
        dossier = inserted(page, town)
    assert town.status(dossier)["status"] == "paid"


@pytest.mark.node
def test_no_page_of_the_terminal_has_a_serious_accessibility_fault(page: Any, town: Town, axe: str) -> None:
    found: set[str] = set()
    terminal = f"{town.sandbox.url}/terminal/{BANK}"

    def look(path: str) -> None:
        page.goto(path)
        found.update(faults(page, axe))

    named(page, town, town.bill(town.dossier()))
    found |= faults(page, axe)
    sales = {host: town.sale(host)[1] for host in ("", "late", "lost")}
    look(f"{town.sandbox.url}/pay/{sales['']}/result")
    look(f"{town.sandbox.url}/pay/{sales['late']}/result")
    look(f"{town.sandbox.url}/pay/{sales['lost']}")
    town.sandbox.answer_late(sales["lost"])
    sale = town.sandbox.name_sale(BANK, town.bill(town.dossier()))
    town.sandbox.show_qr(sale.payment.payment_id)
    look(f"{town.sandbox.url}/pay/{sale.payment.payment_id}")
    look(terminal)
    page.goto(f"{terminal}/batch")
    page.click("details.tests summary")
    found |= faults(page, axe)
    page.click("#close")
    found |= faults(page, axe)
    assert not found, "\n".join(sorted(found))
