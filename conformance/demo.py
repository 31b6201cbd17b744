"""`banksim demo`: citizens pay at four simulated banks, then the suite judges a right and a wrong portal.

Rule: it does what a newcomer would do by hand, with the same commands, and starts nothing that outlives it.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO

import httpx
from faker import Faker

from conformance.child import ChildFailed
from conformance.http_target import HttpTarget
from conformance.interrupts import ends_when_asked, interrupts_held
from conformance.loading import load_target
from conformance.payer import Payer
from conformance.running import started_simulator
from fixtures.people import ApplicantProvider
from simulator.client import Banksim, SandboxClient

SUMMARY = "watch citizens pay at four banks, a portal be judged, and a broken one be caught"

TARGET = Path(__file__).parent / "targets" / "portal.toml"
DEFECT = "amount_not_compared"
DEFECT_SAYS = "it believes whatever amount a signed callback tells"
LOOKS, LOOK_EVERY_S = 200, 0.05
PROVINCES = {"H49": "Quảng Ninh", "H17": "Đà Nẵng"}

WAYS = (
    ("H49", "vietcombank_qn", "internet_banking", "internet_banking", "Vietcombank, Internet Banking"),
    ("H17", "dvcqg", "redirect", "internet_banking", "national payment platform, Internet Banking"),
    ("H17", "vietinbank", "bill", "counter", "VietinBank, cash at a counter"),
    ("H49", "vnpay", "qr", "qr", "VNPAY, QR code on a phone"),
)
"""(province, bank, the portal's method, what the payer uses, how it is told)."""


class DemoFailed(Exception):
    """Something did not go as it must; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Town:
    """All that a payment needs: the portal's address, the bank's sandbox, and who pays."""

    portal_url: str
    sandbox: SandboxClient
    people: Faker
    http: httpx.Client
    payer: Payer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where the reports go (default: reports)",
    )


def run(args: argparse.Namespace) -> int:
    """0 when all went as it must: the payments settled, the right portal passed, the wrong one was caught."""
    try:
        with ends_when_asked():
            _say("1. Citizens of two provinces pay for real services at four simulated banks")
            _pay_everywhere()
            right, wrong = _check_both(args.report_dir)
    except (DemoFailed, ChildFailed) as error:
        print(f"banksim demo: {error}", file=sys.stderr)
        return 1
    return _verdict(args.report_dir, right, wrong)


def _verdict(reports: Path, right: int, wrong: int) -> int:
    as_expected = (right, wrong) == (0, 1)
    _say("\nIn short")
    _say(f"   the right portal: {_word(right):<15} {reports / 'right' / 'report.html'}")
    _say(f"   the wrong portal: {_word(wrong):<15} {reports / 'wrong' / 'report.html'}")
    if not as_expected:
        print("banksim demo: the right portal must be conformant and the wrong one must not be", file=sys.stderr)
    return 0 if as_expected else 1


def _word(code: int) -> str:
    return {0: "CONFORMANT", 1: "NOT CONFORMANT"}.get(code, "NOT JUDGED")


def _say(text: str) -> None:
    print(text, flush=True)


def _check_both(reports: Path) -> tuple[int, int]:
    """The exit codes of the right and the wrong portal's check. Both run at once, and are told one after the other."""
    mistaken = ("--bank=vnpay", "--method=redirect", f"--launch-arg=--defect={DEFECT}")
    with tempfile.TemporaryFile("w+") as told, _checking(reports / "wrong", *mistaken, told=told) as wrong:
        _say("\n2. The conformance suite asks the same portal every requirement, at all four banks")
        banks = sorted({f"--bank={bank}" for _, bank, *_ in WAYS})
        with _checking(reports / "right", *banks, "--method=redirect", "--method=bill") as right:
            right.wait()
        _say(f"\n3. The same suite asks a portal with one mistake, at one bank: {DEFECT_SAYS}")
        wrong.wait()
        told.seek(0)
        _say(told.read().rstrip())
        return right.returncode, wrong.returncode


@contextmanager
def _checking(reports: Path, *more: str, told: IO[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The shipped command at work; what it tells goes to `told`, or is seen as it comes. It never outlives the demo."""
    command = [sys.executable, "-m", "simulator", "check", "--target", str(TARGET), "--report-dir", str(reports)]
    started: list[subprocess.Popen[bytes]] = []
    try:
        with interrupts_held():
            started.append(subprocess.Popen([*command, *more], stdout=told, stderr=told))
        yield started[0]
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait()


def _pay_everywhere() -> None:
    with ExitStack() as leaving:
        workdir = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-demo-")))
        bank_url = leaving.enter_context(started_simulator(workdir))
        simulator = leaving.enter_context(Banksim(bank_url))
        target = load_target(str(TARGET))
        assert isinstance(target, HttpTarget), "the sample portal is described by a file"
        leaving.callback(target.stop)
        target.start(bank_url, workdir)
        http = leaving.enter_context(httpx.Client(timeout=30.0, trust_env=False))
        town = Town(target.base_url, simulator.sandbox(), _people(), http, Payer(http))
        for bank, setup in target.banks.items():
            town.sandbox.set_merchant(
                bank,
                setup.merchant_code,
                callback_url=target.callback_url(bank),
                inquiry_url=target.inquiry_url(bank) or None,
            )
        _say(f"   banks   {bank_url}  (control room; /docs is the control API)")
        _say(f"   portal  {target.base_url}")
        for way in WAYS:
            _pay(town, *way)


def _people() -> Faker:
    people = Faker("vi_VN")
    people.seed_instance(2026)
    people.add_provider(ApplicantProvider)
    return people


def _pay(town: Town, province: str, bank: str, method: str, channel: str, told: str) -> None:
    """One citizen declares a dossier, pays, and has a receipt. Raises DemoFailed."""
    service = town.people.random_element([each for each in _services() if each["province"] == province])
    name, phone = town.people.name(), town.people.numerify("09########")
    applicant = {"service_code": service["code"], "applicant": name, "phone": phone}
    declared = _ask(town, "POST", "/api/dossiers", applicant)
    code = str(declared["dossier_code"])
    checkout = _ask(town, "POST", f"/api/dossiers/{code}/payments", {"bank": bank, "method": method})
    if checkout["kind"] == "bill":
        town.payer.pay_bill(town.sandbox.url, bank, str(checkout["bill_code"]), channel)
    elif channel == "qr":
        (shown,) = town.sandbox.payments(order_ref=str(checkout["order_ref"]))
        town.payer.scan(shown.page_url)
    else:
        town.payer.pay(str(checkout["url"]), channel=channel)
    status = _paid(town, code)
    _say(f"   {PROVINCES[province]:<11}{code:<24} {name:<22} {service['name']}")
    _say(f"{'':14}{status['amount_paid_vnd']:>11,} VND  {told}: {status['status']}, {status['receipts']} receipt")
    _say(f"{'':14}SMS to {phone}: {_message(town, phone)}")


def _message(town: Town, phone: str) -> str:
    """What the portal sent to the payer, as it came into banksim's inbox."""
    for _ in range(LOOKS):
        letters = town.sandbox.inbox(to=phone)
        if letters:
            return letters[-1].text
        time.sleep(LOOK_EVERY_S)
    raise DemoFailed(f"the portal settled the payment, but sent {phone} no message")


def _paid(town: Town, code: str) -> dict[str, object]:
    """The dossier once its callback has been believed; the bank sends it on its own, a moment after the payment."""
    for _ in range(LOOKS):
        status = _ask(town, "GET", f"/api/dossiers/{code}")
        if status["status"] == "paid":
            return status
        time.sleep(LOOK_EVERY_S)
    raise DemoFailed(f"dossier {code} was paid at the bank, but the portal says {status['status']}")


def _ask(town: Town, method: str, path: str, json: object = None) -> dict[str, object]:
    answer = town.http.request(method, f"{town.portal_url}{path}", json=json)
    if not answer.is_success:
        raise DemoFailed(f"the portal answered {answer.status_code} to {method} {path}: {answer.text[:300]}")
    found: dict[str, object] = answer.json()
    return found


def _services() -> list[dict[str, str]]:
    text = files("fixtures").joinpath("services.toml").read_text(encoding="utf-8")
    found: list[dict[str, str]] = tomllib.loads(text)["service"]
    return found
