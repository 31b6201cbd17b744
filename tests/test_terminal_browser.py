"""The terminal in a real Chromium: a code, a card, the slip, a time-out, a QR code, and the end of the day."""

from typing import Any

import httpx
import pytest

from simulator.client import SandboxClient
from tests.test_pages_browser import WIDTHS, axe, browser, faults, fits, sandbox, server, tab
from tests.test_places import BANK, POOR_CARD, Town, asking, portal_http

__all__ = ["axe", "browser", "portal_http", "sandbox", "server", "tab"]

pytestmark = pytest.mark.browser

APPROVED = {"vi": "CHẤP THUẬN", "en": "APPROVED"}
POOR = {"vi": "Số dư không đủ", "en": "Insufficient funds"}
TIME_OUT = {"vi": "HẾT THỜI GIAN CHỜ MÁY CHỦ", "en": "TIME-OUT: NO ANSWER FROM THE HOST"}
DROPPED = {"vi": "Trả lời đến muộn đã bị bỏ qua.", "en": "An answer that came late was dropped."}
MATCH = {"vi": "Tổng kết khớp.", "en": "The totals match."}
DIFFER = {"vi": "Tổng kết không khớp", "en": "The totals differ"}


@pytest.fixture
def town(sandbox: SandboxClient, portal_http: httpx.Client) -> Town:
    return asking(sandbox, portal_http)


def named(page: Any, town: Town, code: str) -> None:
    """Types the code at the terminal."""
    page.goto(f"{town.sandbox.url}/terminal/{BANK}?lang={page.language}")
    fits(page)
    page.fill("#bill_code", code)
    page.press("#bill_code", "Enter")
    page.wait_for_selector("#card_number")
    fits(page)


def inserted(page: Any, town: Town, host: str = "", card: str = "") -> str:
    """A sale of a fresh dossier, by the page alone: the dossier's code."""
    dossier = town.dossier()
    named(page, town, town.bill(dossier))
    page.select_option("#host", host)
    if card:
        page.select_option("#card_number", card)
    page.click("form[action$='/confirm'] button")
    page.wait_for_selector(".paper")
    fits(page)
    return dossier


def test_a_card_is_declined_another_pays_and_is_voided(tab: Any, town: Town) -> None:
    page, language = tab, tab.language
    inserted(page, town, card=POOR_CARD)
    assert POOR[language] in page.inner_text(".lcd")
    dossier = inserted(page, town)
    assert page.inner_text(".lcd h1") == APPROVED[language]
    slip = page.inner_text(".paper")
    assert "000002" in slip
    assert "970419*********2198" in slip
    page.click(".said li:last-child summary")
    assert "DE38" in page.inner_text(".said")
    fits(page)
    assert town.status(dossier)["status"] == "paid"
    page.click("form[action$='/void'] button")
    page.wait_for_selector("body[data-state=reversed]")
    fits(page)
    assert "000003" in page.inner_text(".paper")


def test_a_time_out_is_reversed_and_a_late_answer_dropped(tab: Any, town: Town) -> None:
    page, language = tab, tab.language
    dossier = inserted(page, town, "silent")
    assert page.inner_text(".lcd h1") == TIME_OUT[language]
    said = page.inner_text(".said")
    assert [mti for mti in ("0200", "0400", "0401", "0410") if mti in said] == ["0200", "0400", "0401", "0410"]
    page.click("form[action$='/late-answer'] button")
    page.wait_for_selector("text=" + DROPPED[language])
    fits(page)
    assert page.get_attribute("body", "data-outcome") == "timed_out"
    assert town.status(dossier)["status"] == "pending"


def test_a_phone_pays_the_code_on_the_screen(tab: Any, town: Town) -> None:
    page = tab
    dossier = town.dossier()
    named(page, town, town.bill(dossier))
    page.click("form[action$='/qr'] button")
    page.wait_for_selector(".qr-code")
    fits(page)
    with page.context.expect_page() as opening:
        page.click("#phone")
    phone = opening.value
    phone.wait_for_selector("#username")
    phone.click("button.primary")
    page.wait_for_selector("body[data-state=paid]", timeout=15_000)
    fits(page)
    assert town.status(dossier)["status"] == "paid"


def test_the_day_ends_with_totals_that_match_or_records_that_do_not(tab: Any, town: Town) -> None:
    page, language = tab, tab.language
    inserted(page, town)
    page.click("#next")
    page.click("#batch")
    fits(page)
    page.click("#close")
    page.wait_for_selector("body[data-state=closed]")
    fits(page)
    assert MATCH[language] in page.inner_text("main")
    kept = inserted(page, town, "lost")
    page.click("form[action$='/late-answer'] button")
    page.wait_for_selector("body[data-state=paid]")
    page.click("#next")
    page.click("#batch")
    page.click("#close")
    page.wait_for_selector("body[data-outcome=mismatch]")
    fits(page)
    assert DIFFER[language] in page.inner_text("main")
    assert town.bill(kept) in page.inner_text("tr.differs")


def test_the_terminal_works_without_javascript(browser: Any, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.language = "vi"
    dossier = town.dossier()
    page.goto(f"{town.sandbox.url}/terminal/{BANK}")
    page.fill("#bill_code", town.bill(dossier))
    page.press("#bill_code", "Enter")
    page.click("form[action$='/confirm'] button")
    page.wait_for_selector(".paper")
    context.close()
    assert town.status(dossier)["status"] == "paid"


@pytest.mark.node
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_of_the_terminal_has_a_serious_accessibility_fault(
    browser: Any, town: Town, axe: str, width: str
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)
    page = context.new_page()
    found: set[str] = set()

    def name() -> None:
        page.goto(f"{town.sandbox.url}/terminal/{BANK}?lang=en")
        page.fill("#bill_code", town.bill(town.dossier()))
        page.press("#bill_code", "Enter")
        page.wait_for_selector("#card_number")
        found.update(faults(page, axe))

    def click(selector: str) -> None:
        page.click(selector)
        found.update(faults(page, axe))

    for host in ("", "late", "lost"):
        name()
        page.select_option("#host", host)
        click("form[action$='/confirm'] button")
    click("form[action$='/late-answer'] button")
    name()
    click("form[action$='/qr'] button")
    page.goto(f"{town.sandbox.url}/terminal/{BANK}")
    found.update(faults(page, axe))
    click("#batch")
    click("details.tests summary")
    click("#close")
    context.close()
    assert not found, "\n".join(sorted(found))
