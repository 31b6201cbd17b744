"""What a run stands on: the sandbox it takes, the addresses it registers, and the children it starts."""

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from conformance.child import ChildFailed, start_child
from conformance.running import connected, port_wanted, started_simulator
from conformance.target import BadTarget, BankSetup, Target
from simulator.client import Banksim


@dataclass
class Connector:
    """Enough of a target to be connected."""

    name: str = "tiny"
    bank_url: str = ""
    banks: dict[str, BankSetup] = field(default_factory=lambda: {"vnpay": BankSetup(methods=("qr",))})
    told: list[str] = field(default_factory=list)

    def start(self, bank_url: str, workdir: Path) -> None:
        self.told.append(bank_url)

    def stop(self) -> None:
        self.told.append("stop")

    def callback_url(self, bank: str) -> str:
        return f"http://127.0.0.1:9/{bank}"

    def inquiry_url(self, bank: str) -> str:
        return ""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Banksim]:
    with started_simulator(tmp_path_factory.mktemp("banksim")) as url, Banksim(url) as client:
        yield client


def _target(connector: Connector) -> Target:
    return cast(Target, connector)


def test_a_run_has_a_sandbox_of_its_own_that_ends_with_it(simulator: Banksim, tmp_path: Path) -> None:
    connector = Connector()
    with connected(simulator, _target(connector), tmp_path, "s1") as run:
        name = run.sandbox.name
        assert run.sandbox.view().manual
        assert run.sandbox.view().seed == "s1"
        assert run.shapes["vnpay"] == "redirect"
        merchant = next(each for each in run.sandbox.merchants() if each.bank == "vnpay")
        assert merchant.callback_url == "http://127.0.0.1:9/vnpay"
        assert connector.told == [run.sandbox.url]
    assert connector.told[-1] == "stop"
    assert name not in [each.name for each in simulator.sandboxes()]


def test_a_connector_with_a_fixed_address_of_the_banks_has_that_sandbox_again_and_again(
    simulator: Banksim, tmp_path: Path
) -> None:
    connector = Connector(bank_url=f"{simulator.url}/s/fixed")
    for _ in range(2):
        with connected(simulator, _target(connector), tmp_path, "s1") as run:
            assert run.sandbox.name == "fixed"
    assert connector.told == [connector.bank_url, "stop"] * 2


def test_a_sandbox_that_keeps_real_time_is_refused(simulator: Banksim, tmp_path: Path) -> None:
    connector = Connector(bank_url=simulator.url)
    with pytest.raises(BadTarget, match=r"keeps the machine's time.*Give the connector an address of its own"):
        with connected(simulator, _target(connector), tmp_path, "s1"):
            pass
    assert connector.told == []


@pytest.mark.parametrize(
    ("banks", "problem"),
    [
        ({"piggy": BankSetup(methods=("qr",))}, "declares the bank 'piggy', which this simulator does not have"),
        ({"vnpay": BankSetup(methods=("qr",), secrets={"key": "x"})}, "the bank vnpay refuses what is declared: .*key"),
    ],
)
def test_a_bank_that_does_not_fit_is_told(
    simulator: Banksim, tmp_path: Path, banks: dict[str, BankSetup], problem: str
) -> None:
    with pytest.raises(BadTarget, match=problem):
        with connected(simulator, _target(Connector(banks=banks)), tmp_path, "s1"):
            pass


def test_a_merchant_of_the_owners_own_is_registered(simulator: Banksim, tmp_path: Path) -> None:
    setup = BankSetup(methods=("qr",), merchant_code="MYSHOP01", secrets={"secret": "OURS"})
    with connected(simulator, _target(Connector(banks={"vnpay": setup})), tmp_path, "s1") as run:
        ours = next(each for each in run.sandbox.merchants() if each.merchant_code == "MYSHOP01")
        assert (ours.secrets["secret"], ours.callback_url) == ("OURS", "http://127.0.0.1:9/vnpay")


def test_a_fixed_address_names_the_simulators_port() -> None:
    assert port_wanted(_target(Connector(bank_url="http://127.0.0.1:8099/s/check"))) == 8099
    assert port_wanted(_target(Connector())) == 0


# --- children ------------------------------------------------------------------------------------------------------

FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"])
print("family", child.pid, flush=True)
child.wait()
"""


def test_a_child_ends_with_all_that_it_started(tmp_path: Path) -> None:
    child = start_child("the family", [sys.executable, "-c", FAMILY], tmp_path / "log")
    grandchild = int(child.wait_for_line(re.compile(r"family (\d+)"), 20.0)[1])
    os.kill(grandchild, 0)
    child.stop()
    assert child.process.returncode is not None
    # A killed process is not our child's child any more: nobody can wait for it, one can only look.
    deadline = time.monotonic() + 20.0
    while not _is_gone(grandchild):
        assert time.monotonic() < deadline, "the grandchild lives on"


def _is_gone(pid: int) -> bool:
    """Ended, though whoever inherited it may not have been told yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_is_not_ready_in_time_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    child = start_child("the family", [sys.executable, "-c", FAMILY], tmp_path / "log")
    try:
        child.wait_for_line(re.compile("family"), 20.0)
        with pytest.raises(
            ChildFailed, match=r"the family wrote no line like 'ready' within 0\.1 s; it wrote:\s+family"
        ):
            child.wait_for_line(re.compile("ready"), 0.1)
        with pytest.raises(ChildFailed, match=r"did not answer 2xx at http://127\.0\.0\.1:9/ within 0\.1 s"):
            child.wait_for_health("http://127.0.0.1:9/", 0.1)
    finally:
        child.stop()


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"the connector cannot be started: .*no-such-program"):
        start_child("the connector", ["no-such-program"], tmp_path / "log")
