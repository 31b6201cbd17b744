"""The findings as JUnit XML, for CI systems. Pure."""

import re
from xml.etree import ElementTree

from conformance.results import Finding, Results, Verdict, count

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold, not even escaped."""


def junit_xml(results: Results) -> str:
    """One test case a finding; broken ones are errors, and so is a run that stopped."""
    counts = count(results.findings)
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"banksim check: {results.target.name}"),
        tests=str(len(results.findings) + bool(results.stopped)),
        failures=str(counts[Verdict.FAILED]),
        errors=str(counts[Verdict.BROKEN] + bool(results.stopped)),
        skipped=str(counts[Verdict.NOT_APPLICABLE]),
        timestamp=results.started_at,
        time=str(results.took_s),
    )
    _add_properties(suite, results)
    for finding in results.findings:
        _add_case(suite, results, finding)
    if results.stopped:
        case = ElementTree.SubElement(suite, "testcase", classname="banksim", name="the run")
        ElementTree.SubElement(case, "error", message=_clean(results.stopped))
    document = ElementTree.Element("testsuites")
    document.append(suite)
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding="unicode", xml_declaration=False) + "\n"


def _add_properties(suite: ElementTree.Element, results: Results) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in {"seed": results.seed, **results.versions}.items():
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))


def _add_case(suite: ElementTree.Element, results: Results, finding: Finding) -> None:
    asked = results.asked(finding.requirement_id)
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"banksim.{asked.area}",
        name=_clean(f"{asked.id} [{finding.bank}-{finding.method}] {asked.says}"),
    )
    if finding.verdict is Verdict.NOT_APPLICABLE:
        ElementTree.SubElement(case, "skipped", message=_clean(finding.sentence))
    elif finding.verdict is not Verdict.PASSED:
        kind = "failure" if finding.verdict is Verdict.FAILED else "error"
        problem = ElementTree.SubElement(
            case, kind, message=_clean(finding.sentence), type=f"{asked.level} {finding.verdict}"
        )
        problem.text = _clean(_told(finding))


def _told(finding: Finding) -> str:
    steps = (f"{number}. {sentence}" for number, sentence in enumerate(finding.story, start=1))
    lines = [f"expected: {finding.expected}", f"found: {finding.actual}", *steps, finding.trace]
    return "\n".join(line for line in lines if line)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
