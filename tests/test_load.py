"""Facts about `banksim load`: real processes, real payers, and a verdict that every dong stands behind."""

import argparse
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from conformance.child import free_port
from loadtests import load
from loadtests.finding import calm, compare
from loadtests.judging import Fate
from loadtests.record import Record
from loadtests.scenario import NAMES, scenario_named
from loadtests.stage import set_up


def rehearsed(folder: Path, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and results.json."""
    command = [
        sys.executable,
        "-m",
        "simulator",
        "load",
        *words,
        "--report-dir",
        str(folder),
        "--seed",
        "1",
        "--think",
        "0.05",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert (folder / "results.json").exists(), done.stdout + done.stderr
    return done.returncode, done.stdout, json.loads((folder / "results.json").read_text(encoding="utf-8"))


def fates(results: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in results["fates"]:
        found[each["fate"]] = found.get(each["fate"], 0) + each["dossiers"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_is_told_in_both_languages_and_needs_no_locust_to_be_read(name: str) -> None:
    told = f"from loadtests.scenario import scenario_named as s; x = s({name!r}); import sys; "
    code = told + "print(x.name, bool(x.says), bool(x.says_vi), 'locust' in sys.modules, 'gevent' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [name, "True", "True", "False", "False"]


def test_the_sample_portal_loses_nothing(tmp_path: Path) -> None:
    code, told, results = rehearsed(tmp_path, "mixed_banks", "--rate", "8", "--for", "5s", "--payments", "25")
    assert (code, set(fates(results))) == (0, {"settled_once"}), told
    assert fates(results)["settled_once"] > 10
    assert "HELD" in told
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("failures"), int(suite.get("tests", "0")) > 0) == ("0", True)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<polyline" in page
    assert "src=" not in page
    settled = fates(results)["settled_once"]
    for name in ("callback", "lag"):
        assert results["times"][name]["max"] > 0
        assert sum(each["requests"] for each in results["windows"][name]) <= settled
        assert results["windows"][name]
    assert "Acknowledging the bank&#39;s callback" in page
    assert [vnd for _, vnd in results["in_flight"]][-1] == 0
    assert max(vnd for _, vnd in results["in_flight"]) >= 0


def test_a_portal_that_settles_twice_is_found_dossier_by_dossier(tmp_path: Path) -> None:
    mistaken = ("--launch-arg=--defect", "--launch-arg=duplicate_settles_twice")
    words = ("duplicate_rain", "--bank", "vnpay", "--rate", "4", "--for", "6s", "--payments", "15")
    code, told, results = rehearsed(tmp_path, *words, *mistaken)
    found = fates(results)
    assert code == 1, told
    assert found["doubled"] > 0
    examples = [each["dossier_code"] for each in results["examples"] if each["fate"] == "doubled"]
    assert examples
    assert all(each in told for each in examples)
    assert results["examples"][0]["exchanges"]


def test_what_a_leaky_portal_confesses_is_found_exactly_and_while_it_runs(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    load.add_arguments(parser)
    words = ["soak", "--rate", "12", "--for", "9s", "--think", "0.05", "--seed", "2", "--patience", "2s"]
    args = parser.parse_args([*words, "--report-dir", str(tmp_path), "--launch-arg=--leaks", "--launch-arg=7"])
    scenario = replace(scenario_named(args.scenario), audits_every_s=4.0)
    with set_up(scenario, load.wanted(args, scenario, tmp_path)) as stage:
        assert load.rehearsed(args, scenario, stage)
        calm(stage)
        with Record(stage.plan.record) as record:
            books, interims = compare(stage, record), record.interims()
        confessed = httpx.get(f"{stage.plan.door.url}/api/leaks").json()
    assert min(confessed.values()) > 0
    assert {"dropped": books.total(Fate.LOST).dossiers, "doubled": books.total(Fate.DOUBLED).dossiers} == confessed
    wrong = books.total(Fate.LOST).dossiers + books.total(Fate.DOUBLED).dossiers
    assert books.total(Fate.SETTLED_ONCE).dossiers == books.total().dossiers - wrong
    assert books.strangers.dossiers == 0
    assert 0 < sum(each.wrong for each in interims) <= wrong
    assert sum(each.dossiers for each in interims) <= books.total().dossiers


@pytest.mark.parametrize("words", [(), ("--processes", "2")], ids=["one process", "two processes"])
def test_plain_locust_rehearses_too_and_whoever_is_cut_short_is_found(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = Path(load.__file__).parent / "mixed_banks.py"
    port = f"{free_port()}"
    words = (*words, "--master-bind-port", port, "--master-port", port) if words else words
    command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--users", "2", "--spawn-rate", "2"]
    done = subprocess.run(
        [*command, "--run-time", "6s", "--stop-timeout", "1", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "reports" / "load" / "results.json").read_text(encoding="utf-8"))
    assert results["plan"]["rate"] == scenario_named("mixed_banks").rate
    assert fates(results)["not_paid"] > 10, "payers who were still thinking"
    assert results["strangers"] == 0


def test_two_workers_share_the_payers_of_a_master(tmp_path: Path) -> None:
    """As on three machines: the workers are told everything by the master."""
    port = f"{free_port()}"
    base = [sys.executable, "-m", "simulator", "load", "mixed_banks", "--master-port", port]
    workers = [subprocess.Popen([*base, "--worker"], cwd=tmp_path, stderr=subprocess.DEVNULL) for _ in range(2)]
    try:
        words = ("--rate", "10", "--for", "5s", "--payments", "31", "--master", "--expect-workers", "2")
        words = (*words, "--master-port", port)
        code, told, results = rehearsed(tmp_path, "mixed_banks", *words)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert (code, set(fates(results))) == (0, {"settled_once"}), told
    assert fates(results)["settled_once"] == 31
    assert "2 workers" in (tmp_path / "locust.log").read_text(encoding="utf-8")


def test_an_interrupted_rehearsal_leaves_nobody_behind(tmp_path: Path) -> None:
    words = ("mixed_banks", "--rate", "5", "--for", "60s", "--report-dir", str(tmp_path))
    command = [sys.executable, "-m", "simulator", "load", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    where = next(line for line in process.stdout if "connector http" in line)
    assert next(line for line in process.stdout if " s: " in line), "payers are on their way"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    for url in re.findall(r"http://[0-9.:]+", where):
        with pytest.raises(httpx.TransportError):
            httpx.get(url, trust_env=False)
