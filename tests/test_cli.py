"""The command line as a person and a CI job meet it: real processes, their words, and their exit codes."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from simulator.__main__ import main
from simulator.banks import dialects
from simulator.client import Banksim, ControlError
from simulator.faults import FaultKind
from simulator.sources import sources

QUICK_S = 20


def banksim(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "simulator", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=QUICK_S, cwd=folder, check=False)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and what it printed up to its ready line."""

    url: str
    printed: str
    child: subprocess.Popen[str]

    def told(self, name: str) -> str:
        """What stands behind a word at the start of a line."""
        found = re.search(rf"^ *{name} +(\S+)", self.printed, re.MULTILINE)
        assert found, f"{name} is not told in:\n{self.printed}"
        return found[1]

    def end(self, how: signal.Signals) -> tuple[int, str, str]:
        """(exit code, what else it printed, its errors)."""
        self.child.send_signal(how)
        output, errors = self.child.communicate(timeout=QUICK_S)
        return self.child.returncode, output, errors


@contextmanager
def serving(folder: Path, *words: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", *words]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    assert child.stdout is not None
    try:
        lines = []
        for line in child.stdout:
            lines.append(line)
            if line.startswith("banksim ready at "):
                yield Served(line.removeprefix("banksim ready at ").strip(), "".join(lines), child)
                break
        else:
            _, errors = child.communicate(timeout=QUICK_S)
            pytest.fail(f"it never was ready: {errors}")
    finally:
        child.kill()
        child.communicate(timeout=QUICK_S)


# --- serve ---------------------------------------------------------------------------------------------------


def test_serve_says_where_everything_is_and_what_a_connector_needs(tmp_path: Path) -> None:
    with serving(tmp_path, "--seed", "42") as served:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", served.url)
        assert served.told("control room") == f"{served.url}/"
        assert served.told("control API") == f"{served.url}/docs"
        assert served.told("seed") == "42"
        assert f"{served.url}/vnpay" in served.printed
        assert "DEMOV210" in served.printed
        assert "SIMULATORSECRETKEY0123456789ABCD" in served.printed
        assert "PRIVATE KEY-----" not in served.printed
        with Banksim(served.url) as there:
            view = there.sandbox().view()
        assert (view.name, view.seed, view.manual) == ("default", "42", False)
        assert (tmp_path / "banksim.db").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_quietly_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path) as served:
        assert served.end(how) == (0, "", "")


def test_a_kept_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving(tmp_path) as served, httpx.Client(trust_env=False) as http:
        assert http.get(f"{served.url}/_control/banks").status_code == 200
        assert served.end(signal.SIGINT)[0] == 0


def test_a_payment_goes_its_whole_way_through_the_client(tmp_path: Path) -> None:
    with serving(tmp_path, "--manual-clock", "--sandbox", "ci", "--seed", "7") as served:
        with Banksim(served.url) as there:
            assert {view.name for view in there.sandboxes()} == {"default", "ci"}
            sandbox = there.sandbox("ci")
            assert sandbox.view().manual
            paid = sandbox.pay_unasked("vietinbank", "HS1", 70_000)
            assert sandbox.payment(paid.payment_id) == paid
            sandbox.set_merchant("vietinbank", "9111", callback_url=f"{served.url}/nowhere")
            sandbox.set_retries("vietinbank", [60])
            message = sandbox.callback(paid.payment_id)
            assert sandbox.send(message, note="by hand").status == 404
            moved = sandbox.advance(60)
            assert moved.attempts == 2
            assert [entry.operation for entry in sandbox.journal()] == ["crafted", "callback", "callback"]
            [delivery] = sandbox.deliveries(payment_id=paid.payment_id)
            assert delivery.state == "exhausted"
            assert sandbox.deliver_again(delivery.delivery_id).state == "waiting"
            assert sandbox.advance().attempts == 1
            assert [entry.amount_vnd for entry in sandbox.ledger()] == [70_000]
            assert sandbox.totals().debited_vnd == 70_000
            assert sandbox.browser_return(paid.payment_id) == ""
            fault = sandbox.add_fault("lost", order_ref="HS1")
            assert sandbox.faults() == (fault,)
            sandbox.remove_fault(fault.fault_id)
            with pytest.raises(ControlError, match="cannot approve"):
                sandbox.event(paid.payment_id, "approve")
            assert sandbox.event(paid.payment_id, "reverse").state == "reversed"
            assert sandbox.abandon(paid.payment_id).state == "reversed"
            assert sandbox.reset().seed == "7"
            assert sandbox.payments() == ()
            sandbox.drop()
            made = there.create_sandbox()
            assert made.view().name == made.name
            assert made.url == made.view().base_url
            assert {bank.code for bank in there.banks()} == set(dialects())
            assert there.assumptions()
            assert there.fault_kinds()


