"""The pytest plugin on tiny suites of its own: every verdict, and silence where nobody asks for it."""

import re
from pathlib import Path

import pytest

from conformance.requirement import catalogue
from conformance.results import Finding, Results, Verdict, decode

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "conformance" / "targets" / "portal.toml"

TARGET = """
from conformance.target import BankSetup

class Connector:
    name = "fake"
    bank_url = ""
    banks = {"alpha": BankSetup(methods=("redirect", "qr")), "beta": BankSetup(methods=("bill",))}
    settle_s = 0.1
    policies = {"acknowledges": "first"}
    capabilities = frozenset({"cancel"})
    def start(self, bank_url, workdir): ...
    def stop(self): ...
    def open(self, dossier_code, amount_vnd, bank, method, payer=""): ...
    def status(self, dossier_code): ...
    def callback_url(self, bank): return ""
    def inquiry_url(self, bank): return ""
    def cancel(self, dossier_code): ...
"""

FIXTURES = """
import pytest
from datetime import UTC, datetime
from conformance.plugin import RECORDER
from conformance.running import Run
from simulator.client import JournalEntry

def entry(number):
    return JournalEntry(
        id=number, direction="out", at=datetime(2026, 3, 1, tzinfo=UTC), bank="alpha", operation="callback",
        payment_id="p1", order_ref="r1", method="GET", url="http://127.0.0.1:9/callback", request_headers=(),
        request_body="x" * 5000, request_body_base64="", status=200, response_headers=(),
        response_body='{"RspCode":"00"}', response_body_base64="", note="")

class Sandbox:
    def journal(self, **_):
        return tuple(entry(number) for number in range(60))

class Bench:
    def __init__(self):
        self.story = ["a payer opens a payment", "the bank sends a forged callback"]

@pytest.fixture(scope="session")
def conformance_run(request):
    recorder = request.config.stash[RECORDER]
    shapes = {"alpha": "redirect", "beta": "bill"}
    recorder.run = Run(simulator=None, sandbox=Sandbox(), target=recorder.target, shapes=shapes)
    return recorder.run

@pytest.fixture
def bench(case):
    return Bench()
"""

HEAD = """
from conformance.requirement import Level, Failure, NotApplicable, expect, requirement

def asked(id, **fits):
    return requirement(id, level=Level.MUST, source="house", says="The connector keeps it.", vi="Giữ.",
                       why="Money is lost.", why_vi="Mất tiền.", **fits)
"""


PLUGINS = ("-pconformance.plugin", "-pno:cacheprovider")


