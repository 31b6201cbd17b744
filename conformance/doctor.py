"""Is the connector configured right? Asked before any requirement, so that a wrong key is not called a defect.

Rule: only what prevents judging is a problem here: no answer, another key, another merchant, another address.
"""

import httpx

from conformance.requirement import Case, Failure
from conformance.running import Run
from conformance.target import BadTarget, Checkout, CheckoutKind
from simulator.client import ControlError

AMOUNT_VND = 50_000
PAYER = "Nguyen Van A"
BROWSER_S = 30.0

_KEYS = ("bad_signature", "unknown_merchant", "malformed", "unknown_command")
"""Refusals that speak of the configuration; any other is for the requirements to judge."""


def examine(run: Run, seed: str, cases: list[Case]) -> tuple[str, ...]:
    """One sentence for each thing that is configured wrongly; () = the requirements can be asked."""
    found: dict[str, list[str]] = {}
    for number, case in enumerate(cases, start=1):
        problem = _first_problem(run, case.bank, case.method, f"DOCTOR-{seed}-{number}")
        if problem:
            found.setdefault(problem, []).append(f"{case.bank} {case.method}")
    return tuple(f"{', '.join(places)}: {problem}" for problem, places in found.items())


def _first_problem(run: Run, bank: str, method: str, dossier_code: str) -> str:
    run.sandbox.reset()
    try:
        checkout = run.target.open(dossier_code, AMOUNT_VND, bank, method, PAYER)
        run.target.status(dossier_code)
        if run.shapes[bank] == "bill":
            return _ask_for_bill(run, bank, checkout)
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
            f"the bank asks for bill {checkout.bill_code} at {run.target.inquiry_url(bank) or 'no address'}, and"
            f" cannot use the answer ({error.detail})"
        )
    return ""


def _refusals(run: Run, bank: str) -> list[str]:
    entries = [entry for entry in run.sandbox.journal(limit=1000) if entry.bank == bank]
    return [entry.note for entry in entries if entry.direction == "in" and entry.note.startswith(_KEYS)]
