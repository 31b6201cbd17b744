"""The CI examples are run as they stand, but for installing banksim and for asking one requirement instead of all."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from conformance.results import decode
from simulator.__main__ import main
from tests.junit_schema import objections

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "ci"
PORTAL = ROOT / "conformance" / "targets" / "portal.toml"
ONE = "--bank vnpay --method redirect --requirement MONEY-01"
ARTIFACTS = {"report.html", "report.md", "junit.xml", "results.json", "results.json.sig", "suite*.log"}


def github() -> Any:
    return yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["conformance"]


def gitlab() -> Any:
    return yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))["payments"]


def steps_of_github() -> list[str]:
    return [step["run"] for step in github()["steps"] if "run" in step]


def steps_of_gitlab() -> list[str]:
    job = gitlab()
    return [*job["before_script"], *job["script"], *job["after_script"]]


STEPS = {"github-actions.yml": steps_of_github, "gitlab-ci.yml": steps_of_gitlab}


def command_lines(text: str) -> list[list[str]]:
    """Every `banksim ...` of a script or a document, as words."""
    found = re.findall(r"\bbanksim (?:check|doctor|verify)\b[^;\n`]*", text)
    return [line.replace('"', "").split() for line in found]


@pytest.mark.parametrize("name", [*STEPS, "docs/ci.md"])
def test_every_command_line_is_one_that_banksim_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(STEPS[name]()) if name in STEPS else (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in command_lines(text) if len(line) > 2]
    assert {line[1] for line in lines} == {"doctor", "check", "verify"}
    for line in lines:
        words = [word for word in line[1:] if word != "$EXTRA"]
        with pytest.raises(SystemExit) as left:
            main([*words, "--help"])
        assert left.value.code == 0, line
        capsys.readouterr()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An integrator's: a target file, and the public half of a key."""
    text = PORTAL.read_text(encoding="utf-8")
    (tmp_path / "portal.toml").write_text(only_vnpay(text), encoding="utf-8")
    assert main(["verify", "--make-key", str(tmp_path / "signing.pem")]) == 0
    return tmp_path


def only_vnpay(text: str) -> str:
    """Without the other banks, which the doctor need not look at here."""
    return re.sub(r"^\[banks\.(?!vnpay\])\w+\]\n(?:[^\[\n].*\n|\n)*", "", text, flags=re.MULTILINE)


def run(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def check_reports(folder: Path, seed: str) -> None:
    assert not [name for name in ARTIFACTS if not list((folder / "reports").glob(name))]
    results = decode((folder / "reports" / "results.json").read_bytes())
    assert results.seed == seed
    assert [(each.requirement_id, each.verdict) for each in results.findings] == [("MONEY-01", "passed")]
    assert objections(ElementTree.parse(folder / "reports" / "junit.xml").getroot()) == []


def test_the_steps_for_github_run(repository: Path) -> None:
    files = {name: repository / name for name in ("GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    environment = {name: str(path) for name, path in files.items()}
    environment |= {"RUNNER_TEMP": str(repository), "SEED": "7", "EXTRA": ONE}
    environment |= {"SIGNING_KEY": (repository / "signing.pem").read_text(encoding="utf-8")}
    (repository / "signing.pem").unlink()
    told = []
    for script in steps_of_github()[1:]:
        done = run(script, repository, environment)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        told.append(done.stdout)
        if files["GITHUB_ENV"].exists():
            pairs = (line.partition("=") for line in files["GITHUB_ENV"].read_text(encoding="utf-8").splitlines())
            environment |= {name: value for name, _, value in pairs}
    check_reports(repository, "7")
    assert "VERIFIED: reports/results.json" in told[-1]
    assert "MONEY-01" in files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")


def test_the_lines_for_gitlab_run(repository: Path) -> None:
    job = gitlab()
    environment = {**job["variables"], "EXTRA": ONE, "BANKSIM_SIGNING_KEY": str(repository / "signing.pem")}
    done = run("\n".join([*job["script"], *job["after_script"]]), repository, environment)
    assert done.returncode == 0, (done.stdout, done.stderr)
    check_reports(repository, job["variables"]["SEED"])
    assert "VERIFIED: reports/results.json" in done.stdout


def test_what_the_jobs_keep_is_what_check_writes() -> None:
    [upload] = [step for step in github()["steps"] if str(step.get("uses", "")).startswith("actions/upload-artifact")]
    kept = {line.strip().removeprefix("reports/") for line in upload["with"]["path"].splitlines()}
    artifacts = gitlab()["artifacts"]
    assert kept == {each.removeprefix("reports/") for each in artifacts["paths"]} == ARTIFACTS
    assert artifacts["reports"]["junit"] == "reports/junit.xml"
    assert artifacts["when"] == "always"
    assert upload["if"] == "always()"


@pytest.mark.parametrize("name", STEPS)
def test_banksim_is_installed_first_and_from_where_the_owner_says(name: str) -> None:
    assert STEPS[name]()[0] == 'pip install "$BANKSIM"'