class Suite:
    """One tiny suite, run in this process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.makepyfile(fake_connector=TARGET)
        pytester.makeconftest(FIXTURES)
        pytester.syspathinsert()

    def run(self, body: str, *options: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_suite=HEAD + body)
        return self.pytester.runpytest_inprocess(
            "--banksim-target=fake_connector:Connector",
            "--banksim-results=results.json",
            "--banksim-seed=s1",
            *PLUGINS,
            *options,
        )

    @property
    def results(self) -> Results:
        return decode((self.pytester.path / "results.json").read_bytes())

    def finding(self, requirement_id: str, bank: str = "alpha", method: str = "redirect") -> Finding:
        return next(
            each
            for each in self.results.findings
            if (each.requirement_id, each.bank, each.method) == (requirement_id, bank, method)
        )


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)


def test_a_requirement_is_asked_of_every_bank_and_method_of_the_target(suite: Suite) -> None:
    suite.run('@asked("MONEY-01")\ndef test_it(bench): pass\n')
    cases = [(each.bank, each.method) for each in suite.results.findings]
    assert cases == [("alpha", "redirect"), ("alpha", "qr"), ("beta", "bill")]


def test_what_has_nothing_to_do_with_the_method_is_asked_once_a_bank(suite: Suite) -> None:
    suite.run('@asked("MONEY-01", once_a_bank=True)\ndef test_it(bench): pass\n')
    found = [(each.case, each.verdict, each.sentence) for each in suite.results.findings]
    assert found == [
        ("alpha / redirect", Verdict.PASSED, ""),
        ("alpha / qr", Verdict.NOT_APPLICABLE, "it is asked once a bank, here by the method redirect"),
        ("beta / bill", Verdict.PASSED, ""),
    ]


@pytest.mark.parametrize(
    ("words", "asked_of"),
    [
        ((), ["alpha / redirect", "gamma / qr"]),
        (("--banksim-bank=beta", "--banksim-bank=gamma", "--banksim-part"), ["gamma / qr"]),
        (("--banksim-bank=beta",), ["beta / redirect"]),
        (("--banksim-method=qr",), ["alpha / qr", "gamma / qr"]),
    ],
)
def test_what_takes_long_is_asked_once_a_shape_unless_banks_were_named(
    suite: Suite, pytester: pytest.Pytester, words: tuple[str, ...], asked_of: list[str]
) -> None:
    bank = "BankSetup(methods=('redirect', 'qr'))"
    banks = f"banks = {{'alpha': {bank}, 'beta': {bank}, 'gamma': BankSetup(methods=('qr',))}}"
    pytester.makepyfile(fake_connector=re.sub("banks = .*", banks, TARGET))
    shapes = '{"alpha": "redirect", "beta": "redirect", "gamma": "advice"}'
    pytester.makeconftest(re.sub("shapes = .*", f"shapes = {shapes}", FIXTURES))
    suite.run('@asked("MONEY-01", once_a_shape=True)\ndef test_it(bench): pass\n', *words)
    assert [each.case for each in suite.results.findings if each.verdict is Verdict.PASSED] == asked_of


def test_a_requirement_that_holds_is_passed(suite: Suite) -> None:
    run = suite.run('@asked("MONEY-01")\ndef test_it(bench): expect(True, "it holds")\n')
    assert suite.finding("MONEY-01").verdict is Verdict.PASSED
    assert run.ret == 0


def test_a_failure_is_held_against_the_connector_with_what_was_seen(suite: Suite) -> None:
    run = suite.run(
        '@asked("MONEY-01")\n'
        'def test_it(bench): expect(False, "the dossier is unpaid", expected="pending", actual="paid")\n'
    )
    finding = suite.finding("MONEY-01")
    assert finding.verdict is Verdict.FAILED
    assert (finding.sentence, finding.expected, finding.actual) == ("the dossier is unpaid", "pending", "paid")
    assert finding.story == ("a payer opens a payment", "the bank sends a forged callback")
    assert run.ret == 1


def test_evidence_is_bounded(suite: Suite) -> None:
    suite.run('@asked("MONEY-01")\ndef test_it(bench): expect(False, "it holds")\n')
    finding = suite.finding("MONEY-01")
    assert len(finding.exchanges) == 40
    assert len(finding.exchanges[0].request_body) == 2000


@pytest.mark.parametrize(
    "body",
    ["raise KeyError('amount')", "assert 1 == 2", "bench.no_such_step()", "import pytest; pytest.fail('oops')"],
)
def test_any_other_exception_is_the_suites_own_fault(suite: Suite, body: str) -> None:
    run = suite.run(f'@asked("MONEY-01")\ndef test_it(bench): {body}\n')
    assert suite.finding("MONEY-01").verdict is Verdict.BROKEN
    assert suite.finding("MONEY-01").trace
    assert run.ret == 1
    run.assert_outcomes(errors=3)


def test_an_error_in_the_target_file_is_never_the_connectors(suite: Suite) -> None:
    suite.run(
        "from conformance.target import BadTarget\n"
        '@asked("MONEY-01")\ndef test_it(bench): raise BadTarget("portal.toml: no word for da_nop")\n'
    )
    finding = suite.finding("MONEY-01")
    assert (finding.verdict, finding.sentence) == (Verdict.BROKEN, "portal.toml: no word for da_nop")


def test_a_failure_while_the_bench_is_set_up_counts_as_a_failure(suite: Suite) -> None:
    suite.run(
        "import pytest\n"
        "@pytest.fixture\ndef opened(bench): expect(False, 'the connector opens a payment')\n"
        '@asked("MONEY-01")\ndef test_it(opened): pass\n'
    )
    assert suite.finding("MONEY-01").verdict is Verdict.FAILED


def test_a_broken_ending_spoils_a_pass_but_not_a_failure(suite: Suite) -> None:
    suite.run(
        "import pytest\n"
        "@pytest.fixture\ndef messy(bench):\n    yield bench\n    raise OSError('disk')\n"
        '@asked("MONEY-01")\ndef test_one(messy): pass\n'
        '@asked("MONEY-02")\ndef test_two(messy): expect(False, "it holds")\n'
    )
    assert suite.finding("MONEY-01").verdict is Verdict.BROKEN
    assert suite.finding("MONEY-02").verdict is Verdict.FAILED


def test_a_group_of_failures_alone_is_a_failure(suite: Suite) -> None:
    suite.run(
        '@asked("HISTORY-01")\ndef test_one(bench):\n'
        "    raise ExceptionGroup('two', [Failure('books agree'), Failure('one receipt')])\n"
        '@asked("HISTORY-02")\ndef test_two(bench):\n'
        "    raise ExceptionGroup('two', [Failure('books agree'), KeyError('x')])\n"
    )
    assert suite.finding("HISTORY-01").sentence == "books agree"
    assert suite.finding("HISTORY-02").verdict is Verdict.BROKEN


def test_notes_on_a_failure_become_part_of_its_story(suite: Suite) -> None:
    suite.run(
        '@asked("HISTORY-01")\ndef test_one(bench):\n'
        "    failure = Failure('books agree')\n    failure.add_note('Falsifying example: pay twice')\n"
        "    raise failure\n"
    )
    assert suite.finding("HISTORY-01").story[-1] == "Falsifying example: pay twice"


@pytest.mark.parametrize(
    ("fits", "asked", "reason"),
    [
        ('needs=("refund",)', [], "it needs refund, which the target does not declare"),
        ('needs=("cancel",)', ["alpha-redirect", "alpha-qr", "beta-bill"], ""),
        ('shapes=("bill",)', ["beta-bill"], "it is asked of banks of the kind bill only"),
        ('banks=("alpha",)', ["alpha-redirect", "alpha-qr"], "it is asked of alpha only"),
        ('methods=("qr",)', ["alpha-qr"], "it is asked of qr only"),
    ],
)
def test_what_does_not_fit_is_not_applicable_and_says_why(
    suite: Suite, fits: str, asked: list[str], reason: str
) -> None:
    suite.run(f'@asked("MONEY-01", {fits})\ndef test_it(bench): pass\n')
    findings = suite.results.findings
    assert [f"{each.bank}-{each.method}" for each in findings if each.verdict is Verdict.PASSED] == asked
    left_out = [each for each in findings if each.verdict is Verdict.NOT_APPLICABLE]
    assert len(left_out) == 3 - len(asked)
    assert {each.sentence for each in left_out} <= {reason}


def test_a_test_may_find_itself_not_applicable(suite: Suite) -> None:
    suite.run('@asked("MONEY-01")\ndef test_it(bench): raise NotApplicable("this bank sends the browser nowhere")\n')
    finding = suite.finding("MONEY-01")
    assert (finding.verdict, finding.sentence) == (
        Verdict.NOT_APPLICABLE,
        "this bank sends the browser nowhere",
    )


def test_a_run_in_which_nothing_could_be_asked_fails(suite: Suite) -> None:
    run = suite.run('@asked("MONEY-01", needs=("refund",))\ndef test_it(bench): pass\n')
    assert run.ret == 2


def test_an_empty_run_fails(suite: Suite) -> None:
    run = suite.run("")
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert suite.results.findings == ()


def test_a_suite_that_cannot_be_read_is_told_in_the_results(suite: Suite) -> None:
    run = suite.run("import no_such_module\n")
    assert run.ret != 0
    assert "no_such_module" in suite.results.stopped


def test_only_the_chosen_requirement_bank_and_method_are_asked(suite: Suite) -> None:
    body = '@asked("MONEY-01")\ndef test_one(bench): pass\n@asked("MONEY-02")\ndef test_two(bench): pass\n'
    choice = ("--banksim-requirement=MONEY-02", "--banksim-bank=alpha", "--banksim-method=qr")
    suite.run(body, *choice)
    assert [(each.requirement_id, each.case) for each in suite.results.findings] == [("MONEY-02", "alpha / qr")]
    assert suite.results.partly


def test_results_tell_the_seed_the_target_and_the_requirements_in_catalogue_order(suite: Suite) -> None:
    suite.run('@asked("MONEY-02")\ndef test_b(bench): pass\n@asked("ORDER-10")\ndef test_a(bench): pass\n')
    results = suite.results
    assert results.seed == "s1"
    assert [each.id for each in results.requirements] == ["ORDER-10", "MONEY-02"]
    assert results.target.banks == {"alpha": ("redirect", "qr"), "beta": ("bill",)}
    assert results.target.policies == {"acknowledges": "first"}


def test_a_failure_is_printed_in_sentences_not_as_a_traceback(suite: Suite) -> None:
    run = suite.run('@asked("MONEY-01")\ndef test_it(bench): expect(False, "it holds", expected=1, actual=2)\n')
    run.stdout.fnmatch_lines(["MONEY-01 (MUST): The connector keeps it.", "*does not hold: it holds"])
    run.stdout.no_fnmatch_line("*Traceback*")
    run.stdout.no_fnmatch_line(">*expect(False*")


def test_progress_is_one_line_an_answer_on_stderr(suite: Suite) -> None:
    run = suite.run('@asked("MONEY-01")\ndef test_it(bench): pass\n', "--banksim-progress", "-s")
    assert "[1/3] MONEY-01" in run.stderr.str()
    assert "[3/3] MONEY-01" in run.stderr.str()


def test_without_a_target_a_requirement_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=HEAD + '@asked("MONEY-01")\ndef test_it(bench): pass\n')
    run = pytester.runpytest_inprocess(*PLUGINS)
    assert run.ret != 0
    assert "--banksim-target" in run.stdout.str() + run.stderr.str()


def test_a_target_that_is_none_is_a_usage_error(pytester: pytest.Pytester) -> None:
    run = pytester.runpytest_inprocess("--banksim-target=missing.toml", *PLUGINS)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert "missing.toml cannot be read" in run.stderr.str()


def test_a_seed_that_could_not_stand_in_a_dossier_code_is_refused(suite: Suite) -> None:
    run = suite.run("", "--banksim-seed=a b")
    assert run.ret == pytest.ExitCode.USAGE_ERROR


def test_it_imports_nothing_heavy_into_other_peoples_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_quiet="""
        import sys
        def test_nothing_is_there():
            heavy = {"httpx", "jmespath", "jinja2", "msgspec", "simulator", "conformance.bench"}
            assert not heavy & set(sys.modules)
        """
    )
    run = pytester.runpytest_subprocess(*PLUGINS)
    run.assert_outcomes(passed=1)
    run.stdout.no_fnmatch_line("*connector*")


INTEGRATOR = """
import hashlib, hmac
from datetime import timedelta
from urllib.parse import urlencode

