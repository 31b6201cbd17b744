"""Targets: what a target file may say, what it says when it is wrong, and what a connector's answers become."""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from conformance.child import ChildFailed
from conformance.http_target import HttpTarget
from conformance.loading import load_target
from conformance.requirement import Capability
from conformance.target import (
    BadTarget,
    CheckoutKind,
    Discrepancy,
    DiscrepancyKind,
    DossierStatus,
    Refused,
    Report,
    Unreachable,
)
from conformance.target_file import read_target_file
from conformance.targets.portal.banks import counterparts
from conformance.template import BadTemplate, Reply, fill, fill_path, read
from simulator.banks import dialects
from simulator.dialect import Shape
from simulator.payment import Channel

PORTAL = Path(__file__).resolve().parent.parent / "conformance" / "targets" / "portal.toml"

GOOD = """
[connector]
name = "Một cửa"
base_url = "http://127.0.0.1:9"
bank_url = "http://127.0.0.1:8080/s/check"

[banks.vnpay]
methods = ["redirect", "qr"]
callback_url = "{base_url}/ipn"

[verbs.open]
method = "POST"
path = "/pay/{dossier_code}"
json = { amount = "{amount_vnd}", amount_text = "{amount_vnd|text}", how = "{method}", who = "{payer}" }
answer = { kind = "kind", order_ref = "ref", url = "url", payload = "payload", fields = "fields" }

[verbs.status]
method = "GET"
path = "/status/{dossier_code}"
answer = { status = "state", amount_paid_vnd = "paid", receipts = "length(receipts)", refund_due_vnd = "due" }

[status.words]
cho_nop = "pending"
da_nop = "paid"
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "connector.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _problem(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadTarget) as error:
        read_target_file(_write(tmp_path, text))
    return str(error.value)


# --- the file ----------------------------------------------------------------------------------------------------


def test_a_target_file_tells_banks_methods_and_capabilities(tmp_path: Path) -> None:
    text = (
        GOOD + '[verbs.refund]\nmethod = "POST"\npath = "/refund/{dossier_code}"\n[policies]\nacknowledges = "first"\n'
    )
    target = HttpTarget(read_target_file(_write(tmp_path, text)))
    assert target.name == "Một cửa"
    assert target.banks["vnpay"].methods == ("redirect", "qr")
    assert target.capabilities == {Capability.REFUND}
    assert target.policies == {"acknowledges": "first"}
    assert target.callback_url("vnpay") == "http://127.0.0.1:9/ipn"
    assert target.inquiry_url("vnpay") == ""


def test_a_launched_connector_that_keeps_its_books_and_address_can_be_restarted(tmp_path: Path) -> None:
    launch = '[launch]\ncommand = ["a", "{port}"]\nready_line = "up"\n'
    silent = HttpTarget(read_target_file(_write(tmp_path, GOOD + launch)))
    assert not silent.capabilities & {Capability.RESTART, Capability.KILL}
    declared = HttpTarget(read_target_file(_write(tmp_path, f"{GOOD}{launch}restart = true\n")))
    assert declared.capabilities >= {Capability.RESTART, Capability.KILL}
    assert Capability.RESTART in HttpTarget(read_target_file(PORTAL)).capabilities


@pytest.mark.parametrize(
    "told",
    [
        'command = ["a", "{port}", "{bank_url}/vnpay"]',
        'command = ["a", "{port}"]\nenvironment = {BANKS = "{bank_url}"}',
    ],
)
def test_who_is_told_at_its_start_where_the_banks_are_can_be_told_otherwise(tmp_path: Path, told: str) -> None:
    launch = f'[launch]\n{told}\nready_line = "up"\n'
    for end, able in (("", False), ("restart = true\n", True)):
        target = HttpTarget(read_target_file(_write(tmp_path, f"{GOOD}{launch}{end}")))
        assert (Capability.START_WITH_BANKS_AT in target.capabilities) is able
    untold = f'{GOOD}[launch]\ncommand = ["a", "{{port}}"]\nready_line = "up"\nrestart = true\n'
    assert Capability.START_WITH_BANKS_AT not in HttpTarget(read_target_file(_write(tmp_path, untold))).capabilities


def test_whose_clock_can_be_set_ahead_says_how(tmp_path: Path) -> None:
    launch = f'{GOOD}[launch]\ncommand = ["a", "{{port}}"]\nready_line = "up"\nrestart = true\n'
    assert Capability.START_WITH_CLOCK_AHEAD not in HttpTarget(read_target_file(_write(tmp_path, launch))).capabilities
    told = launch + 'clock = ["--ahead", "{ahead_s}"]\n'
    assert Capability.START_WITH_CLOCK_AHEAD in HttpTarget(read_target_file(_write(tmp_path, told))).capabilities
    with pytest.raises(BadTarget, match=r"\{ahead_s\} must stand in clock"):
        read_target_file(_write(tmp_path, launch + 'clock = ["--ahead", "3600"]\n'))


def test_a_clock_is_ahead_for_one_start_only(tmp_path: Path) -> None:
    target = _launched(tmp_path, "ready_line = 'up at (?P<base_url>\\S+)'\nclock = ['--ahead', '{ahead_s}']")
    target.start("http://banks/s/x", tmp_path)
    try:
        for start, ahead in ((lambda: target.start_with_clock_ahead(3600), True), (target.start_again, False)):
            target.kill()
            start()
            assert ("'--ahead', '3600'" in target.wrote()) is ahead
    finally:
        target.stop()


def test_other_banks_are_those_of_one_start_only(tmp_path: Path) -> None:
    target = _launched(tmp_path, "ready_line = 'up at (?P<base_url>\\S+)'")
    target.start("http://banks/s/x", tmp_path)
    try:
        for start, banks in (
            (lambda: target.start_with_banks_at("https://elsewhere/s/x"), "https://elsewhere/s/x"),
            (target.start_again, "http://banks/s/x"),
        ):
            target.kill()
            start()
            assert f"banks at {banks} extra" in target.wrote()
    finally:
        target.stop()


def test_who_listens_anywhere_cannot_promise_a_restart(tmp_path: Path) -> None:
    text = GOOD.replace('base_url = "http://127.0.0.1:9"\n', "")
    launch = "[launch]\ncommand = ['a']\nready_line = 'at (?P<base_url>x)'\nrestart = true\n"
    assert "restart = true needs an address that stays the same" in _problem(tmp_path, text + launch)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("[connector]", "[conector]", "there is no table [conector]; did you mean 'connector'?"),
        ("base_url", "basurl", "[connector]: there is no key 'basurl'; did you mean 'base_url'?"),
        ('name = "Một cửa"', "name = 3", "[connector]: name: Expected `str`, got `int`"),
        ('base_url = "http://127.0.0.1:9"', "", "[connector]: base_url is missing"),
        ('bank_url = "http://127.0.0.1:8080/s/check"', "", "[connector]: bank_url is missing"),
        ('["redirect", "qr"]', '["wire"]', "[banks.vnpay]: methods names wire; choose from"),
        ('["redirect", "qr"]', "[]", "[banks.vnpay]: methods names nothing"),
        ("[banks.vnpay]\nmethods", "[banks.vnpay]\nmethod", "there is no key 'method'; did you mean 'methods'?"),
        ("{base_url}/ipn", "{base}/ipn", "[banks.vnpay]: nothing is known as {base}; use {bank_url}, {base_url}"),
        ("[verbs.open]", "[verbs.opens]", "there is no verb [verbs.opens]; did you mean 'open'?"),
        ("/pay/{dossier_code}", "pay", "[verbs.open]: path must begin with \"/\"; found 'pay'"),
        ("/pay/{dossier_code}", "/pay/{dossier}", "[verbs.open]: nothing is known as {dossier}"),
        ('order_ref = "ref"', 'order = "ref"', "[verbs.open]: its answer must give 'order_ref'"),
        ('url = "url"', 'url = "a..b"', "[verbs.open]: answer.url: 'a..b' is not JMESPath"),
        ('url = "url"', 'url = "regex:("', "[verbs.open]: answer.url: 'regex:(' is not a regular expression"),
        ('url = "url"', 'url = "regex:a"', "'regex:a' needs exactly one (group)"),
        ('receipts = "length(receipts)"', 'receipt = "x"', "[verbs.status]: its answer must give 'receipts'"),
        ('da_nop = "paid"', 'da_nop = "payed"', "[status]: words[...]: Invalid enum value 'payed'"),
        ("[status.words]\n", "[policies]\nx = 1\n[status.words]\n", "[policies]: x must be text"),
        ('name = "Một cửa"', 'name = "{env:BANKSIM_TEST_UNSET}"', "variable BANKSIM_TEST_UNSET is not set"),
        ("[connector]", "[connector", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_with_table_and_key(tmp_path: Path, before: str, after: str, problem: str) -> None:
    assert before in GOOD
    told = _problem(tmp_path, GOOD.replace(before, after))
    assert problem in told
    assert "connector.toml" in told


def test_a_file_without_a_needed_verb_or_bank_says_which(tmp_path: Path) -> None:
    assert "[verbs.status] is missing" in _problem(tmp_path, GOOD[: GOOD.index("[verbs.status]")])
    without_bank = GOOD.replace(GOOD[GOOD.index("[banks.vnpay]") : GOOD.index("[verbs.open]")], "")
    assert "no bank is declared" in _problem(tmp_path, without_bank)


@pytest.mark.parametrize(
    ("launch", "problem"),
    [
        ("command = []\nready_line = 'x'", "[launch]: command is empty"),
        ("command = ['x']", "give either ready_line"),
        ("command = ['x']\nready_line = 'a'\nhealth_url = 'b'", "give either ready_line"),
        ("command = ['x']\nready_line = '('", "ready_line is no regular expression"),
        ("command = ['x']\nready_line = 'ready'", "nothing tells where the launched connector listens"),
        ("command = ['{prt}']\nready_line = 'x'", "[launch]: nothing is known as {prt}"),
    ],
)
def test_a_wrong_launch_is_told(tmp_path: Path, launch: str, problem: str) -> None:
    text = GOOD.replace('base_url = "http://127.0.0.1:9"\n', "")
    assert problem in _problem(tmp_path, f"{text}\n[launch]\n{launch}\n")


def test_what_is_no_target_says_what_one_is() -> None:
    with pytest.raises(BadTarget, match="neither a target file"):
        load_target("portal.yaml")
    with pytest.raises(BadTarget, match=r"nowhere\.toml cannot be read"):
        load_target("nowhere.toml")


def test_a_policy_that_the_suite_does_not_know_is_told(tmp_path: Path) -> None:
    for policies, problem in {
        'acknowledge = "first"': "there is no policy 'acknowledge'; known: acknowledges",
        'acknowledges = "never"': "policy acknowledges may be first, not 'never'",
    }.items():
        path = _write(tmp_path, f"{GOOD}[policies]\n{policies}\n")
        with pytest.raises(BadTarget, match=problem):
            load_target(str(path))


def test_the_sample_target_file_is_right_and_declares_every_bank_that_the_portal_speaks() -> None:
    target = load_target(str(PORTAL))
    assert set(target.banks) == set(counterparts())
    for bank, setup in target.banks.items():
        assert set(setup.methods) <= set(counterparts()[bank].methods), bank


def test_the_sample_portal_speaks_banks_of_every_shape_and_takes_money_on_every_channel() -> None:
    target = load_target(str(PORTAL))
    assert {dialects()[bank].shape for bank in target.banks} == set(Shape)
    methods = {method for setup in target.banks.values() for method in setup.methods}
    assert methods >= set(Channel)
    assert len(target.banks) >= 6


# --- templates -----------------------------------------------------------------------------------------------------


def test_a_text_that_is_one_placeholder_keeps_the_values_type() -> None:
    template = {"a": "{amount_vnd}", "b": "{amount_vnd|text}", "c": ["fee {amount_vnd}"], "d": True}
    assert fill(template, {"amount_vnd": 50}) == {"a": 50, "b": "50", "c": ["fee 50"], "d": True}
    assert fill("{amount_vnd}", {"amount_vnd": None}) is None
    assert fill("{unknown}", {}) == "{unknown}"


def test_values_in_an_address_are_encoded() -> None:
    assert fill_path("/d/{code}?x={amount}", {"code": "a/b ?#đ", "amount": 5}) == "/d/a%2Fb%20%3F%23%C4%91?x=5"


def test_values_are_read_from_json_headers_and_text() -> None:
    reply = Reply(302, {"location": "https://bank/x"}, '{"data": [{"id": 7}]}')
    assert read("data[0].id", reply) == 7
    assert read("data[0].name", reply) is None
    assert read("'redirect'", reply) == "redirect"
    assert read("header:Location", reply) == "https://bank/x"
    assert read(r'regex:"id": (\d+)', reply) == "7"
    assert read(r"regex:no(pe)", reply) is None
    with pytest.raises(BadTemplate, match="wants JSON, but the answer is '<html>'"):
        read("data", Reply(200, {}, "<html>"))


# --- over HTTP -----------------------------------------------------------------------------------------------------


class Connector:
    """A connector that answers what the test puts there, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, str, str, dict[str, str]]] = []
        self.url = ""

    def answer(self, path: str, value: Any, status: int = 200) -> None:
        self.answers[path] = (status, value if isinstance(value, str) else json.dumps(value))


