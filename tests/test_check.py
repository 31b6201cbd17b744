"""`banksim check` and `banksim catalogue`: arguments, exit codes, reports, the doctor, and nothing left behind."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from msgspec.structs import replace

from conformance import catalogue, check, doctor, verify
from conformance.requirement import Level
from conformance.results import Asked, Finding, Results, TargetView, Verdict, decode, encode
from conformance.running import started_simulator
from simulator.__main__ import main

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "conformance" / "targets" / "portal.toml"

PATIENCE_S = 90.0

RESULTS = Results(
    seed="s1",
    started_at="2026-03-01T08:00:00+00:00",
    took_s=1.0,
    versions={},
    target=TargetView(name="x", source="x.toml", banks={"vnpay": ("qr",)}, capabilities=()),
    requirements=(
        Asked(id="MONEY-01", area="MONEY", level=Level.MUST, source="s", says="a", says_vi="b", why="c", why_vi="d"),
    ),
    findings=(Finding(requirement_id="MONEY-01", bank="vnpay", method="qr", verdict=Verdict.PASSED),),
    replay="banksim check",
)


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    check.add_arguments(parser)
    return parser.parse_args(list(words))


# --- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "code", "says"),
    [
        (Verdict.PASSED, 0, "CONFORMANT"),
        (Verdict.FAILED, 1, "NOT CONFORMANT"),
        (Verdict.BROKEN, 2, "COULD NOT JUDGE"),
        (Verdict.NOT_APPLICABLE, 2, "COULD NOT JUDGE"),
    ],
)
def test_the_exit_code_is_the_judgement_and_every_report_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: Verdict,
    code: int,
    says: str,
) -> None:
    results = replace(RESULTS, findings=(replace(RESULTS.findings[0], verdict=verdict),))
    monkeypatch.setattr(check, "_run_suite", lambda args, path, parts: path.write_bytes(encode(results)))
    junit = tmp_path / "ci" / "tests.xml"
    junit.parent.mkdir()
    args = _args("--target", str(PORTAL), "--report-dir", str(tmp_path / "out"), "--junit", str(junit))
    assert check.run(args) == code
    assert capsys.readouterr().out.startswith(f"{says}: x")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "report.html", "report.md"}
    assert ElementTree.parse(junit).getroot().tag == "testsuites"


def test_a_suite_that_ends_without_results_could_not_judge_and_old_results_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_bytes(encode(RESULTS))
    monkeypatch.setattr(
        check, "_run_suite", lambda args, path, parts: (path.parent / "suite-1.log").write_text("Segfault\n")
    )
    assert check.run(_args("--target", str(PORTAL), "--report-dir", str(tmp_path))) == 2
    assert "Segfault" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--target", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--target", str(PORTAL), "--bank", "momo"], "--bank momo: Sample portal declares vnpay"),
        (["--target", str(PORTAL), "--method", "cash"], "--method cash: Sample portal declares"),
        (["--target", str(PORTAL), "--requirement", "MONEY-99"], "--requirement MONEY-99: there is none"),
    ],
)
def test_a_wrong_choice_is_told_before_anything_is_started(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    problem: str,
) -> None:
    monkeypatch.setattr(check, "_run_suite", lambda *_: pytest.fail("the suite was started"))
    assert check.run(_args(*words, "--report-dir", str(tmp_path / "out"))) == 2
    assert problem in capsys.readouterr().err


def test_what_was_asked_reaches_the_suite_and_the_replay_command() -> None:
    words = ["--target", "my portal.toml", "--url", "http://h:1", "--bank", "a", "--bank", "b", "--seed", "7"]
    args = _args(*words, "--launch-arg=--defect", "--launch-arg=x", "--token", "hush")
    command = check.suite_command(args, Path("out/results.json"), args.bank)
    for option in (
        "--banksim-target=my portal.toml",
        "--banksim-url=http://h:1",
        "--banksim-token=hush",
        "--banksim-bank=a",
        "--banksim-bank=b",
        "--banksim-seed=7",
        "--banksim-launch-arg=--defect",
        "--banksim-launch-arg=x",
    ):
        assert option in command
    assert "--banksim-part" not in command, "banks that were named are each asked everything"
    replayed = check.replay_base(args)
    assert replayed == ("banksim check --target 'my portal.toml' --url http://h:1 --launch-arg=--defect --launch-arg=x")
    assert "hush" not in replayed


# --- the catalogue ---------------------------------------------------------------------------------------------------


def test_the_catalogue_lists_every_requirement_once_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main(["catalogue"]) == 0
    english = capsys.readouterr().out
    assert main(["catalogue", "--lang", "vi", "--why"]) == 0
    vietnamese = " ".join(capsys.readouterr().out.split())
    assert len(listed) > 30
    for each in listed:
        assert len(re.findall(rf"^  {each['id']} ", english, re.MULTILINE)) == 1
        assert " ".join(each["says_vi"].split()) in vietnamese
    assert max(map(len, english.splitlines())) <= catalogue.WIDTH


# --- with the real simulator and the sample portal ------------------------------------------------------------------

SUITE = """
from conformance.requirement import Level, expect, requirement

def asked(id):
    return requirement(id, level=Level.MUST, source="s", says="The connector keeps it.", vi="v", why="w", why_vi="w")

@asked("MONEY-01")
def test_a_paid_bill_is_settled(bench):
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)

@asked("MONEY-02")
def test_an_unpaid_bill_is_called_paid(bench):
    visit = bench.open()
    status = bench.status(visit)
    expect(status.status == "paid", "an unpaid dossier is paid", expected="paid", actual=status.status)
"""

HANGING = """
import sys, threading
from conformance.requirement import Level, requirement