def order(sandbox, amount_vnd):
    now = sandbox.clock().now + timedelta(hours=7)
    fields = {
        "vnp_Version": "2.1.0", "vnp_Command": "pay", "vnp_TmnCode": "DEMOV210", "vnp_CurrCode": "VND",
        "vnp_Amount": str(amount_vnd * 100), "vnp_CreateDate": f"{now:%Y%m%d%H%M%S}", "vnp_IpAddr": "127.0.0.1",
        "vnp_ExpireDate": f"{now + timedelta(minutes=15):%Y%m%d%H%M%S}", "vnp_Locale": "vn",
        "vnp_OrderInfo": "Le phi", "vnp_OrderType": "other", "vnp_ReturnUrl": "http://127.0.0.1:9/back",
        "vnp_TxnRef": "R1",
    }
    signed = urlencode(sorted(fields.items()))
    key = b"SIMULATORSECRETKEY0123456789ABCD"
    signature = hmac.new(key, signed.encode(), hashlib.sha512).hexdigest()
    return f"{sandbox.url}/vnpay/paymentv2/vpcpay.html?{signed}&vnp_SecureHash={signature}"

def test_a_payer_pays(banksim, sandbox, payer):
    walk = payer.pay(order(sandbox, 50_000))
    assert walk.state == "paid"
    assert [each.amount_vnd for each in sandbox.ledger()] == [50_000]
    assert sandbox.name in [each.name for each in banksim.sandboxes()]