@pytest.fixture
def connector() -> Iterator[Connector]:
    state = Connector()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode()
            state.asked.append((self.command, self.path, body, dict(self.headers.items())))
            status, text = state.answers.get(self.path.partition("?")[0], (404, "no such page"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def made(tmp_path: Path, connector: Connector) -> Iterator[Callable[..., HttpTarget]]:
    targets: list[HttpTarget] = []

    def make(more: str = "", text: str = GOOD) -> HttpTarget:
        path = _write(tmp_path, text.replace("http://127.0.0.1:9", connector.url) + more)
        targets.append(HttpTarget(read_target_file(path)))
        return targets[-1]

    yield make
    for target in targets:
        target.stop()


def test_opening_sends_the_template_and_reads_the_checkout(
    connector: Connector, made: Callable[..., HttpTarget]
) -> None:
    connector.answer("/pay/H1", {"kind": "redirect", "ref": 17, "url": "http://bank/pay?x=1"})
    checkout = made().open("H1", 50_000, "vnpay", "redirect")
    assert (checkout.kind, checkout.order_ref, checkout.url) == (CheckoutKind.REDIRECT, "17", "http://bank/pay?x=1")
    assert json.loads(connector.asked[0][2]) == {
        "amount": 50_000,
        "amount_text": "50000",
        "how": "redirect",
        "who": "Nguyễn Thị Ánh",
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"ref": "1", "url": "http://bank"}, CheckoutKind.REDIRECT),
        ({"ref": "1", "payload": "000201"}, CheckoutKind.QR),
        ({"ref": "1", "url": "http://bank", "fields": {"a": 1}}, CheckoutKind.FORM),
    ],
)
def test_without_a_kind_the_checkout_is_what_came(
    connector: Connector, made: Callable[..., HttpTarget], answer: dict[str, Any], kind: CheckoutKind
) -> None:
    connector.answer("/pay/H1", answer)
    assert made().open("H1", 1, "vnpay", "qr").kind is kind


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"kind": "pigeon", "ref": "1"}, "answer.kind should find one of redirect, form, qr, bill, but found 'pigeon'"),
        ({"kind": "redirect", "url": "u"}, "answer.order_ref should find the number"),
        ({"kind": "redirect", "ref": "1"}, "answer.url should find something, because kind is 'redirect'"),
        ("<html>", "answer.kind: 'kind' wants JSON"),
    ],
)
def test_an_answer_that_the_file_misreads_is_the_files_fault(
    connector: Connector, made: Callable[..., HttpTarget], answer: Any, problem: str
) -> None:
    connector.answer("/pay/H1", answer)
    with pytest.raises(BadTarget) as error:
        made().open("H1", 1, "vnpay", "redirect")
    assert problem in str(error.value)
    assert "[verbs.open]" in str(error.value)


