"""The pages in process: what a payer, a teller and a tester see, and what no page may ever show or do."""

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import httpx
import msgspec
import pytest
from aiohttp import web
from markupsafe import escape

from conformance.payer import Page, Payer, Stuck, read_page
from simulator import payer as steps
from simulator import qr
from simulator.app import App
from simulator.bank import act, posted_back
from simulator.banks import dialects
from simulator.control.guard import Guard
from simulator.delivery import Courier
from simulator.faults import Fault, FaultKind
from simulator.outbox import DeliveryState
from simulator.pages import create_pages
from simulator.pages.frame import HEADERS, posting_to
from simulator.payer import NO_BANK, Problem
from simulator.payment import Channel, Event, Merchant, Outcome, Payment, Reason, RefundState, State
from simulator.places import Why
from simulator.store import ById
from simulator.terminal import Fate, Host
from simulator.wire import Request
from simulator.world import World, Worlds
from tests.samples import BILL_AMOUNT_VND, SAMPLES, answered
from tests.samples.napas import form_fields as hosted_fields
from tests.samples.vnpay import vnpay_pay
from tests.worlds import START, Connector, ask, connector, courier_of, served, worlds_in

HERE = "http://banksim.test"
PORTAL = "http://portal.test"
PAGES = Path(__file__).parents[1] / "simulator/pages"
BANNER = "NGÂN HÀNG GIẢ LẬP / SIMULATED BANK"
HOSTILE = "<script>alert('x')</script>\"'&amp;{{7*7}}"

R = TypeVar("R")


