"""A run in several processes: the banks are shared out evenly, and the findings are put together in order."""

import argparse
import io
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace

from conformance.check import add_arguments
from conformance.loading import load_target
from conformance.progress import Progress
from conformance.requirement import Level
from conformance.results import Asked, Finding, Results, TargetView, Verdict
from conformance.shares import shares, together
from conformance.target import BadTarget, BankSetup, Target

BANKS = {"a": ("qr",), "b": ("qr", "card", "pos"), "c": ("qr", "card"), "d": ("bill",)}


def _target(*, side_by_side: bool = True) -> Target:
    banks = {bank: BankSetup(methods=methods) for bank, methods in BANKS.items()}
    return cast(Target, SimpleNamespace(banks=banks, starts_side_by_side=side_by_side))


def test_each_bank_is_asked_by_one_process_and_the_work_is_even() -> None:
    assert shares(_target(), (), (), 2) == (("b", "d"), ("a", "c"))


def test_there_are_no_more_processes_than_banks() -> None:
    assert shares(_target(), ("a", "c"), (), 8) == (("c",), ("a",))


def test_only_banks_with_a_chosen_method_are_asked() -> None:
    assert shares(_target(), (), ("card",), 2) == (("b",), ("c",))


def test_a_connector_that_cannot_run_twice_is_asked_by_one_process() -> None:
    assert shares(_target(side_by_side=False), (), (), 4) == (("a", "b", "c", "d"),)


def _asked(id: str) -> Asked:
    return Asked(id=id, area="MONEY", level=Level.MUST, source="s", says="a", says_vi="b", why="c", why_vi="d")


def _results(bank: str, took_s: float) -> Results:
    findings = tuple(
        Finding(requirement_id=id, bank=bank, method=method, verdict=Verdict.PASSED)
        for id in ("MONEY-01", "MONEY-02")
        for method in BANKS[bank]
    )
    return Results(
        seed="s",
        started_at=f"2026-03-01T08:00:0{len(bank)}+00:00",
        took_s=took_s,
        versions={},
        target=TargetView(name="x", source="x", banks=dict(BANKS), capabilities=()),
        requirements=(_asked("MONEY-01"), _asked("MONEY-02")),
        findings=findings,
        partly=True,
    )


def test_findings_are_put_together_as_one_process_would_have_found_them() -> None:
    whole = together([_results("c", 3.0), _results("a", 5.0)], partly=False)
    found = [(each.requirement_id, each.bank, each.method) for each in whole.findings]
    assert found == [
        (id, bank, method) for id in ("MONEY-01", "MONEY-02") for bank in ("a", "c") for method in BANKS[bank]
    ]
    assert whole.took_s == 5.0
    assert not whole.partly
    assert [each.id for each in whole.requirements] == ["MONEY-01", "MONEY-02"]


def test_a_part_that_stopped_stops_the_whole() -> None:
    stopped = replace(_results("a", 1.0), stopped="the key is wrong")
    assert together([_results("c", 1.0), stopped], partly=False).stopped == "the key is wrong"


def test_progress_is_numbered_over_all_processes_and_other_lines_are_shown_as_they_are() -> None:
    screen = io.StringIO()
    progress = Progress(screen)
    progress.follow([b"[1/2] MONEY-01 passed\n", b"warning: x\n", b"[2/2] MONEY-02 failed\n"])
    progress.follow([b"[ 1/12] MONEY-03 passed\n"])
    progress.end()
    assert screen.getvalue().splitlines() == [
        "[1/2] MONEY-01 passed",
        "warning: x",
        "[2/2] MONEY-02 failed",
        "[ 3/14] MONEY-03 passed",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_good_news_pass_and_bad_news_stay() -> None:
    screen = Terminal()
    progress = Progress(screen)
    progress.follow([b"[1/2] MONEY-01 failed\n", b"[2/2] MONEY-02 passed\n"])
    progress.end()
    assert screen.getvalue() == "\r\x1b[2K[1/2] MONEY-01 failed\n\r\x1b[2K[2/2] MONEY-02 passed\r\x1b[2K"


TARGET = """
[launch]
command = ["serve", {words}]
ready_line = "ready"
side_by_side = true
[connector]
base_url = "http://127.0.0.1:{{port}}"
[banks.vnpay]
methods = ["qr"]
[[verbs.open]]
method = "POST"
path = "/open"
answer = {{ order_ref = "ref", url = "url" }}
[verbs.status]
method = "GET"
path = "/status"
answer = {{ status = "status", amount_paid_vnd = "paid", receipts = "receipts" }}
[status.words]
paid = "paid"
"""


@pytest.mark.parametrize(("words", "lacking"), [('"{port}"', "{workdir}"), ('"{workdir}"', "{port}")])
def test_side_by_side_needs_a_port_and_books_for_each(tmp_path: Path, words: str, lacking: str) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(TARGET.format(words=words), encoding="utf-8")
    with pytest.raises(BadTarget, match=f"side_by_side = true needs a port and books for each: {lacking} must stand"):
        load_target(str(file))


def test_zero_processes_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--target", "x.toml", "--jobs", "0"])
    assert "'0' is no number of processes" in capsys.readouterr().err
