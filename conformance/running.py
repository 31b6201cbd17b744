"""What a run stands on: a simulator, a sandbox of its own with a manual clock, and the connector connected to it."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conformance.child import start_child
from conformance.target import BadTarget, BankSetup, Target
from simulator.client import Banksim, BankView, ControlError, SandboxClient

READY = re.compile(r"banksim ready at (http://\S+)")
READY_WITHIN_S = 30.0
CONFLICT = 409
SILENCE_S = 30.0
"""A bank may be silent for longer than any connector waits whose owner has set a short time for its tests."""


@dataclass(frozen=True, slots=True)
class Run:
    """`shapes` = who starts a payment, by bank."""

    simulator: Banksim
    sandbox: SandboxClient
    target: Target
    shapes: dict[str, str]


@contextmanager
def started_simulator(workdir: Path, port: int = 0) -> Iterator[str]:
    """A simulator as a child process; its URL. Raises ChildFailed."""
    command = [sys.executable, "-m", "simulator", "serve", "--port", str(port)]
    command += ["--store", str(workdir / "banksim.db"), "--fault-hold-s", f"{SILENCE_S:g}"]
    command += ["--tls-untrusted-port", "0", "--tls-refused-port", "0"]
    child = start_child("the simulator", command, workdir / "banksim.log")
    try:
        yield child.wait_for_line(READY, READY_WITHIN_S)[1].rstrip("/")
    finally:
        child.stop()


@contextmanager
def connected(simulator: Banksim, target: Target, workdir: Path, seed: str, *, manual: bool = True) -> Iterator[Run]:
    """The run once the connector is started and its addresses stand in the bank's books.

    Its clock is `manual`, or the machine's.

    Raises BadTarget, ChildFailed, ControlError.
    """
    shapes = _shapes(simulator.banks(), target)
    with ExitStack() as leaving:
        sandbox = _sandbox(simulator, target, seed, manual, leaving)
        leaving.callback(target.stop)
        target.start(target.bank_url or sandbox.url, workdir)
        for bank, setup in target.banks.items():
            _register(sandbox, target, bank, setup)
        yield Run(simulator, sandbox, target, shapes)


def port_wanted(target: Target) -> int:
    """Where the simulator must listen for a connector that expects the banks at one address; 0 = anywhere."""
    return urlsplit(target.bank_url).port or 0


def _shapes(banks: tuple[BankView, ...], target: Target) -> dict[str, str]:
    shapes = {bank.code: bank.shape for bank in banks}
    unknown = sorted(set(target.banks) - set(shapes))
    if unknown:
        raise BadTarget(
            f"{target.name} declares the bank {unknown[0]!r}, which this simulator does not have;"
            f" it has {', '.join(sorted(shapes))}"
        )
    return shapes


def _sandbox(simulator: Banksim, target: Target, seed: str, manual: bool, leaving: ExitStack) -> SandboxClient:
    name = _sandbox_wanted(target)
    try:
        sandbox = simulator.create_sandbox(name, seed=seed, manual=manual)
    except ControlError as error:
        if error.status != CONFLICT or name is None:
            raise
        return _taken_over(simulator.sandbox(name), target, manual)
    if name is None:
        leaving.callback(sandbox.drop)
    return sandbox


def _sandbox_wanted(target: Target) -> str | None:
    """The sandbox in a fixed address of the banks ("/s/check"); None = the server may choose."""
    if not target.bank_url:
        return None
    parts = urlsplit(target.bank_url).path.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "s" else "default"


def _taken_over(sandbox: SandboxClient, target: Target, manual: bool) -> SandboxClient:
    if sandbox.view().manual is not manual:
        why = "keeps the machine's time, and the suite must move its clock"
        why = why if manual else "has a clock that stands still, and payers come by the machine's time"
        raise BadTarget(
            f"{target.name} expects the banks at {target.bank_url}: that sandbox {why}. Give the connector an address"
            f" of its own, for example {sandbox.banksim.url}/s/{'check' if manual else 'load'}"
        )
    return sandbox


def _register(sandbox: SandboxClient, target: Target, bank: str, setup: BankSetup) -> None:
    for name, url in (("callback_url", target.callback_url(bank)), ("inquiry_url", target.inquiry_url(bank))):
        if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
            raise BadTarget(
                f"[banks.{bank}] {name} {url!r} is no address: it begins with http:// or https:// and a host"
            )
    try:
        sandbox.set_merchant(
            bank,
            setup.merchant_code or _own_merchant(sandbox, bank),
            secrets=setup.secrets or None,
            callback_url=target.callback_url(bank) or None,
            inquiry_url=target.inquiry_url(bank) or None,
            options=setup.options or None,
        )
    except ControlError as error:
        raise BadTarget(
            f"{target.name}: the bank {bank} refuses what is declared: {error.detail}{_escaped(setup)}"
        ) from error


def _escaped(setup: BankSetup) -> str:
    """What is wrong with a key in PEM that came through an environment variable."""
    names = [name for name, secret in setup.secrets.items() if "-----BEGIN" in secret and "\\n" in secret]
    return f" The line breaks of {names[0]} are written as a backslash and n" if names else ""


def _own_merchant(sandbox: SandboxClient, bank: str) -> str:
    found = [each.merchant_code for each in sandbox.merchants() if each.bank == bank]
    if not found:
        raise BadTarget(f"no merchant of {bank} is known: write merchant_code in [banks.{bank}]")
    return found[0]
