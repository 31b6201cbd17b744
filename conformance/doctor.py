"""`banksim doctor`: is the connector configured right? Also asked before any requirement: a wrong key is no defect.

Rule: only what prevents judging is a problem here: no answer, another key, another merchant, another address.
"""

import argparse
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from conformance.child import ChildFailed
from conformance.loading import load_target
from conformance.requirement import Case, Failure
from conformance.running import Run, connected, port_wanted, started_simulator
from conformance.target import BadTarget, Checkout, CheckoutKind, Target
from simulator.client import Banksim, ControlError

SUMMARY = "look whether a payment connector and its target file are configured right, before `check`"

AMOUNT_VND = 50_000
PAYER = "Nguyen Van A"
BROWSER_S = 30.0
NOT_FOUND = 404

_KEYS = ("bad_signature", "unknown_merchant", "malformed", "unknown_command")
"""Refusals that speak of the configuration; any other is for the requirements to judge."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", required=True, help="the connector: a target file (.toml), or module:Class")
    parser.add_argument("--url", help="a running simulator (default: one is started)")
    parser.add_argument("--token", help="its control token")
    parser.add_argument("--launch-arg", action="append", default=[], metavar="WORD", help="as in `check`")


def run(args: argparse.Namespace) -> int:
    """Prints what is wrong, a line each; 0 = nothing, 1 = something."""
    try:
        target = load_target(args.target, tuple(args.launch_arg))
        problems = _examined(target, args.url, args.token)
    except (BadTarget, ChildFailed, ControlError) as error:
        problems = (str(error),)
    for problem in problems:
        print(f"configuration: {problem}", file=sys.stderr)
    if not problems:
        cases = ", ".join(str(case) for case in declared_cases(target))
        print(f"{target.name} is configured right: a payment can be opened and its status read ({cases})")
    return 1 if problems else 0


def declared_cases(target: Target) -> list[Case]:
    return [Case(bank, method) for bank, setup in target.banks.items() for method in setup.methods]


def _examined(target: Target, url: str | None, token: str | None) -> tuple[str, ...]:
    seed = secrets.token_hex(4)
    with ExitStack() as leaving:
        workdir = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-")))
        address = url or leaving.enter_context(started_simulator(workdir, port_wanted(target)))
        simulator = leaving.enter_context(Banksim(address, token))
        run = leaving.enter_context(connected(simulator, target, workdir, seed))
        return examine(run, seed, declared_cases(target))


def examine(run: Run, seed: str, cases: list[Case]) -> tuple[str, ...]:
    """One sentence for each thing that is configured wrongly; () = the requirements can be asked."""
    found: dict[str, list[str]] = {}
    for number, case in enumerate(cases, start=1):
        problem = _unheard(run.target, case.bank) or _first_problem(
            run, case.bank, case.method, f"DOCTOR-{seed}-{number}"
        )
        if problem:
            found.setdefault(problem, []).append(f"{case.bank} {case.method}")
    return tuple(f"{', '.join(places)}: {problem}" for problem, places in found.items())


def _unheard(target: Target, bank: str) -> str:
    """Why the bank's callbacks would reach nobody, "" if they would reach someone."""
    url = target.callback_url(bank)
    if not url:
        return ""
    try:
        answer = httpx.get(url, trust_env=False, timeout=BROWSER_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"nobody answers at callback_url {url} ({error})"
    return f"callback_url {url} does not exist (HTTP 404)" if answer.status_code == NOT_FOUND else ""


def _first_problem(run: Run, bank: str, method: str, dossier_code: str) -> str:
    run.sandbox.reset()
    try:
        checkout = run.target.open(dossier_code, AMOUNT_VND, bank, method, PAYER)
        run.target.status(dossier_code)
        if run.shapes[bank] == "bill":
            return _ask_for_bill(run, bank, checkout)
        if run.shapes[bank] == "advice":
            return _scan_code(run, bank, checkout)
        return _go_to_bank(run, bank, checkout)
    except Failure as failure:
        return f"it does not hold that {failure.sentence} ({failure.actual})"
    except BadTarget as error:
        return str(error)


def _go_to_bank(run: Run, bank: str, checkout: Checkout) -> str:
    try:
        _follow(checkout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"the payer cannot reach the bank at {checkout.url}: {error}"
    refusals = _refusals(run, bank)
    if refusals:
        return (
            f"the bank refuses the first payment order ({refusals[0]}). Is the connector configured with the"
            f" test merchant and secret that `banksim serve` shows for {bank}?"
        )
    if not run.sandbox.payments(order_ref=checkout.order_ref, bank=bank):
        return (
            f"the bank was never told of the payment order {checkout.order_ref}. Is {run.sandbox.url}/{bank}"
            f" the connector's address for {bank}, and does answer.order_ref find the number it tells the bank?"
        )
    return ""


def _follow(checkout: Checkout) -> None:
    if not checkout.url:
        return
    with httpx.Client(trust_env=False, timeout=BROWSER_S) as browser:
        if checkout.kind is CheckoutKind.FORM:
            browser.post(checkout.url, data=dict(checkout.fields))
        else:
            browser.get(checkout.url)


def _ask_for_bill(run: Run, bank: str, checkout: Checkout) -> str:
    merchant = run.target.banks[bank].merchant_code or None
    try:
        run.sandbox.inquire_bill(bank, checkout.bill_code, merchant_code=merchant)
    except ControlError as error:
        if error.reason and error.reason not in (*_KEYS, "timed_out", "unknown"):
            return ""
        return (
            f"the bank asks for the bill of a dossier at {run.target.inquiry_url(bank) or 'no address'}, and"
            f" cannot use the answer ({error.detail})"
        )
    return ""


def _scan_code(run: Run, bank: str, checkout: Checkout) -> str:
    """Nobody asks the bank before money comes; what can be wrong is the account in the code."""
    if not checkout.payload:
        return ""
    try:
        run.sandbox.scan(checkout.payload)
    except ControlError as error:
        return f"the code that the connector shows cannot be paid at {bank}: {error.detail}"
    return ""


def _refusals(run: Run, bank: str) -> list[str]:
    entries = [entry for entry in run.sandbox.journal(limit=1000) if entry.bank == bank]
    return [entry.note for entry in entries if entry.direction == "in" and entry.note.startswith(_KEYS)]
