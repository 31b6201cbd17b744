"""Turns what pytest saw into findings; rule: only a Failure speaks against the connector."""

import platform
import sys
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conformance.requirement import Case, Failure, NotApplicable, Requirement, as_text, catalogue_order
from conformance.results import Asked, Exchange, Finding, Results, TargetView, Verdict, encode
from conformance.running import Run
from conformance.target import BadTarget, Target
from simulator.client import ControlError, JournalEntry

BODY_CHARS = 2_000
EXCHANGES_MAX = 40
TRACE_CHARS = 6_000
NOTHING_JUDGED = 2
"""Exit status of a run that asked nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for. `target_text` is what the user wrote; `results_path` None = results are not kept.

    `is_part` = `banks` are one process's share of a run over all.
    """

    seed: str
    target_text: str
    requirements: frozenset[str] = frozenset()
    banks: frozenset[str] = frozenset()
    is_part: bool = False
    methods: frozenset[str] = frozenset()
    results_path: Path | None = None
    shows_progress: bool = False
    replay: str = ""

    @property
    def partly(self) -> bool:
        return bool(self.requirements or self.banks or self.methods)


@dataclass(slots=True, eq=False)
class Recorder:
    """A pytest plugin: one finding for every requirement and case, written as results.json at the end."""

    settings: Settings
    target: Target
    run: Run | None = None
    stopped: str = ""
    findings: dict[str, Finding] = field(default_factory=dict)
    _asked: dict[str, Requirement] = field(default_factory=dict)
    _count: int = 0
    _left_out: bool = False
    _problems: list[str] = field(default_factory=list)
    _started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _started_s: float = field(default_factory=time.monotonic)

    def cases(self) -> list[Case]:
        """Every bank and method that the target declares and the settings choose."""
        chosen = (
            Case(bank, method)
            for bank, setup in self.target.banks.items()
            for method in setup.methods
            if (not self.settings.banks or bank in self.settings.banks)
            and (not self.settings.methods or method in self.settings.methods)
        )
        return list(chosen)

    def check_fits(self, asked: Requirement, case: Case) -> None:
        """Raises NotApplicable when the target's capabilities, bank or method do not fit the requirement."""
        lacking = [need.value for need in asked.needs if need not in self.target.capabilities]
        if lacking:
            raise NotApplicable(f"it needs {', '.join(lacking)}, which the target does not declare")
        if asked.banks and case.bank not in asked.banks:
            raise NotApplicable(f"it is asked of {', '.join(asked.banks)} only")
        if asked.methods and case.method not in asked.methods:
            raise NotApplicable(f"it is asked of {', '.join(asked.methods)} only")
        first = next(each for each in self.cases() if each.bank == case.bank)
        if asked.once_a_bank and case != first:
            raise NotApplicable(f"it is asked once a bank, here by the method {first.method}")
        if asked.shapes and self.run is not None and self.run.shapes[case.bank] not in asked.shapes:
            shapes = " and ".join(shape.replace("_", " ") for shape in asked.shapes)
            raise NotApplicable(f"it is asked of banks of the kind {shapes} only")
        if asked.once_a_shape and self._first_alike(case.bank) != case.bank:
            raise NotApplicable(f"it is asked once of each kind of bank, here of {self._first_alike(case.bank)}")

    def _first_alike(self, bank: str) -> str:
        """The first bank of that one's shape in the whole run; itself when the run was narrowed to named banks."""
        if self.run is None or (self.settings.banks and not self.settings.is_part):
            return bank
        shapes, wanted = self.run.shapes, self.settings.methods
        chosen = (code for code, each in self.target.banks.items() if not wanted or wanted & set(each.methods))
        return next(each for each in chosen if shapes[each] == shapes[bank])

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        wanted = self.settings.requirements
        dropped = [item for item in items if wanted and _requirement(item) is not None]
        dropped = [item for item in dropped if _id(item) not in wanted]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
            items[:] = [item for item in items if item not in dropped]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Whoever leaves requirements out, by -k or -m, has a part of the answer."""
        self._left_out = self._left_out or any(_requirement(item) is not None for item in items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        asked = [found for found in map(_requirement, session.items) if found is not None]
        self._count = len(asked)
        self._asked = {each.id: each for each in sorted(asked, key=catalogue_order)}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._problems.append(f"the suite itself cannot be read: {report.longreprtext[-TRACE_CHARS:]}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        asked = _requirement(item)
        if asked is None or not isinstance(item, pytest.Function):
            return report
        finding = self._finding(item, asked, call, report)
        if finding is not None:
            self.findings[item.nodeid] = finding
            _tell_pytest(report, asked, finding)
        if call.when == "teardown":
            self._progress(item.nodeid)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Pytest's own summary counts what is broken as errors, not as failures."""
        if getattr(report, "banksim_verdict", None) is Verdict.BROKEN:
            return "error", "E", "BROKEN"
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.INTERRUPTED and not self.stopped:
            self.stopped = self._problems[0] if self._problems else "the run was interrupted"
        judged = any(each.verdict is not Verdict.NOT_APPLICABLE for each in self.findings.values())
        if exitstatus == pytest.ExitCode.OK and self._asked and not judged:
            session.exitstatus = NOTHING_JUDGED
        if self.settings.results_path is not None:
            self.settings.results_path.write_bytes(encode(self.results()))

    def results(self) -> Results:
        return Results(
            seed=self.settings.seed,
            started_at=self._started_at.isoformat(timespec="seconds"),
            took_s=round(time.monotonic() - self._started_s, 1),
            versions={"banksim": version("banksim"), "python": platform.python_version()},
            target=_target_view(self.target, self.settings.target_text),
            requirements=tuple(_view_of(each) for each in self._asked.values()),
            findings=tuple(self.findings.values()),
            partly=self.settings.partly or self._left_out,
            stopped=self.stopped,
            replay=self.settings.replay or f"banksim check --target {self.settings.target_text}",
        )

    def _finding(
        self, item: pytest.Function, asked: Requirement, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> Finding | None:
        """What this phase of a test says; None when it adds nothing."""
        passed = _passed(asked, item)
        if call.excinfo is None:
            return passed if call.when == "call" else None
        before = self.findings.get(item.nodeid)
        if call.when == "teardown" and before is not None and before.verdict is not Verdict.PASSED:
            return None
        error = _blamed(call.excinfo.value)
        if isinstance(error, NotApplicable | pytest.skip.Exception):
            return replace(passed, verdict=Verdict.NOT_APPLICABLE, sentence=as_text(str(error)))
        story = (*getattr(item.funcargs.get("bench"), "story", ()), *getattr(error, "__notes__", ()))
        told = replace(passed, story=tuple(map(as_text, story)), exchanges=self._exchanges())
        return _failed(told, error) if isinstance(error, Failure) else _broken(told, error, report)

    def _exchanges(self) -> tuple[Exchange, ...]:
        """What crossed the wire in this test, newest EXCHANGES_MAX."""
        if self.run is None:
            return ()
        try:
            entries = self.run.sandbox.journal(limit=1000)
        except ControlError:
            return ()
        return tuple(exchange_of(entry) for entry in entries[-EXCHANGES_MAX:])

    def _progress(self, nodeid: str) -> None:
        finding = self.findings.get(nodeid)
        if not self.settings.shows_progress or finding is None:
            return
        place = f"[{len(self.findings):>{len(str(self._count))}}/{self._count}]"
        verdict = finding.verdict.replace("_", " ")
        sys.stderr.write(f"{place} {finding.requirement_id:<18} {finding.case:<24} {verdict}\n")
        sys.stderr.flush()


def _passed(asked: Requirement, item: pytest.Function) -> Finding:
    case = item.callspec.params["case"]
    assert isinstance(case, Case), "the plugin gives every requirement its case"
    return Finding(requirement_id=asked.id, bank=case.bank, method=case.method, verdict=Verdict.PASSED)


def _failed(told: Finding, failure: Failure) -> Finding:
    return replace(
        told,
        verdict=Verdict.FAILED,
        sentence=as_text(failure.sentence),
        expected=failure.expected,
        actual=failure.actual,
    )


def _broken(told: Finding, error: BaseException, report: pytest.TestReport) -> Finding:
    sentence = str(error) if isinstance(error, BadTarget) else f"{type(error).__name__}: {error}"
    return replace(
        told, verdict=Verdict.BROKEN, sentence=as_text(sentence), trace=as_text(report.longreprtext[-TRACE_CHARS:])
    )


def _requirement(item: pytest.Item) -> Requirement | None:
    found = getattr(getattr(item, "function", None), "requirement", None)
    return found if isinstance(found, Requirement) else None


def _id(item: pytest.Item) -> str:
    found = _requirement(item)
    return found.id if found is not None else ""


def _blamed(error: BaseException) -> BaseException:
    """The error that counts: of a group of failures and nothing else, the first."""
    if isinstance(error, BaseExceptionGroup):
        inner = list(_leaves(error))
        if inner and all(isinstance(each, Failure) for each in inner):
            return inner[0]
    return error


def _leaves(group: BaseExceptionGroup[Any]) -> Iterable[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


def _tell_pytest(report: pytest.TestReport, asked: Requirement, finding: Finding) -> None:
    """Makes pytest's own report say the same: a skip with its reason, a failure in sentences."""
    report.banksim_verdict = finding.verdict  # type: ignore[attr-defined]
    if finding.verdict is Verdict.NOT_APPLICABLE:
        report.outcome = "skipped"
        report.longrepr = (str(report.location[0]), report.location[1] or 0, f"not applicable: {finding.sentence}")
    if finding.verdict is Verdict.FAILED:
        report.longrepr = in_sentences(asked, finding)


def in_sentences(asked: Requirement, finding: Finding) -> str:
    """A failure as plain text: the requirement, what did not hold, and the story."""
    lines = [
        f"{asked.id} ({asked.level}): {asked.says}",
        f"  does not hold: {finding.sentence}",
        f"  expected: {finding.expected}",
        f"  found:    {finding.actual}",
        "  story:",
        *(f"    {number}. {sentence}" for number, sentence in enumerate(finding.story, start=1)),
    ]
    return "\n".join(lines)


def _view_of(declared: Requirement) -> Asked:
    return Asked(
        id=declared.id,
        area=declared.area,
        level=declared.level,
        source=declared.source,
        says=declared.says,
        says_vi=declared.says_vi,
        why=declared.why,
        why_vi=declared.why_vi,
        guards=declared.guards,
    )


def _target_view(target: Target, text: str) -> TargetView:
    return TargetView(
        name=target.name,
        source=text,
        banks={bank: setup.methods for bank, setup in target.banks.items()},
        capabilities=tuple(sorted(target.capabilities)),
        policies=dict(target.policies),
        settle_s=target.settle_s,
    )


def exchange_of(entry: JournalEntry) -> Exchange:
    """What a report shows of a journal entry."""
    return Exchange(
        direction=entry.direction,
        at=entry.at.isoformat(timespec="milliseconds"),
        bank=entry.bank,
        operation=entry.operation,
        method=entry.method,
        url=entry.url,
        request_body=entry.request_body[:BODY_CHARS],
        status=entry.status,
        response_body=entry.response_body[:BODY_CHARS],
        note=entry.note,
    )
