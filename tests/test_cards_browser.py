"""Paying by card in a real Chromium: the form, the issuer's page of 3-D Secure, and the list, in both languages."""

from collections.abc import Iterator

import httpx
import pytest

from simulator import payer
from simulator.client import Banksim, SandboxClient
from simulator.payer import Card, Flow
from tests.test_pages_browser import (  # noqa: F401 # Fixtures are known by their names.
    START,
    WIDTHS,
    axe,
    browser,
    faults,
    fits,
    opened,
    server,
    tab,
)

pytestmark = pytest.mark.browser

A_FEW = pytest.mark.parametrize("tab", [("phone", "vi"), ("desktop", "en")], ids="-".join, indirect=True)
"""Where the page itself was seen in all widths and languages before."""

PAID = {"vi": "Thanh toán thành công", "en": "Payment successful"}
SILENT = {"vi": "Ngân hàng phát hành thẻ không trả lời.", "en": "The card's issuing bank does not answer."}
NO_CARD = {"vi": "không bao giờ nhập số thẻ thật", "en": "never the number of a real card"}
WRONG_CODE = {"vi": "Mã OTP không đúng.", "en": "Wrong one-time password."}


@pytest.fixture
def sandbox(server: str) -> Iterator[SandboxClient]:  # noqa: F811
    with Banksim(server) as banksim:
        yield banksim.create_sandbox(manual=True, clock_at=START)


def of(flow: Flow, outcome: str) -> Card:
    return next(card for card in payer.cards().values() if card.three_ds is flow and card.outcome == outcome)


def typed(page: object, sandbox: SandboxClient, order_ref: str, card: Card) -> None:
    """The payer chooses the card and gives it, as it is printed."""
    page.goto(opened(sandbox, order_ref) + f"?lang={page.language}")  # type: ignore[attr-defined]
    page.click(".way-card button")  # type: ignore[attr-defined]
    page.wait_for_selector("#card_number")  # type: ignore[attr-defined]
    fits(page)
    page.fill("#card_number", card.number)  # type: ignore[attr-defined]
    page.fill("#card_holder", card.holder)  # type: ignore[attr-defined]
    page.fill("#card_date", card.date)  # type: ignore[attr-defined]
    if not card.domestic:
        page.fill("#card_cvc", card.cvc)  # type: ignore[attr-defined]
    assert page.is_visible("#card_cvc") is not card.domestic  # type: ignore[attr-defined]
    page.click("form[action$='/card'] button")  # type: ignore[attr-defined]


def challenged(page: object) -> None:
    page.wait_for_selector("body[data-stage=challenge]")  # type: ignore[attr-defined]
    assert page.url.partition("?")[0].endswith("/challenge")  # type: ignore[attr-defined]
    assert "VNPAY" not in page.inner_text("body")  # type: ignore[attr-defined]
    fits(page)


def ended(page: object, sandbox: SandboxClient, order_ref: str, outcome: str, status: str | None) -> None:
    """The result page says what the control API says."""
    page.wait_for_selector(".result")  # type: ignore[attr-defined]
    fits(page)
    (payment,) = sandbox.payments(order_ref=order_ref)
    assert payment.outcome == outcome
    assert (payment.three_ds.status if payment.three_ds else None) == status
    if status:
        assert page.inner_text("#three-ds").startswith(f"{status}: ")  # type: ignore[attr-defined]


