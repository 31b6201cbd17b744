"""`banksim doctor`: is the connector configured right? Also asked before any requirement: a wrong key is no defect.

Rule: a problem is a sentence that names its cause. What only a requirement can judge is no problem here, and `check`
stops only at what prevents judging.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from conformance.child import ChildFailed
from conformance.connections import why_unreachable
from conformance.loading import load_target
from conformance.order_times import wrong_time
from conformance.requirement import Capability, Case, Failure
from conformance.running import Run, connected, port_wanted, started_simulator
from conformance.spoiled_keys import reads_no_pem, spoiled
from conformance.target import BadTarget, Checkout, CheckoutKind, DossierStatus, Status, Target, Unreachable
from simulator.client import Answer, Banksim, ControlError, JournalEntry, MerchantView, Message, PaymentView

SUMMARY = "look whether a payment connector and its target file are configured right, before `check`"

AMOUNT_VND = 50_000
PAYER = "Nguyen Van A"
BROWSER_S = 30.0
NOT_FOUND = 404
LOOK_EVERY_S = 0.1

_KEYS = ("bad_signature", "unknown_merchant", "malformed", "unknown_command")
"""Refusals that speak of the configuration; any other is for the requirements to judge."""

_FACTORS = {
    100: "a hundred times as much",
    0.01: "a hundredth of it",
    1000: "a thousand times as much",
    0.001: "a thousandth of it",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """`stops` = nothing can be judged before it is mended."""

    sentence: str
    stops: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", required=True, help="the connector: a target file (.toml), or module:Class")
    parser.add_argument("--url", help="a running simulator (default: one is started)")
    parser.add_argument("--token", help="its control token")
    parser.add_argument("--launch-arg", action="append", default=[], metavar="WORD", help="as in `check`")
    parser.add_argument("--bank", action="append", default=[], help="look only at this bank; repeatable")


def run(args: argparse.Namespace) -> int:
    """Prints what is wrong, a line each; 0 = nothing, 1 = something."""
    try:
        target = load_target(args.target, tuple(args.launch_arg))
        cases = [case for case in declared_cases(target) if not args.bank or case.bank in args.bank]
        if not cases:
            raise BadTarget(f"--bank {args.bank[0]}: {target.name} declares {', '.join(target.banks)}")
        problems = tuple(each.sentence for each in _examined(target, cases, args.url, args.token))
    except (BadTarget, ChildFailed, ControlError) as error:
        problems = (str(error),)
    for problem in problems:
        print(f"configuration: {problem}", file=sys.stderr)
    if not problems:
        told = ", ".join(map(str, cases))
        print(f"{target.name} is configured right: a payment can be opened and its status read ({told})")
    return 1 if problems else 0


def declared_cases(target: Target) -> list[Case]:
    return [Case(bank, method) for bank, setup in target.banks.items() for method in setup.methods]


def _examined(target: Target, cases: list[Case], url: str | None, token: str | None) -> tuple[Problem, ...]:
    seed = secrets.token_hex(4)
    with ExitStack() as leaving:
        workdir = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-")))
        address = url or leaving.enter_context(started_simulator(workdir, port_wanted(target)))
        simulator = leaving.enter_context(Banksim(address, token))
        run = leaving.enter_context(connected(simulator, target, workdir, seed))
        return examine(run, seed, cases)


def examine(run: Run, seed: str, cases: list[Case]) -> tuple[Problem, ...]:
    """What is configured wrongly, each thing once with its places; requirements can be asked if none of it `stops`."""
    found: dict[Problem, list[str]] = {}
    paid: set[str] = set()
    keys: dict[str, str] = {}
    with httpx.Client(trust_env=False, timeout=BROWSER_S) as browser:
        for number, case in enumerate(cases, start=1):
            visit = _Visit(run, browser, case, f"DOCTOR-{seed}-{number}", pays=case.bank not in paid, keys=keys)
            paid.add(case.bank)
            for problem in visit.problems():
                found.setdefault(problem, []).append(f"{case.bank} {case.method}")
    run.sandbox.reset()
    return tuple(Problem(f"{', '.join(places)}: {each.sentence}", each.stops) for each, places in found.items())


class _Wrong(Exception):
    """Found: no further look at this case would tell more."""

    def __init__(self, sentence: str, *, is_key: bool = False) -> None:
        super().__init__(sentence)
        self.is_key = is_key
        """Perhaps only the key: worth trying others."""


class _Visit:
    """One payment of the doctor's own at one bank, by one method.

    `pays` = it goes on to the money. `keys` is what was found out about keys so far, by bank.
    """

    def __init__(
        self, run: Run, browser: httpx.Client, case: Case, dossier_code: str, *, pays: bool, keys: dict[str, str]
    ) -> None:
        self.run = run
        self.browser = browser
        self.sandbox = run.sandbox
        self.target = run.target
        self.bank = case.bank
        self.method = case.method
        self.dossier_code = dossier_code
        self.pays = pays
        self.keys = keys
        self.tries = 0

    def problems(self) -> list[Problem]:
        self.sandbox.reset()
        try:
            self._check_callback_url()
            checkout = self._opened(self.dossier_code)
        except _Wrong as wrong:
            return [Problem(self._with_clock(self._with_key(wrong)))]
        except BadTarget as error:
            return [Problem(str(error))]
        clock = self._clock()
        remarks = [Problem(f"the connector's order {clock}", stops=False)] if clock else []
        return remarks + (self._paid(checkout) if self.pays else [])

    # --- before there is a payment ----------------------------------------------------------------------------

    def _check_callback_url(self) -> None:
        """The bank itself looks whether anybody hears it."""
        for name, url in (("callback_url", self.target.callback_url(self.bank)), ("inquiry_url", self._inquiry_url())):
            if not url:
                continue
            answers = [self._knock(method, url) for method in ("GET", "POST")]
            if not answers[0].status:
                raise _Wrong(f"the bank cannot reach {name} {url}: {why_unreachable(url, answers[0].error)}")
            if all(each.status == NOT_FOUND for each in answers):  # Some servers know of no address by another method.
                raise _Wrong(f"{name} {url} does not exist (HTTP 404)")
            if b"HTTPS port" in answers[0].body or b"HTTPS server" in answers[0].body:
                raise _Wrong(f"the bank cannot reach {name} {url}: {why_unreachable(url, '')}")

    def _knock(self, method: str, url: str) -> Answer:
        return self.sandbox.send(Message(method, url), bank=self.bank, note="the doctor looks who is there")

    def _inquiry_url(self) -> str:
        return self.target.inquiry_url(self.bank)

    def _opened(self, dossier_code: str) -> Checkout:
        """The connector has opened a payment, its status can be read, and the bank knows of it. Raises _Wrong."""
        before = self._last_entry()
        try:
            checkout = self.target.open(dossier_code, AMOUNT_VND, self.bank, self.method, PAYER)
            self.target.status(dossier_code)
        except Unreachable as failure:
            raise _Wrong(self._no_connector(failure)) from failure
        except Failure as failure:
            raise _Wrong(self._not_opened(failure, before), is_key=bool(self._refusals(before))) from failure
        shape = self.run.shapes[self.bank]
        if shape == "bill":
            self._ask_for_bill(checkout)
        elif shape == "advice":
            self._scan_code(checkout)
        else:
            self._go_to_bank(checkout, before)
        return checkout

    def _no_connector(self, failure: Unreachable) -> str:
        url = str(getattr(self.target, "base_url", "") or "its address")
        return f"the connector cannot be reached at {url}: {why_unreachable(url, failure.actual)} ({failure.actual})"

    def _not_opened(self, failure: Failure, before: int) -> str:
        refusals = self._refusals(before)
        if refusals:
            return self._refused(refusals[0])
        wrote = failure.actual + str(getattr(self.target, "wrote", lambda: "")())
        if reads_no_pem(wrote):
            return (
                f"the connector cannot read its key ({failure.actual}): a PEM whose line breaks are written as \\n, or"
                " stand in one line, looks so to it"
            )
        if self.run.shapes[self.bank] == "server_create" and not self._entries(before):
            return (
                f"it does not hold that {failure.sentence} ({failure.actual}), and nothing reached the bank. Is"
                f" {self._bank_url} the connector's address for {self.bank}, and can it be reached from there?"
            )
        return f"it does not hold that {failure.sentence} ({failure.actual})"

    def _go_to_bank(self, checkout: Checkout, before: int) -> None:
        try:
            landed = self._follow(checkout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = why_unreachable(checkout.url, str(error))
            raise _Wrong(f"the payer cannot reach the bank at {checkout.url}: {why}") from error
        refusals = self._refusals(before)
        if refusals:
            raise _Wrong(self._refused(refusals[0]), is_key=True)
        if self.sandbox.payments(order_ref=checkout.order_ref, bank=self.bank):
            return
        others = [each.note for each in self._entries(before) if each.note and each.bank == self.bank]
        if others:
            raise _Wrong(f"the bank refuses the first payment order ({others[-1]}){_unregistered(others[-1])}")
        where = f" The payer's browser ended at {landed}." if landed else ""
        raise _Wrong(
            f"the bank was never told of the payment order {checkout.order_ref}. Is {self._bank_url} the connector's"
            f" address for {self.bank}, and does answer.order_ref find the number it tells the bank?{where}"
        )

    def _follow(self, checkout: Checkout) -> str:
        """Goes where the payer is sent, and tells where that ended; "" if nowhere."""
        if not checkout.url:
            return ""
        self.browser.cookies.clear()
        if checkout.kind is CheckoutKind.FORM:
            landed = self.browser.post(checkout.url, data=dict(checkout.fields))
        else:
            landed = self.browser.get(checkout.url)
        return f"{checkout.url} (HTTP {landed.status_code})"

    def _refused(self, note: str) -> str:
        if note.startswith("unknown_merchant"):
            return (
                f"the connector names a merchant that {self.bank} does not know ({note}): the test merchant is"
                f" {self._merchant().merchant_code!r}"
            )
        return (
            f"the bank refuses the first payment order ({note}). Is the connector configured with the"
            f" test merchant and secret that `banksim serve` shows for {self.bank}?"
        )

    def _ask_for_bill(self, checkout: Checkout) -> None:
        merchant = self.target.banks[self.bank].merchant_code or None
        try:
            self.sandbox.inquire_bill(self.bank, checkout.bill_code, merchant_code=merchant)
        except ControlError as error:
            if error.reason and error.reason not in (*_KEYS, "timed_out", "unknown"):
                return
            raise _Wrong(
                f"the bank asks for the bill of a dossier at {self._inquiry_url() or 'no address'}, and"
                f" cannot use the answer ({error.detail})",
                is_key=True,
            ) from error

    def _scan_code(self, checkout: Checkout) -> None:
        """Nobody asks the bank before money comes; what can be wrong is the account in the code."""
        if not checkout.payload:
            return
        try:
            self.sandbox.scan(checkout.payload)
        except ControlError as error:
            raise _Wrong(f"the code that the connector shows cannot be paid at {self.bank}: {error.detail}") from error

    # --- which key, which clock -------------------------------------------------------------------------------

    def _with_key(self, wrong: _Wrong) -> str:
        """The same problem, or which other key or merchant code makes it go away."""
        if not wrong.is_key:
            return str(wrong)
        if self.bank not in self.keys:
            self.keys[self.bank] = self._other_key(self._opens) or self._other_merchant()
        return self.keys[self.bank] or str(wrong)

    def _opens(self) -> bool:
        """Whether a payment can be opened with the bank as it is set now."""
        self.tries += 1
        try:
            self._opened(f"{self.dossier_code}-{self.tries}")
        except _Wrong as wrong:
            return not wrong.is_key
        except BadTarget:
            return False
        return True

    def _other_key(self, is_right: Callable[[], bool]) -> str:
        """Tries what the bank's keys become in configurations, and the other keys at hand, until one fits."""
        merchant = self._merchant()
        for name, key in merchant.secrets.items():
            for form, what in (*spoiled(self.bank, key), *self._keys_at_hand(name, key)):
                try:
                    self._set({name: form})
                except ControlError:
                    continue  # The bank itself would not take that.
                try:
                    if is_right():
                        return f"the connector does not use the bank's {name} as it is: it uses {what}"
                finally:
                    self._set({name: key})
        return ""

    def _keys_at_hand(self, name: str, key: str) -> list[tuple[str, str]]:
        """The other keys that stand in the same configuration."""
        return [
            (other, f"the {secret} of {each.bank}" if each.bank != self.bank else f"the {secret} in its place")
            for each in self.sandbox.merchants()
            if each.bank in self.target.banks
            for secret, other in each.secrets.items()
            if other != key and ("-----BEGIN" in other) == ("-----BEGIN" in key)
        ]

    def _other_merchant(self) -> str:
        merchant = self._merchant()
        code = merchant.merchant_code
        forms = {
            code.lower(): "in lower case",
            code.upper(): "in upper case",
            f"{code}\n": "with a line break at its end",
            f"{code} ": "with a blank at its end",
            f'"{code}"': "in quotation marks",
        }
        for form, what in forms.items():
            if form == code:
                continue
            try:
                self.sandbox.set_merchant(
                    self.bank,
                    form,
                    secrets=merchant.secrets,
                    callback_url=merchant.callback_url,
                    inquiry_url=merchant.inquiry_url,
                    options=merchant.options,
                )
            except ControlError:
                continue  # Such a code the bank would give to nobody.
            if self._opens():
                return f"the connector names the merchant {form!r}: it is {code!r}, and stands there {what}"
        return ""

    def _with_clock(self, sentence: str) -> str:
        clock = self._clock()
        return f"the connector's order {clock}; then {sentence}" if clock else sentence

    def _clock(self) -> str:
        entries = [
            each for each in self.sandbox.journal(limit=1000) if each.direction == "in" and each.bank == self.bank
        ]
        return wrong_time([f"{each.url} {each.request_body}" for each in entries], entries[0].at) if entries else ""

    # --- the payment is paid ----------------------------------------------------------------------------------

    def _paid(self, checkout: Checkout) -> list[Problem]:
        """The payer pays what the bank was told; both sides agree on the sum, and the connector hears of it."""
        payment = self._payment(checkout)
        if payment is None:
            return []
        try:
            self.sandbox.event(payment.payment_id, "approve")
            self.sandbox.advance(0)
            status = self._settled(self.dossier_code, self.target.settle_s)
            if status.status is DossierStatus.PAID:
                return _other_amounts(payment, status)
            return self._unheard(payment) or self._callback_refused(payment)
        except BadTarget as error:
            return [Problem(str(error))]
        except (Failure, ControlError):
            return []  # It answered when it was opened; what it does now is for the requirements to judge.

    def _payment(self, checkout: Checkout) -> PaymentView | None:
        if self.run.shapes[self.bank] == "advice" and checkout.payload:
            return self.sandbox.payments(bank=self.bank)[0]
        found = self.sandbox.payments(order_ref=checkout.bill_code or checkout.order_ref, bank=self.bank)
        return next((each for each in found if each.state == "pending"), None)

    def _settled(self, dossier_code: str, within_s: float) -> Status:
        """Its status once it is paid, or as it is after that time. Raises Failure, BadTarget."""
        deadline = time.monotonic() + within_s
        while True:
            status = self.target.status(dossier_code)
            if status.status is DossierStatus.PAID or time.monotonic() > deadline:
                return status
            time.sleep(LOOK_EVERY_S)

    def _unheard(self, payment: PaymentView) -> list[Problem]:
        """No address was given to the bank, and the connector cannot be told to ask."""
        told = self.sandbox.deliveries(payment_id=payment.payment_id)
        nobody = [each for each in told if "nobody to call" in each.last_answer]
        if not nobody or Capability.RUN_JOBS in self.target.capabilities:
            return []
        return [
            Problem(
                "the bank has no address for its callback, and the connector has no verb run_jobs by which it could be"
                f" told to ask: write callback_url in [banks.{self.bank}], or [verbs.run_jobs]"
            )
        ]

    def _callback_refused(self, payment: PaymentView) -> list[Problem]:
        """The right callback changed nothing: is it the key by which the connector checks it?"""
        told = self.sandbox.deliveries(payment_id=payment.payment_id)
        if not self._merchant().callback_url or not told:
            return []
        if any(each.state == "acknowledged" for each in told):
            return []  # It may still settle the true one, and any key would then seem to fit.

        def is_heard() -> bool:
            self.sandbox.send(self.sandbox.callback(payment.payment_id), bank=self.bank, payment_id=payment.payment_id)
            return self.target.status(self.dossier_code).status is DossierStatus.PAID

        sentence = self._other_key(is_heard)
        return [Problem(f"the connector refuses the bank's callback: {sentence}")] if sentence else []

    # --- the bank ---------------------------------------------------------------------------------------------

    @property
    def _bank_url(self) -> str:
        return f"{self.sandbox.url}/{self.bank}"

    def _merchant(self) -> MerchantView:
        wanted = self.target.banks[self.bank].merchant_code
        known = [each for each in self.sandbox.merchants() if each.bank == self.bank]
        return next((each for each in known if each.merchant_code == wanted), known[0])

    def _set(self, secrets_of_it: dict[str, str]) -> None:
        self.sandbox.set_merchant(self.bank, self._merchant().merchant_code, secrets=secrets_of_it)

    def _last_entry(self) -> int:
        return max((each.id for each in self.sandbox.journal(limit=1000)), default=0)

    def _entries(self, after_id: int) -> list[JournalEntry]:
        """What the connector, or a browser that it sent, asked the banks since."""
        return [each for each in self.sandbox.journal(after_id=after_id, limit=1000) if each.direction == "in"]

    def _refusals(self, after_id: int) -> list[str]:
        entries = [each for each in self._entries(after_id) if each.bank == self.bank]
        return [each.note for each in entries if each.note.startswith(_KEYS)]


