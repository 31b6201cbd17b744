"""The payer's pages in a real Chromium, at phone and desktop width, in both languages, with and without scripts."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import urlsplit

import httpx
import pytest
import segno

from simulator import qr
from simulator.client import Banksim, SandboxClient
from simulator.wire import Request
from tests.npm import installed, missing
from tests.samples.vnpay import vnpay_pay

pytestmark = pytest.mark.browser

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
WIDTHS = {"phone": (360, 740), "desktop": (1280, 860)}
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
READY_S = 60

AGAIN = {"vi": "Bạn còn 2 lần thử.", "en": "Tries left: 2."}
PAID = {"vi": "Thanh toán thành công", "en": "Payment successful"}
SCAN = {"vi": "Quét mã để thanh toán", "en": "Scan to pay"}


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.is_file():
        pytest.skip(f"NOT SEEN IN A BROWSER: there is no Chromium at {CHROMIUM}; set CHROMIUM to where one is")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A whole banksim in a process of its own, as people start it."""
    store = tmp_path_factory.mktemp("browser") / "bank.db"
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", str(store)]
    with Popen(command, stdout=PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("banksim ready at "):
                yield line.split()[-1]
                break
        process.terminate()
        process.communicate(timeout=READY_S)


@pytest.fixture
def sandbox(server: str, request: pytest.FixtureRequest) -> Iterator[SandboxClient]:
    with Banksim(server) as banksim:
        yield banksim.create_sandbox(manual=True, clock_at=START)


def opened(sandbox: SandboxClient, order_ref: str) -> str:
    """The address of a new payment's page."""
    order: Request = vnpay_pay(order_ref, 1_200_000, START)
    answer = httpx.get(f"{sandbox.url}/vnpay{order.path}?{order.query.decode()}")
    return str(answer.headers["location"])


@pytest.fixture(params=[(width, language) for width in WIDTHS for language in ("vi", "en")], ids="-".join)
def tab(browser: object, request: pytest.FixtureRequest) -> Iterator[object]:
    """A fresh browser window; any error on its console fails the test."""
    width, language = request.param
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high})  # type: ignore[attr-defined]
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.language = language
    yield page
    context.close()
    assert said == []


def fits(page: object) -> None:
    """Nothing is wider than the window, and what is tapped is large enough for a finger."""
    page.wait_for_load_state()  # type: ignore[attr-defined] # A page is there before its style is.
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")  # type: ignore[attr-defined]
    assert wide[0] <= wide[1]
    low = page.evaluate(  # type: ignore[attr-defined]
        "[...document.querySelectorAll('main button, main a.button, main input:not([type=radio], [type=hidden]), "
        "main select')].filter(each => each.offsetHeight > 0 && each.offsetHeight < 44).map(each => each.outerHTML)"
    )
    assert low == []


def test_internet_banking_is_walked_with_a_mistake_on_the_way(tab: object, sandbox: SandboxClient) -> None:
    page, language = tab, tab.language  # type: ignore[attr-defined]
    page.goto(opened(sandbox, "HS-IB") + f"?lang={language}")
    fits(page)
    page.click("button[value=NCB]")
    fits(page)
    page.fill("#username", "nguyenvana")
    page.fill("#password", "wrong")
    page.press("#password", "Enter")
    page.wait_for_selector(".alert")
    assert AGAIN[language] in page.inner_text(".alert")
    fits(page)
    page.fill("#username", "nguyenvana")
    page.fill("#password", "banksim")
    page.press("#password", "Enter")
    page.wait_for_selector("#otp")
    fits(page)
    page.fill("#otp", "123456")
    page.press("#otp", "Enter")
    page.wait_for_selector("#return")
    fits(page)
    assert page.inner_text("h1") == PAID[language]
    assert [each.state for each in sandbox.payments(order_ref="HS-IB")] == ["paid"]
    back = page.get_attribute("#return", "href")
    answer = httpx.get(f"{sandbox.url.partition('/s/')[0]}{back}")
    assert urlsplit(answer.headers["location"]).netloc == "portal.test"


def test_a_qr_code_is_scanned_by_the_phone_and_the_waiting_page_notices(tab: object, sandbox: SandboxClient) -> None:
    page, language = tab, tab.language  # type: ignore[attr-defined]
    page.goto(opened(sandbox, "HS-QR") + f"?lang={language}")
    page.click(".way-qr button")
    assert page.inner_text("h1") == SCAN[language]
    fits(page)
    drawn = page.eval_on_selector(".qr-code", "each => [each.clientWidth, each.clientHeight]")
    assert drawn[0] == drawn[1] >= 200
    with page.context.expect_page() as opening:
        page.click("#phone")
    phone = opening.value
    phone.wait_for_selector("#username")
    fits(phone)
    phone.click("button.primary")
    phone.wait_for_selector(".result.paid")
    fits(phone)
    page.wait_for_selector(".result.paid", timeout=15_000)
    assert [each.channel for each in sandbox.payments(order_ref="HS-QR")] == ["qr"]