def test_the_next_test_has_a_sandbox_of_its_own(sandbox):
    assert sandbox.payments() == ()
    assert sandbox.view().manual
"""


def test_an_integrators_own_tests_have_a_simulator_a_sandbox_and_a_payer(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_ours=INTEGRATOR)
    run = pytester.runpytest_inprocess(*PLUGINS)
    run.assert_outcomes(passed=2)


def blocks(name: str) -> list[str]:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_documents_examples_run_as_they_stand_and_keep_still_without_a_target(pytester: pytest.Pytester) -> None:
    ours, _ = blocks("pytest.md")
    pytester.makepyfile(test_ours=ours)
    pytester.runpytest_inprocess(*PLUGINS, "--strict-markers").assert_outcomes(passed=2)


def test_the_requirements_are_asked_in_ones_own_run_beside_ones_own_tests(pytester: pytest.Pytester) -> None:
    _, own = blocks("pytest.md")
    pytester.makepyfile(test_ours=own + "\n\ndef test_plain():\n    pass\n")
    pytester.makeini(f"[pytest]\nbanksim_target = {PORTAL}\n")
    chosen = "banksim(bank='vnpay', id='MONEY-01') or banksim(bank='vnpay', id='NOTICE-90') or not banksim"
    run = pytester.runpytest_subprocess(
        *PLUGINS, "--banksim-check", "--banksim-results=results.json", "--strict-markers", "-v", "-m", chosen
    )
    found = decode((pytester.path / "results.json").read_bytes())
    asked = {(each.requirement_id, each.bank, each.verdict.value) for each in found.findings if each.method != "qr"}
    assert asked == {("MONEY-01", "vnpay", "passed"), ("NOTICE-90", "vnpay", "passed")}
    assert found.partly
    assert run.ret == 0
    run.stdout.fnmatch_lines(["*test_plain PASSED*"])


def test_every_requirement_is_collected_whatever_a_projects_tests_are_called(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\npython_files = *_spec.py\nbanksim_target = {PORTAL}\n")
    run = pytester.runpytest_subprocess(*PLUGINS, "--banksim-check", "--collect-only", "-q", "--banksim-bank=sepay")
    ids = {word for line in run.outlines for word in re.findall(r"::test_\w+", line)}
    assert len(ids) == len(catalogue())


def test_without_a_target_the_requirements_cannot_be_collected(pytester: pytest.Pytester) -> None:
    run = pytester.runpytest_inprocess(*PLUGINS, "--banksim-check")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert "--banksim-target" in run.stderr.str()


def test_a_configured_target_alone_asks_nothing(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nbanksim_target = missing.toml\n")
    pytester.makepyfile(test_ours="def test_plain(): pass")
    pytester.runpytest_inprocess(*PLUGINS).assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["-k test_one", "-mbanksim(id='MONEY-01')"])
def test_a_choice_made_with_pytests_own_words_is_a_part_of_the_answer(suite: Suite, how: str) -> None:
    body = '@asked("MONEY-01")\ndef test_one(bench): pass\n@asked("MONEY-02")\ndef test_two(bench): pass\n'
    suite.run(body, *how.split(" ", 1), "--strict-markers")
    assert {each.requirement_id for each in suite.results.findings} == {"MONEY-01"}
    assert suite.results.partly


def test_a_marker_sets_seed_and_time_of_the_sandbox_and_of_the_banks_in_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_ours="""
        from datetime import UTC, datetime
        import httpx, pytest
        AT = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
        pytestmark = pytest.mark.banksim(seed="42", clock_at=AT)

        @pytest.fixture
        def banksim_connector():
            return lambda request: httpx.Response(200, json={"RspCode": "00"})

        @pytest.fixture
        def banksim_hosts():
            return {"https://api.bank.example": "payos"}

        def test_a_sandbox(sandbox):
            view = sandbox.view()
            assert (view.seed, view.now) == ("42", AT)

        def test_in_process(banksim_inprocess):
            view = banksim_inprocess.sandbox.view()
            assert (view.seed, view.now) == ("42", AT)
            assert httpx.get("https://api.bank.example/v2/payment-requests/1").json()["code"] == "401"
        """
    )
    pytester.runpytest_inprocess(*PLUGINS, "--strict-markers").assert_outcomes(passed=2)


@pytest.mark.parametrize("marker", ["banksim('42')", "banksim(sed='42')"])
def test_a_marker_that_says_something_else_is_refused(pytester: pytest.Pytester, marker: str) -> None:
    pytester.makepyfile(test_ours=f"import pytest\n@pytest.mark.{marker}\ndef test_it(banksim_inprocess): pass\n")
    run = pytester.runpytest_inprocess(*PLUGINS)
    run.assert_outcomes(errors=1)
    assert "takes seed and clock_at, by name" in run.stdout.str()
