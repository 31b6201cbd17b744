"""A browser before the pages: one Chromium, a fresh window for each test, and what a page must be in it.

Rule: a page is looked at in every width wherever a walk comes by it, so a walk itself need not be repeated for that.
Pages are Playwright's, which has no types here, so they are of any type.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.client import Banksim, SandboxClient
from tests.npm import installed, missing
from tests.samples.vnpay import vnpay_pay

walks = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
"""For `pytestmark`: one process runs them all, so that there is one server for them."""

CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first that is installed; CHROMIUM names another one."""

RUNNING = pytest.StashKey[tuple[Any, ExitStack]]()
"""Chromium, and what ends it."""

IDLE = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess", "PaintHolding", "HttpsUpgrades")
"""What a window nobody looks at can do without: the pages of its address bar alone cost more than the payer's."""

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    f"--disable-features={','.join(IDLE)}",
)
WIDTHS = {"phone": (360, 740), "desktop": (1280, 860)}
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""9:00 in Vietnam on a Monday."""

JUDGE = """colours => axe
    .run({resultTypes: ['violations'], preload: false, rules: {'color-contrast': {enabled: colours}}})
    .then(judged => judged.violations.filter(each => ['serious', 'critical'].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary}`)))"""

USERNAME, PASSWORD, OTP = "nguyenvana", "banksim", "123456"
PAID = {"vi": "Thanh toán thành công", "en": "Payment successful"}


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Any:
    """One for all tests of pages that follow one another."""
    stash = request.config.stash
    if RUNNING not in stash:
        named = os.environ.get("CHROMIUM") or next((found for each in CHROMIUMS if (found := shutil.which(each))), "")
        if not named:
            pytest.skip("NOT SEEN IN A BROWSER: there is no Chromium here; set CHROMIUM to where one is")
        from playwright.sync_api import sync_playwright

        with ExitStack() as leaving:
            playwright = leaving.enter_context(sync_playwright())
            chromium = leaving.enter_context(playwright.chromium.launch(executable_path=named, args=ARGUMENTS))
            stash[RUNNING] = (chromium, leaving.pop_all())
    return stash[RUNNING][0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Playwright's loop would be in the way of asynchronous tests, so it ends before the next one."""
    if RUNNING in item.config.stash and (nextitem is None or not nextitem.get_closest_marker("browser")):
        item.config.stash[RUNNING][1].close()
        del item.config.stash[RUNNING]


@contextmanager
def window(browser: Any, width: str = "phone", language: str = "vi", **how: Any) -> Iterator[Any]:
    """A fresh window with cookies of its own; any error on a console of it fails the test."""
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, **how)
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text) if _is_wrong(message) else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    try:
        page = context.new_page()
        page.language = language
        yield page
    finally:
        context.close()
    assert not said, said


def _is_wrong(message: Any) -> bool:
    """A page with which the bank refuses (HTTP 4xx) is told on the console too; a missing style is wrong."""
    refusal = "status of 4" in message.text and "/pages/" not in message.location["url"]
    return message.type == "error" and not refusal


@pytest.fixture(params=[("phone", "vi"), ("desktop", "en")], ids="-".join)
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """For a channel's whole way: a phone in Vietnamese, a desk in English."""
    with window(browser, *request.param) as page:
        yield page


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """For what does not depend on the language: a phone."""
    with window(browser) as page:
        yield page


@pytest.fixture
def sandbox(banksim: Banksim) -> SandboxClient:
    return banksim.create_sandbox(manual=True, clock_at=START)


# --- ways to a page --------------------------------------------------------------------------------------------------


def opened(sandbox: SandboxClient, order_ref: str, amount_vnd: int = 1_200_000, **fields: str) -> str:
    """The address of a new payment's page."""
    order = vnpay_pay(order_ref, amount_vnd, START, **fields)
    answer = httpx.get(f"{sandbox.url}/vnpay{order.path}?{order.query.decode()}")
    return str(answer.headers["location"])


def sent(url: str, step: str, **fields: str) -> None:
    """Sends a form of the payment's page without a browser: for steps that another test walks."""
    assert httpx.post(f"{url}/{step}", data=fields).status_code == 303


def logs_in(page: Any, username: str = USERNAME) -> None:
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#otp")


def confirms(page: Any, otp: str = OTP) -> None:
    page.fill("#otp", otp)
    page.press("#otp", "Enter")


# --- what a page must be ---------------------------------------------------------------------------------------------


def fits(page: Any) -> None:
    """At every width nothing is wider than the window, and what is tapped is large enough for a finger."""
    page.wait_for_load_state()  # A page is there before its style is.
    for width in _each_width(page):
        wide, window, low = page.evaluate(
            """[document.documentElement.scrollWidth, window.innerWidth, [...document.querySelectorAll(
                'main button, main a.button, main input:not([type=radio], [type=hidden]), main select'
            )].filter(each => each.offsetHeight > 0 && each.offsetHeight < 44).map(each => each.outerHTML)]"""
        )
        assert wide <= window, f"{page.url} is {wide} px wide in a window of {window} px ({width})"
        assert not low, f"too low for a finger: {low}"


def fits_in_english(page: Any) -> None:
    """The page that was just seen in Vietnamese; the window stays at English."""
    fits(page)
    page.goto(f"{page.url.partition('?')[0]}?lang=en")
    assert page.get_attribute("html", "lang") == "en"
    fits(page)


def faults(page: Any, axe: str) -> set[str]:
    """The serious and critical faults that axe-core finds on the page, at every width; colours are alike at all."""
    page.wait_for_load_state()
    page.evaluate("for (let timer = setTimeout(() => {}); timer; timer--) clearTimeout(timer)")  # Nothing reloads now.
    page.evaluate(axe)
    found: set[str] = set()
    for number, width in enumerate(_each_width(page)):
        found |= {f"{width}: {fault}" for fault in page.evaluate(JUDGE, number == 0)}
    return found


def _each_width(page: Any) -> Iterator[str]:
    """Leaves the page as wide as it was."""
    before = page.viewport_size
    for width, (wide, high) in sorted(WIDTHS.items(), key=lambda each: each[1][0] != before["width"]):
        if page.viewport_size["width"] != wide:
            page.set_viewport_size({"width": wide, "height": high})
        yield width
    page.set_viewport_size(before)


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, unmodified, as a script."""
    if missing():
        pytest.skip(f"NOT JUDGED FOR ACCESSIBILITY: {missing()} not installed")
    return (installed(Path(__file__).parent / "witness/axe") / "axe-core/axe.min.js").read_text(encoding="utf-8")
