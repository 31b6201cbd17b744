"""The reports: what they must tell, and that nothing a connector wrote can act in them."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from conformance.diagram import sequence_svg
from conformance.junit import junit_xml
from conformance.report import html_report, markdown_report, verdict_text
from conformance.requirement import Level
from conformance.results import (
    Asked,
    Exchange,
    Finding,
    Judgement,
    Results,
    TargetView,
    Verdict,
    decode,
    encode,
    judge,
    replay_command,
)
from tests.junit_schema import objections

HOSTILE = "</script></style></title><script>alert('x')</script><img src=x onerror=alert(1)>\"'`|\x00\x1b\ufffe đã nộp"


def _asked(id: str, level: Level = Level.MUST) -> Asked:
    return Asked(
        id=id,
        area=id.partition("-")[0],
        level=level,
        source="vnpay-pay-2.1.0#ipn",
        says=f"The connector keeps {id}.",
        says_vi=f"Bộ kết nối giữ {id}.",
        why="A forged message is paid.",
        why_vi="Tin giả được coi là đã nộp.",
        guards=("egov D1",),
    )


def _finding(id: str, verdict: Verdict, bank: str = "vnpay", method: str = "redirect") -> Finding:
    return Finding(requirement_id=id, bank=bank, method=method, verdict=verdict)


CALLBACK = Exchange(
    direction="out",
    at="2026-03-01T08:00:01+00:00",
    bank="vnpay",
    operation="callback",
    method="GET",
    url="http://127.0.0.1:9000/ipn?vnp_Amount=5000000",
    status=200,
    response_body='{"RspCode":"00"}',
    note="a callback with a forged signature",
)

FAILED = replace(
    _finding("SIGNATURE-01", Verdict.FAILED),
    sentence="the dossier is unpaid",
    expected="pending",
    actual="paid, 50,000 VND",
    story=("a payer opens a payment", "the bank sends a forged callback"),
    exchanges=(CALLBACK,),
)


def _results(*findings: Finding, **changes: object) -> Results:
    return replace(
        Results(
            seed="s1",
            started_at="2026-03-01T17:30:00+00:00",
            took_s=12.5,
            versions={"banksim": "0.1.0", "python": "3.11"},
            target=TargetView(
                name="Một cửa",
                source="portal.toml",
                banks={"vnpay": ("redirect", "qr"), "vietinbank": ("bill",)},
                capabilities=("refund",),
                policies={"acknowledges": "first"},
            ),
            requirements=(_asked("SIGNATURE-01"), _asked("MONEY-01"), _asked("MONEY-02", Level.SHOULD)),
            findings=findings,
            replay="banksim check --target portal.toml",
        ),
        **changes,
    )


# --- judgement -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "judgement"),
    [
        ({"MONEY-01": Verdict.PASSED}, Judgement.CONFORMANT),
        ({"MONEY-01": Verdict.PASSED, "SIGNATURE-01": Verdict.NOT_APPLICABLE}, Judgement.CONFORMANT),
        ({"MONEY-01": Verdict.PASSED, "MONEY-02": Verdict.FAILED}, Judgement.CONFORMANT),
        ({"MONEY-01": Verdict.PASSED, "MONEY-02": Verdict.BROKEN}, Judgement.CONFORMANT),
        ({"MONEY-01": Verdict.PASSED, "SIGNATURE-01": Verdict.FAILED}, Judgement.NOT_CONFORMANT),
        ({"MONEY-01": Verdict.BROKEN, "SIGNATURE-01": Verdict.FAILED}, Judgement.NOT_CONFORMANT),
        ({"MONEY-01": Verdict.BROKEN, "SIGNATURE-01": Verdict.PASSED}, Judgement.UNJUDGED),
        ({"MONEY-01": Verdict.NOT_APPLICABLE}, Judgement.UNJUDGED),
        ({}, Judgement.UNJUDGED),
    ],
)
def test_conformant_is_every_must_kept_or_not_applicable_and_something_judged(
    verdicts: dict[str, Verdict], judgement: Judgement
) -> None:
    assert judge(_results(*(_finding(id, verdict) for id, verdict in verdicts.items()))) is judgement


def test_a_run_that_stopped_cannot_be_conformant_but_its_failures_count() -> None:
    passed = _finding("MONEY-01", Verdict.PASSED)
    assert judge(_results(passed, stopped="interrupted")) is Judgement.UNJUDGED
    assert judge(_results(passed, FAILED, stopped="interrupted")) is Judgement.NOT_CONFORMANT


def test_results_survive_their_file() -> None:
    results = _results(FAILED, _finding("MONEY-01", Verdict.PASSED), partly=True)
    assert decode(encode(results)) == results


def test_the_replay_command_asks_exactly_the_same() -> None:
    assert replay_command(_results(FAILED), FAILED) == (
        "banksim check --target portal.toml --seed s1 --requirement SIGNATURE-01 --bank vnpay --method redirect"
    )


# --- the terminal --------------------------------------------------------------------------------------------------


def test_the_verdict_is_short_and_says_what_failed_where_and_how_to_see_it_again() -> None:
    other = replace(FAILED, bank="vietinbank", method="bill")
    text = verdict_text(_results(FAILED, other, _finding("MONEY-01", Verdict.PASSED)))
    assert text.splitlines()[:3] == [
        "NOT CONFORMANT: Một cửa (seed s1)",
        "1 of 2 MUST requirements are not kept.",
        "1 passed, 2 failed, 0 broken test, 0 not applicable; 3 requirements, banks vnpay, vietinbank, 12.5 s",
    ]
    assert "FAILED SIGNATURE-01 (MUST) The connector keeps SIGNATURE-01." in text
    assert "vnpay / redirect (and 1 more): it does not hold that the dossier is unpaid" in text
    assert "expected pending; found paid, 50,000 VND" in text
    assert "replay: banksim check --target portal.toml --seed s1 --requirement SIGNATURE-01" in text
    assert len(text.splitlines()) < 10


def test_a_partial_run_does_not_claim_the_whole() -> None:
    text = verdict_text(_results(_finding("MONEY-01", Verdict.PASSED), partly=True))
    assert "Every MUST requirement that was asked is kept." in text


def test_what_stopped_the_run_is_the_verdicts_reason() -> None:
    text = verdict_text(_results(stopped="configuration: the connector cannot be started"))
    assert text.startswith("COULD NOT JUDGE")
    assert "configuration: the connector cannot be started" in text


def test_a_terminal_is_safe_from_long_values_and_from_commands() -> None:
    long = replace(FAILED, actual="x" * 5000 + "\n\n\n")
    assert max(map(len, verdict_text(_results(long)).splitlines())) < 400
    commands = replace(FAILED, sentence="\x1b[2J\x07", actual="\x9b2J")
    assert all(char.isprintable() or char == "\n" for char in verdict_text(_results(commands)))


# --- HTML ----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would build: elements with their attributes, and the text outside <style>."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "style":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def test_the_page_tells_the_failure_whole() -> None:
    text = Page(html_report(_results(FAILED, _finding("MONEY-01", Verdict.PASSED)))).text
    for told in (
        "KHÔNG ĐẠT",
        "NOT CONFORMANT",
        "Bộ kết nối giữ SIGNATURE-01.",
        "The connector keeps SIGNATURE-01.",
        "Tin giả được coi là đã nộp.",
        "A forged message is paid.",
        "the dossier is unpaid",
        "pending",
        "paid, 50,000 VND",
        "the bank sends a forged callback",
        "egov D1",
        "vnpay-pay-2.1.0#ipn",
        "--requirement SIGNATURE-01 --bank vnpay --method redirect",
        "02/03/2026 00:30 (GMT+7)",
        "a callback with a forged signature",
    ):
        assert told in text


def test_the_matrix_has_a_mark_for_every_finding_under_its_bank() -> None:
    findings = (
        FAILED,
        replace(_finding("SIGNATURE-01", Verdict.PASSED), method="qr"),
        replace(_finding("SIGNATURE-01", Verdict.NOT_APPLICABLE), bank="vietinbank", method="bill"),
        _finding("MONEY-01", Verdict.BROKEN),
    )
    page = Page(html_report(_results(*findings)))
    cells = [
        (each["data-column"], (each["class"] or "").removeprefix("mark "))
        for tag, each in page.elements
        if tag == "td" and "data-column" in each
    ]
    assert cells == [
        *(("vnpay redirect", "failed"), ("vnpay qr", "passed"), ("vietinbank bill", "not_applicable")),
        ("vnpay redirect", "broken"),
    ]


def test_a_conformant_page_says_so_and_shows_no_failure() -> None:
    page = Page(html_report(_results(_finding("MONEY-01", Verdict.PASSED))))
    assert "ĐẠT" in page.text
    assert "KHÔNG ĐẠT" not in page.text
    assert not [each for tag, each in page.elements if tag == "article"]


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = Page(html_report(_results(FAILED)))
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "img", "iframe", "object", "base")]
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert (attributes.get("href") or "#").startswith("#")
    html = html_report(_results(FAILED))
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert "url(" not in html
    assert "@import" not in html


def _hostile() -> Results:
    exchange = Exchange(
        direction=HOSTILE,
        at=HOSTILE,
        bank=HOSTILE,
        operation=HOSTILE,
        method=HOSTILE,
        url=HOSTILE,
        request_body=HOSTILE,
        response_body=HOSTILE,
        note=HOSTILE,
    )
    failed = replace(
        FAILED, sentence=HOSTILE, expected=HOSTILE, actual=HOSTILE, story=(HOSTILE,), exchanges=(exchange, CALLBACK)
    )
    broken = replace(failed, requirement_id="MONEY-01", verdict=Verdict.BROKEN, trace=HOSTILE)
    left_out = replace(_finding("MONEY-02", Verdict.NOT_APPLICABLE), sentence=HOSTILE)
    target = TargetView(
        name=HOSTILE,
        source=HOSTILE,
        banks={"vnpay": ("redirect",), HOSTILE: (HOSTILE,)},
        capabilities=(HOSTILE,),
        policies={HOSTILE: HOSTILE},
    )
    return _results(failed, broken, left_out, target=target, replay=HOSTILE)


def test_nothing_a_connector_wrote_becomes_markup() -> None:
    harmless, hostile = Page(html_report(_results(FAILED))), Page(html_report(_hostile()))
    assert {tag for tag, _ in hostile.elements} - {tag for tag, _ in harmless.elements} <= {"dl", "dt", "dd", "article"}
    assert not [tag for tag, _ in hostile.elements if tag in ("script", "img")]
    assert not [name for _, each in hostile.elements for name in each if name.startswith("on")]
    assert "<script>alert('x')</script>" in hostile.text


def test_a_sentence_that_stops_the_run_is_no_markup_either() -> None:
    page = Page(html_report(_results(stopped=HOSTILE)))
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]


# --- the diagram ---------------------------------------------------------------------------------------------------

LABELS = ("Payer", "Connector", "Bank")


def _arrows(svg: str) -> list[tuple[str, str, str, str]]:
    """(kind, from x, to x, words) of every arrow."""
    found = re.findall(
        r'<g class="(\w+)"><title>[^<]*</title><line x1="(\d+)" y1="\d+" x2="(\d+)" y2="\d+"/>'
        r'<path d="[^"]+"/><text[^>]*>([^<]*)</text></g>',
        svg,
    )
    return [(kind, start, end, words) for kind, start, end, words in found]


def test_the_diagram_is_well_formed_and_shows_who_spoke_to_whom() -> None:
    create = replace(CALLBACK, direction="in", operation="create", note="", url="http://x/pay.html?a=1", status=302)
    query = replace(CALLBACK, direction="in", operation="query", method="POST", note="", url="http://x/api")
    crafted = replace(CALLBACK, operation="crafted", note="a callback with a forged signature")
    callback = replace(CALLBACK, note="")
    svg = sequence_svg((create, crafted, callback, query), LABELS)
    ElementTree.fromstring(svg)
    arrows = _arrows(svg)
    assert [(kind, words) for kind, _, _, words in arrows] == [
        ("ask", "create: GET …/pay.html"),
        ("answer", "302 {&#34;RspCode&#34;:&#34;00&#34;}"),
        ("ask", "a callback with a forged signature"),
        ("answer", "200 {&#34;RspCode&#34;:&#34;00&#34;}"),
        ("ask", "callback: GET …/ipn"),
        ("answer", "200 {&#34;RspCode&#34;:&#34;00&#34;}"),
        ("ask", "query: POST …/api"),
        ("answer", "200 {&#34;RspCode&#34;:&#34;00&#34;}"),
    ]
    payer, connector, bank = 66, 230, 550
    assert [(start, end) for _, start, end, _ in arrows] == [
        (f"{payer + 2}", f"{bank - 2}"),
        (f"{bank - 2}", f"{payer + 2}"),
        *((f"{bank - 2}", f"{connector + 2}"), (f"{connector + 2}", f"{bank - 2}")) * 2,
        (f"{connector + 2}", f"{bank - 2}"),
        (f"{bank - 2}", f"{connector + 2}"),
    ]


def test_an_answer_that_never_came_is_crossed_out() -> None:
    svg = sequence_svg((replace(CALLBACK, status=0),), LABELS)
    assert [kind for kind, *_ in _arrows(svg)] == ["ask", "lost"]
    assert "no answer" in svg


def test_a_long_history_keeps_its_beginning_and_its_end() -> None:
    exchanges = tuple(replace(CALLBACK, note=f"number {number}") for number in range(40))
    svg = sequence_svg(exchanges, LABELS)
    assert "number 7<" in svg
    assert "number 8<" not in svg
    assert "… 24 …" in svg
    assert "number 31<" not in svg
    assert "number 39<" in svg


def test_no_exchange_is_no_diagram() -> None:
    assert sequence_svg((), LABELS) == ""


# --- JUnit and Markdown --------------------------------------------------------------------------------------------


def test_junit_counts_failures_errors_and_skips() -> None:
    findings = (
        FAILED,
        _finding("MONEY-01", Verdict.BROKEN),
        replace(_finding("MONEY-02", Verdict.NOT_APPLICABLE), sentence="it needs refund"),
        replace(_finding("MONEY-02", Verdict.PASSED), method="qr"),
    )
    suite = ElementTree.fromstring(junit_xml(_results(*findings))).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "the dossier is unpaid"
    assert failure.text is not None
    assert "found: paid, 50,000 VND" in failure.text
    assert "2. the bank sends a forged callback" in failure.text
    assert next(case.get("name") for case in suite.iter("testcase")) == (
        "SIGNATURE-01 [vnpay-redirect] The connector keeps SIGNATURE-01."
    )


@pytest.mark.parametrize("stopped", ["", "the connector cannot be started"])
def test_junit_has_the_structure_that_ci_systems_read(stopped: str) -> None:
    verdicts = [_finding("MONEY-01", verdict) for verdict in Verdict]
    for results in (_results(FAILED, *verdicts, stopped=stopped), _hostile()):
        assert objections(ElementTree.fromstring(junit_xml(results))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "<testsuite name='x' tests='2'><testcase name='a'/></testsuite>",
        "<testsuite tests='0'/>",
        "<testsuite name='x' tests='1'><testcase name='a' took='1'/></testsuite>",
        "<testsuite name='x' tests='1'><testcase name='a'><problem/></testcase></testsuite>",
        "<testsuite name='x' tests='1'><testcase name='a'/><properties/></testsuite>",
        "<testsuite name='x' tests='one'/>",
        "<tests/>",
    ],
)
def test_what_is_no_junit_is_seen(wrong: str) -> None:
    assert objections(ElementTree.fromstring(wrong))


def test_a_run_that_stopped_is_an_error_in_junit() -> None:
    suite = ElementTree.fromstring(junit_xml(_results(stopped="the connector cannot be started"))).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_junit_stays_xml_whatever_a_connector_answers() -> None:
    document = ElementTree.fromstring(junit_xml(_hostile()))
    failure = document.find(".//failure")
    assert failure is not None
    assert "<script>alert('x')</script>" in (failure.text or "")


def test_markdown_tells_the_failure_and_the_matrix() -> None:
    text = markdown_report(_results(FAILED, replace(_finding("MONEY-01", Verdict.PASSED), method="qr")))
    assert text.startswith("# NOT CONFORMANT: Một cửa\n")
    assert "## SIGNATURE-01 (MUST)" in text
    assert "- found: `paid, 50,000 VND`" in text
    assert "2. the bank sends a forged callback" in text
    assert "| requirement | vnpay redirect | vnpay qr |" in text
    assert "| SIGNATURE-01 The connector keeps SIGNATURE-01. | ✗ |  |" in text
    assert "| MONEY-01 The connector keeps MONEY-01. |  | ✓ |" in text


def test_markdown_shows_hostile_text_as_text() -> None:
    text = markdown_report(_hostile())
    outside_code = re.sub(r"`[^`\n]*`", "", re.sub(r"```sh\n.*?\n```", "", text, flags=re.DOTALL))
    assert not re.search(r"(?<!\\)<\w", outside_code)
