"""What a requirement is written with: a dossier, its payer, its bank and the connector's books, told as a story.

Rule: a bench moves the bank and asks the connector, and never waits longer than the connector's own promise.
"""

import json
import math
import ssl
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from random import Random
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from conformance.child import ChildFailed
from conformance.forge import Asked, Forge, No, Said
from conformance.order_times import VIETNAM
from conformance.payer import Payer, Stuck
from conformance.requirement import Capability, Failure, NotApplicable, expect
from conformance.target import (
    PAYER,
    Checkout,
    CheckoutKind,
    DossierStatus,
    Notification,
    Refused,
    Status,
    Target,
    Unreachable,
    phone_of,
)
from simulator.client import (
    Answer,
    Banksim,
    BankView,
    ControlError,
    JournalEntry,
    MerchantView,
    Message,
    PaymentView,
    SandboxClient,
)

POLICIES: Mapping[str, Mapping[str, str]] = {
    "acknowledges": {"first": "answers every callback alike, and judges it afterwards"},
    "queries": {"paced": "keeps an interval of its own between two questions about one payment"},
    "cancelled_bill": {"refuses": "refuses money for a cancelled bill, so that the bank gives it back"},
    "vietinbank_format": {"one": "speaks one of the bank's two formats, as its contract has it"},
    "messages": {"inbox": "sends what it tells payers to banksim's inbox, to the number that the suite opens with"},
    "fee": {"fixed": "a dossier's fee is set once; an amount that is sent later must not change it"},
}
"""Choices in which sound connectors differ, and which a target may declare: name, value, meaning."""

POLL_S = 0.02
"""How often the connector is asked again while it may still be settling."""

MESSAGE_S = 2.0
"""How long a message to a payer may be on its way once the dossier is paid."""

USUAL_CHANNEL = "internet_banking"
"""Where a payer takes a bill when the test does not care: cash at a counter has fewer fields."""

BROWSER_S = 30.0
REDIRECTS_MAX = 10
DAY_S = 24 * 3600
QUERY_PAUSE_S = 301
"""vnpay-querydr-refund#interval: an order may be asked for once in five minutes."""

PAID = DossierStatus.PAID


@dataclass(frozen=True, slots=True)
class Visit:
    """One payer's attempt to pay one dossier."""

    dossier_code: str
    amount_vnd: int
    checkout: Checkout

    @property
    def order_ref(self) -> str:
        return self.checkout.order_ref


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser got from the connector. `status` is the HTTP status."""

    status: int
    text: str


def make_bench(
    simulator: Banksim, sandbox: SandboxClient, target: Target, bank: str, method: str, seed: str
) -> "Bench":
    """A bench on an emptied sandbox. `seed` names the run and the requirement."""
    banks = bank_views(simulator)
    _close_open_payments(sandbox, banks)
    began_at = sandbox.reset().now
    return Bench(sandbox, target, banks[bank], method, Random(f"{seed}|{bank}|{method}"), began_at)


@cache
def bank_views(simulator: Banksim) -> Mapping[str, BankView]:
    """The simulator's banks by code; they never change while it runs."""
    return {view.code: view for view in simulator.banks()}


def _close_open_payments(sandbox: SandboxClient, banks: Mapping[str, BankView]) -> None:
    """What an earlier requirement left open is given up, or the connector would ask about it ever after."""
    told = [each for each in sandbox.payments(limit=1000) if "cancelled" in banks[each.bank].announces]
    left_open = [each.payment_id for each in told if each.state == "pending"]
    if not left_open:
        return
    sandbox.clear_faults()
    for payment_id in left_open:
        sandbox.event(payment_id, "cancel")
    sandbox.advance(0)


