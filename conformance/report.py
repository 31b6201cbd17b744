"""The findings for people: one HTML page that needs nothing else, Markdown, and a verdict for the terminal.

Rule: whatever a connector or a bank wrote is shown as text and can never act as markup.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec.structs import replace

from conformance.diagram import sequence_svg
from conformance.requirement import Area, Level
from conformance.results import (
    Asked,
    Finding,
    Judgement,
    Results,
    Verdict,
    by_requirement,
    count,
    judge,
    replay_command,
)
from conformance.story import in_vietnamese, message_in_vietnamese, reason_in_vietnamese
from conformance.wording import AREAS, JUDGEMENTS, LEVELS, MARKS, VERDICTS, Words

GMT7 = timezone(timedelta(hours=7))
LIFELINES_VI = ("Người nộp", "Bộ kết nối", "Ngân hàng")
LIFELINES_EN = ("Payer", "Connector", "Bank")


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement of the matrix: its finding in each column, None where it was not asked."""

    asked: Asked
    cells: tuple[Finding | None, ...]


@dataclass(frozen=True, slots=True)
class Group:
    area: Words
    rows: tuple[Row, ...]


def html_report(results: Results) -> str:
    """One self-contained page in both languages."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "replay": lambda finding: replay_command(results, finding),
        "diagram": _diagrams,
        "local": _local,
        "vietnamese": in_vietnamese,
        "reason_vietnamese": reason_in_vietnamese,
    }
    return environment.get_template("report.html").render(
        results=results,
        judgement=judge(results),
        sentence=judgement_sentence(results),
        counts=count(results.findings),
        columns=_columns(results),
        groups=_groups(results),
        failures=by_requirement(results, Verdict.FAILED),
        breakages=by_requirement(results, Verdict.BROKEN),
        reasons=_reasons(results),
        areas=AREAS,
        judgements=JUDGEMENTS,
        levels=LEVELS,
        marks=MARKS,
        verdicts=VERDICTS,
    )


def judgement_sentence(results: Results) -> Words:
    """Why the judgement is what it is."""
    musts = [asked for asked in results.requirements if asked.level is Level.MUST]
    failed = _failed_ids(results, Verdict.FAILED)
    broken_musts = sum(asked.id in failed for asked in musts)
    if judge(results) is Judgement.NOT_CONFORMANT:
        return (
            f"{broken_musts} trong {len(musts)} yêu cầu bắt buộc không được giữ.",
            f"{broken_musts} of {len(musts)} MUST requirements are not kept.",
        )
    if judge(results) is Judgement.UNJUDGED:
        return _why_unjudged(results)
    scope_vi, scope_en = ("đã hỏi ", "that was asked ") if results.partly else ("", "")
    others_vi = f" {len(failed)} yêu cầu không bắt buộc không được giữ." if failed else ""
    others_en = f" {len(failed)} of the others are not." if failed else ""
    return (
        f"Mọi yêu cầu bắt buộc {scope_vi}đều được giữ.{others_vi}",
        f"Every MUST requirement {scope_en}is kept.{others_en}",
    )


def verdict_text(results: Results) -> str:
    """The verdict in one screen: what failed, a sentence each, with the command that replays it."""
    counts = count(results.findings)
    asked_banks = {each.bank for each in results.findings}
    banks = ", ".join(bank for bank in results.target.banks if bank in asked_banks or not asked_banks)
    numbers = ", ".join(f"{counts[verdict]} {VERDICTS[verdict][1]}" for verdict in Verdict)
    lines = [
        f"{JUDGEMENTS[judge(results)][1]}: {results.target.name} (seed {results.seed})",
        *_sentence_lines(judgement_sentence(results)[1]),
        f"{numbers}; {len(results.requirements)} requirements, banks {banks}, {results.took_s:g} s",
    ]
    for verdict in (Verdict.FAILED, Verdict.BROKEN):
        for asked, findings in by_requirement(results, verdict):
            lines += ["", *_told(results, asked, findings)]
    return "\n".join(lines)


def markdown_report(results: Results) -> str:
    """The same for a merge request's comment: verdict, failures, matrix."""
    counts = count(results.findings)
    lines = [
        f"# {JUDGEMENTS[judge(results)][1]}: {_inline(results.target.name)}",
        "",
        _inline(judgement_sentence(results)[1]),
        "",
        " · ".join(f"{counts[verdict]} {VERDICTS[verdict][1]}" for verdict in Verdict)
        + f" · seed `{_code(results.seed)}` · banksim {results.versions.get('banksim', '')}",
    ]
    for asked, findings in by_requirement(results, Verdict.FAILED):
        lines += ["", *_markdown_failure(results, asked, findings)]
    for asked, findings in by_requirement(results, Verdict.BROKEN):
        lines += ["", f"## {asked.id}: {VERDICTS[Verdict.BROKEN][1]}", ""]
        lines += [f"- {finding.case}: {_inline(finding.sentence)}" for finding in findings]
    return "\n".join([*lines, "", *_markdown_matrix(results), ""])