class Bridge(httpx.BaseTransport):
    """Lets a browser in another thread reach the application in the event loop, without a socket."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(PORTAL):
            return httpx.Response(200, text="back at the merchant", request=request)
        request.read()
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result(30)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app)) as client:
            headers = {name: value for name, value in request.headers.items() if name != "content-length"}
            answer = await client.request(request.method, request.url, headers=headers, content=request.content)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name != "content-length"]
        return httpx.Response(answer.status_code, headers=kept, content=answer.content)


@dataclass(frozen=True, slots=True)
class Town:
    """A sandbox "ci" on a manual clock, its pages, a connector that answers well, and a payer with a browser."""

    worlds: Worlds
    world: World
    courier: Courier
    portal: Connector
    browser: httpx.Client
    http: httpx.AsyncClient

    async def do(self, walk: Callable[[Payer], R]) -> R:
        return await asyncio.to_thread(walk, Payer(self.browser))

    async def see(self, path: str, status: int = 200, **cookies: str) -> str:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        answer = await self.http.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    async def page(self, path: str) -> Page:
        return read_page(path, 200, await self.see(path))

    async def order(self, order_ref: str = "HS1", amount_vnd: int = 50_000, **changes: str) -> Payment:
        """A pending VNPAY payment."""
        await ask(self.world, "vnpay", vnpay_pay(order_ref, amount_vnd, START, **changes))
        return (await self.world.store.payments(self.world.name, order_ref=order_ref))[0]

    async def stored(self, payment: Payment | str) -> Payment:
        payment_id = payment if isinstance(payment, str) else payment.payment_id
        found = await self.world.store.payment(self.world.name, ById(payment_id))
        assert found is not None
        return found

    async def post(self, payment: Payment, step: str, **fields: str) -> httpx.Response:
        return await self.http.post(f"{self.path(payment)}/{step}", data=fields)

    def path(self, payment: Payment) -> str:
        return f"/s/ci/pay/{payment.payment_id}"


def answering(method: str, path: str, body: bytes) -> web.Response:
    code = path.strip("/").split("/")[0].split("?")[0]
    return served(answered(code, method, path, body))


def served_by(portal: Connector, merchants: tuple[Merchant, ...]) -> tuple[Merchant, ...]:
    return tuple(
        msgspec.structs.replace(each, callback_url=f"{portal.url}/{each.bank}", inquiry_url=f"{portal.url}/{each.bank}")
        for each in merchants
    )


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        portal.answer = answering
        default = await worlds.create("default", seed="1", clock_at=START)
        merchants = served_by(portal, default.sandbox.merchants)
        world = await worlds.create("ci", seed="42", clock_at=START, merchants=merchants)
        app = App(worlds, courier, create_pages(worlds, courier, nobody_objects), "1")
        with httpx.Client(transport=Bridge(app, asyncio.get_running_loop())) as browser:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as http:
                yield Town(worlds, world, courier, portal, browser, http)


def nobody_objects(method: str, host: str, origin: str, authorization: str) -> None:
    return None


# --- ways to pay ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", steps.accounts().values(), ids=lambda account: account.username)
async def test_internet_banking_ends_as_the_account_says(town: Town, account: steps.Account) -> None:
    payment = await town.order()
    walk = await town.do(lambda payer: payer.pay(town.world.page_url(payment.payment_id), username=account.username))
    assert walk.outcome == account.outcome
    after = await town.stored(payment)
    assert (after.outcome, after.channel) == (account.outcome, Channel.INTERNET_BANKING)
    assert (after.state is State.PAID) == (account.outcome is Outcome.SUCCESS)
    assert walk.state == after.state


async def test_a_walk_begins_at_the_address_that_the_connector_sends_the_browser_to(town: Town) -> None:
    request = vnpay_pay("HS9", 50_000, START)
    url = f"{HERE}/s/ci/vnpay{request.path}?{request.query.decode()}"
    walk = await town.do(lambda payer: payer.pay(url))
    assert (walk.state, (await town.stored(walk.payment_id)).order.order_ref) == ("paid", "HS9")


@pytest.mark.parametrize(
    ("card", "otp", "outcome"),
    [
        (("9704198526191432198", "NGUYEN VAN A", "07/15"), "123456", Outcome.SUCCESS),
        (("9704000000000018", "Nguyen Van A", "03/07"), "otp", Outcome.SUCCESS),
        (("9704195798459170488", "NGUYEN VAN A", "07/15"), "123456", Outcome.INSUFFICIENT_FUNDS),
        (("9704193370791314", "NGUYEN VAN A", "07/15"), "", Outcome.ACCOUNT_LOCKED),
        (("4456530000001005", "NGUYEN VAN A", "12/26"), "", Outcome.SUCCESS),
        (("9704198526191432198", "NGUYEN VAN B", "07/15"), "", Outcome.WRONG_DETAILS),
    ],
)
async def test_a_card_ends_as_it_is_published(
    town: Town, card: tuple[str, str, str], otp: str, outcome: Outcome
) -> None:
    payment = await town.order()
    url = town.world.page_url(payment.payment_id)
    await town.do(lambda payer: payer.pay(url, channel="card", card=card, otp=otp))
    after = await town.stored(payment)
    assert after.outcome is outcome
    assert card[0] not in repr(after)


async def test_a_password_that_has_run_out_is_said_so_and_sent_again(town: Town) -> None:
    payment = await town.order()
    await town.post(payment, "choose", channel="internet_banking", issuer="NCB")
    await town.post(payment, "login", username="nguyenvana", password="banksim")
    await town.world.store.set_clock("ci", START + timedelta(minutes=6))
    answer = await town.post(payment, "otp", otp="123456")
    assert answer.headers["location"] == f"{town.path(payment)}?problem={Problem.EXPIRED_OTP}"
    assert "Mã OTP đã hết hạn" in await town.see(answer.headers["location"])
    await town.post(payment, "resend")
    await town.post(payment, "otp", otp="123456")
    assert (await town.stored(payment)).state is State.PAID


async def test_a_qr_code_is_scanned_with_the_simulated_phone(town: Town) -> None:
    payment = await town.order()
    walk = await town.do(lambda payer: payer.scan(town.world.page_url(payment.payment_id)))
    assert (walk.state, (await town.stored(payment)).channel) == ("paid", Channel.QR)


async def test_the_phone_pays_from_the_account_that_is_chosen(town: Town) -> None:
    payment = await town.order()
    await town.do(lambda payer: payer.scan(town.world.page_url(payment.payment_id), username="vuothanmuc"))
    assert (await town.stored(payment)).outcome is Outcome.OVER_LIMIT


async def test_the_page_shows_the_banks_own_code(town: Town) -> None:
    payment = await town.order(amount_vnd=65_000)
    await town.post(payment, "choose", channel="qr")
    text = await town.see(town.path(payment))
    shown = qr.parse(re.search(r'id="qr-text">([^<]+)<', text)[1])  # type: ignore[index]
    assert (shown.scheme, shown.beneficiary, shown.amount_vnd) == (qr.Scheme.VNPAY, "DEMOV210", 65_000)
    assert "<svg" in text


async def test_a_bank_without_a_code_of_its_own_shows_one_that_no_real_bank_pays(town: Town) -> None:
    await ask(town.world, "dvcqg", SAMPLES["dvcqg"].create("HS0001", 65_000, START))
    payment = (await town.world.store.payments("ci"))[0]
    await town.post(payment, "choose", channel="qr")
    text = await town.see(town.path(payment))
    shown = qr.parse(re.search(r'id="qr-text">([^<]+)<', text)[1])  # type: ignore[index]
    assert (shown.bank_bin, shown.amount_vnd) == (NO_BANK, 65_000)
    assert NO_BANK not in {issuer.bin for issuer in steps.issuers().values()}


async def genqr(town: Town, order_ref: str, amount_vnd: int = 65_000) -> str:
    """The text of a code that the connector shows on its own page."""
    served = await ask(town.world, "vnpay", vnpay_pay(order_ref, amount_vnd, START, vnp_Command="genqr"))
    return str(json.loads(served.response.body)["qrcontent"])


@pytest.mark.parametrize("order_ref", ["HS1", "HS-" + "9" * 40])
async def test_a_code_on_the_connectors_own_page_is_scanned_by_its_text(town: Town, order_ref: str) -> None:
    text = await genqr(town, order_ref)
    await genqr(town, "OTHER")
    walk = await town.do(lambda payer: payer.scan_code(f"{HERE}/s/ci", text))
    after = await town.stored(walk.payment_id)
    assert (after.state, after.channel, after.order.order_ref) == (State.PAID, Channel.QR, order_ref)
    with pytest.raises(Stuck, match="waits for the code"):
        await town.do(lambda payer: payer.scan_code(f"{HERE}/s/ci", text))


async def test_a_wrong_code_and_one_that_nothing_waits_for_are_not_paid(town: Town) -> None:
    text = await genqr(town, "HS1")
    wrong = {
        text[:-1]: qr.QrReason.BAD_LENGTH,
        text[:-4] + "0000": qr.QrReason.BAD_CRC,
        qr.vnpay_qr("OTHERSHOP", 65_000, "HS1", merchant_name="OTHER"): "unknown",
        "": qr.QrReason.WRONG_START,
        "x" * 5000: qr.QrReason.BAD_LENGTH,
    }
    for code, reason in wrong.items():
        answer = await town.http.post("/s/ci/phone", data={"qr": code})
        assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, reason)
    assert (await town.world.store.payments("ci"))[0].state is State.PENDING


@pytest.mark.parametrize("begun", [(), ("choose",), ("choose", "login")])
async def test_a_payer_can_give_up_at_every_step(town: Town, begun: tuple[str, ...]) -> None:
    payment = await town.order()
    forms = {
        "choose": {"channel": "internet_banking", "issuer": "NCB"},
        "login": {"username": "nguyenvana", "password": "banksim"},
    }
    for step in begun:
        await town.post(payment, step, **forms[step])
    walk = await town.do(lambda payer: payer.cancel(town.world.page_url(payment.payment_id)))
    assert (walk.state, walk.outcome) == ("cancelled", "cancelled")


async def test_a_wrong_otp_is_told_with_the_tries_that_are_left(town: Town) -> None:
    payment = await town.order(vnp_BankCode="NCB")
    await town.post(payment, "login", username="nguyenvana", password="banksim")
    for left in (2, 1):
        answer = await town.post(payment, "otp", otp="000000")
        assert f"Bạn còn {left} lần thử." in await town.see(answer.headers["location"])
    await town.post(payment, "otp", otp="000000")
    assert "Nhập sai mã OTP 3 lần." in await town.see(f"{town.path(payment)}/result")
    assert (await town.stored(payment)).outcome is Outcome.WRONG_OTP


async def test_the_robot_gives_up_only_when_the_bank_does(town: Town) -> None:
    payment = await town.order()
    walk = await town.do(lambda payer: payer.pay(town.world.page_url(payment.payment_id), password="wrong"))
    assert (walk.state, walk.outcome) == ("failed", "wrong_password")


async def test_the_robot_takes_only_what_the_page_offers(town: Town) -> None:
    url = town.world.page_url((await town.order()).payment_id)
    with pytest.raises(Stuck, match="offers no channel 'pos'"):
        await town.do(lambda payer: payer.pay(url, channel="pos"))
    with pytest.raises(Stuck, match="offers no issuer 'NOWHERE'"):
        await town.do(lambda payer: payer.pay(url, issuer="NOWHERE"))
    with pytest.raises(Stuck, match="no page on which a payer can do anything"):
        await town.do(lambda payer: payer.pay(f"{HERE}/s/ci/pay/none"))


async def test_the_payer_can_go_back_and_choose_another_way(town: Town) -> None:
    payment = await town.order()
    await town.post(payment, "choose", channel="internet_banking", issuer="NCB")
    assert (await town.page(town.path(payment))).stage == "login"
    await town.post(payment, "again")
    assert (await town.page(town.path(payment))).stage == "choose"


# --- two tabs, reloads, late and forged forms -----------------------------------------------------------------


async def test_every_form_is_answered_with_a_look_at_the_next_page(town: Town) -> None:
    payment = await town.order()
    for step, form in (
        ("choose", {"channel": "internet_banking", "issuer": "NCB"}),
        ("login", {"username": "nguyenvana", "password": "banksim"}),
        ("otp", {"otp": "123456"}),
        *((late, {}) for late in ("again", "card", "scan", "confirm", "cancel", "otp", "login")),
    ):
        answer = await town.post(payment, step, **form)
        assert (answer.status_code, answer.headers["location"]) == (303, town.path(payment))
    assert (await town.stored(payment)).state is State.PAID


async def test_a_settled_payment_shows_its_result_wherever_one_looks(town: Town) -> None:
    payment = await town.order()
    await act(town.world, payment.payment_id, Event.APPROVE)
    answer = await town.http.get(town.path(payment))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{town.path(payment)}/result")
    assert "Thanh toán thành công" in await town.see(answer.headers["location"])
    assert "Mã này không còn chờ thanh toán" in await town.see(f"{town.path(payment)}/phone")


async def test_a_result_is_not_shown_before_there_is_one_and_the_way_back_is_closed(town: Town) -> None:
    payment = await town.order()
    for page in ("result", "return"):
        answer = await town.http.get(f"{town.path(payment)}/{page}")
        assert (answer.status_code, answer.headers["location"]) == (303, town.path(payment))


async def test_two_clicks_on_pay_pay_once(town: Town) -> None:
    payment = await town.order(vnp_BankCode="NCB")
    await town.post(payment, "login", username="nguyenvana", password="banksim")
    await asyncio.gather(*(town.post(payment, "otp", otp="123456", tries="0") for _ in range(8)))
    entries = await town.world.store.ledger("ci", payment_id=payment.payment_id)
    assert [entry.amount_vnd for entry in entries] == [50_000]
    assert len(await town.world.store.deliveries("ci", payment_id=payment.payment_id)) == 1


async def test_clicks_on_pay_and_cancel_at_once_have_one_winner(town: Town) -> None:
    for number in range(6):
        payment = await town.order(f"HS{number}", vnp_BankCode="NCB")
        await town.post(payment, "login", username="nguyenvana", password="banksim")
        clicks = [town.post(payment, "otp", otp="123456"), town.post(payment, "cancel")]
        await asyncio.gather(*(clicks if number % 2 else reversed(clicks)))
        entries = await town.world.store.ledger("ci", payment_id=payment.payment_id)
        state = (await town.stored(payment)).state
        assert (state, len(entries)) in ((State.PAID, 1), (State.CANCELLED, 0))


async def test_a_page_left_open_until_it_expired_does_nothing(town: Town) -> None:
    payment = await town.order(vnp_BankCode="NCB")
    await town.post(payment, "login", username="nguyenvana", password="banksim")
    await town.world.store.set_clock("ci", START + timedelta(minutes=15))
    for step in ("otp", "cancel", "login", "choose"):
        await town.post(payment, step, otp="123456", channel="qr")
    assert (await town.stored(payment)).state is State.PENDING
    shown = await town.see(f"{town.path(payment)}/result")
    assert "Đã hết thời gian thanh toán" in shown


async def test_the_time_left_is_told_in_words_that_need_no_script(town: Town) -> None:
    payment = await town.order()
    await town.world.store.set_clock("ci", START + timedelta(seconds=61))
    text = await town.see(town.path(payment))
    assert "Hết hạn lúc 10:15:00 22/11/2026 (GMT+7)" in text
    assert 'data-left="839"' in text
    assert ">13:59<" in text
    assert "data-ticks" not in text, "a clock that tests move does not tick"


async def test_a_choice_that_is_not_offered_changes_nothing(town: Town) -> None:
    payment = await town.order()
    for form in ({"channel": "counter"}, {"channel": "internet_banking", "issuer": "MOMO"}, {}):
        answer = await town.post(payment, "choose", **form)
        assert "problem=" in answer.headers["location"]
        assert 'role="alert"' in await town.see(answer.headers["location"])
    assert await town.stored(payment) == payment


async def test_a_problem_that_nobody_knows_is_not_shown(town: Town) -> None:
    payment = await town.order()
    assert 'role="alert"' not in await town.see(f"{town.path(payment)}?problem=<script>")


# --- the way back ---------------------------------------------------------------------------------------------


async def test_the_browser_goes_back_to_the_merchant_with_the_banks_answer(town: Town) -> None:
    payment = await town.order()
    url = town.world.page_url(payment.payment_id)
    walk = await town.do(lambda payer: payer.pay(url, follow_return=True))
    assert walk.returned is not None
    assert walk.returned.text == "back at the merchant"
    assert walk.returned.url.path == "/return/vnpay"
    assert (walk.returned.url.params["vnp_TxnRef"], walk.returned.url.params["vnp_ResponseCode"]) == ("HS1", "00")


async def napas_order(town: Town, order_ref: str = "HS1", event: Event = Event.APPROVE, **changes: str) -> Payment:
    """A payment whose result the browser posts to the merchant."""
    fields = hosted_fields(order_ref, 18_060, START, **changes)
    await ask(town.world, "napas", Request("POST", "/api/rest/hostedform", body=urlencode(fields).encode()))
    (made,) = await town.world.store.payments("ci", order_ref=order_ref)
    return await act(town.world, made.payment_id, event)


async def test_a_result_that_the_real_bank_posts_is_posted_by_a_form_without_scripts_too(town: Town) -> None:
    payment = await napas_order(town)
    walk = await town.do(lambda payer: payer.pay(town.world.page_url(payment.payment_id), follow_return=True))
    assert walk.returned is not None
    sent = walk.returned.request
    assert (sent.method, str(sent.url)) == ("POST", "http://portal.test/return?dossier=1")
    posted = await posted_back(town.world, payment.payment_id)
    assert dict(parse_qsl(sent.content.decode())) == posted != {}


async def test_only_the_page_that_posts_to_the_merchant_may_and_only_to_him(town: Town) -> None:
    payment = await napas_order(town, returnUrl="https://user@portal.test:8443/return")
    for step, target in (("result", "'self'"), ("return", "https://portal.test:8443")):
        headers = (await town.http.get(f"{town.path(payment)}/{step}")).headers
        (rule,) = re.findall(r"form-action ([^;]+);", headers["content-security-policy"])
        assert rule == target
        assert headers["referrer-policy"] == ("same-origin" if step == "result" else "strict-origin")
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["portal.test;script-src *", "[::1]:8080", "cổng.test", "portal.test,*", "portal.test 'unsafe-inline'"]
)
def test_no_merchants_address_writes_into_the_policy(host: str) -> None:
    policy = posting_to(f"http://{host}/return")["content-security-policy"]
    assert policy == HEADERS["content-security-policy"].replace("form-action 'self'", "form-action http:")


async def test_a_page_that_posts_nothing_to_a_merchant_is_no_way_back(town: Town) -> None:
    payment = await town.order()
    page = await town.do(lambda payer: payer.open(town.world.page_url(payment.payment_id)))
    elsewhere = replace(page, links={"return": town.path(payment)})
    with pytest.raises(Stuck, match="HTTP 200 and not the way back"):
        await town.do(lambda payer: payer.go_back(elsewhere))


async def test_a_payer_who_closes_the_browser_does_not_go_back(town: Town) -> None:
    payment = await town.order()
    walk = await town.do(lambda payer: payer.pay(town.world.page_url(payment.payment_id)))
    assert walk.returned is None


async def test_going_back_lets_a_held_callback_go(town: Town) -> None:
    held = Fault(fault_id="f", kind=FaultKind.CALLBACK_AFTER_RETURN)
    await town.world.store.set_faults("ci", (held,))
    payment = await town.order()
    url = town.world.page_url(payment.payment_id)
    await town.do(lambda payer: payer.pay(url))
    assert [each.held for each in await town.world.store.deliveries("ci")] == [True]
    await town.do(lambda payer: payer.pay(url, follow_return=True))
    assert [each.held for each in await town.world.store.deliveries("ci")] == [False]


# --- bills ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", dialects()["vietinbank"].channels)
async def test_a_bill_is_paid_wherever_the_bank_collects(town: Town, channel: Channel) -> None:
    walk = await town.do(lambda payer: payer.pay_bill(f"{HERE}/s/ci", "vietinbank", "HS0001", channel.value))
    after = await town.stored(walk.payment_id)
    assert (after.state, after.channel, after.amount_vnd) == (State.PAID, channel, BILL_AMOUNT_VND)
    assert "NGUYEN VAN A" in walk.page.text


async def test_a_terminal_declines_a_card_without_money(town: Town) -> None:
    card = ("9704195798459170488", "", "")
    walk = await town.do(lambda payer: payer.pay_bill(f"{HERE}/s/ci", "vietinbank", "HS1", "pos", card=card))
    assert walk.outcome == "insufficient_funds"


async def test_a_teller_can_cancel_a_bill(town: Town) -> None:
    page = await town.do(lambda payer: payer.inquire_bill(f"{HERE}/s/ci", "vietinbank", "HS1"))
    assert page.stage == "confirm"
    assert (await town.do(lambda payer: payer.cancel(page.url))).state == "cancelled"


async def test_a_refused_bill_says_why_and_keeps_what_was_typed(town: Town) -> None:
    town.portal.answer = lambda method, path, body: web.Response(status=500)
    walk = await town.do(lambda payer: payer.pay_bill(f"{HERE}/s/ci", "vietinbank", "HS-77"))
    assert (walk.page.status, walk.page.stage) == (422, "bill")
    assert walk.page.refused == "other"
    assert 'value="HS-77"' in walk.page.text


@pytest.mark.parametrize(
    ("form", "refused"),
    [
        ({"bill_code": "", "channel": "counter"}, "bad_code"),
        ({"bill_code": "A\x00B", "channel": "counter"}, "bad_code"),
        ({"bill_code": "x" * 301, "channel": "counter"}, "bad_code"),
        ({"bill_code": "HS1", "channel": "qr"}, "channel_not_offered"),
        ({"bill_code": "HS1"}, "channel_not_offered"),
        ({"bill_code": "HS1", "channel": "counter", "merchant_code": "none"}, "no_merchant"),
    ],
)
async def test_a_form_that_makes_no_sense_is_not_sent_to_the_connector(
    town: Town, form: dict[str, str], refused: str
) -> None:
    answer = await town.http.post("/s/ci/bill/vietinbank", data=form)
    assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, refused)
    assert not town.portal.requests


async def test_a_sandbox_without_an_inquiry_address_says_so(town: Town) -> None:
    answer = await town.http.post("/bill/vietinbank", data={"bill_code": "HS1", "channel": "counter"})
    assert read_page("", 422, answer.text).refused == "no_address"


async def test_only_banks_that_collect_have_a_bill_page(town: Town) -> None:
    for code, dialect in dialects().items():
        assert (await town.http.get(f"/bill/{code}")).status_code == (200 if dialect.inquiry else 404)
    assert (await town.http.get("/bill/nowhere")).status_code == 404


# --- errors ---------------------------------------------------------------------------------------------------


ERROR_PAGES = [
    (dialect.code, dialect.error_page, code)
    for dialect in dialects().values()
    if dialect.error_page
    for code in dialect.error_page.texts
]


@pytest.mark.parametrize(
    ("bank", "found", "code"), ERROR_PAGES, ids=[f"{bank}-{code}" for bank, _, code in ERROR_PAGES]
)
async def test_a_banks_error_page_tells_its_code_in_both_languages(
    town: Town, bank: str, found: Any, code: str
) -> None:
    for prefix in ("", "/s/ci"):
        for language, text in zip(("vi", "en"), found.texts[code], strict=True):
            shown = await town.see(f"{prefix}/{bank}{found.path}?{found.parameter}={code}", lang=language)
            assert str(escape(text)) in shown
            assert read_page("", 200, shown).stage == "error"


async def test_an_error_code_from_outside_is_shown_as_text(town: Town) -> None:
    shown = await town.see("/vnpay/paymentv2/Payment/Error.html?code=<b>9</b>")
    assert "<b>9" not in shown
    assert "&lt;b&gt;9" in shown


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pay/none", 404),
        ("/s/ci/pay/none/result", 404),
        ("/s/nowhere/pay/none", 404),
        ("/nowhere", 404),
        ("/pages/vi.toml", 404),
        ("/room/nowhere", 404),
        ("/room/ci/payments/none", 404),
        ("/token", 405),
    ],
)
async def test_what_is_not_there_is_a_page_that_says_so(town: Town, path: str, status: int) -> None:
    shown = await town.see(path, status)
    assert BANNER in shown
    assert "Traceback" not in shown


async def test_a_huge_form_is_refused(town: Town) -> None:
    payment = await town.order()
    assert (await town.post(payment, "choose", channel="x" * 20_000)).status_code == 413


async def test_a_payment_of_another_sandbox_is_not_found(town: Town) -> None:
    payment = await town.order()
    await town.see(f"/pay/{payment.payment_id}", 404)


# --- what stands on every page --------------------------------------------------------------------------------


async def every_page(town: Town) -> dict[str, str]:
    """One look at each page, with hostile text from the connector in all of them."""
    described = {"vnp_OrderInfo": HOSTILE}
    seen: dict[str, str] = {}

    async def look(path: str, status: int = 200) -> None:
        seen[path] = await town.see(path, status)

    for number, (name, forms) in enumerate(
        (
            ("choose", ()),
            ("login", (("choose", {"channel": "internet_banking", "issuer": "NCB"}),)),
            (
                "otp",
                (
                    ("choose", {"channel": "internet_banking", "issuer": "NCB"}),
                    ("login", {"username": "nguyenvana", "password": "banksim"}),
                ),
            ),
            ("card", (("choose", {"channel": "card"}),)),
            ("qr", (("choose", {"channel": "qr"}),)),
        )
    ):
        payment = await town.order(f"{name}{number}", **described)
        for step, form in forms:
            await town.post(payment, step, **form)
        assert (await town.page(town.path(payment))).stage == name
        await look(town.path(payment))
        await look(f"{town.path(payment)}/phone")
    for event in (Event.APPROVE, Event.DECLINE, Event.CANCEL, Event.SUSPECT, Event.REVERSE, Event.EXPIRE):
        payment = await town.order(f"HS{event}", **described)
        await act(town.world, payment.payment_id, event)
        await look(f"{town.path(payment)}/result")
    await look(f"/room/ci/payments/{payment.payment_id}")
    await look(f"{town.path(await napas_order(town, 'HSnapas', orderReference=HOSTILE))}/return")
    for channel in ("counter", "pos", "mobile"):
        visit = partial(Payer.inquire_bill, base_url=f"{HERE}/s/ci", bank="vietinbank", bill_code=HOSTILE)
        await look((await town.do(partial(visit, channel=channel))).url)
    for channel, host in (("counter", ""), ("pos", ""), ("pos", "late")):
        visit = partial(Payer.inquire_bill, base_url=f"{HERE}/s/ci", bank="vietinbank", bill_code=HOSTILE)
        page = await town.do(partial(visit, channel=channel))
        await town.do(partial(Payer.send, page=page, step="confirm", values={"host": host}))
        await look(f"{page.url}/result")
    for place in ("terminal", "counter", "app"):
        await look(f"/s/ci/{place}/vietinbank")
    await look("/s/ci/terminal/vietinbank/batch")
    await town.world.store.set_faults("ci", (Fault(fault_id="f", kind=FaultKind.LOST, order_ref=HOSTILE),))
    await town.courier.advance(town.world, START + timedelta(seconds=1))
    for path in ("/", "/room/ci", "/room/ci/deliveries", "/room/ci/journal", "/s/ci/bill/vietinbank", "/phone"):
        await look(path)
    await look("/s/ci/accounts")
    big = await town.order("HSbig", 100_000_001, **described)
    await town.post(big, "choose", channel="internet_banking", issuer="NCB")
    for step, form in (("login", {"username": "nguyenvana", "password": "banksim"}), ("otp", {"otp": "123456"})):
        await town.post(big, step, **form)
    assert (await town.page(town.path(big))).stage == "biometrics"
    await look(town.path(big))
    for payment in await town.world.store.payments("ci", limit=3):
        await look(f"/room/ci/payments/{payment.payment_id}")
    await look("/vnpay/paymentv2/Payment/Error.html?code=70")
    await look("/pay/none", 404)
    return seen


async def test_every_page_says_that_the_bank_is_simulated_and_takes_nothing_from_elsewhere(town: Town) -> None:
    seen = await every_page(town)
    assert len(seen) > 25
    for path, text in seen.items():
        assert BANNER in text, path
        assert "no real money" in text, path
        assert 'name="viewport"' in text, path
        loaded = re.findall(r'<(?:script|link|img|iframe|form)[^>]*?(?:src|href|action)="([^"]*)"', text)
        loaded = [each for each in loaded if not (path.endswith("/return") and each.startswith(f"{PORTAL}/return"))]
        assert loaded, path
        assert all(each.startswith(("/", "data:,")) and not each.startswith("//") for each in loaded), path
        assert "style=" not in text, path
        assert not re.search(r"\son[a-z]+=", text), path


async def test_what_came_from_outside_is_shown_as_text_on_every_page(town: Town) -> None:
    seen = await every_page(town)
    hostile = [path for path, text in seen.items() if "&lt;script&gt;alert(" in text]
    assert len(hostile) > 20
    for path, text in seen.items():
        assert "<script>alert" not in text, path
        assert "amp;49" not in text, path


async def test_no_page_shows_a_secret(town: Town) -> None:
    secrets = [value for merchant in town.world.merchants.values() for value in merchant.secrets.values()]
    secrets += [line for value in secrets for line in value.splitlines() if len(line) > 40]
    assert secrets
    for path, text in (await every_page(town)).items():
        assert not [secret for secret in secrets if secret in text], path


async def test_pages_are_not_kept_and_run_no_foreign_script(town: Town) -> None:
    answer = await town.http.get("/")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_style_and_script_are_served(town: Town) -> None:
    for name, kind in (("style.css", "text/css"), ("page.js", "text/javascript")):
        answer = await town.http.get(f"/pages/{name}")
        assert answer.headers["content-type"].startswith(kind)
        assert "http" not in answer.text, "nothing from elsewhere"


# --- languages ------------------------------------------------------------------------------------------------


async def test_pages_speak_vietnamese_until_english_is_asked_for_and_then_remember_it(town: Town) -> None:
    payment = await town.order()
    assert "Chọn phương thức thanh toán" in await town.see(town.path(payment))
    answer = await town.http.get(f"{town.path(payment)}?lang=en")
    assert "Choose how to pay" in answer.text
    assert 'lang="en"' in answer.text
    assert "lang=en" in answer.headers["set-cookie"]
    assert "Choose how to pay" in await town.see(town.path(payment), lang="en")


async def test_an_order_in_english_is_paid_on_english_pages(town: Town) -> None:
    payment = await town.order(vnp_Locale="en")
    assert "50,000 VND" in await town.see(town.path(payment))
    assert "50.000 đ" in await town.see(town.path(payment), lang="vi")


async def test_a_language_that_nobody_speaks_is_ignored(town: Town) -> None:
    answer = await town.http.get("/?lang=xx", headers={"cookie": "lang=zz"})
    assert "Phòng điều khiển" in answer.text
    assert "set-cookie" not in answer.headers


def sentences(code: str) -> dict[str, str]:
    read = tomllib.loads((PAGES / f"{code}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": sentence for section, table in read.items() for key, sentence in table.items()}


def test_both_languages_say_the_same_things_with_the_same_placeholders() -> None:
    vietnamese, english = sentences("vi"), sentences("en")
    assert list(vietnamese) == list(english)
    for key, sentence in vietnamese.items():
        holes = [{hole for _, hole, _, _ in Formatter().parse(text) if hole} for text in (sentence, english[key])]
        assert holes[0] == holes[1], key
        assert sentence.strip(), key
        assert english[key].strip(), key


WORDS: dict[str, list[str]] = {
    "state": [*State],
    "result": [*State],
    "outcome": [*Outcome],
    "channel": [*Channel],
    "channel_lead": [*Channel],
    "problem": [*Problem],
    "delivery": [*DeliveryState],
    "refund_state": [*RefundState],
    "three_ds": [*steps.Flow],
    "three_ds_status": [*"YACNUR"],
    "cards": ["domestic", "international", "date_domestic", "date_international"],
    "steps": ["choose", "login", "card", "otp", "biometrics", "qr", "bill", "confirm", "done"],
    "biometrics_of": ["mismatch", "none"],
    "bill_refusal": [
        *(Reason.UNKNOWN_ORDER, Reason.ALREADY_PAID, Reason.EXPIRED, Reason.TIMED_OUT, Reason.BAD_SIGNATURE),
        *(Reason.MALFORMED, "other", "bad_code", "no_merchant", *Why),
    ],
    "pos": ["sales", "sales_vnd", "voids", "voids_vnd"],
    "pos_host": ["card", *Host],
    "pos_fate": [Fate.LOST, Fate.DROPPED],
    "pos_from": ["terminal", "host"],
    "pos_kind": ["sale", "void", "none"],
    "error": ["unknown_page"],
    "inbox": ["sms", "email"],
    "scanner_problem": [*qr.QrReason, "no_code", "unknown"],
    "transfer_problem": ["bad_account", "bad_content", "bad_amount", "nobody"],
    "room": ["in", "out"],
}
"""Sentences that pages choose by a word of the house."""


@pytest.mark.parametrize("section", WORDS)
def test_every_word_of_the_house_can_be_said(section: str) -> None:
    known = sentences("vi")
    assert not [word for word in WORDS[section] if f"{section}.{word}" not in known]


def test_templates_say_nothing_that_is_not_written_and_nothing_written_is_unsaid() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in PAGES.iterdir() if path.suffix in (".html", ".py"))
    assert {*re.findall(r'\bt\("([a-z_]+\.[a-z_]+)"', sources)} <= {*sentences("vi")}
    said = {*re.findall(r'"([a-z_]+\.[a-z_]+)"', sources)}
    said |= {f"error.{key}" for key in re.findall(r'problem_page\(request, "([a-z_]+)"', sources)}
    said |= {f"{section}.{word}" for section, words in WORDS.items() for word in words}
    assert [key for key in sentences("vi") if key not in said] == []


# --- the control room -----------------------------------------------------------------------------------------


async def test_the_control_room_lists_the_sandboxes_with_their_books(town: Town) -> None:
    payment = await town.order(amount_vnd=1_234_000)
    await act(town.world, payment.payment_id, Event.APPROVE)
    shown = await town.see("/")
    assert 'href="/room/ci"' in shown
    assert 'href="/room/default"' in shown
    assert 'href="/docs"' in shown
    assert "1.234.000 đ" in shown


async def test_a_sandbox_shows_its_clock_payments_and_faults(town: Town) -> None:
    await town.order("HS-AAA")
    await town.order("HS-BBB")
    fault = Fault(fault_id="f", kind=FaultKind.FORGED_SIGNATURE, bank="vnpay", times=0)
    await town.world.store.set_faults("ci", (fault,))
    shown = await town.see("/room/ci")
    assert "10:00:00 22/11/2026" in shown
    assert "chỉnh tay" in shown
    assert "HS-AAA" in shown
    assert "HS-BBB" in shown
    assert "forged_signature" in shown
    found = await town.see("/room/ci?order_ref=HS-AAA")
    assert "HS-BBB" not in found


async def test_a_long_list_of_payments_has_pages(town: Town) -> None:
    for number in range(52):
        await town.order(f"N{number:03d}")
    first, second = await town.see("/room/ci"), await town.see("/room/ci?offset=50")
    assert "offset=50" in first
    assert "N051" in first
    assert "N001" not in first
    assert "N001" in second
    assert "offset=0" in second


async def test_a_payment_shows_its_callbacks_money_and_exchanges(town: Town) -> None:
    payment = await town.order(amount_vnd=77_000)
    await act(town.world, payment.payment_id, Event.APPROVE)
    waiting = await town.see(f"/room/ci/payments/{payment.payment_id}")
    assert "chờ gửi" in waiting
    await town.courier.advance(town.world, START)
    shown = await town.see(f"/room/ci/payments/{payment.payment_id}")
    assert "đã nhận" in shown
    assert "RspCode 00" in shown
    assert "vnp_TxnRef" in shown
    assert "Confirm Success" in shown
    assert "77.000 đ" in shown
    assert "debit" in shown


async def test_the_journal_shows_json_on_lines_of_its_own(town: Town) -> None:
    await town.do(lambda payer: payer.pay_bill(f"{HERE}/s/ci", "vietinbank", "HS0001"))
    shown = await town.see("/room/ci/journal")
    assert "&#34;custCode&#34;: &#34;HS0001&#34;,\n" in shown


async def test_a_room_that_is_guarded_asks_for_the_token_and_remembers_it(town: Town) -> None:
    guarded = create_pages(town.worlds, town.courier, Guard(token="s3cret").objection)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url=HERE) as http:
        for path in ("/", "/room/ci", "/room/ci/journal", "/room/ci/deliveries", "/room/ci/payments/x"):
            refused = await http.get(path)
            assert (refused.status_code, "Cần mã truy cập" in refused.text) == (401, True)
        wrong = await http.post("/token", data={"token": "guess"})
        assert (wrong.status_code, "Mã này không đúng" in wrong.text) == (401, True)
        right = await http.post("/token", data={"token": "s3cret"})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        assert "HttpOnly" in right.headers["set-cookie"]
        assert "SameSite=strict" in right.headers["set-cookie"]
        assert (await http.get("/")).status_code == 200


async def test_an_open_room_is_closed_to_other_names_of_this_machine(town: Town) -> None:
    pages = create_pages(town.worlds, town.courier, Guard().objection)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), base_url="http://evil.test") as http:
        assert (await http.get("/")).status_code == 421
    async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), base_url="http://127.0.0.1:8080") as http:
        assert (await http.get("/")).status_code == 200


async def test_payer_pages_ask_nobody_for_a_token(town: Town) -> None:
    payment = await town.order()
    guarded = create_pages(town.worlds, town.courier, Guard(token="s3cret").objection)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url=HERE) as http:
        assert (await http.get(town.path(payment))).status_code == 200
