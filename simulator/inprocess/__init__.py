"""The banks in this process: an httpx connector calls their real addresses, and there is no server and no port.

    with banksim_inprocess(seed="7", connector=app) as banks:
        url = open_payment("HS-1", 50_000)  # the connector's own code: it calls the bank's real host
        banks.pay(url)

Rule: whatever httpx sends while it lasts goes to a bank, to the connector or to this machine, or is refused by name.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from simulator.client import Banksim, JournalEntry, MerchantView, PaymentView, SandboxClient
from simulator.control.guard import Guard
from simulator.inprocess.connector import Connector, LifespanFailed, Local, UnknownConnector
from simulator.inprocess.hosts import UnknownBank, hosts_with
from simulator.inprocess.memory import MemoryServer
from simulator.inprocess.routes import BANKSIM_URL, AlreadyInProcess, Switchboard, routed
from simulator.inprocess.threads import LoopThread
from simulator.serving import Settings, configured, make_app
from simulator.world import DEFAULT

__all__ = [
    "AlreadyInProcess",
    "AsyncBanks",
    "Banks",
    "InProcess",
    "LifespanFailed",
    "NoPayment",
    "UnknownBank",
    "UnknownConnector",
    "banksim_inprocess",
]

CONNECTOR_URL = "http://connector.test"
SEED = "1"

P = ParamSpec("P")
T = TypeVar("T")


class NoPayment(Exception):
    """The payer's browser did not come to a page of a bank where something can be paid; the message says where."""


def banksim_inprocess(
    *,
    seed: str = SEED,
    connector: Connector | None = None,
    connector_url: str = CONNECTOR_URL,
    hosts: Mapping[str, str] | None = None,
    clock_at: datetime | None = None,
) -> "InProcess":
    """Use it with `with` (Banks), or with `async with` (AsyncBanks: the connector then runs in that event loop).

    `connector` takes callbacks and the payers' browsers: an ASGI or WSGI application, a function from httpx.Request
    to httpx.Response, or an httpx transport; `connector_url` is what it is called. `hosts` are banks' addresses
    besides those that sources name: {"https://api.bank.example": "vietinbank_dn"}. Time stands still at `clock_at`
    (default: now) until `advance`. Raises UnknownBank; entering it UnknownConnector, LifespanFailed, AlreadyInProcess.
    """
    return InProcess(seed, connector, connector_url.rstrip("/"), hosts or {}, clock_at)


class InProcess:
    """The banks while they last; `banksim_inprocess` makes it."""

    def __init__(
        self,
        seed: str,
        connector: Connector | None,
        connector_url: str,
        hosts: Mapping[str, str],
        clock_at: datetime | None,
    ) -> None:
        self._seed = seed
        self._connector = connector
        self._connector_url = connector_url
        self._hosts = hosts_with(hosts)
        self._clock_at = clock_at
        self._leaving = ExitStack()
        self._local: Local | None = None

    def __enter__(self) -> "Banks":
        with ExitStack() as leaving:
            thread = LoopThread("banksim's connector")
            leaving.callback(thread.close)
            local = Local(self._connector, thread.loop)
            thread.run(local.start())
            leaving.callback(lambda: thread.run(local.stop()))
            banks = self._start(leaving, local)
            self._leaving = leaving.pop_all()
        return banks

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    async def __aenter__(self) -> "AsyncBanks":
        self._local = Local(self._connector, asyncio.get_running_loop())
        await self._local.start()
        try:
            with ExitStack() as leaving:
                banks = self._start(leaving, self._local)
                self._leaving = leaving.pop_all()
        except BaseException:
            await self._local.stop()
            raise
        return AsyncBanks(banks)

    async def __aexit__(self, *_: object) -> None:
        assert self._local is not None, "it was entered"
        try:
            await asyncio.to_thread(self._leaving.close)
        finally:
            await self._local.stop()

    def _start(self, leaving: ExitStack, local: Local) -> "Banks":
        folder = leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-"))
        thread = LoopThread("banksim")
        leaving.callback(thread.close)
        host = urlsplit(BANKSIM_URL).hostname or ""
        store = str(Path(folder) / "banks.db")
        settings = Settings(store=store, host=host, port=0, seed=self._seed, manual=True)
        app = make_app(settings, BANKSIM_URL, Guard(None, frozenset({host})), local)
        thread.run(app.start())
        leaving.callback(lambda: thread.run(app.stop()))
        server = MemoryServer(configured(app), thread)
        board = Switchboard(app, server, thread, local, self._connector_url, self._hosts)
        banksim = leaving.enter_context(Banksim(BANKSIM_URL, transport=board))
        if self._clock_at is not None:
            banksim.sandbox(DEFAULT).reset(clock_at=self._clock_at)
        leaving.enter_context(routed(board))
        return Banks(banksim, board, self._connector_url)