def test_accounts_and_hours_of_maintenance_are_read_and_set_through_the_client(tmp_path: Path) -> None:
    with serving(tmp_path, "--maintenance", "23:00-01:00", "--sandbox", "ci") as served, Banksim(served.url) as there:
        assert [there.sandbox(name).maintenance().window for name in ("default", "ci")] == ["23:00-01:00"] * 2
        sandbox = there.create_sandbox()
        assert sandbox.maintenance().window == ""
        assert sandbox.set_maintenance("00:00-23:59").until is not None
        given = sandbox.set_account("tranthib", balance_vnd=1, per_transfer_vnd=2, daily_vnd=3, biometrics="mismatch")
        assert sandbox.account("tranthib") == given
        assert given in sandbox.accounts()
        assert (given.balance_vnd, given.left_today_vnd, given.biometrics) == (1, 3, "mismatch")
        with pytest.raises(ControlError, match="no test account 'nobody'"):
            sandbox.account("nobody")


def test_hours_that_are_none_are_refused_before_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--maintenance", "23-1"])
    assert "HH:MM-HH:MM" in capsys.readouterr().err


def test_a_second_run_finds_what_the_first_left(tmp_path: Path) -> None:
    with serving(tmp_path, "--store", "books.db", "--seed", "1") as served:
        with Banksim(served.url) as there:
            paid = there.sandbox().pay_unasked("vietinbank", "HS1", 70_000)
        served.end(signal.SIGTERM)
    with serving(tmp_path, "--store", "books.db", "--seed", "2") as served:
        assert served.told("seed") == "1"
        with Banksim(served.url) as there:
            assert there.sandbox().payment(paid.payment_id).order_ref == "HS1"
        _, _, errors = served.end(signal.SIGTERM)
    assert f"{tmp_path}/books.db keeps the seed 1 from an earlier run" in errors


def test_beyond_this_machine_a_drawn_token_is_needed(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--public-url", "http://banks.test:8080/") as served:
        assert served.url == "http://banks.test:8080"
        port = _port_of(served)
        with Banksim(f"http://127.0.0.1:{port}") as there, pytest.raises(ControlError, match="Bearer TOKEN"):
            there.banks()
        with Banksim(f"http://127.0.0.1:{port}", served.told("token")) as there:
            assert there.sandbox().view().banks["vnpay"] == "http://banks.test:8080/vnpay"


def test_a_given_token_is_not_printed(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"BANKSIM_TOKEN": "hush-hush"}) as served:
        assert "hush" not in served.printed
        with Banksim(served.url, "hush-hush") as there:
            assert there.banks()
        with Banksim(served.url) as there, pytest.raises(ControlError) as raised:
            there.banks()
        assert raised.value.status == 401


def _port_of(served: Served) -> int:
    """The port that this child listens at, where its printed address is another."""
    inodes = {
        link.split("[")[1][:-1]
        for link in (os.readlink(path) for path in Path(f"/proc/{served.child.pid}/fd").iterdir())
        if link.startswith("socket:[")
    }
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    [port] = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]
    return port