class Bench:
    """One bank, one method of paying, one connector. `story` tells what was done, a sentence a step.

    `announced` = the connector makes an order before the payer comes to the bank.
    """

    def __init__(
        self,
        sandbox: SandboxClient,
        target: Target,
        bank: BankView,
        method: str,
        chance: Random,
        began_at: datetime,
    ) -> None:
        self.sandbox = sandbox
        self.target = target
        self.view = bank
        self.bank = bank.code
        self.shape = bank.shape
        self.channels = bank.channels
        self.announced = bank.shape in ("redirect", "server_create")
        self.method = method
        self.chance = chance
        self.story: list[str] = []
        self.began_at = began_at
        self._place = ""
        self._dossiers = dossier_codes(began_at)
        self._payments: dict[tuple[str, str], str] = {}
        self._references: dict[str, set[str]] = {}

    def fresh(self) -> "Bench":
        """Another bench for another story of the same requirement, on an emptied sandbox."""
        return Bench(self.sandbox, self.target, self.view, self.method, self.chance, self.sandbox.reset().now)

    def at(self, bank: str) -> "Bench":
        """The same story at another bank, by that bank's first method: one sandbox, one series of dossiers."""
        view, method = bank_views(self.sandbox.banksim)[bank], self.target.banks[bank].methods[0]
        there = Bench(self.sandbox, self.target, view, method, self.chance, self.began_at)
        there.story, there._dossiers, there._references = self.story, self._dossiers, self._references
        there._place = f"at {bank}: "
        return there

    def elsewhere(self) -> "Bench":
        """The same story at another bank of the connector's, where a payment begins with an order.

        Raises NotApplicable.
        """
        views = bank_views(self.sandbox.banksim)
        others = [views[code] for code in self.target.banks if code != self.bank]
        found = next((each for each in others if each.shape in ("redirect", "server_create")), None)
        if found is None:
            raise NotApplicable("the connector has no other bank where a payment begins with an order")
        method = self.target.banks[found.code].methods[0]
        bench = Bench(self.sandbox, self.target, found, method, self.chance, self.sandbox.clock().now)
        bench.story = self.story
        return bench

    # --- what the suite knows of the bank and of the connector ------------------------------------------------

    @cached_property
    def merchant(self) -> MerchantView:
        """The connector's contract with this bank."""
        wanted = self.target.banks[self.bank].merchant_code
        known = [each for each in self.sandbox.merchants() if each.bank == self.bank]
        return next(each for each in known if wanted in ("", each.merchant_code))

    @cached_property
    def forge(self) -> Forge:
        return Forge(self.bank, self.merchant.secrets)

    @property
    def polls(self) -> bool:
        """Whether the connector can be told to do its timetable's work now."""
        return Capability.RUN_JOBS in self.target.capabilities

    def chooses(self, policy: str, value: str) -> bool:
        """Whether the connector's owner declares that choice, one of POLICIES."""
        assert value in POLICIES[policy], f"{policy} = {value} is no policy that the suite knows"
        return self.target.policies.get(policy) == value

    @property
    def judges_before_answering(self) -> bool:
        return not self.chooses("acknowledges", "first")

    def needs_codes(self) -> None:
        """For what only a connector can do that judges a callback before it answers. Raises NotApplicable."""
        if not self.judges_before_answering:
            raise NotApplicable("the connector acknowledges first and judges afterwards, by its policy")

    def needs_callbacks(self) -> None:
        """For what only a connector shows that takes the bank's callbacks. Raises NotApplicable."""
        if not self.merchant.callback_url:
            raise NotApplicable("the connector takes no callbacks of this bank: it asks")

    @property
    def bank_timeout_s(self) -> float:
        """How long the connector waits for a bank at most. Raises NotApplicable where its owner does not tell."""
        told = getattr(self.target, "bank_timeout_s", 0.0)
        if not told:
            raise NotApplicable("the target does not tell how long the connector waits for a bank (bank_timeout_s)")
        return float(told)

    def needs_query(self) -> None:
        """For what only a connector shows that has asked the bank. Raises NotApplicable."""
        if not self.journal("query"):
            raise NotApplicable("the connector did not ask the bank")

    # --- the payer and the connector --------------------------------------------------------------------------

    def new_dossier(self, amount_vnd: int | None = None) -> tuple[str, int]:
        """A dossier code that was never used, and an amount that no other dossier of this bench has."""
        serial, code = next(self._dossiers)
        amount = self.chance.randrange(20, 2000) * 1000 + serial if amount_vnd is None else amount_vnd
        return code, amount

    def open(self, amount_vnd: int | None = None, *, dossier_code: str | None = None, payer: str = PAYER) -> Visit:
        """A payer opens the payment of a new dossier (or of the one named). Raises Refused, Unreachable."""
        if dossier_code is None:
            dossier_code, amount_vnd = self.new_dossier(amount_vnd)
        assert amount_vnd is not None, "a known dossier is opened with an amount"
        self.tell(f"a payer opens a payment of {amount_vnd:,} VND for dossier {dossier_code}")
        checkout = self.target.open(dossier_code, amount_vnd, self.bank, self.method, payer)
        return self._visit(dossier_code, amount_vnd, checkout)

    def references(self, dossier_code: str) -> frozenset[str]:
        """Under which numbers the bank knows the orders that were opened here for that dossier."""
        return frozenset(self._references.get(dossier_code, ()))

    def open_again(self, visit: Visit) -> Visit:
        """The same dossier's payment is opened once more (a second tab, another day). Raises Refused."""
        return self.open(visit.amount_vnd, dossier_code=visit.dossier_code)

    def open_blindly(self) -> Visit:
        """A payer opens a payment, and whatever comes of that goes on with what the bank has of it."""
        code, amount_vnd = self.new_dossier()
        try:
            return self.open(amount_vnd, dossier_code=code)
        except (Refused, Unreachable) as failure:
            self.tell(f"the payer sees no checkout ({failure.actual})")
        payments = self.sandbox.payments(bank=self.bank)
        if not payments:
            raise NotApplicable("the bank was never told of the order")
        checkout = Checkout(kind=CheckoutKind.QR, order_ref=payments[0].order_ref)
        return Visit(code, amount_vnd, checkout)

    def open_at_once(self, count: int) -> list[Visit]:
        """Many payers open payments of different dossiers in the same moment."""
        dossiers = [self.new_dossier() for _ in range(count)]
        self.tell(f"{count} payers open payments of {count} dossiers at once")

        def opened(dossier: tuple[str, int]) -> Visit:
            code, amount_vnd = dossier
            return Visit(code, amount_vnd, self.target.open(code, amount_vnd, self.bank, self.method, PAYER))

        with ThreadPoolExecutor(max_workers=count) as crowd:
            visits = list(crowd.map(opened, dossiers))
        return [self._visit(each.dossier_code, each.amount_vnd, each.checkout) for each in visits]

    def arrive(self, visit: Visit, channel: str | None = None) -> str:
        """The payer comes to the bank (once), which then knows the payment; its id."""
        key = (visit.dossier_code, visit.order_ref)
        if key not in self._payments:
            self._payments[key] = self._arrived(visit, channel)
        return self._payments[key]

    def arrive_anew(self, visit: Visit, channel: str | None = None) -> str:
        """The payer comes to the bank once more: for a bill another visit, elsewhere the same payment."""
        self._payments.pop((visit.dossier_code, visit.order_ref), None)
        return self.arrive(visit, channel)

    def walk(self, visit: Visit) -> None:
        """The payer pays on the bank's own pages, step by step, and then closes the browser."""
        self.tell(f"the payer of {visit.dossier_code} pays on the bank's pages and closes the browser")
        scans = visit.checkout.kind is CheckoutKind.QR
        url = visit.checkout.url if visit.checkout.kind is CheckoutKind.REDIRECT else self.payment(visit).page_url
        with browser_window() as browser, _on_the_pages():
            payer = Payer(browser)
            walk = payer.scan(url) if scans else payer.pay(url)
        expect(walk.state == PAID, "the payer can pay on the bank's pages", expected=PAID, actual=walk.state)

    def walk_to(self, visit: Visit, channel: str) -> None:
        """The payer takes a bill to one of the bank's places and pays it there, page by page."""
        self.tell(f"the payer of {visit.dossier_code} pays the bill: {channel.replace('_', ' ')}")
        code, merchant = self.bill_code(visit), self.merchant.merchant_code
        with browser_window() as browser, _on_the_pages():
            walk = Payer(browser).pay_bill(self.sandbox.url, self.bank, code, channel, merchant_code=merchant)
        expect(walk.state == PAID, "the bill can be paid", expected=PAID, actual=walk.page.refused or walk.state)

    def payment(self, visit: Visit) -> PaymentView:
        """The bank's record."""
        return self.sandbox.payment(self.arrive(visit))

    def pay(self, visit: Visit) -> None:
        """The payer pays: the bank has the money, and owes the connector a callback."""
        self.event(visit, "approve", "pays at the bank")

    def cancel(self, visit: Visit) -> None:
        self.event(visit, "cancel", "cancels at the bank")

    def decline(self, visit: Visit, outcome: str) -> None:
        self.event(visit, "decline", f"fails to pay: {outcome.replace('_', ' ')}", outcome)

    def event(self, visit: Visit, event: str, told: str, outcome: str | None = None) -> None:
        """What the payer or the bank does: approve, decline, suspect, reverse, expire, approve_late, ..."""
        payment_id = self.arrive(visit)
        self.tell(f"the payer of {visit.dossier_code} {told}")
        self.sandbox.event(payment_id, event, outcome)

    def settle(self, visit: Visit) -> None:
        """The payer pays and the callback is delivered: the ordinary way."""
        self.pay(visit)
        self.deliver()

    def transfer(self, visit: Visit, content: str, amount_vnd: int) -> None:
        """A payer transfers money with that text, and the connector is told."""
        self.tell(f"a payer transfers {amount_vnd:,} VND with the text {content!r}")
        begun = self.sandbox.transfer(self.bank, content, amount_vnd, merchant_code=self.merchant.merchant_code)
        self.sandbox.event(begun.payment_id, "approve")
        self.deliver()

    def pay_unasked(self, visit: Visit, amount_vnd: int) -> None:
        """The payer types bill code and amount: the bank does not ask the connector first."""
        self.tell(f"a payer pays {amount_vnd:,} VND for bill {self.bill_code(visit)}, and nobody asks first")
        code = self.merchant.merchant_code
        self.sandbox.pay_unasked(self.bank, self.bill_code(visit), amount_vnd, merchant_code=code)

    def run_jobs(self, visit: Visit) -> None:
        """The connector does its timetable's work now, as far as it concerns that dossier."""
        self.tell("the connector runs its jobs")
        self.target.run_jobs(visit.dossier_code)

    def cancel_dossier(self, visit: Visit) -> None:
        self.tell(f"the office cancels dossier {visit.dossier_code}")
        self.target.cancel(visit.dossier_code)

    @contextmanager
    def locked(self, visit: Visit) -> Iterator[None]:
        """For a while the office lets nobody pay that dossier."""
        self.tell(f"the office locks dossier {visit.dossier_code}")
        self.target.lock(visit.dossier_code, True)
        try:
            yield
        finally:
            self.tell(f"the office unlocks dossier {visit.dossier_code}")
            self.target.lock(visit.dossier_code, False)

    def refund(self, visit: Visit, amount_vnd: int | None) -> None:
        """The office gives money back. Raises Refused."""
        self.tell(f"the office refunds {'all' if amount_vnd is None else f'{amount_vnd:,} VND'}")
        self.target.refund(visit.dossier_code, amount_vnd)

    def restart(self) -> None:
        self.tell("the connector is killed and started again")
        self.target.restart()

    @contextmanager
    def down(self) -> Iterator[None]:
        """The connector is killed, and nobody listens at its address for a while."""
        self.tell("the connector is killed, and stays down")
        self.target.kill()
        try:
            yield
        finally:
            self.tell("the connector is started again")
            self.target.start_again()

    @contextmanager
    def banks_at(self, server: str, told: str) -> Iterator[None]:
        """For a while the connector finds the banks at another of the simulator's addresses; `told` names it.

        Raises NotApplicable.
        """
        if not server:
            raise NotApplicable("this simulator has no address where TLS goes wrong")
        self.tell(f"the connector is started anew, and told that the banks are at {told}")
        self.target.kill()
        try:
            try:
                self.target.start_with_banks_at(self.sandbox.url_at(server))
            except ChildFailed as failed:
                raise NotApplicable("the connector does not start with such an address for the banks") from failed
            yield
        finally:
            self.tell("the connector is started anew, and told where the banks are")
            self.target.kill()
            self.target.start_again()

    @contextmanager
    def clock_at(self, hour: int) -> Iterator[timedelta]:
        """For a while it is that hour in Vietnam, by the connector's clock; how far that is ahead of the machine's."""
        ahead = timedelta(hours=(hour - datetime.now(VIETNAM).hour) % 24)
        self.tell(f"the connector is started anew, with its clock {ahead // timedelta(hours=1)} hours ahead")
        self.target.kill()
        try:
            self.target.start_with_clock_ahead(int(ahead.total_seconds()))
            yield ahead
        finally:
            self.tell("the connector is started anew, with the machine's time")
            self.target.kill()
            self.target.start_again()

    @contextmanager
    def books_out_of_order(self) -> Iterator[None]:
        """For a while the connector can book nothing."""
        self.tell("the connector's own books are out of order")
        self.target.outage_books(True)
        try:
            yield
        finally:
            self.tell("the connector's books are mended")
            self.target.outage_books(False)

    @contextmanager
    def receipts_out_of_order(self) -> Iterator[None]:
        """For a while nobody issues the connector's receipts."""
        self.tell("what issues the connector's receipts is out of order")
        self.target.outage_receipts(True)
        try:
            yield
        finally:
            self.tell("receipts can be issued again")
            self.target.outage_receipts(False)

    def status(self, visit: Visit) -> Status:
        return self.target.status(visit.dossier_code)

    def lookup(self, visit: Visit) -> str:
        """What a fee lookup tells whoever names the dossier. Raises NotApplicable."""
        if self.shape != "bill" and self.merchant.inquiry_url:
            self.tell(f"someone looks up the fee of dossier {visit.dossier_code}")
            self.refusal_of_bill(visit.dossier_code)
            return self.journal("inquiry")[-1].response_body
        if Capability.LOOKUP in self.target.capabilities:
            self.tell(f"someone looks up the fee of dossier {visit.dossier_code}")
            return self.target.lookup(visit.dossier_code)
        raise NotApplicable("the connector has no fee lookup")

    # --- the bank ---------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """All callbacks that are due go out now."""
        attempts = self.sandbox.advance(0).attempts
        self.tell(f"the bank delivers what is due ({attempts} callbacks)")

    def advance(self, seconds: int) -> None:
        """The bank's clock moves on, and what falls due on the way is done."""
        attempts = self.sandbox.advance(seconds).attempts
        self.tell(f"{seconds} s pass at the bank ({attempts} callbacks)")

    def repeat(self, visit: Visit) -> None:
        """The bank tells once more what was not acknowledged, if anything."""
        deliveries = self.sandbox.deliveries(payment_id=self.arrive(visit))
        due = [each.due_at for each in deliveries if each.state == "waiting"]
        if due:
            wait = max(due) - self.sandbox.clock().now
            self.advance(max(0, math.ceil(wait.total_seconds())))

    def rewind(self, instant: datetime) -> None:
        """The bank is emptied and starts anew at that instant, which may be past."""
        self.tell(f"the bank starts anew, and there it is {instant:%Y-%m-%d %H:%M:%S %z}")
        self.sandbox.reset(clock_at=instant)
        self._payments.clear()

    def known_payment(self, visit: Visit) -> PaymentView | None:
        """The bank's record of it, None before the payer came there."""
        payment_id = self._payments.get((visit.dossier_code, visit.order_ref))
        return self.sandbox.payment(payment_id) if payment_id else None

    def fault(self, kind: str, *, operation: str | None = None, **how: float | bool) -> None:
        """Breaks what comes next at this bank: one of the simulator's kinds of fault."""
        settings = "".join(f", {name} {value}" for name, value in how.items())
        self.tell(f"from now on: {kind.replace('_', ' ')} ({operation or 'callback'}{settings})")
        self.sandbox.add_fault(kind, bank=self.bank, operation=operation, **how)  # type: ignore[arg-type]

    def approve(self, payment_id: str, told: str) -> None:
        """One payment of several that the bank has of a dossier is paid."""
        self.tell(told)
        self.sandbox.event(payment_id, "approve")

    @contextmanager
    def option(self, name: str, value: str) -> Iterator[None]:
        """The contract with the bank has another switch for a while ("format" = "records")."""
        before = self.merchant.options.get(name, "")
        self.tell(f"the contract with the bank says {name} = {value}")
        self.sandbox.set_merchant(self.bank, self.merchant.merchant_code, options={name: value})
        try:
            yield
        finally:
            self.sandbox.set_merchant(self.bank, self.merchant.merchant_code, options={name: before})

    def callback(self, visit: Visit, *, state: str | None = "paid", outcome: str | None = None) -> Message:
        """The message in which the bank would tell that state, not sent; None = the true one.

        Raises NotApplicable for a connector that only asks.
        """
        self.needs_callbacks()
        return self.sandbox.callback(self.arrive(visit), state=state, outcome=outcome)

    def send(self, message: Message, told: str) -> Answer:
        """Sends one message as the bank would; `told` names it ("a callback without a signature")."""
        answer = self.sandbox.send(message, bank=self.bank, note=told)
        self.tell(f"the connector is sent {told}, and answers {short(answer)}")
        return answer

    def send_at_once(self, messages: Sequence[Message], told: str) -> tuple[Answer, ...]:
        """Sends all of them in the same moment; the answers in their order."""
        answers = self.sandbox.send_together(messages, bank=self.bank, note=told)
        self.tell(f"the connector is sent {told}, {len(messages)} messages at once")
        return answers

    def true_callback(self, visit: Visit) -> Message:
        """The payer pays, and what the bank tells of it is in the test's hands: it is not sent."""
        self.fault("lost")
        self.pay(visit)
        return self.callback(visit, state=None)

    def break_gateway(self, kind: str, times: int = 1) -> None:
        """The gateway for messages to payers fails. Raises NotApplicable where they do not go by banksim's inbox."""
        if not self.chooses("messages", "inbox"):
            raise NotApplicable("messages to payers do not go by banksim's inbox, so it cannot fail")
        self.tell(f"the gateway for text messages fails ({kind.replace('_', ' ')}, {times} times)")
        self.sandbox.add_fault(kind, operation="inbox", times=times)

    def bill_code(self, visit: Visit) -> str:
        return visit.checkout.bill_code or visit.order_ref

    def refusal_of_bill(self, bill_code: str) -> str:
        """Why the connector refuses a bill that a payer names, "" when it does not."""
        self.tell(f"a payer names {bill_code} at the bank, which asks the connector")
        try:
            self.sandbox.inquire_bill(self.bank, bill_code, merchant_code=self.merchant.merchant_code)
        except ControlError as refused:
            if refused.status != 422:
                raise
            return refused.reason
        return ""

    def inquiry(self, visit: Visit) -> Message:
        """The bank's question about this bill, as it was sent when the payer arrived."""
        self.arrive(visit)
        asked = [entry for entry in self.journal("inquiry") if self.bill_code(visit) in entry.request_body]
        assert asked, "the bank asked when the payer named the bill"
        last = asked[-1]
        question = Message(last.method, last.url, (("content-type", "application/json"),), last.request_bytes)
        return self.forge.introduced(question, self.sandbox.clock().now)

    def exchanges(self) -> list[JournalEntry]:
        """All that crossed the wire between the connector and this bank."""
        return [entry for entry in self.sandbox.journal(limit=1000) if entry.bank == self.bank]

    def journal(self, operation: str) -> list[JournalEntry]:
        """What crossed the wire in that operation ("create", "query", "refund", "inquiry")."""
        return [entry for entry in self.exchanges() if entry.operation == operation]

    def asked(self, operation: str, visit: Visit) -> dict[Asked, str]:
        """What the connector's last request of that operation said of this order; {} if there was none."""
        return next(reversed(self.all_asked(operation, visit)), {})

    def refused_amounts(self) -> frozenset[int]:
        """The amounts of orders that the connector has sent and the bank has not taken."""
        sent = [Message(each.method, each.url, (), each.request_bytes) for each in self.journal("create")]
        told = [self.forge.asked("create", each).get(Asked.AMOUNT, "") for each in sent]
        taken = {each.order_amount_vnd for each in self.sandbox.payments(bank=self.bank)}
        return frozenset(int(each) for each in told if each.isdigit()) - taken

    def all_asked(self, operation: str, visit: Visit) -> list[dict[Asked, str]]:
        """What each of the connector's requests of that operation said of this order."""
        self.arrive(visit)
        entries = [entry for entry in self.journal(operation) if entry.direction == "in"]
        requests = [Message(entry.method, entry.url, (), entry.request_bytes) for entry in entries]
        mine = [each for each in requests if visit.order_ref in each.url + each.body.decode("utf-8", "replace")]
        return [self.forge.asked(operation, each) for each in mine]

    # --- the browser ------------------------------------------------------------------------------------------

    def return_url(self, visit: Visit) -> str:
        """Where the bank would send the browser now. Raises NotApplicable."""
        back = self.sandbox.go_back(self.arrive(visit))
        if not back.url:
            raise NotApplicable("this bank sends the browser nowhere")
        if back.fields:
            raise NotApplicable("this bank posts its result by a form, and puts nothing into the address")
        return back.url

    def return_saying_success(self, visit: Visit) -> str:
        """The bank's return with "paid" written into it, under its old signature. Raises NotApplicable."""
        return with_query(self.return_url(visit), self.forge.success)

    def led_to(self, url: str, told: str) -> str:
        """Where a browser ends that opens an address of the connector's; other hosts are not asked. `told` names it."""
        self.tell(f"a browser opens {told}")
        try:
            with browser_window() as browser:
                for _ in range(REDIRECTS_MAX):
                    response = browser.get(url)
                    onward = urljoin(url, response.headers.get("location", url)) if response.is_redirect else url
                    if onward == url or urlsplit(onward).netloc != urlsplit(url).netloc:
                        return onward
                    url = onward
        except httpx.TransportError as error:
            raise Unreachable(f"serve {told}", str(error)) from error
        return url

    def browse(self, url: str, told: str) -> Page:
        """A browser opens a page of the connector; `told` names it ("the return without parameters")."""
        try:
            with browser_window() as browser:
                response = browser.get(url, follow_redirects=True)
        except httpx.TransportError as error:
            raise Unreachable(f"serve {told}", str(error)) from error
        self.tell(f"a browser opens {told}, and gets {response.status_code}")
        return Page(response.status_code, response.text)

    def go_back(self, visit: Visit) -> Page:
        """The payer's browser goes back to the connector as the bank sends it. Raises NotApplicable."""
        return self.browse(self.return_url(visit), "the connector's page to which the bank sends it back")

    # --- what must hold ---------------------------------------------------------------------------------------

    def expect_paid_once(self, visit: Visit) -> None:
        """Paid in full and no more, with one receipt, now and once the connector has done all it had to do."""
        status = self.calm_status(visit, lambda found: found.status is PAID and found.receipts >= 1)
        expect(status.status is PAID, "the dossier is paid", expected=PAID, actual=seen(status))
        expect(
            status.amount_paid_vnd == visit.amount_vnd,
            "the dossier is paid in full and no more",
            expected=f"{visit.amount_vnd} VND",
            actual=seen(status),
        )
        expect(status.receipts == 1, "one receipt is issued", expected="1 receipt", actual=seen(status))

    def expect_booked(self, visit: Visit) -> None:
        """Paid in full and no more, whatever became of its receipt so far."""
        status = self.calm_status(visit, lambda found: found.status is PAID)
        expect(
            status.status is PAID and status.amount_paid_vnd == visit.amount_vnd,
            "the payment is booked",
            expected=f"{PAID}, {visit.amount_vnd} VND",
            actual=seen(status),
        )

    @property
    def reads_messages(self) -> bool:
        """Whether it can be seen what payers are sent: in banksim's inbox, or by asking the connector."""
        return self.chooses("messages", "inbox") or Capability.NOTIFICATIONS in self.target.capabilities

    def needs_messages(self) -> None:
        """For what only messages to payers show. Raises NotApplicable."""
        if not self.reads_messages:
            raise NotApplicable("what payers are sent cannot be seen: neither an inbox nor a verb notifications")

    def messages(self, visit: Visit) -> tuple[Notification, ...]:
        """What the payer was sent so far; () where that cannot be read."""
        if self.chooses("messages", "inbox"):
            letters = self.sandbox.inbox(to=phone_of(visit.dossier_code))
            return tuple(Notification(text=letter.text) for letter in letters)
        if Capability.NOTIFICATIONS not in self.target.capabilities:
            return ()
        return self.target.notifications(visit.dossier_code)

    def new_messages(self, visit: Visit, before: tuple[Notification, ...]) -> tuple[Notification, ...]:
        """What came since `before`; a connector's gateway may take its moment."""
        deadline = time.monotonic() + self.target.settle_s + MESSAGE_S
        while not (fresh := self.messages(visit)[len(before) :]) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return fresh

    def expect_notified_once(self, visit: Visit, before: tuple[Notification, ...]) -> None:
        """One more message to the payer than there were `before` the payment, where those can be read."""
        if not self.reads_messages:
            return
        texts = [notice.text for notice in self.new_messages(visit, before)]
        expect(len(texts) == 1, "the payer is notified once", expected="1 message", actual=texts)

    def expect_not_paid(self, *visits: Visit) -> None:
        """No money booked for any of them, now and once the connector has done all it had to do."""
        self._finish_work(*visits)
        for visit in visits:
            self._watch(visit, self.expect_nothing_booked)

    def expect_nothing_booked(self, visit: Visit) -> None:
        """No money booked at this moment."""
        status = self.status(visit)
        expect(status.status is not PAID, "the dossier is not paid", expected="not paid", actual=seen(status))
        booked = status.amount_paid_vnd + status.receipts
        expect(booked == 0, "no money is booked, no receipt issued", expected="nothing", actual=seen(status))

    def expect_unsettled(self, visit: Visit) -> None:
        """Not paid, though the connector may have flagged money that came."""
        self._finish_work(visit)
        self._watch(visit, self._expect_no_settlement)

    def expect_money_not_lost(self, visit: Visit) -> None:
        """The bank has the money: the connector has booked it, or says that it must be given back."""
        status = self.calm_status(visit, lambda found: accounted(found) >= visit.amount_vnd)
        expect(
            accounted(status) >= visit.amount_vnd,
            "money that the bank has is booked, or flagged to be given back",
            expected=f"{visit.amount_vnd} VND booked or to give back",
            actual=seen(status),
        )
        expect(status.receipts <= 1, "at most one receipt is issued", expected="1 receipt", actual=seen(status))

    def expect_second_flagged(self, visit: Visit) -> None:
        """A dossier that was paid twice: settled once, and the second payment is to be given back."""
        self.expect_paid_once(visit)
        status = self.status(visit)
        if status.refund_due_vnd is not None:
            expect(
                status.refund_due_vnd == visit.amount_vnd,
                "the second payment is flagged to be given back",
                expected=f"{visit.amount_vnd} VND to give back",
                actual=seen(status),
            )

    def expect_nothing_due(self, visit: Visit) -> None:
        """No money is flagged to be given back, where the connector tells that."""
        status = self.status(visit)
        expect(
            not status.refund_due_vnd,
            "money that came once is not given back",
            expected="nothing to give back",
            actual=seen(status),
        )

    def expect_acknowledged(self, answer: Answer, message: Message) -> None:
        """The bank can read the answer, and stops repeating the message."""
        said = self.expect_well_formed(answer, message)
        stops = self.forge.accepts(said, message)
        wanted = "the callback is acknowledged, so that the bank stops"
        expect(stops, wanted, expected="an acknowledgement", actual=short(answer))

    def expect_refused(self, answer: Answer, message: Message, reason: No) -> None:
        """The bank can read the answer: a no, with the code that the bank's document gives for it."""
        said = self.expect_well_formed(answer, message)
        taken = self.forge.accepts(said, message)
        expect(not taken, "the message is not acknowledged", expected="a refusal", actual=short(answer))
        codes = self.forge.refusals(reason, message)
        expect(
            not codes or said.code in codes,
            f"the refusal carries the bank's code for: {reason.replace('_', ' ')}",
            expected=" or ".join(sorted(codes)),
            actual=short(answer),
        )

    def expect_well_formed(self, answer: Answer, message: Message) -> Said:
        said = self.forge.said(answer, message)
        wanted = "the answer has the form that the bank demands"
        expect(not said.problem, wanted, expected="the bank's form", actual=f"{said.problem}: {short(answer)}")
        return said

    def expect_delivered(self, visit: Visit) -> None:
        """Every callback of this payment ended with an acknowledgement that the bank understood."""
        self.needs_callbacks()
        deliveries = self.sandbox.deliveries(payment_id=self.arrive(visit))
        unheard = [each.last_answer or each.state for each in deliveries if each.state != "acknowledged"]
        expect(
            deliveries and not unheard,
            "the callback is acknowledged, so that the bank stops",
            expected="an acknowledgement",
            actual=unheard or "no callback",
        )

    def expect_no_name(self, answer: Answer, name: str) -> None:
        """The answer does not tell that name in any spelling."""
        text = answer.body.decode("utf-8", "replace")
        expect(
            not tells_name(text, name),
            "the answer tells nobody's name",
            expected="no name",
            actual=text[:300],
        )

    def calm_status(self, visit: Visit, holds: Callable[[Status], bool] = lambda found: True) -> Status:
        """The state once all work is done: when `holds`, or when the promised time is over."""
        self._finish_work(visit)
        deadline = time.monotonic() + self.target.settle_s
        while not holds(status := self.status(visit)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if not self.polls:
            self._watch(visit, lambda each: None)
            status = self.status(visit)
        return status

    def tell(self, sentence: str) -> None:
        self.story.append(self._place + sentence)

    # --- how they do it ---------------------------------------------------------------------------------------

    def _visit(self, dossier_code: str, amount_vnd: int, checkout: Checkout) -> Visit:
        """Remembered by its reference, which no other dossier may have."""
        order_ref = checkout.order_ref
        shared = [code for code, known in self._references.items() if order_ref in known and code != dossier_code]
        expect(not shared, "every order has a reference of its own", expected="a new reference", actual=order_ref)
        self._references.setdefault(dossier_code, set()).add(order_ref)
        return Visit(dossier_code, amount_vnd, checkout)

    def _arrived(self, visit: Visit, channel: str | None) -> str:
        if self.shape == "bill":
            return self._name_bill(visit, channel)
        if self.shape == "advice":
            return self._transfer(visit)
        led_to = self._follow(visit.checkout)
        payments = self.sandbox.payments(order_ref=visit.order_ref, bank=self.bank)
        expect(
            payments,
            "the bank takes the payment order",
            expected=f"a payment {visit.order_ref}",
            actual=led_to or "no such payment",
        )
        return payments[0].payment_id

    def _follow(self, checkout: Checkout) -> str:
        """Opens the checkout as a browser does; what the bank answered."""
        if checkout.kind not in (CheckoutKind.REDIRECT, CheckoutKind.FORM):
            return ""
        with browser_window() as browser:
            if checkout.kind is CheckoutKind.FORM:
                response = browser.post(checkout.url, data=dict(checkout.fields))
            else:
                response = browser.get(checkout.url)
        return f"{response.status_code} {response.headers.get('location', response.text[:200])}"

    def _transfer(self, visit: Visit) -> str:
        """The payer scans what the connector shows, or types its reference beside the money."""
        if not visit.checkout.payload:
            self.tell(f"the payer transfers {visit.amount_vnd:,} VND with the text {visit.order_ref}")
            return self.sandbox.transfer(self.bank, visit.order_ref, visit.amount_vnd).payment_id
        self.tell("the payer's banking app scans the code that the connector shows")
        try:
            scanned = self.sandbox.scan(visit.checkout.payload, visit.amount_vnd)
        except ControlError as refused:
            if refused.status != 422:
                raise
            wanted = "a banking app can pay the code that the connector shows"
            raise Failure(wanted, expected="a transfer", actual=refused.detail) from refused
        expect(
            visit.order_ref in scanned.order_ref and scanned.amount_vnd == visit.amount_vnd,
            "the code names the order and what is owed",
            expected=f"{visit.order_ref}, {visit.amount_vnd} VND",
            actual=f"{scanned.order_ref}, {scanned.amount_vnd} VND",
        )
        return scanned.payment_id

    def _name_bill(self, visit: Visit, channel: str | None) -> str:
        wanted = channel or next((each for each in (self.method, USUAL_CHANNEL) if each in self.channels), None)
        code, merchant = self.bill_code(visit), self.merchant.merchant_code
        self.tell(f"the payer names bill {code} at the bank, which asks the connector")
        try:
            return self.sandbox.inquire_bill(self.bank, code, wanted, merchant_code=merchant).payment_id
        except ControlError as refused:
            if refused.status != 422:
                raise
            raise Failure(
                "the connector tells the bank what is owed",
                expected=f"{visit.amount_vnd} VND",
                actual=f"{refused.reason}: {refused.detail}",
            ) from refused

    def _finish_work(self, *visits: Visit) -> None:
        """All that is queued in the connector is done, where there is a queue and it can be told to."""
        if self.polls and self.target.settle_s:
            for visit in visits:
                self.target.run_jobs(visit.dossier_code)

    def _watch(self, visit: Visit, check: Callable[[Visit], None]) -> None:
        """`check` holds now; where the connector cannot be told to finish, during all its promised time."""
        check(visit)
        deadline = time.monotonic() + (0 if self.polls else self.target.settle_s)
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            check(visit)

    def _expect_no_settlement(self, visit: Visit) -> None:
        status = self.status(visit)
        expect(
            status.status is not PAID and status.receipts == 0,
            "the dossier is not settled",
            expected="not paid, no receipt",
            actual=seen(status),
        )


@contextmanager
def _on_the_pages() -> Iterator[None]:
    """Where the bank's pages end for the payer, the connector's order led to the wrong one."""
    try:
        yield
    except Stuck as stuck:
        raise Failure("the payer can pay on the bank's pages", expected="the next page", actual=str(stuck)) from stuck


def browser_window() -> httpx.Client:
    """A browser without cookies or history."""
    return httpx.Client(trust_env=False, timeout=BROWSER_S, verify=_authorities())


@cache
def _authorities() -> ssl.SSLContext:
    """Reading them takes longer than a page of the bank's."""
    return ssl.create_default_context()


def accounted(status: Status) -> int:
    """Money that the connector knows of: booked, or to be given back."""
    return status.amount_paid_vnd + (status.refund_due_vnd or 0)


def parameters(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def with_query(url: str, changes: Mapping[str, str | Sequence[str] | None]) -> str:
    """The address with parameters set (a list = repeated) or, for None, left out."""
    parts = urlsplit(url)
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in changes]
    for name, value in changes.items():
        values = [value] if isinstance(value, str) else value or []
        pairs.extend((name, each) for each in values)
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def stranger(reference: str) -> str:
    """A reference of the same form that belongs to nobody: "H49-2041" -> "H49-9999"."""
    tail = "".join("9" if letter.isdigit() else "Z" if letter.isalpha() else letter for letter in reference[-6:])
    return reference[:-6] + (tail if tail != reference[-6:] else tail.replace("9", "0").replace("Z", "Y"))


def tells_name(text: str, name: str) -> bool:
    """Whether the name stands there in any spelling: without diacritics, in capitals, escaped in JSON."""
    return _bare(name) in _bare(_unescaped(text))


def seen(status: Status) -> str:
    """A status as a report shows it."""
    due = f", {status.refund_due_vnd} VND to give back" if status.refund_due_vnd else ""
    return f"{status.status}, {status.amount_paid_vnd} VND paid, {status.receipts} receipts{due}"


def short(answer: Answer) -> str:
    """An answer in one line."""
    text = answer.body.decode("utf-8", "backslashreplace").strip()
    return answer.error or f"{answer.status} {text[:200]}".strip()


def dossier_codes(began_at: datetime) -> Iterator[tuple[int, str]]:
    """(1, "H49.12-260105-081500K3V-001"), ... A connector is never reset: the instant keeps repeated runs apart."""
    serial = 0
    while True:
        serial += 1
        yield serial, f"H49.12-{began_at:%y%m%d-%H%M%S}{began_at.microsecond:05X}-{serial:03}"


def _unescaped(text: str) -> str:
    """JSON with its letters written out; any other text as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _bare(text: str) -> str:
    """Without diacritics, case and spaces: however a name is spelt, it is recognised."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in letters if letter.isalnum() and letter.isascii()).casefold()
