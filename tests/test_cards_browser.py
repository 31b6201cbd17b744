"""Paying by card in a real Chromium: the form, the issuer's page of 3-D Secure, and the list, in both languages."""

from typing import Any

import msgspec
import pytest

from simulator import payer
from simulator.client import SandboxClient
from simulator.payer import Card, Flow
from tests.browser import (
    PAID,
    axe,
    browser,
    confirms,
    faults,
    fits,
    fits_in_english,
    opened,
    page,
    sandbox,
    tab,
    walks,
    window,
)

__all__ = ["axe", "browser", "page", "sandbox", "tab"]

pytestmark = walks

SILENT = {"vi": "Ngân hàng phát hành thẻ không trả lời.", "en": "The card's issuing bank does not answer."}
WRONG_CODE = {"vi": "Mã OTP không đúng.", "en": "Wrong one-time password."}
NO_CARD = "không bao giờ nhập số thẻ thật"
VISA = "4456530000001096"


def of(flow: Flow, outcome: str) -> Card:
    return next(card for card in payer.cards().values() if card.three_ds is flow and card.outcome == outcome)


def typed(page: Any, sandbox: SandboxClient, order_ref: str, card: Card) -> None:
    """The payer gives the card as it is printed; that it is to be a card, the order says."""
    page.goto(opened(sandbox, order_ref, vnp_BankCode="INTCARD") + f"?lang={page.language}")
    given(page, card)


def given(page: Any, card: Card) -> None:
    page.fill("#card_number", card.number)
    page.fill("#card_holder", card.holder)
    page.fill("#card_date", card.date)
    if not card.domestic:
        page.fill("#card_cvc", card.cvc)
    assert page.is_visible("#card_cvc") is not card.domestic
    page.click("form[action$='/card'] button")


def challenged(page: Any) -> None:
    page.wait_for_selector("body[data-stage=challenge]")
    assert page.url.partition("?")[0].endswith("/challenge")
    assert "VNPAY" not in page.inner_text("body")


def ended(page: Any, sandbox: SandboxClient, order_ref: str, outcome: str, status: str | None) -> None:
    """The result page says what the control API says."""
    page.wait_for_selector(".result")
    (payment,) = sandbox.payments(order_ref=order_ref)
    assert payment.outcome == outcome
    assert (payment.three_ds.status if payment.three_ds else None) == status
    if status:
        assert page.inner_text("#three-ds").startswith(f"{status}: ")


# --- whole ways ------------------------------------------------------------------------------------------------------


def test_a_domestic_card_is_paid_with_its_otp(tab: Any, sandbox: SandboxClient) -> None:
    tab.goto(opened(sandbox, "HS-DOM") + f"?lang={tab.language}")
    tab.click(".way-card button")
    tab.wait_for_selector("#card_number")
    fits(tab)
    given(tab, payer.cards()["9704198526191432198"])
    tab.wait_for_selector("body[data-stage=otp]")
    fits(tab)
    confirms(tab)
    ended(tab, sandbox, "HS-DOM", "success", None)
    assert tab.inner_text("h1") == PAID[tab.language]


@pytest.mark.parametrize(
    ("flow", "outcome", "status"),
    [
        (Flow.FRICTIONLESS, "success", "Y"),
        (Flow.FRICTIONLESS, "insufficient_funds", "Y"),
        (Flow.UNAVAILABLE, "timed_out", "U"),
    ],
)
def test_without_a_challenge_the_result_comes_at_once(
    tab: Any, sandbox: SandboxClient, flow: Flow, outcome: str, status: str
) -> None:
    typed(tab, sandbox, "HS-FRI", of(flow, outcome))
    ended(tab, sandbox, "HS-FRI", outcome, status)
    fits(tab)


def test_a_challenge_is_answered_and_the_card_pays(tab: Any, sandbox: SandboxClient) -> None:
    typed(tab, sandbox, "HS-CHA", of(Flow.CHALLENGE, "success"))
    challenged(tab)
    fits(tab)
    confirms(tab)
    ended(tab, sandbox, "HS-CHA", "success", "Y")


def test_three_wrong_codes_fail_the_challenge(tab: Any, sandbox: SandboxClient) -> None:
    typed(tab, sandbox, "HS-NO", payer.cards()[VISA])
    for left in (2, 1, 0):
        challenged(tab)
        with tab.expect_navigation():
            confirms(tab, "000000")
        if left:
            assert WRONG_CODE[tab.language] in tab.inner_text(".alert")
            assert str(left) in tab.inner_text(".alert")
    ended(tab, sandbox, "HS-NO", "wrong_otp", "N")