class Banks:
    """All banks in one sandbox with a manual clock. `sandbox` has all that the control API can do."""

    def __init__(self, banksim: Banksim, board: Switchboard, connector_url: str) -> None:
        self.banksim = banksim
        self.sandbox: SandboxClient = banksim.sandbox(DEFAULT)
        self.connector_url = connector_url
        self._board = board

    def merchant(self, bank: str) -> MerchantView:
        """The test merchant that the connector is configured with. Raises LookupError for an unknown bank."""
        found = next((each for each in self.sandbox.merchants() if each.bank == bank), None)
        if found is None:
            raise LookupError(f"there is no bank {bank!r}")
        return found

    def register(
        self,
        bank: str,
        *,
        callback_url: str | None = None,
        inquiry_url: str | None = None,
        merchant_code: str | None = None,
        secrets: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> MerchantView:
        """Changes the contract of the test merchant, or of another; "/ipn" is the connector's own path."""
        return self.sandbox.set_merchant(
            bank,
            merchant_code or self.merchant(bank).merchant_code,
            secrets=secrets,
            callback_url=self._at_connector(callback_url),
            inquiry_url=self._at_connector(inquiry_url),
            options=options,
        )

    def visit(self, url: str, fields: Mapping[str, str] | None = None) -> PaymentView:
        """The payer's browser goes where the connector sent it; `fields` are those of a form that is posted there.

        Raises NoPayment.
        """
        with self.browser() as browser:
            page = browser.post(url, data=dict(fields)) if fields else browser.get(url)
        parts = page.url.path.split("/")
        if str(page.url).startswith(BANKSIM_URL) and "pay" in parts[:-1]:
            return self.sandbox.payment(parts[parts.index("pay") + 1])
        refused = [each.note for each in self.sandbox.journal(limit=1000) if each.direction == "in" and each.note]
        why = f"; the bank's journal says: {refused[-1]}" if refused else ""
        raise NoPayment(f"the payer's browser ended at {page.url} (HTTP {page.status_code}){why}")

    def pay(
        self,
        checkout: str | PaymentView,
        *,
        event: str = "approve",
        outcome: str | None = None,
        amount_vnd: int | None = None,
    ) -> PaymentView:
        """The payer acts, and the bank's callbacks that are due are delivered: the payment as it then is.

        `checkout` is the address that the payer was sent to, an order_ref, or a payment. `event` "decline" with an
        `outcome` ("insufficient_funds") is a failure, "cancel" the payer's own no. Raises NoPayment, ControlError.
        """
        payment = checkout if isinstance(checkout, PaymentView) else self._payment(checkout)
        self.sandbox.event(payment.payment_id, event, outcome, amount_vnd)
        self.sandbox.advance(0)
        return self.sandbox.payment(payment.payment_id)

    def go_back(self, payment: PaymentView) -> httpx.Response:
        """The payer's browser goes back to the connector: its answer, redirects not followed."""
        way = self.sandbox.go_back(payment.payment_id)
        if not way.url:
            raise NoPayment(f"{payment.bank} sends the payer's browser nowhere")
        method = "POST" if way.fields else "GET"
        return self._board.connector_answer(httpx.Request(method, way.url, data=dict(way.fields) or None))

    def advance(self, seconds: int = 0) -> datetime:
        """Moves the banks' clock; retries, expiries and night hours on the way happen at once. The new time."""
        return self.sandbox.advance(seconds).now

    def callbacks(self, bank: str = "") -> tuple[JournalEntry, ...]:
        """What banks sent to the connector and what it answered, oldest first."""
        sent = [each for each in self.sandbox.journal(limit=1000) if each.direction == "out"]
        return tuple(each for each in sent if bank in ("", each.bank))

    def browser(self) -> httpx.Client:
        """A payer's browser, for `visit` or a payer robot; close it."""
        return httpx.Client(transport=self._board, follow_redirects=True)

    def _payment(self, checkout: str) -> PaymentView:
        if "://" in checkout:
            return self.visit(checkout)
        found = self.sandbox.payments(order_ref=checkout)
        if not found:
            raise NoPayment(f"no bank knows an order {checkout!r}")
        return found[0]

    def _at_connector(self, url: str | None) -> str | None:
        return None if url is None else urljoin(f"{self.connector_url}/", url) if url else ""


class AsyncBanks:
    """The same for an event loop in which the connector runs too. `blocking` is what does it, for `do`."""

    def __init__(self, blocking: Banks) -> None:
        self.blocking = blocking

    async def do(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """`await banks.do(banks.blocking.sandbox.add_fault, "duplicate", bank="vnpay")`."""
        return await asyncio.to_thread(function, *args, **named)

    def merchant(self, bank: str) -> Awaitable[MerchantView]:
        return self.do(self.blocking.merchant, bank)

    def register(
        self, bank: str, *, callback_url: str | None = None, inquiry_url: str | None = None
    ) -> Awaitable[MerchantView]:
        return self.do(self.blocking.register, bank, callback_url=callback_url, inquiry_url=inquiry_url)

    def visit(self, url: str, fields: Mapping[str, str] | None = None) -> Awaitable[PaymentView]:
        return self.do(self.blocking.visit, url, fields)

    def pay(
        self,
        checkout: str | PaymentView,
        *,
        event: str = "approve",
        outcome: str | None = None,
        amount_vnd: int | None = None,
    ) -> Awaitable[PaymentView]:
        return self.do(self.blocking.pay, checkout, event=event, outcome=outcome, amount_vnd=amount_vnd)

    def go_back(self, payment: PaymentView) -> Awaitable[httpx.Response]:
        return self.do(self.blocking.go_back, payment)

    def advance(self, seconds: int = 0) -> Awaitable[datetime]:
        return self.do(self.blocking.advance, seconds)

    def callbacks(self, bank: str = "") -> Awaitable[tuple[JournalEntry, ...]]:
        return self.do(self.blocking.callbacks, bank)
