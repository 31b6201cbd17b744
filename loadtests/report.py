"""A rehearsal for people and machines: one HTML page that needs nothing else, JSON, JUnit, a verdict for the terminal.

Rule: whatever a connector or a bank wrote is shown as text and can never act as markup.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.diagram import sequence_svg
from conformance.report import GMT7, LIFELINES_EN, LIFELINES_VI
from conformance.results import Exchange
from loadtests.charts import Band, Line, chart
from loadtests.finding import Found
from loadtests.judging import RIGHT, WRONG
from loadtests.record import Window
from loadtests.wording import FATES, FLAWS, NAMES, OBJECTIVES, Words


def write_reports(found: Found, folder: Path) -> None:
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    (folder / "report.html").write_text(html_report(found), encoding="utf-8")
    (folder / "junit.xml").write_text(junit_xml(found), encoding="utf-8")


def verdict_text(found: Found) -> str:
    """A screen for the terminal."""
    lines = ["HELD" if found.held else "NOT HELD"]
    lines += [
        f"   {each.name:24} {_told(each.found)} {each.unit} (at most {each.limit:g})"
        for each in found.objectives
        if not each.held
    ]
    right = ", ".join(f"{found.dossiers(fate)} {FATES[fate][1]}" for fate in sorted(RIGHT) if found.dossiers(fate))
    lines.append(f"{found.dossiers()} dossiers: {right or 'none of them right'}")
    for fate in (fate for fate in WRONG if found.dossiers(fate)):
        codes = ", ".join(each.dossier_code for each in found.examples if each.fate is fate)
        lines.append(f"   {found.dossiers(fate)} {FATES[fate][1]}: {codes}")
    lines += _refunds(found)
    lines += _files(found)
    if found.strangers:
        lines.append(
            f"   {found.strangers} payments at the banks ({found.strangers_vnd:,} VND) are no payer's of this run"
        )
    lines += _limits(found)
    return "\n".join(lines)


def _refunds(found: Found) -> list[str]:
    return [
        f"   {each.bank} gave back {each.returned_vnd:,} VND; the connector says {each.refunded_vnd:,} of the fees,"
        f" and {each.due_vnd:,} still due"
        for each in found.refunds
    ]


def _files(found: Found) -> list[str]:
    files = found.files
    if not files.read:
        return []
    sales, returns = sum(each.sales for each in files.read), sum(each.returns for each in files.read)
    lines = [
        f"   {len(files.read)} files of the banks: {sales} rows of payments, {returns} of money that went back,"
        f" {files.payments} payments looked for"
    ]
    lines += [f"   {each.rows} rows of {each.bank} {each.kind}: {FLAWS[each.flaw][1]}" for each in files.wrong]
    lines += [
        f"      {each.order_ref} {each.dossier_code}: ledger {each.ledger_vnd:,}, file {each.file_vnd:,} VND,"
        f" {each.file} line {each.line}"
        for each in files.examples
    ]
    lines += [f"   the connector, of {each.bank}'s file: {each.failed or each.said}" for each in files.handed_in]
    return lines


def _limits(found: Found) -> list[str]:
    limits = found.limits
    if not limits.turned_away and limits.behind_s < 1:
        return []
    return [
        f"   the generator was the limit: {limits.turned_away} payers could not be sent, the latest came"
        f" {limits.behind_s:g} s late. Locust sends about 1,000 to 1,500 payments a second from two shared cores; give"
        " it more --processes, --users or machines"
    ]


def _told(value: float | None) -> str:
    return "nothing measured" if value is None else f"{value:g}"


def junit_xml(found: Found) -> str:
    """One test case an objective."""
    failed = [each for each in found.objectives if not each.held]
    suite = ElementTree.Element(
        "testsuite",
        name=f"banksim load {found.scenario}: {found.target}",
        tests=str(len(found.objectives)),
        failures=str(len(failed)),
        errors="0",
        skipped="0",
        timestamp=datetime.fromtimestamp(found.began, GMT7).isoformat(timespec="seconds"),
        time=str(found.took_s),
    )
    for each in found.objectives:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"banksim.load.{found.scenario}",
            name=f"{each.name} at most {each.limit:g} {each.unit}",
        )
        if not each.held:
            said = f"{each.name}: {_told(each.found)} {each.unit}, at most {each.limit:g}"
            ElementTree.SubElement(case, "failure", message=said, type="objective")
    document = ElementTree.Element("testsuites")
    document.append(suite)
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding="unicode") + "\n"


def html_report(found: Found) -> str:
    """One self-contained page in both languages."""
    conformance_pages = Path(__file__).parent.parent / "conformance" / "pages"
    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent / "pages", conformance_pages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"diagram": _diagrams, "local": _local}
    return environment.get_template("load.html").render(
        found=found,
        charts=_charts(found),
        fates=FATES,
        flaws=FLAWS,
        objectives=OBJECTIVES,
        right=RIGHT,
        banks=sorted({each.bank for each in found.fates}),
        cells={(each.bank, each.fate): each for each in found.fates},
        limits=_limits(found),
    )


def _diagrams(exchanges: tuple[Exchange, ...]) -> Markup:
    """The same diagram in each language."""
    both = [("vi", LIFELINES_VI), ("en", LIFELINES_EN)]
    return Markup("").join(
        Markup('<div lang="{}">{}</div>').format(language, sequence_svg(exchanges, words)) for language, words in both
    )


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, GMT7).strftime("%d/%m/%Y %H:%M:%S (GMT+7)")


Drawn = tuple[Words, Markup, list[tuple[str, str]]]
"""Title, drawing, and (style, label) of each line where there are several."""


def _charts(found: Found) -> list[Drawn]:
    bands = [
        Band(each.at - found.began, each.until - found.began, f"{each.vi} / {each.en}") for each in found.happenings
    ]
    drawn: list[Drawn] = []
    arrivals = _arrivals(found)
    if arrivals:
        lines = [Line("/s", "one", arrivals)]
        drawn.append((("Số người nộp mỗi giây", "Payers a second"), chart(lines, bands, found.took_s, "/s"), []))
    for name, windows in found.windows.items():
        lines = [
            Line("p50", "one", _points(found, windows, "p50_ms")),
            Line("p95", "two", _points(found, windows, "p95_ms")),
            Line("p99", "three", _points(found, windows, "p99_ms")),
        ]
        labels = [(line.css, line.label) for line in lines]
        drawn.append((NAMES.get(name, (name, name)), chart(lines, bands, found.took_s, "ms"), labels))
    if found.in_flight:
        lines = [Line("VND", "one", found.in_flight)]
        drawn.append((("Tiền đang đi đường", "Money in flight"), chart(lines, bands, found.took_s, "VND"), []))
    return drawn


def _arrivals(found: Found) -> list[tuple[float, float]]:
    windows = found.windows.get("open 2") or found.windows.get("open") or ()
    points, before = [], found.began
    for each in windows:
        points.append((each.at - found.began, each.requests / max(each.at - before, 0.1)))
        before = each.at
    return points


def _points(found: Found, windows: Sequence[Window], field: str) -> list[tuple[float, float]]:
    return [(each.at - found.began, getattr(each, field)) for each in windows]