def _unregistered(note: str) -> str:
    if not note.startswith("return_url_not_registered"):
        return ""
    url = note.partition(": ")[2]
    return f": the return address's host {urlsplit(url).hostname} is not registered with the bank (return_hosts)"


def _other_amounts(payment: PaymentView, status: Status) -> list[Problem]:
    """Bank and connector agree on money, and not on what was asked or on what is told: a unit is another."""
    paid, told = payment.amount_vnd, status.amount_paid_vnd
    at_bank, at_connector = _FACTORS.get(paid / AMOUNT_VND), _FACTORS.get(told / paid)
    if at_bank and told == AMOUNT_VND:
        return [
            Problem(
                "the connector counts in another unit than [connector] units_per_dong says: asked for"
                f" {AMOUNT_VND} dong it asks the bank for {paid}, {at_bank}, and then says that {told} were paid"
            )
        ]
    if at_bank and told == paid:
        return [
            Problem(
                f"[verbs.open] asked for {AMOUNT_VND} dong, and the connector asks the bank for {paid}, {at_bank}:"
                " the amounts that it is given must be in the unit in which it counts"
            )
        ]
    if at_connector and paid == AMOUNT_VND:
        return [
            Problem(
                f"[verbs.status] answer.amount_paid_vnd finds {told} where {paid} dong were paid, {at_connector}."
                " It must find dong"
            )
        ]
    return []