def test_a_domestic_card_is_paid_with_its_otp(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    typed(tab, sandbox, "HS-DOM", payer.cards()["9704198526191432198"])
    tab.wait_for_selector("body[data-stage=otp]")  # type: ignore[attr-defined]
    fits(tab)
    tab.fill("#otp", "123456")  # type: ignore[attr-defined]
    tab.press("#otp", "Enter")  # type: ignore[attr-defined]
    ended(tab, sandbox, "HS-DOM", "success", None)
    assert tab.inner_text("h1") == PAID[tab.language]  # type: ignore[attr-defined]


@A_FEW
@pytest.mark.parametrize(
    ("flow", "outcome", "status"),
    [
        (Flow.FRICTIONLESS, "success", "Y"),
        (Flow.FRICTIONLESS, "insufficient_funds", "Y"),
        (Flow.UNAVAILABLE, "timed_out", "U"),
    ],
)
def test_without_a_challenge_the_result_comes_at_once(
    tab: object,  # noqa: F811
    sandbox: SandboxClient,
    flow: Flow,
    outcome: str,
    status: str,
) -> None:
    typed(tab, sandbox, "HS-FRI", of(flow, outcome))
    ended(tab, sandbox, "HS-FRI", outcome, status)


@A_FEW
@pytest.mark.parametrize("outcome", ["success", "insufficient_funds", "other"])
def test_a_challenge_is_answered_and_the_card_then_decides(
    tab: object,  # noqa: F811
    sandbox: SandboxClient,
    outcome: str,
) -> None:
    typed(tab, sandbox, "HS-CHA", of(Flow.CHALLENGE, outcome))
    challenged(tab)
    tab.fill("#otp", "123456")  # type: ignore[attr-defined]
    tab.press("#otp", "Enter")  # type: ignore[attr-defined]
    ended(tab, sandbox, "HS-CHA", outcome, "Y")


def test_three_wrong_codes_fail_the_challenge(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    typed(tab, sandbox, "HS-NO", payer.cards()["4456530000001096"])
    for left in (2, 1, 0):
        challenged(tab)
        tab.fill("#otp", "000000")  # type: ignore[attr-defined]
        with tab.expect_navigation():  # type: ignore[attr-defined]
            tab.press("#otp", "Enter")  # type: ignore[attr-defined]
        if left:
            assert WRONG_CODE[tab.language] in tab.inner_text(".alert")  # type: ignore[attr-defined]
            assert str(left) in tab.inner_text(".alert")  # type: ignore[attr-defined]
    ended(tab, sandbox, "HS-NO", "wrong_otp", "N")


@A_FEW
def test_a_payer_who_did_not_order_it_tells_the_issuer(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    typed(tab, sandbox, "HS-REF", payer.cards()["5200000000001096"])
    challenged(tab)
    tab.click("form[action$='/refuse'] button")  # type: ignore[attr-defined]
    ended(tab, sandbox, "HS-REF", "other", "N")


def test_a_challenge_that_is_left_by_back_waits_and_then_expires(
    tab: object,  # noqa: F811
    sandbox: SandboxClient,
) -> None:
    typed(tab, sandbox, "HS-BACK", payer.cards()["4456530000001096"])
    challenged(tab)
    tab.go_back()  # type: ignore[attr-defined]
    challenged(tab)
    (payment,) = sandbox.payments(order_ref="HS-BACK")
    assert (payment.state, payment.three_ds.status if payment.three_ds else "") == ("pending", "C")
    sandbox.advance(15 * 60)
    tab.fill("#otp", "123456")  # type: ignore[attr-defined]
    tab.press("#otp", "Enter")  # type: ignore[attr-defined]
    tab.wait_for_selector(".result.expired")  # type: ignore[attr-defined]
    (payment,) = sandbox.payments(order_ref="HS-BACK")
    assert payment.state in ("pending", "expired")


@A_FEW
def test_a_challenge_is_cancelled_by_its_button(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    typed(tab, sandbox, "HS-CAN", payer.cards()["3337000000200004"])
    challenged(tab)
    tab.click("form[action$='/cancel'] button")  # type: ignore[attr-defined]
    tab.wait_for_selector(".result.cancelled")  # type: ignore[attr-defined]
    assert [each.state for each in sandbox.payments(order_ref="HS-CAN")] == ["cancelled"]


def test_a_silent_issuer_is_said_so_and_given_up(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    typed(tab, sandbox, "HS-ACS", of(Flow.SILENT, "timed_out"))
    challenged(tab)
    assert SILENT[tab.language] in tab.inner_text(".alert")  # type: ignore[attr-defined]
    tab.click("form[action$='/challenge'] button")  # type: ignore[attr-defined]
    ended(tab, sandbox, "HS-ACS", "timed_out", "U")


@A_FEW
def test_a_number_that_is_no_test_card_is_refused_with_a_warning(
    tab: object,  # noqa: F811
    sandbox: SandboxClient,
) -> None:
    card = payer.cards()["4456530000001096"]
    unknown = type(card)(**{name: getattr(card, name) for name in card.__struct_fields__} | {"number": "4" + "2" * 15})
    typed(tab, sandbox, "HS-REAL", unknown)
    tab.wait_for_selector(".alert")  # type: ignore[attr-defined]
    fits(tab)
    assert NO_CARD[tab.language] in tab.inner_text(".alert")  # type: ignore[attr-defined]
    assert "2222" not in tab.content() + tab.url  # type: ignore[attr-defined]


def test_the_list_of_cards_fits_and_is_linked_from_the_form(tab: object, sandbox: SandboxClient) -> None:  # noqa: F811
    tab.goto(opened(sandbox, "HS-LIST") + f"?lang={tab.language}")  # type: ignore[attr-defined]
    tab.click(".way-card button")  # type: ignore[attr-defined]
    with tab.context.expect_page() as opening:  # type: ignore[attr-defined]
        tab.click("a[href$='/cards']")  # type: ignore[attr-defined]
    listing = opening.value
    listing.wait_for_selector("#otps")
    fits(listing)
    assert listing.locator("tbody tr").count() == len(payer.cards()) + len(payer.outcome_otps())


def test_the_issuers_page_works_without_javascript(browser: object, sandbox: SandboxClient) -> None:  # noqa: F811
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})  # type: ignore[attr-defined]
    page = context.new_page()
    page.language = "vi"
    typed(page, sandbox, "HS-NOJS", payer.cards()["5200000000001096"])
    challenged(page)
    page.fill("#otp", "123456")
    page.press("#otp", "Enter")
    page.wait_for_selector("#return")
    context.close()
    assert [each.state for each in sandbox.payments(order_ref="HS-NOJS")] == ["paid"]


@pytest.mark.node
@pytest.mark.parametrize("width", WIDTHS)
def test_no_card_page_has_a_serious_accessibility_fault(
    browser: object,  # noqa: F811
    sandbox: SandboxClient,
    axe: str,  # noqa: F811
    width: str,
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)  # type: ignore[attr-defined]
    page = context.new_page()
    page.language = "vi"
    found: set[str] = set()
    for order_ref, card in (("HS-AX1", payer.cards()["4456530000001096"]), ("HS-AX2", of(Flow.SILENT, "timed_out"))):
        typed(page, sandbox, f"{order_ref}-{width}", card)
        challenged(page)
        found.update(faults(page, axe))
        page.click("form[action$='/challenge'] button")
    page.wait_for_selector(".result")
    found.update(faults(page, axe))
    page.goto(opened(sandbox, f"HS-AX3-{width}") + "?lang=en")
    page.click(".way-card button")
    found.update(faults(page, axe))
    page.goto(f"{sandbox.url}/cards")
    found.update(faults(page, axe))
    context.close()
    assert httpx.get(f"{sandbox.url}/cards").status_code == 200
    assert not found, "\n".join(sorted(found))