def test_a_challenge_that_is_left_by_back_waits_and_then_expires(tab: Any, sandbox: SandboxClient) -> None:
    typed(tab, sandbox, "HS-BACK", payer.cards()[VISA])
    challenged(tab)
    tab.go_back()
    challenged(tab)
    (payment,) = sandbox.payments(order_ref="HS-BACK")
    assert (payment.state, payment.three_ds.status if payment.three_ds else "") == ("pending", "C")
    sandbox.advance(15 * 60)
    confirms(tab)
    tab.wait_for_selector(".result.expired")
    (payment,) = sandbox.payments(order_ref="HS-BACK")
    assert payment.state in ("pending", "expired")


def test_a_silent_issuer_is_said_so_and_given_up(tab: Any, sandbox: SandboxClient) -> None:
    typed(tab, sandbox, "HS-ACS", of(Flow.SILENT, "timed_out"))
    challenged(tab)
    assert SILENT[tab.language] in tab.inner_text(".alert")
    fits(tab)
    tab.click("form[action$='/challenge'] button")
    ended(tab, sandbox, "HS-ACS", "timed_out", "U")


# --- other ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["insufficient_funds", "other"])
def test_a_challenge_is_answered_and_the_card_still_declines(page: Any, sandbox: SandboxClient, outcome: str) -> None:
    typed(page, sandbox, "HS-DEC", of(Flow.CHALLENGE, outcome))
    challenged(page)
    confirms(page)
    ended(page, sandbox, "HS-DEC", outcome, "Y")


def test_a_payer_who_did_not_order_it_tells_the_issuer(page: Any, sandbox: SandboxClient) -> None:
    typed(page, sandbox, "HS-REF", payer.cards()["5200000000001096"])
    challenged(page)
    page.click("form[action$='/refuse'] button")
    ended(page, sandbox, "HS-REF", "other", "N")


def test_a_challenge_is_cancelled_by_its_button(page: Any, sandbox: SandboxClient) -> None:
    typed(page, sandbox, "HS-CAN", payer.cards()["3337000000200004"])
    challenged(page)
    page.click("form[action$='/cancel'] button")
    page.wait_for_selector(".result.cancelled")
    assert [each.state for each in sandbox.payments(order_ref="HS-CAN")] == ["cancelled"]


def test_a_number_that_is_no_test_card_is_refused_with_a_warning(page: Any, sandbox: SandboxClient) -> None:
    typed(page, sandbox, "HS-REAL", msgspec.structs.replace(payer.cards()[VISA], number="4" + "2" * 15))
    page.wait_for_selector(".alert")
    fits(page)
    assert NO_CARD in page.inner_text(".alert")
    assert "2222" not in page.content() + page.url


def test_the_list_of_cards_fits_and_is_linked_from_the_form(page: Any, sandbox: SandboxClient) -> None:
    page.goto(opened(sandbox, "HS-LIST", vnp_BankCode="INTCARD"))
    with page.context.expect_page() as opening:
        page.click("a[href$='/cards']")
    listing = opening.value
    listing.wait_for_selector("#otps")
    fits_in_english(listing)
    assert listing.locator("tbody tr").count() == len(payer.cards()) + len(payer.outcome_otps())


def test_the_issuers_page_works_without_javascript(browser: Any, sandbox: SandboxClient) -> None:
    with window(browser, java_script_enabled=False) as page:
        typed(page, sandbox, "HS-NOJS", payer.cards()["5200000000001096"])
        challenged(page)
        confirms(page)
        page.wait_for_selector("#return")
    assert [each.state for each in sandbox.payments(order_ref="HS-NOJS")] == ["paid"]


@pytest.mark.node
def test_no_card_page_has_a_serious_accessibility_fault(page: Any, sandbox: SandboxClient, axe: str) -> None:
    page.goto(opened(sandbox, "HS-AX1", vnp_BankCode="INTCARD"))
    found = faults(page, axe)
    given(page, payer.cards()[VISA])
    challenged(page)
    found |= faults(page, axe)
    typed(page, sandbox, "HS-AX2", of(Flow.SILENT, "timed_out"))
    challenged(page)
    found |= faults(page, axe)
    page.click("form[action$='/challenge'] button")
    page.wait_for_selector(".result")
    found |= faults(page, axe)
    page.goto(f"{sandbox.url}/cards")
    found |= faults(page, axe)
    assert not found, "\n".join(sorted(found))