def test_the_pages_work_without_javascript(browser: object, sandbox: SandboxClient) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(opened(sandbox, "HS-NOJS"))
    assert page.inner_text(".left") == "15:00"
    page.click("details summary")
    page.click("button[value=EXIMBANK]")
    page.fill("#username", "nguyenvana")
    page.fill("#password", "banksim")
    page.press("#password", "Enter")
    page.fill("#otp", "123456")
    page.press("#otp", "Enter")
    page.wait_for_selector("#return")
    context.close()
    assert [each.issuer_code for each in sandbox.payments(order_ref="HS-NOJS")] == ["EXIMBANK"]


def test_the_control_room_fits_and_opens_its_journal(tab: object, sandbox: SandboxClient) -> None:
    page, language = tab, tab.language  # type: ignore[attr-defined]
    page.goto(opened(sandbox, "HS-ROOM") + f"?lang={language}")
    root, _, name = sandbox.url.partition("/s/")
    page.goto(f"{root}/room/{name}")
    fits(page)
    page.click("text=HS-ROOM")
    page.click(".exchanges summary")
    assert "vnp_TxnRef" in page.inner_text(".exchanges")
    fits(page)


def test_a_photographed_code_of_an_account_is_paid_by_transfer(
    tab: object, sandbox: SandboxClient, tmp_path: Path
) -> None:
    page, language = tab, tab.language  # type: ignore[attr-defined]
    account = next(each.options["account"] for each in sandbox.merchants() if each.bank == "sepay")
    picture = tmp_path / "code.png"
    segno.make(qr.vietqr("970436", account, 65_000, purpose="HS-CK"), micro=False).save(str(picture), scale=4)
    page.goto(f"{sandbox.url}/phone?lang={language}")
    fits(page)
    page.set_input_files("#picture", str(picture))
    page.click("form[action$='/picture'] button")
    page.wait_for_selector("#account")
    fits(page)
    assert [page.input_value(f"#{name}") for name in ("account", "amount_vnd", "content")] == [
        account,
        "65000",
        "HS-CK",
    ]
    page.fill("#amount_vnd", "64000")
    page.click("button.primary")
    page.wait_for_selector(".result.paid")
    fits(page)
    (paid,) = sandbox.payments(order_ref="HS-CK")
    assert (paid.bank, paid.state, paid.amount_vnd) == ("sepay", "paid", 64_000)


def test_the_inbox_shows_what_a_portal_sent(tab: object, sandbox: SandboxClient) -> None:
    page, language = tab, tab.language  # type: ignore[attr-defined]
    long = "Hồ sơ H49.12.6-261122-0001 đã được thanh toán 65.000 đ. " * 8
    httpx.post(f"{sandbox.url}/inbox/sms", json={"to": "0912345678", "text": long}).raise_for_status()
    page.goto(f"{sandbox.url}/inbox?lang={language}")
    fits(page)
    assert "0912345678" in page.inner_text("article.letter")


# --- for everybody -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, unmodified, as a script."""
    if missing():
        pytest.skip(f"NOT JUDGED FOR ACCESSIBILITY: {missing()} not installed")
    return (installed(Path(__file__).parent / "witness/axe") / "axe-core/axe.min.js").read_text(encoding="utf-8")


def faults(page: object, axe: str) -> list[str]:
    """The serious and critical faults that axe-core finds on the page."""
    page.wait_for_load_state()  # type: ignore[attr-defined]
    page.evaluate(axe)  # type: ignore[attr-defined]
    found = page.evaluate("axe.run()")  # type: ignore[attr-defined]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.node
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_has_a_serious_accessibility_fault(
    browser: object, sandbox: SandboxClient, axe: str, width: str
) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)  # type: ignore[attr-defined]
    page = context.new_page()
    server = sandbox.url.partition("/s/")[0]
    found: set[str] = set()
    account = next(each.options["account"] for each in sandbox.merchants() if each.bank == "sepay")
    code = qr.vietqr("970436", account, 65_000, purpose="HS-AXE")

    def look(*steps: str) -> None:
        for step in steps:
            page.click(step)
        found.update(faults(page, axe))

    def visit(url: str) -> None:
        page.goto(url)
        look()

    visit(opened(sandbox, f"HS-AXE-{width}") + "?lang=vi")
    look("button[value=NCB]")
    page.fill("#username", "nguyenvana")
    page.fill("#password", "banksim")
    look("form[action$='/login'] button.primary")
    page.fill("#otp", "000000")
    look("form[action$='/otp'] button")
    page.fill("#otp", "123456")
    look("form[action$='/otp'] button")
    visit(opened(sandbox, f"HS-AXE-QR-{width}") + "?lang=en")
    look(".way-qr button")
    visit(str(page.url).partition("?")[0] + "/phone")
    visit(opened(sandbox, f"HS-AXE-CARD-{width}"))
    look(".way-card button")
    for place in ("phone", "inbox", "bill/vietinbank", "vnpay/paymentv2/Payment/Error.html?code=70"):
        visit(f"{sandbox.url}/{place}")
    page.goto(f"{sandbox.url}/phone")
    page.fill("#qr", code)
    look("form[action$='/phone'] button")
    for place in ("", f"room/{sandbox.name}", f"room/{sandbox.name}/journal", f"room/{sandbox.name}/deliveries"):
        visit(f"{server}/{place}")
    context.close()
    assert not found, "\n".join(sorted(found))
