"""What a run found, as one value that is written to results.json and from which every report is made."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from conformance.requirement import Level

SCHEMA = 1


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """The suite's own fault, or the target file's; never held against the connector."""
    NOT_APPLICABLE = "not_applicable"


class Judgement(StrEnum):
    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not_conformant"
    UNJUDGED = "unjudged"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer. `direction` "in" = the connector called the bank, "out" = the bank called it.

    Bodies are excerpts. `status` 0 = there was no answer.
    """

    direction: str
    at: str
    bank: str
    operation: str
    method: str
    url: str
    request_body: str = ""
    status: int = 0
    response_body: str = ""
    note: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement asked of one bank and method. `sentence` says what did not hold, or why it was not asked.

    `story` is what the suite did, sentence by sentence. `trace` is where the suite itself broke.
    """

    requirement_id: str
    bank: str
    method: str
    verdict: Verdict
    sentence: str = ""
    expected: str = ""
    actual: str = ""
    story: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    trace: str = ""

    @property
    def case(self) -> str:
        return f"{self.bank} / {self.method}"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement as the report tells it."""

    id: str
    area: str
    level: Level
    source: str
    says: str
    says_vi: str
    why: str
    why_vi: str
    guards: tuple[str, ...] = ()


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """`banks` gives each bank's methods."""

    name: str
    source: str
    banks: dict[str, tuple[str, ...]]
    capabilities: tuple[str, ...]
    policies: dict[str, str] = {}
    settle_s: float = 0.0


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """`stopped` says why the run ended before it could judge. `partly` = only some requirements or banks were asked.

    `replay` is the command that made the run, without its seed and its choice of requirement, bank and method.
    """

    seed: str
    started_at: str
    took_s: float
    versions: dict[str, str]
    target: TargetView
    requirements: tuple[Asked, ...]
    findings: tuple[Finding, ...]
    partly: bool = False
    stopped: str = ""
    replay: str = ""
    schema: int = SCHEMA

    def asked(self, requirement_id: str) -> Asked:
        return next(each for each in self.requirements if each.id == requirement_id)


def judge(results: Results) -> Judgement:
    """Conformant = every MUST passed or is not applicable; nothing judged at all is no conformance."""
    musts = {asked.id for asked in results.requirements if asked.level is Level.MUST}
    verdicts = {finding.verdict for finding in results.findings if finding.requirement_id in musts}
    judged = any(finding.verdict in (Verdict.PASSED, Verdict.FAILED) for finding in results.findings)
    if Verdict.FAILED in verdicts:
        return Judgement.NOT_CONFORMANT
    if results.stopped or Verdict.BROKEN in verdicts or not judged:
        return Judgement.UNJUDGED
    return Judgement.CONFORMANT


def count(findings: Iterable[Finding]) -> Counter[Verdict]:
    return Counter(finding.verdict for finding in findings)


def by_requirement(results: Results, verdict: Verdict) -> tuple[tuple[Asked, tuple[Finding, ...]], ...]:
    """The requirements that have findings of that verdict, in catalogue order, each with those findings."""
    found = (
        (asked, tuple(f for f in results.findings if f.requirement_id == asked.id and f.verdict is verdict))
        for asked in results.requirements
    )
    return tuple((asked, findings) for asked, findings in found if findings)


def replay_command(results: Results, finding: Finding) -> str:
    """The command that asks exactly this again."""
    choice = f"--requirement {finding.requirement_id} --bank {finding.bank} --method {finding.method}"
    return f"{results.replay} --seed {results.seed} {choice}"


def encode(results: Results) -> bytes:
    """results.json: indented, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2)


def decode(raw: bytes) -> Results:
    return msgspec.json.decode(raw, type=Results)