def test_a_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = banksim("serve", "--port", str(port), folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"banksim: cannot listen at 127.0.0.1 port {port}: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_address_of_another_machine_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = banksim("serve", "--port", "0", "--host", "192.0.2.1", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("banksim: cannot listen at 192.0.2.1")


@pytest.mark.parametrize("store", ["no/such/folder/x.db", ".", "postgresql://nobody:hush@127.0.0.1:1/none"])
def test_a_store_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, store: str) -> None:
    done = banksim("serve", "--port", "0", "--store", store, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("banksim: the store cannot be used: ")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "required: COMMAND"),
        (("nonsense",), "invalid choice: 'nonsense'"),
        (("serve", "--port", "x"), "'x' is no port"),
        (("serve", "--port", "65536"), "'65536' is no port"),
        (("serve", "--public-url", "banks.test"), "'banks.test' is not like https://"),
        (("serve", "--public-url", "http://banks.test/path"), "is not like https://"),
        (("serve", "--sandbox", "a/b"), "'a/b' is no sandbox name"),
        (("serve", "extra"), "unrecognized arguments: extra"),
    ],
)
def test_a_wrong_command_line_is_refused(words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


# --- what is simulated ---------------------------------------------------------------------------------------


def test_banks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["banks"]) == 0
    table, _, rest = capsys.readouterr().out.partition("\n\n")
    head, *lines = table.splitlines()
    assert head.split()[:3] == ["code", "name", "shape"]
    assert [line.split()[0] for line in lines] == list(dialects())
    assert "banksim banks CODE" in rest


@pytest.mark.parametrize("code", dialects())
def test_all_of_one_bank_is_told(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["banks", code]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    dialect = dialects()[code]
    assert all(f"{each.method} /{code}{each.path} ({each.operation})" in printed for each in dialect.endpoints)
    assert all(f"{sources()[key].title} ({sources()[key].confidence})" in printed for key in dialect.sources)
    assert all(each.key.removeprefix(f"{code}.") in printed for each in dialect.assumptions)


def test_assumptions_are_listed_of_all_banks_or_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assumptions"]) == 0
    of_all = capsys.readouterr().out
    for code, dialect in dialects().items():
        for assumption in dialect.assumptions:
            assert f"{code}: {assumption.key} = {assumption.value}" in of_all
    assert main(["assumptions", "payer"]) == 0
    assert "payer.session = ten idle minutes" in capsys.readouterr().out
    assert main(["assumptions", "vnpay"]) == 0
    of_one = capsys.readouterr().out
    assert of_one in of_all
    assert "vietinbank: " not in of_one


def test_an_unknown_bank_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("assumptions", "banks"):
        assert main([command, "nobank"]) == 1
        assert "there is no bank 'nobank'; there are: " in capsys.readouterr().err


def test_a_fault_is_told_with_an_example_that_it_fits_and_the_banks_that_are_spared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["faults", "wrong_currency"]) == 0
    told = capsys.readouterr().out
    assert 'sandbox.add_fault("wrong_currency", bank="dvcqg")' in told
    assert "a callback of momo names no currency" in told
    assert main(["faults", "lost"]) == 0
    assert "spared" not in capsys.readouterr().out


def test_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{kind} " in printed for kind in FaultKind)


def test_each_fault_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in FaultKind:
        assert main(["faults", str(kind)]) == 0
        printed = capsys.readouterr().out
        assert f'add_fault("{kind}"' in printed
        assert f"X-Banksim-Fault: {kind}" in printed
    assert main(["faults", "sabotage"]) == 1
    assert "there is no fault 'sabotage'" in capsys.readouterr().err


def test_a_reader_who_has_gone_is_no_error() -> None:
    command = [sys.executable, "-m", "simulator", "assumptions"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(QUICK_S) == 0


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"banksim \d+\.\d+\.\d+\n", capsys.readouterr().out)


# --- commands of other packages ------------------------------------------------------------------------------


def test_a_command_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _package(tmp_path, "greet = further_greeting\nbroken = further_missing\n")
    (tmp_path / "further_greeting.py").write_text(
        "SUMMARY = 'greets'\n"
        "def add_arguments(parser): parser.add_argument('whom')\n"
        "def run(args): print(f'hello {args.whom}'); return 3\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["greet", "bank"]) == 3
    assert capsys.readouterr().out == "hello bank\n"
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "greets" in printed
    assert "(cannot be loaded: No module named 'further_missing')" in printed
    with pytest.raises(SystemExit) as ended:
        main(["broken", "--whatever"])
    assert ended.value.code == 1
    assert "`broken` cannot be loaded" in capsys.readouterr().err


def test_a_built_in_command_loads_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, "explode = further_explosive\n")
    (tmp_path / "further_explosive.py").write_text("raise RuntimeError('loaded')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["faults"]) == 0


def _package(folder: Path, commands: str) -> None:
    """Installs a package with further commands into `folder`."""
    info = folder / "further-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: further\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[banksim.commands]\n{commands}", encoding="utf-8")