def test_a_no_of_the_connector_is_told_with_its_status(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/pay/H1", "already paid", status=409)
    with pytest.raises(Refused) as refused:
        made().open("H1", 1, "vnpay", "redirect")
    assert (refused.value.status, refused.value.text) == (409, "already paid")


def test_a_connector_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    target = HttpTarget(read_target_file(_write(tmp_path, GOOD)))
    with pytest.raises(Unreachable, match="the connector answers when asked to tell the status of dossier H1"):
        target.status("H1")
    target.stop()


def test_the_status_is_read_with_the_connectors_own_words(
    connector: Connector, made: Callable[..., HttpTarget]
) -> None:
    connector.answer("/status/H1", {"state": "da_nop", "paid": "50000.00", "receipts": ["R1"], "due": None})
    status = made().status("H1")
    assert (status.status, status.amount_paid_vnd, status.receipts) == (DossierStatus.PAID, 50_000, 1)
    assert status.refund_due_vnd is None
    assert '"da_nop"' in status.raw


def test_a_status_word_without_a_meaning_says_what_to_add(
    connector: Connector, made: Callable[..., HttpTarget]
) -> None:
    connector.answer("/status/H1", {"state": "dang_xu_ly", "paid": 0, "receipts": []})
    with pytest.raises(BadTarget, match=r"connector\.toml, \[status.words\].*Add 'dang_xu_ly' = one of pending"):
        made().status("H1")


def test_without_a_table_of_words_the_suites_own_count(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/status/H1", {"state": "partly_refunded", "paid": 1, "receipts": [1]})
    target = made(text=GOOD[: GOOD.index("[status.words]")])
    assert target.status("H1").status is DossierStatus.PARTLY_REFUNDED


@pytest.mark.parametrize("paid", ["abc", None, 1.5, True, "12.5"])
def test_an_amount_that_is_none_is_the_files_fault(
    connector: Connector, made: Callable[..., HttpTarget], paid: object
) -> None:
    connector.answer("/status/H1", {"state": "cho_nop", "paid": paid, "receipts": []})
    with pytest.raises(BadTarget, match=r"answer\.amount_paid_vnd should find a whole number"):
        made().status("H1")


STEPS = """
[[verbs.open]]
method = "POST"
path = "/dossiers"
form = { code = "{dossier_code}" }
once = true
answer = { id = "id" }

[[verbs.open]]
method = "GET"
path = "/start/{method}"
query = { bank = "{bank}" }
headers = { "X-Amount" = "{amount_vnd}" }
accepts = [200, 302]
answer = { order_ref = "ref", url = "url" }
"""


def test_a_verb_of_two_steps_declares_a_dossier_once(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/dossiers", {"id": 99})
    connector.answer("/start/QR-CODE", {"ref": "r", "url": "u"})
    before, after = GOOD[: GOOD.index("[verbs.open]")], GOOD[GOOD.index("[verbs.status]") :]
    methods = 'methods = { qr = "QR-CODE" }\nname = "VNP"'
    target = made(text=before.replace('methods = ["redirect", "qr"]', methods) + STEPS + after)
    target.open("H1", 5, "vnpay", "qr")
    target.open("H1", 5, "vnpay", "qr")
    target.open("H2", 6, "vnpay", "qr")
    assert [path for _, path, _, _ in connector.asked] == [
        *("/dossiers", "/start/QR-CODE?bank=VNP", "/start/QR-CODE?bank=VNP"),
        *("/dossiers", "/start/QR-CODE?bank=VNP"),
    ]
    assert connector.asked[0][2] == "code=H1"
    assert connector.asked[1][3]["X-Amount"] == "5"


OPTIONAL = """
[verbs.refund]
method = "POST"
path = "/refund"
json = { amount = "{amount_vnd}" }
[verbs.notifications]
method = "GET"
path = "/sms"
answer = { notifications = "[*].{text: body, amount_vnd: sum}" }
[verbs.lookup]
method = "GET"
path = "/lookup"
[verbs.run_jobs]
method = "POST"
path = "/jobs"
text = "now"
"""


def test_optional_verbs(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/refund", "")
    connector.answer("/jobs", "")
    connector.answer("/sms", [{"body": "Đã nộp 50.000", "sum": 50_000}, {"body": "x", "sum": None}])
    connector.answer("/lookup", "who are you", status=401)
    target = made(OPTIONAL)
    target.refund("H1", None)
    target.refund("H1", 20)
    target.run_jobs()
    assert [json.loads(body) for _, path, body, _ in connector.asked if path == "/refund"] == [
        {"amount": None},
        {"amount": 20},
    ]
    assert connector.asked[-1][2] == "now"
    assert [(each.text, each.amount_vnd) for each in target.notifications("H1")] == [
        ("Đã nộp 50.000", 50_000),
        ("x", None),
    ]
    assert target.lookup("H1") == "who are you"


RECONCILE = """
[verbs.reconcile]
method = "POST"
path = "/doi-soat"
json = { bank = "{bank}", day = "{business_date}", name = "{file_name}", content = "{content_base64}" }

[verbs.reconcile.answer]
discrepancies = "rows[*].{kind: loai, order_ref: ma, amount_vnd: tien}"
refused = "why"
reply_base64 = "out"

[discrepancies.words]
thieu = "missing_at_connector"
lech = "amount_differs"
"""
UPLOAD = """
[verbs.reconcile]
method = "POST"
path = "/doi-soat"
form = { day = "{business_date}" }
file = "tep"
answer = { discrepancies = "@" }
"""
DAY = date(2026, 11, 22)


def test_a_banks_file_is_handed_in_as_json(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    rows = [{"loai": "thieu", "ma": "HS1", "tien": "50000"}, {"loai": "lech", "ma": 7, "tien": None}]
    connector.answer("/doi-soat", {"rows": rows, "why": None, "out": base64.b64encode(b"answer").decode()})
    target = made(RECONCILE)
    assert Capability.RECONCILE in target.capabilities
    report = target.reconcile("vnpay", DAY, "a.txt", b"\xff\x00")
    assert json.loads(connector.asked[-1][2]) == {
        "bank": "vnpay",
        "day": "2026-11-22",
        "name": "a.txt",
        "content": "/wA=",
    }
    assert report == Report(
        discrepancies=(
            Discrepancy(kind=DiscrepancyKind.MISSING_AT_CONNECTOR, order_ref="HS1", amount_vnd=50_000),
            Discrepancy(kind=DiscrepancyKind.AMOUNT_DIFFERS, order_ref="7"),
        ),
        reply=b"answer",
    )


def test_a_banks_file_is_uploaded_in_a_form(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/doi-soat", [{"kind": "late", "bank_ref": "B1"}])
    report = made(UPLOAD).reconcile("vnpay", DAY, "a.txt", b"line 1\n")
    assert report.discrepancies == (Discrepancy(kind=DiscrepancyKind.LATE, bank_ref="B1"),)
    _, _, body, headers = connector.asked[-1]
    assert headers["Content-Type"].startswith("multipart/form-data")
    assert all(word in body for word in ('name="day"', "2026-11-22", 'name="tep"; filename="a.txt"', "line 1\n"))


def test_a_file_may_be_refused_by_status_or_by_word_but_not_by_breaking(
    connector: Connector, made: Callable[..., HttpTarget]
) -> None:
    target = made(RECONCILE)
    connector.answer("/doi-soat", "wrong checksum", status=422)
    assert target.reconcile("vnpay", DAY, "a", b"").refused == "wrong checksum"
    connector.answer("/doi-soat", {"rows": None, "why": "other merchant"})
    assert target.reconcile("vnpay", DAY, "a", b"") == Report(refused="other merchant")
    connector.answer("/doi-soat", "Traceback", status=500)
    with pytest.raises(Refused):
        target.reconcile("vnpay", DAY, "a", b"")


def test_a_word_for_a_discrepancy_that_the_file_does_not_know_is_asked_for(
    connector: Connector, made: Callable[..., HttpTarget]
) -> None:
    connector.answer("/doi-soat", {"rows": [{"loai": "la"}]})
    with pytest.raises(BadTarget, match=r"the connector reports 'la'.*Add 'la' = one of missing_at_connector"):
        made(RECONCILE).reconcile("vnpay", DAY, "a", b"")
    connector.answer("/doi-soat", {"items": []})
    with pytest.raises(BadTarget, match="should find a list"):
        made(RECONCILE).reconcile("vnpay", DAY, "a", b"")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (UPLOAD.replace('answer = { discrepancies = "@" }', ""), "its answer must give 'discrepancies'"),
        (UPLOAD.replace("form =", "json ="), "file is uploaded in a form: use form beside it, not json or text"),
        (UPLOAD.replace("reconcile", "refund").replace("business_date", "dossier_code"), "has a file to upload"),
        (
            RECONCILE.replace('"amount_differs"', '"differs"'),
            "[discrepancies]: words[...]: Invalid enum value 'differs'",
        ),
    ],
)
def test_a_wrong_verb_for_files_is_told(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in _problem(tmp_path, GOOD + text)


# --- launching -----------------------------------------------------------------------------------------------------

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("banks at", sys.argv[2], "extra", sys.argv[3:], flush=True)
print(f"up at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def _launched(tmp_path: Path, ready: str, args: tuple[str, ...] = ()) -> HttpTarget:
    (tmp_path / "server.py").write_text(SERVER)
    launch = f'[launch]\ncommand = ["{{python}}", "server.py", "{{port}}", "{{bank_url}}"]\ndirectory = "."\n{ready}\n'
    text = GOOD.replace('base_url = "http://127.0.0.1:9"\n', "") + launch
    text += '[verbs.lookup]\nmethod = "GET"\npath = "/"\n'
    return HttpTarget(read_target_file(_write(tmp_path, text)), args)


def test_a_launched_connector_is_ready_by_its_line_and_ends_with_stop(tmp_path: Path) -> None:
    target = _launched(tmp_path, "ready_line = 'up at (?P<base_url>\\S+)'", ("--defect", "X"))
    target.start("http://banks/s/x", tmp_path)
    try:
        assert target.callback_url("vnpay").startswith("http://127.0.0.1:")
        written = (tmp_path / "connector.log").read_text()
        assert "banks at http://banks/s/x extra ['--defect', 'X']" in written
        first = target.lookup("H1")
        target.restart()
        second = target.lookup("H1")
    finally:
        target.stop()
    assert first != second
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_an_outage_is_asked_for_and_ended(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    verbs = "".join(
        f'[verbs.outage_{part}]\nmethod = "POST"\npath = "/{part}"\njson = {{ down = "{{down}}" }}\n'
        for part in ("books", "receipts")
    )
    for part in ("/books", "/receipts"):
        connector.answer(part, {})
    target = made(verbs)
    assert target.capabilities == {Capability.OUTAGE_BOOKS, Capability.OUTAGE_RECEIPTS}
    target.outage_books(True)
    target.outage_receipts(True)
    target.outage_books(False)
    told = [(path, json.loads(body)) for _, path, body, _ in connector.asked]
    assert told == [("/books", {"down": True}), ("/receipts", {"down": True}), ("/books", {"down": False})]


def test_a_dossier_is_locked_and_unlocked(connector: Connector, made: Callable[..., HttpTarget]) -> None:
    connector.answer("/lock/H1", {})
    verb = '[verbs.lock]\nmethod = "POST"\npath = "/lock/{dossier_code}"\njson = { locked = "{locked}" }\n'
    target = made(verb)
    assert target.capabilities == {Capability.LOCK}
    target.lock("H1", True)
    target.lock("H1", False)
    assert [json.loads(body) for _, _, body, _ in connector.asked] == [{"locked": True}, {"locked": False}]


def test_a_killed_connector_is_unreachable_until_it_is_started_again_at_its_address(tmp_path: Path) -> None:
    target = _launched(tmp_path, "ready_line = 'up at (?P<base_url>\\S+)'")
    target.start("http://banks/s/x", tmp_path)
    try:
        address = target.base_url
        target.kill()
        with pytest.raises(Unreachable):
            target.lookup("H1")
        target.start_again()
        assert target.lookup("H1").isdigit()
        assert target.base_url == address
    finally:
        target.stop()


def test_who_is_not_launched_by_the_suite_can_be_neither_killed_nor_started_again(tmp_path: Path) -> None:
    target = HttpTarget(read_target_file(_write(tmp_path, GOOD)))
    with pytest.raises(BadTarget, match="only a launched connector can be killed"):
        target.kill()
    with pytest.raises(BadTarget, match="only a launched connector can be started again"):
        target.start_again()


def test_a_connector_that_ends_at_once_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    target = _launched(tmp_path, "ready_line = 'up at (?P<base_url>\\S+)'")
    (tmp_path / "server.py").write_text("raise SystemExit('no database')")
    with pytest.raises(ChildFailed, match=r"the connector ended with exit code 1; it wrote:\s+no database"):
        target.start("http://banks", tmp_path)
    target.stop()


# --- Python targets --------------------------------------------------------------------------------------------------


def test_a_python_target_is_checked_against_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = ("start", "stop", "open", "status", "callback_url", "inquiry_url")
    body = "".join(f"    def {name}(self, *args): ...\n" for name in members)
    head = "from conformance.target import BankSetup\n"
    fields = "    name = 'x'; bank_url = ''; settle_s = 1.0; policies = {}\n"
    banks = "    banks = {'vnpay': BankSetup(methods=('qr',))}\n"
    module = tmp_path / "made_targets.py"
    module.write_text(
        f"{head}class Good:\n{fields}{banks}    capabilities = frozenset()\n{body}"
        f"class Promising(Good):\n    capabilities = frozenset({{'refund'}})\n"
        f"class Deadly(Good):\n    capabilities = frozenset({{'kill'}})\n    def kill(self): ...\n"
        f"class Inventive(Good):\n    capabilities = frozenset({{'fly'}})\n"
        f"class Odd(Good):\n    banks = {{'vnpay': BankSetup(methods=('wire',))}}\n"
        "class Empty: ...\n"
        "class Needy:\n    def __init__(self, url): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "made_targets", raising=False)
    assert load_target("made_targets:Good").name == "x"
    for name, problem in {
        "Promising": "promises refund, but has no such method",
        "Deadly": "promises start_again, but has no such method",
        "Inventive": "names .*fly",
        "Odd": "methods names wire",
        "Empty": "lacks name, bank_url",
        "Needy": "cannot be made",
        "Missing": "cannot be made",
    }.items():
        with pytest.raises(BadTarget, match=problem):
            load_target(f"made_targets:{name}")
