"""The banks in this process: real hosts are answered, callbacks reach the connector, nothing is left."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import respx
from fastapi import FastAPI
from fastapi import Request as HttpRequest
from payos import PayOS
from payos.types.v2 import CreatePaymentLinkRequest
from respx.models import AllMockedAssertionError

from conformance.payer import Payer
from simulator.banks import dialects
from simulator.inprocess import (
    AlreadyInProcess,
    AsyncBanks,
    Banks,
    LifespanFailed,
    NoPayment,
    UnknownBank,
    UnknownConnector,
    banksim_inprocess,
)
from simulator.inprocess.hosts import Host, known_hosts, stand_in
from simulator.sources import sources
from simulator.wire import Request
from tests.samples import SAMPLES
from tests.samples.onepay_domestic import SAMPLE as ONEPAY_DOMESTIC
from tests.samples.payos import CHECKSUM_KEY, CLIENT_ID, payos_create
from tests.samples.vnpay import vnpay_pay, vnpay_querydr

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""09:00 in Vietnam."""

VNPAY = "https://sandbox.vnpayment.vn"
PAYOS = "https://api-merchant.payos.vn"
CONFIRMED = {"RspCode": "00", "Message": "Confirm Success"}


class Heard:
    """A connector that keeps what it is sent."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, json=CONFIRMED))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)


@pytest.fixture
def connector() -> Heard:
    return Heard()


@pytest.fixture
def banks(connector: Heard) -> Iterator[Banks]:
    with banksim_inprocess(seed="7", connector=connector, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.register("payos", callback_url="/webhook")
        yield banks


def sent(client: httpx.Client, base: str, request: Request) -> httpx.Response:
    query = f"?{request.query.decode()}" if request.query else ""
    return client.request(
        request.method, f"{base}{request.path}{query}", headers=dict(request.headers), content=request.body
    )


def vnpay_url(ref: str, amount_vnd: int = 50_000, now: datetime = START) -> str:
    request = vnpay_pay(ref, amount_vnd, now)
    return f"{VNPAY}{request.path}?{request.query.decode()}"


# --- the banks' real hosts -----------------------------------------------------------------------------------


def test_a_connector_calls_the_banks_real_host_and_hears_of_the_payment(banks: Banks, connector: Heard) -> None:
    with httpx.Client() as client:
        link = sent(client, PAYOS, payos_create("1", 50_000, START)).json()["data"]
    paid = banks.pay(link["checkoutUrl"])
    assert (paid.state, paid.amount_vnd) == ("paid", 50_000)
    [webhook] = connector.requests
    assert (str(webhook.url), webhook.method) == ("http://connector.test/webhook", "POST")
    assert [(each.bank, each.status) for each in banks.callbacks()] == [("payos", 200)]


def test_a_public_client_works_unmodified_at_its_own_default_address(banks: Banks, connector: Heard) -> None:
    keys = banks.merchant("payos").secrets
    client = PayOS(client_id=CLIENT_ID, api_key=keys["api_key"], checksum_key=CHECKSUM_KEY)
    wanted = CreatePaymentLinkRequest(
        order_code=7, amount=50_000, description="HS7", cancel_url="http://a.vn/no", return_url="http://a.vn/yes"
    )
    link = client.payment_requests.create(wanted)
    banks.pay(link.checkout_url)
    assert client.webhooks.verify(connector.requests[0].content).order_code == 7
    assert client.payment_requests.get(7).status == "PAID"


def test_a_payer_is_sent_to_the_banks_real_address(banks: Banks, connector: Heard) -> None:
    assert banks.pay(vnpay_url("HS1")).order_ref == "HS1"
    assert connector.requests[0].url.params["vnp_TxnRef"] == "HS1"


def test_what_is_signed_arrives_to_the_byte(banks: Banks) -> None:
    request = vnpay_pay("HS1", 50_000, START, vnp_OrderInfo="Lệ phí (mã số) ~ A+B 100%")
    banks.visit(f"{VNPAY}{request.path}?{request.query.decode()}")
    [entry] = banks.sandbox.journal()
    assert urlsplit(entry.url).query == request.query.decode()


async def test_an_asynchronous_client_is_answered_too() -> None:
    async with banksim_inprocess(connector=Heard(), clock_at=START) as banks:
        async with httpx.AsyncClient() as client:
            request = payos_create("1", 50_000, START)
            answer = await client.post(f"{PAYOS}{request.path}", headers=dict(request.headers), content=request.body)
        assert (await banks.pay(answer.json()["data"]["checkoutUrl"])).state == "paid"


@pytest.mark.parametrize("host", known_hosts(), ids=lambda host: urlsplit(host.url).hostname)
def test_every_listed_host_has_a_known_bank_and_a_source_of_that_bank(host: Host) -> None:
    assert host.source in sources()
    assert host.banks
    for bank in host.banks:
        assert host.source in dialects()[bank].sources


def test_every_listed_host_answers_as_its_bank(banks: Banks) -> None:
    assert not [host.url for host in known_hosts() if not answers(banks, host)]


def answers(banks: Banks, host: Host) -> bool:
    """Whether a well-formed request to that host comes to one of its banks."""
    for bank in host.banks:
        for request in SAMPLES[bank].requests(SAMPLES[bank].named("HS1"), 50_000, START):
            path = request.path.removeprefix(host.below)
            with httpx.Client() as client:
                sent(client, host.url, Request(request.method, path, request.query, request.headers, request.body))
            if [each.bank for each in banks.sandbox.journal()[-1:]] == [bank]:
                banks.sandbox.reset(clock_at=START)
                return True
    return False


def test_banks_that_share_a_host_are_told_apart_by_path_and_by_merchant(banks: Banks) -> None:
    assert ONEPAY_DOMESTIC.query is not None
    with httpx.Client() as client:
        for bank in ("onepay", "onepay_domestic", "onepay_international"):
            ask = SAMPLES[bank].query
            assert ask is not None
            sent(client, "https://mtf.onepay.vn", ask("HS1", START, "Q1"))
            assert banks.sandbox.journal()[-1].bank == bank


def test_an_address_of_ones_own_goes_before_the_known_ones() -> None:
    own = {"https://sandbox.vnpayment.vn": "vietinbank_dn", "bank.example/base": "vnpay"}
    with banksim_inprocess(hosts=own, clock_at=START) as banks, httpx.Client() as client:
        create = SAMPLES["vietinbank_dn"].create
        assert create is not None
        sent(client, VNPAY, create("HS1", 50_000, START))
        sent(client, "https://bank.example/base", vnpay_pay("HS2", 50_000, START))
        assert [each.bank for each in banks.sandbox.journal()] == ["vietinbank_dn", "vnpay"]


def test_an_address_of_an_unknown_bank_is_refused_by_name() -> None:
    with pytest.raises(UnknownBank, match="there is no bank 'vnpy'"):
        banksim_inprocess(hosts={"https://bank.example": "vnpy"})


def test_what_stands_in_is_found_by_the_longest_merchant_code() -> None:
    hosts = (Host(url="https://mtf.onepay.vn", banks=("onepay_domestic", "onepay")),)
    path = "https://mtf.onepay.vn/msp/api/v1/vpc/invoices/queries"
    told = {"onepay_domestic": ["ONEPAY"], "onepay": ["TESTONEPAY31"]}
    assert stand_in(hosts, "POST", path, told) == "/onepay/msp/api/v1/vpc/invoices/queries"
    assert stand_in(hosts, "POST", path, {}) == "/onepay_domestic/msp/api/v1/vpc/invoices/queries"
    assert stand_in(hosts, "POST", "https://mtf.onepay.vn.example/msp", {}) is None


# --- what goes elsewhere -------------------------------------------------------------------------------------


def test_a_host_that_is_no_banks_is_refused_with_the_way_to_name_it(banks: Banks) -> None:
    with pytest.raises(AllMockedAssertionError, match=r"no bank is known at elsewhere\.example.*hosts="):
        httpx.get("https://elsewhere.example/pay")


def test_ones_own_routes_of_respx_are_asked_too(banks: Banks) -> None:
    with respx.mock(assert_all_called=False) as ours:
        ours.get("https://sms.example/send").respond(204)
        assert httpx.get("https://sms.example/send").status_code == 204
        assert httpx.get(vnpay_url("HS1")).status_code == 302


def test_servers_of_this_machine_are_reached(banks: Banks) -> None:
    class Here(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert httpx.get(f"http://127.0.0.1:{server.server_port}/").status_code == 204
        server.shutdown()


# --- the connector, of every kind ----------------------------------------------------------------------------


def fastapi_app(heard: list[str]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        heard.append("started")
        yield {"pool": id(asyncio.get_running_loop())}
        heard.append("stopped")

    app = FastAPI(lifespan=lifespan)

    @app.get("/ipn")
    async def ipn(request: HttpRequest) -> dict[str, str]:
        assert request.state.pool == id(asyncio.get_running_loop())
        heard.append(request.query_params["vnp_TxnRef"])
        return CONFIRMED

    return app


def test_an_asgi_application_is_called_within_its_lifespan() -> None:
    heard: list[str] = []
    with banksim_inprocess(connector=fastapi_app(heard), clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.pay(vnpay_url("HS1"))
    assert heard == ["started", "HS1", "stopped"]


async def test_in_an_event_loop_the_application_runs_in_that_loop() -> None:
    heard: list[str] = []
    app = fastapi_app(heard)

    @app.get("/here")
    async def here() -> int:
        return id(asyncio.get_running_loop())

    async with banksim_inprocess(connector=app, clock_at=START) as banks:
        assert isinstance(banks, AsyncBanks)
        await banks.register("vnpay", callback_url="/ipn")
        payment = await banks.pay(vnpay_url("HS1"))
        async with httpx.AsyncClient() as client:
            assert (await client.get("http://connector.test/here")).json() == id(asyncio.get_running_loop())
        assert [each.status for each in await banks.callbacks()] == [200]
        assert (await banks.go_back(payment)).status_code == 404
        assert (await banks.merchant("vnpay")).merchant_code == "DEMOV210"
        assert (await banks.visit(vnpay_url("HS2"))).state == "pending"
        assert await banks.advance(60) > START
    assert heard == ["started", "HS1", "stopped"]


def test_a_wsgi_application_is_called() -> None:
    heard: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        heard.append(environ["PATH_INFO"])
        start_response("200 OK", [("content-type", "application/json")])
        return [b'{"RspCode":"00"}']

    with banksim_inprocess(connector=app, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.pay(vnpay_url("HS1"))
    assert heard == ["/ipn"]


async def _async_function(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=CONFIRMED)


@pytest.mark.parametrize(
    "connector",
    [
        _async_function,
        httpx.MockTransport(lambda request: httpx.Response(200, json=CONFIRMED)),
        httpx.ASGITransport(fastapi_app([])),
    ],
    ids=["async function", "transport", "asynchronous transport"],
)
def test_functions_and_transports_are_called(connector: Any) -> None:
    with banksim_inprocess(connector=connector, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/elsewhere" if isinstance(connector, httpx.ASGITransport) else "/ipn")
        banks.pay(vnpay_url("HS1"))
        assert banks.callbacks()[0].status == (404 if isinstance(connector, httpx.ASGITransport) else 200)


def test_without_a_connector_a_callback_reaches_nobody_and_says_so() -> None:
    with banksim_inprocess(clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.pay(vnpay_url("HS1"))
        [entry] = banks.callbacks()
    assert entry.status == 0
    assert "no connector was given" in entry.note


def test_what_is_no_connector_is_refused() -> None:
    with pytest.raises(UnknownConnector, match="is no ASGI application"), banksim_inprocess(connector=42):  # type: ignore[arg-type]
        pass


def test_an_application_that_cannot_start_ends_it_with_its_reason() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    before = set(threading.enumerate())
    with pytest.raises(LifespanFailed, match="no database"), banksim_inprocess(connector=app):
        pass
    assert set(threading.enumerate()) == before


def test_what_a_connector_raises_is_a_500_that_the_bank_retries(caplog: pytest.LogCaptureFixture) -> None:
    def failing(request: httpx.Request) -> httpx.Response:
        raise KeyError("dossier") if len(heard.requests) == 1 else AssertionError("never again")

    heard = Heard(lambda request: failing(request) if len(heard.requests) == 1 else httpx.Response(200, json=CONFIRMED))
    with banksim_inprocess(connector=heard, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.pay(vnpay_url("HS1"))
        assert [each.status for each in banks.callbacks()] == [500]
        banks.advance(3600)
        assert [each.status for each in banks.callbacks()] == [500, 200]
    assert "KeyError: 'dossier'" in caplog.text


def test_a_connector_may_ask_the_bank_while_it_is_being_called() -> None:
    asked: list[str] = []

    def asking(request: httpx.Request) -> httpx.Response:
        question = vnpay_querydr("HS1", START, "Q1")
        with httpx.Client() as client:
            asked.append(sent(client, VNPAY, question).json()["vnp_TransactionStatus"])
        return httpx.Response(200, json=CONFIRMED)

    app = FastAPI()

    @app.get("/ipn")
    async def ipn() -> dict[str, str]:
        asking(httpx.Request("GET", "http://connector.test/ipn"))
        return CONFIRMED

    for connector in (asking, app):
        with banksim_inprocess(connector=connector, clock_at=START) as banks:
            banks.register("vnpay", callback_url="/ipn")
            banks.pay(vnpay_url("HS1"))
    assert asked == ["00", "00"]


def test_a_slow_connector_is_not_waited_for_longer_than_the_bank_does() -> None:
    let_go = threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        let_go.wait(10)
        return httpx.Response(200)

    with banksim_inprocess(connector=slow, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.sandbox.set_retries("vnpay", (60,), timeout_s=0.1)
        banks.pay(vnpay_url("HS1"))
        note = banks.callbacks()[0].note
        let_go.set()
    assert "no answer within 0.1 s" in note


# --- payers --------------------------------------------------------------------------------------------------


def test_a_payer_robot_walks_the_pages_and_goes_back(banks: Banks, connector: Heard) -> None:
    address = vnpay_pay("HS1", 50_000, START, vnp_ReturnUrl="http://connector.test/return")
    with banks.browser() as browser:
        walk = Payer(browser).pay(f"{VNPAY}{address.path}?{address.query.decode()}", follow_return=True)
    assert walk.state == "paid"
    assert walk.returned is not None
    assert connector.requests[-1].url.path == "/return"


def test_a_form_is_posted_to_the_banks_real_address(banks: Banks) -> None:
    create = SAMPLES["sepay_gateway"].create
    assert create is not None
    request = create("HS1", 50_000, START)
    fields = dict(httpx.QueryParams(request.body.decode()))
    payment = banks.visit(f"https://pay-sandbox.sepay.vn{request.path}", fields)
    assert (payment.bank, payment.state) == ("sepay_gateway", "pending")
    assert banks.pay(payment).state == "paid"


def test_a_payer_can_fail_and_go_back(banks: Banks, connector: Heard) -> None:
    failed = banks.pay(vnpay_url("HS1"), event="decline", outcome="insufficient_funds")
    assert failed.state == "failed"
    banks.go_back(failed)
    back = connector.requests[-1]
    assert back.url.params["vnp_ResponseCode"] == "51"


def test_an_order_is_paid_by_its_number(banks: Banks) -> None:
    banks.visit(vnpay_url("HS1"))
    assert banks.pay("HS1").state == "paid"
    with pytest.raises(NoPayment, match="no bank knows an order 'HS9'"):
        banks.pay("HS9")


def test_an_order_that_the_bank_refuses_cannot_be_paid_and_says_why(banks: Banks) -> None:
    with pytest.raises(NoPayment, match="bad_signature"):
        banks.pay(vnpay_url("HS1").replace("Amount=5000000", "Amount=9000000"))


def test_a_bank_that_sends_no_browser_back_says_so(banks: Banks) -> None:
    payment = banks.sandbox.transfer("mb", "HS1", 20_000)
    with pytest.raises(NoPayment, match="mb sends the payer's browser nowhere"):
        banks.go_back(payment)


def test_a_bill_is_asked_for_and_paid_without_a_network() -> None:
    from tests.samples import answered

    def biller(request: httpx.Request) -> httpx.Response:
        said = answered("vietinbank", request.method, request.url.path, request.content)
        return httpx.Response(said.status, headers=list(said.headers), content=said.body)

    with banksim_inprocess(connector=biller, clock_at=START) as banks:
        banks.register("vietinbank", callback_url="/notice", inquiry_url="/inquiry")
        payment = banks.sandbox.inquire_bill("vietinbank", "HS1")
        assert banks.pay(payment).amount_vnd == 20_000
        assert [each.operation for each in banks.callbacks()] == ["inquiry", "callback"]


def test_an_unknown_bank_has_no_merchant(banks: Banks) -> None:
    with pytest.raises(LookupError, match="there is no bank 'vnpy'"):
        banks.register("vnpy", callback_url="/ipn")


# --- faults, time and chance ---------------------------------------------------------------------------------

BROKEN = [
    ("connection_reset", httpx.ReadError),
    ("answer_lost", httpx.RemoteProtocolError),
    ("reset_during", httpx.ReadError),
    ("truncated_body", httpx.RemoteProtocolError),
    ("timeout_before", httpx.ReadTimeout),
]


@pytest.mark.parametrize(("kind", "error"), BROKEN)
def test_a_broken_connection_is_the_exception_that_httpx_has_for_it(
    banks: Banks, kind: str, error: type[Exception]
) -> None:
    banks.sandbox.add_fault(kind, bank="payos", operation="create")
    with httpx.Client() as client:
        with pytest.raises(error), httpx.Client(timeout=0.3 if error is httpx.ReadTimeout else 30) as impatient:
            sent(impatient, PAYOS, payos_create("1", 50_000, START))
        assert sent(client, PAYOS, payos_create("2", 50_000, START)).json()["code"] == "00"


@pytest.mark.parametrize(("kind", "error"), BROKEN[:2])
async def test_an_asynchronous_client_sees_the_same(kind: str, error: type[Exception]) -> None:
    async with banksim_inprocess(clock_at=START) as banks, httpx.AsyncClient() as client:
        await banks.do(banks.blocking.sandbox.add_fault, kind, bank="vnpay")
        with pytest.raises(error):
            await client.get(vnpay_url("HS1"))
        assert (await client.get(vnpay_url("HS1"))).status_code == 302


def test_a_lost_answers_order_was_made(banks: Banks) -> None:
    banks.sandbox.add_fault("answer_lost", bank="vnpay", operation="create")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(vnpay_url("HS1"))
    assert banks.pay("HS1").state == "paid"


def test_a_client_waits_no_longer_than_it_wants_to(banks: Banks) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(vnpay_url("HS1"), timeout=httpx.Timeout(5, read=0.000001))


def test_an_answer_is_streamed(banks: Banks) -> None:
    with httpx.Client() as client, client.stream("GET", "http://banksim.test/docs") as answer:
        assert next(answer.iter_bytes(10))
    assert httpx.get(vnpay_url("HS1")).status_code == 302


async def test_an_answer_is_streamed_to_an_asynchronous_client() -> None:
    async with banksim_inprocess(), httpx.AsyncClient() as client:
        async with client.stream("GET", "http://banksim.test/") as answer:
            parts = [part async for part in answer.aiter_bytes(10)]
    assert b"".join(parts).startswith(b"<!")


def test_a_callback_that_the_bank_repeats_or_breaks_off_is_one_call_or_none(banks: Banks, connector: Heard) -> None:
    banks.sandbox.add_fault("duplicate", bank="vnpay", copies=3, at_once=True)
    banks.pay(vnpay_url("HS1"))
    assert len(connector.requests) == 3
    banks.sandbox.add_fault("connection_reset", bank="vnpay", operation="callback")
    banks.pay(vnpay_url("HS2"))
    assert len(connector.requests) == 3
    banks.advance(3600)
    assert connector.requests[-1].url.params["vnp_TxnRef"] == "HS2"


def test_hours_of_retries_take_no_time(connector: Heard) -> None:
    refusing = Heard(lambda request: httpx.Response(503))
    with banksim_inprocess(connector=refusing, clock_at=START) as banks:
        banks.register("vnpay", callback_url="/ipn")
        banks.pay(vnpay_url("HS1"))
        assert banks.advance(24 * 3600) == datetime(2026, 1, 6, 2, 0, tzinfo=UTC)
    assert len(refusing.requests) > 3


def test_a_seed_gives_the_same_payments_again() -> None:
    def told() -> tuple[str, str]:
        with banksim_inprocess(seed="7", clock_at=START) as banks:
            payment = banks.pay(vnpay_url("HS1"))
            return payment.payment_id, payment.bank_ref

    assert told() == told()


def test_time_stands_still_at_the_present_unless_told() -> None:
    with banksim_inprocess() as banks:
        assert abs((datetime.now(UTC) - banks.sandbox.clock().now).total_seconds()) < 60


# --- nothing is left -----------------------------------------------------------------------------------------


def test_it_is_less_than_a_seconds_work_and_leaves_nothing() -> None:
    with banksim_inprocess(connector=fastapi_app([])):
        """What is imported at the first use is imported now."""
    before = set(threading.enumerate())
    began = time.process_time()
    with banksim_inprocess(connector=fastapi_app([])) as banks:
        banks.visit(vnpay_url("HS1", now=datetime.now(UTC)))
    assert time.process_time() - began < 1
    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:9/", trust_env=False)
    assert not respx.mocks.HTTPCoreMocker.routers


def test_no_port_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    with banksim_inprocess(connector=Heard(), clock_at=START) as banks:
        monkeypatch.setattr("socket.socket.connect", refused)
        monkeypatch.setattr("socket.socket.bind", refused)
        banks.register("vnpay", callback_url="/ipn")
        assert banks.pay(vnpay_url("HS1")).state == "paid"


def test_an_error_inside_ends_it_as_well() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), banksim_inprocess():
        print(1 / 0)
    assert set(threading.enumerate()) == before


def test_two_of_them_at_once_are_refused(banks: Banks) -> None:
    with pytest.raises(AlreadyInProcess, match="leave the other one first"), banksim_inprocess():
        pass
    assert banks.pay(vnpay_url("HS1")).state == "paid"


def test_two_of_them_one_after_another_do_not_disturb_each_other() -> None:
    for _ in range(2):
        with banksim_inprocess(clock_at=START) as banks:
            assert banks.sandbox.payments() == ()
            banks.visit(vnpay_url("HS1"))


# --- the documents -------------------------------------------------------------------------------------------


def blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def ten_lines(name: str) -> str:
    return next(each for each in blocks(name) if "banksim_inprocess(seed" in each)


def run_alone(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["README.md", "docs/in-process.md"])
def test_the_ten_lines_of_the_documents_run_as_they_stand(name: str, tmp_path: Path) -> None:
    example = ten_lines(name)
    assert len(example.splitlines()) == 10
    told = run_alone(example, tmp_path)
    assert '"orderCode":1' in told
    assert told.endswith("paid\n")


def test_the_other_examples_run_as_they_stand(tmp_path: Path) -> None:
    asynchronous, with_hosts = blocks("docs/in-process.md")[3:]
    assert "the bank broke the connection" in run_alone(asynchronous, tmp_path)
    assert run_alone(with_hosts, tmp_path).strip() == "DANANG01"


def test_the_documents_portal_keeps_its_own_tests(tmp_path: Path) -> None:
    portal, tests = blocks("docs/in-process.md")[1:3]
    (tmp_path / "portal.py").write_text(portal, encoding="utf-8")
    (tmp_path / "test_portal.py").write_text(tests, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "test_portal.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