def _why_unjudged(results: Results) -> Words:
    if results.stopped:
        return f"Đã dừng: {results.stopped}", f"Stopped: {results.stopped}"
    broken = len(_failed_ids(results, Verdict.BROKEN))
    if broken:
        return (
            f"{broken} yêu cầu không kết luận được vì lỗi của bộ kiểm thử hoặc của tệp mô tả.",
            f"{broken} requirements could not be judged: the suite or the target file is at fault.",
        )
    return "Không có yêu cầu nào được kiểm tra.", "No requirement was judged."


def _failed_ids(results: Results, verdict: Verdict) -> set[str]:
    return {finding.requirement_id for finding in results.findings if finding.verdict is verdict}


def _told(results: Results, asked: Asked, findings: tuple[Finding, ...]) -> list[str]:
    finding = findings[0]
    others = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    lines = [
        f"{finding.verdict.upper()} {asked.id} ({asked.level}) {asked.says}",
        f"  {finding.case}{others}: {_cut(_problem(finding), 300)}",
    ]
    if finding.expected or finding.actual:
        lines.append(f"  expected {_cut(finding.expected)}; found {_cut(finding.actual)}")
    return [*lines, f"  replay: {replay_command(results, finding)}"]


def _sentence_lines(sentence: str) -> list[str]:
    return [_cut(line, 2_000) for line in sentence.splitlines()]


def _problem(finding: Finding) -> str:
    """A failure's sentence says what must hold, a broken test's what went wrong."""
    if finding.verdict is Verdict.FAILED:
        return f"it does not hold that {finding.sentence}"
    return finding.sentence


def _cut(text: str, chars: int = 160) -> str:
    """One line that no terminal takes for a command."""
    one_line = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return one_line if len(one_line) <= chars else f"{one_line[: chars - 1]}…"


def _columns(results: Results) -> tuple[tuple[str, str], ...]:
    """(bank, method), as far as any was asked."""
    asked = {(finding.bank, finding.method) for finding in results.findings}
    declared = ((bank, method) for bank, methods in results.target.banks.items() for method in methods)
    return tuple(column for column in declared if column in asked)


def _groups(results: Results) -> tuple[Group, ...]:
    found = {(each.requirement_id, each.bank, each.method): each for each in results.findings}
    columns = _columns(results)
    rows = [Row(asked, tuple(found.get((asked.id, *column)) for column in columns)) for asked in results.requirements]
    by_area = groupby(rows, key=lambda row: row.asked.area)
    return tuple(Group(AREAS[Area(area)], tuple(each)) for area, each in by_area)


def _reasons(results: Results) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Why something was not asked, most frequent first, each with the requirements concerned."""
    left_out = [finding for finding in results.findings if finding.verdict is Verdict.NOT_APPLICABLE]
    frequency = Counter(finding.sentence for finding in left_out)
    return tuple(
        (reason, tuple(dict.fromkeys(f.requirement_id for f in left_out if f.sentence == reason)))
        for reason, _ in frequency.most_common()
    )


def _diagrams(finding: Finding) -> Markup:
    """The same diagram with Vietnamese and with English lifelines; the page shows one."""
    in_words = tuple(replace(each, note=message_in_vietnamese(each.note)) for each in finding.exchanges)
    return Markup('<div lang="vi">{}</div><div lang="en">{}</div>').format(
        sequence_svg(in_words, LIFELINES_VI), sequence_svg(finding.exchanges, LIFELINES_EN)
    )


def _local(instant: str) -> str:
    """An ISO instant as Vietnam's clocks show it."""
    return f"{datetime.fromisoformat(instant).astimezone(GMT7):%d/%m/%Y %H:%M} (GMT+7)"


def _markdown_failure(results: Results, asked: Asked, findings: tuple[Finding, ...]) -> list[str]:
    lines = [f"## {asked.id} ({asked.level})", "", _inline(asked.says), "", f"*{_inline(asked.why)}*"]
    for finding in findings:
        lines += [
            "",
            f"**{_inline(finding.case)}**: {_inline(_problem(finding))}",
            "",
            f"- expected: `{_code(finding.expected)}`",
            f"- found: `{_code(finding.actual)}`",
            *(f"{number}. {_inline(step)}" for number, step in enumerate(finding.story, start=1)),
            "",
            "```sh",
            replay_command(results, finding),
            "```",
        ]
    return lines


def _markdown_matrix(results: Results) -> list[str]:
    columns = _columns(results)
    head = ["requirement", *(f"{bank} {method}" for bank, method in columns)]
    lines = [_table_row(head), _table_row(["---", *("---" for _ in columns)])]
    for group in _groups(results):
        for row in group.rows:
            marks = [MARKS[cell.verdict] if cell else "" for cell in row.cells]
            lines.append(_table_row([f"{row.asked.id} {_inline(row.asked.says)}", *marks]))
    return lines


def _table_row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#!"})


def _inline(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return " ".join(text.split()).translate(_MARKDOWN)


def _code(text: str) -> str:
    """Text inside backticks."""
    return " ".join(text.split()).replace("`", "'") or " "