@requirement("MONEY-01", level=Level.MUST, source="s", says="It is kept.", vi="v", why="w", why_vi="w")
def test_never_ends(bench):
    print("hanging", file=sys.stderr, flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty suite of its own, importable here and in child processes."""
    folder = tmp_path / "packages" / "tiny_suite"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "tiny_suite"]:
        del sys.modules[name]


def _command(tmp_path: Path, *words: str, target: Path = PORTAL) -> list[str]:
    head = [sys.executable, "-m", "simulator", "check", "--target", str(target), "--suite", "tiny_suite"]
    return [*head, "--report-dir", str(tmp_path / "out"), "--seed", "s1", *words]


def _check(tmp_path: Path, *words: str, target: Path = PORTAL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(tmp_path, *words, target=target), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def _key(folder: Path) -> Path:
    assert verify.run(argparse.Namespace(make_key=folder / "qa.pem")) == 0
    return folder / "qa.pem"


def _addresses(out: Path) -> set[str]:
    """Where the simulator and the connector of a run listened."""
    written = "".join(path.read_text() for path in out.glob("run/*/*/*.log"))
    return set(re.findall(r"ready at (http://\S+)", written))


def _nobody_listens(out: Path, processes: int = 1) -> bool:
    addresses = _addresses(out)
    assert len(addresses) == 2 * processes, "each process started a simulator and a connector"
    for address in addresses:
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, trust_env=False)
    return True


def test_a_run_judges_the_sample_portal_and_the_failure_replays(tmp_path: Path, package: Path) -> None:
    (package / "test_tiny.py").write_text(SUITE)
    key = _key(tmp_path)
    ran = _check(tmp_path, "--bank=vnpay", "--bank=vietinbank", f"--sign-with={key}", "--jobs=2")
    assert ran.returncode == 1, ran.stderr
    assert "[8/8]" in ran.stderr
    results = decode((tmp_path / "out" / "results.json").read_bytes())
    by_id = {
        id: {each.verdict for each in results.findings if each.requirement_id == id} for id in ("MONEY-01", "MONEY-02")
    }
    assert by_id == {"MONEY-01": {Verdict.PASSED}, "MONEY-02": {Verdict.FAILED}}
    told = argparse.Namespace(results=tmp_path / "out" / "results.json", key=Path(f"{key}.pub"), make_key=None)
    assert verify.run(told) == 0
    failed = next(each for each in results.findings if each.verdict is Verdict.FAILED)
    assert failed.story[0].startswith("a payer opens a payment")
    assert _nobody_listens(tmp_path / "out", processes=2)

    replayed = re.search(r"replay: banksim check (.*)", ran.stdout)
    assert replayed is not None
    words = replayed[1].split()
    again = _check(tmp_path, *words[words.index("--requirement") :])
    assert again.returncode == 1, again.stderr
    told = decode((tmp_path / "out" / "results.json").read_bytes())
    assert [(each.sentence, each.expected, each.actual, each.case) for each in told.findings] == [
        (failed.sentence, failed.expected, failed.actual, failed.case)
    ]


def test_a_connector_with_another_key_is_called_a_matter_of_configuration(tmp_path: Path, package: Path) -> None:
    (package / "test_tiny.py").write_text(SUITE)
    target = tmp_path / "other_key.toml"
    text = PORTAL.read_text(encoding="utf-8")
    target.write_text(text.replace('"DEMOV210"\n', '"DEMOV210"\nsecrets = { secret = "ANOTHER" }\n'), encoding="utf-8")
    ran = _check(tmp_path, "--bank", "vnpay", "--method", "redirect", target=target)
    assert ran.returncode == 2
    assert "Stopped: configuration:\nvnpay redirect: the bank refuses the first payment order" in ran.stdout
    assert _nobody_listens(tmp_path / "out")


def test_the_doctor_names_each_thing_that_is_configured_wrongly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "wrong_addresses.toml"
    text = PORTAL.read_text(encoding="utf-8")
    target.write_text(
        text.replace("/callbacks/vnpay", "/nobody").replace("vietinbank/inquiry", "vietinbank/ask"), encoding="utf-8"
    )
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args(["--target", str(target)])) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2, "what is right is not mentioned"
    assert re.match(r"configuration: vnpay redirect, vnpay qr: callback_url \S+/nobody does not exist", told[0])
    assert re.match(
        r"configuration: vietinbank bill, vietinbank mobile: inquiry_url \S+/ask does not exist \(HTTP 404\)",
        told[1],
    )


def test_the_doctor_finds_nothing_at_the_sample_portal(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args(["--target", str(PORTAL)])) == 0
    assert "Sample portal is configured right" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_nobody_behind(
    tmp_path: Path, package: Path, number: signal.Signals
) -> None:
    (package / "test_tiny.py").write_text(HANGING)
    process = subprocess.Popen(
        _command(tmp_path, "--bank=vnpay", "--bank=dvcqg", "--jobs=2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stderr is not None
    hanging = (line for line in process.stderr if "hanging" in line)
    assert next(hanging)
    assert next(hanging), "both processes are at work"
    process.send_signal(number)
    told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "Stopped: the run was interrupted" in told
    assert _nobody_listens(tmp_path / "out", processes=2)


def test_a_simulator_that_runs_already_is_used(tmp_path: Path, package: Path) -> None:
    (package / "test_tiny.py").write_text(SUITE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with started_simulator(tmp_path) as url:
            ran = _check(tmp_path, "--url", url, "--requirement", "MONEY-01", "--bank", "vietinbank")
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert not list((tmp_path / "out").glob("run/**/banksim.log"))
            left = httpx.get(f"{url}/_control/sandboxes", trust_env=False).json()
    assert [each["name"] for each in left] == ["default"]
