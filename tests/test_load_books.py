"""Facts about a connector's books told in bulk: page by page, the same as asked one by one, and never without end."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from conformance.http_target import HttpTarget
from conformance.requirement import Capability
from conformance.target import BadTarget, Booked, DossierStatus, Refused, Status, Target
from conformance.target_file import read_target_file
from conformance.targets.portal.api import PAGE
from conformance.targets.portal.books import Books
from conformance.targets.portal.dossiers import Dossier
from loadtests.audit import ConnectorRow
from loadtests.books import connector_rows
from loadtests.record import Journey, Record, make_record
from tests.portals import running
from tests.test_target import GOOD, _write

PAGED = """
[verbs.books]
method = "GET"
path = "/books"
query = { after = "{after}", prefix = "{prefix}" }
"""
ROWS = "[*].{dossier_code: ma, status: tt, amount_paid_vnd: tien, receipts: bl, refund_due_vnd: du, refunded_vnd: hoan}"
BY_NEXT = f'{PAGED}answer = {{ dossiers = "rows{ROWS}", next = "next" }}\n'
BY_CODE = f'{PAGED}answer = {{ dossiers = "rows{ROWS}" }}\n'
WHOLE = BY_CODE.replace('query = { after = "{after}", prefix = "{prefix}" }\n', "")

Answer = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Callable[[str, Answer], HttpTarget]]:
    """A target whose connector answers with what it is given for (after, prefix)."""
    made: list[tuple[HttpTarget, ThreadingHTTPServer, Thread]] = []

    def make(verb: str, answer: Answer) -> HttpTarget:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = dict(parse_qsl(urlsplit(self.path).query))
                body = answer(asked.get("after", ""), asked.get("prefix", ""))
                self.send_response(body.pop("status", 200))
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        text = GOOD.replace("http://127.0.0.1:9", address)
        target = HttpTarget(read_target_file(_write(tmp_path, text + verb)))
        made.append((target, server, thread))
        return target

    yield make
    for target, server, thread in made:
        target.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def line(code: str, **given: object) -> dict[str, object]:
    return {"ma": code, "tt": "da_nop", "tien": "50000.00", "bl": 1, "du": None, "hoan": 0} | given


def test_a_page_follows_another_by_what_the_connector_calls_next(told: Callable[[str, Answer], HttpTarget]) -> None:
    pages = {"": (["A", "B"], 7), "7": ([], "x"), "x": (["C"], None)}
    asked = []

    def answer(after: str, prefix: str) -> dict[str, Any]:
        asked.append((after, prefix))
        codes, follows = pages[after]
        return {"rows": [line(code) for code in codes], "next": follows}

    target = told(BY_NEXT, answer)
    assert Capability.BOOKS in target.capabilities
    found = list(target.books("TAI-"))
    assert [each.dossier_code for each in found] == ["A", "B", "C"]
    assert found[0].status == Status(
        status=DossierStatus.PAID, amount_paid_vnd=50_000, receipts=1, refund_due_vnd=None, refunded_vnd=0
    )
    assert asked == [("", "TAI-"), ("7", "TAI-"), ("x", "TAI-")]


def test_without_a_next_the_last_code_goes_before_the_next_page(told: Callable[[str, Answer], HttpTarget]) -> None:
    codes = ["A", "B", "C", "D", "E"]
    target = told(BY_CODE, lambda after, prefix: {"rows": [line(each) for each in codes if each > after][:2]})
    assert [each.dossier_code for each in target.books("")] == codes


def test_without_an_after_there_is_one_page(told: Callable[[str, Answer], HttpTarget]) -> None:
    asked = []
    target = told(WHOLE, lambda after, prefix: asked.append(after) or {"rows": [line("A")]})  # type: ignore[func-returns-value]
    assert [each.dossier_code for each in target.books("")] == ["A"]
    assert len(asked) == 1


@pytest.mark.parametrize("verb", [BY_NEXT, BY_CODE])
def test_a_connector_that_ignores_after_is_not_asked_for_ever(
    told: Callable[[str, Answer], HttpTarget], verb: str
) -> None:
    target = told(verb, lambda after, prefix: {"rows": [line("A")], "next": "A"})
    with pytest.raises(BadTarget, match="comes the same page again"):
        list(target.books(""))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("none", "a list of tables"),
        ([1], "a list of tables"),
        ([line("")], "a dossier_code in each"),
        ([line("A", tt="mat")], "calls dossier A 'mat'"),
        ([line("A", tien=None)], "answer.amount_paid_vnd should find a whole number"),
        ([line("A", bl="x")], "answer.receipts should find a whole number"),
    ],
)
def test_what_is_not_as_declared_is_said(told: Callable[[str, Answer], HttpTarget], rows: object, said: str) -> None:
    verb = BY_CODE.replace(f"rows{ROWS}", "rows") if not isinstance(rows, list) or rows == [1] else BY_CODE
    with pytest.raises(BadTarget, match=said):
        list(told(verb, lambda after, prefix: {"rows": rows}).books(""))


def test_books_in_hundredths_of_a_dong_are_read_in_dong(
    told: Callable[[str, Answer], HttpTarget], tmp_path: Path
) -> None:
    target = told(BY_NEXT, lambda after, prefix: {"rows": [line("A", tien=500, du=200, hoan=100)], "next": ""})
    text = (tmp_path / "connector.toml").read_text().replace("[connector]", "[connector]\nunits_per_dong = 100")
    in_xu = HttpTarget(read_target_file(_write(tmp_path, text)))
    [booked] = in_xu.books("")
    in_xu.stop()
    assert (booked.status.amount_paid_vnd, booked.status.refund_due_vnd, booked.status.refunded_vnd) == (5, 2, 1)
    [as_it_is] = target.books("")
    assert as_it_is.status.amount_paid_vnd == 500


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (BY_CODE.replace("dossiers =", "rows ="), "its answer must give 'dossiers'"),
        (WHOLE.replace("answer = {", 'answer = { next = "next",'), "so {after} must stand in the request"),
        (BY_CODE.replace("{prefix}", "{dossier_code}"), "nothing is known as {dossier_code}"),
    ],
)
def test_a_verb_that_cannot_work_is_refused(tmp_path: Path, verb: str, said: str) -> None:
    with pytest.raises(BadTarget) as error:
        read_target_file(_write(tmp_path, GOOD + verb))
    assert said in str(error.value)


@dataclass
class Fake:
    """A connector that knows two dossiers, and tells of them in bulk or one by one."""

    capabilities: frozenset[Capability]
    asked: int = 0

    def books(self, prefix: str) -> Iterator[Booked]:
        self.asked += 1
        yield from (Booked(f"{prefix}{number}", self._status(number)) for number in (1, 2))

    def status(self, dossier_code: str) -> Status:
        self.asked += 1
        if dossier_code == "D3":
            raise Refused("tell", 404, "")
        if dossier_code == "D4":
            raise Refused("tell", 500, "")
        return self._status(int(dossier_code[1:]))

    def _status(self, number: int) -> Status:
        return Status(status=DossierStatus.PAID, amount_paid_vnd=number, receipts=1, refund_due_vnd=None)


def journey(number: int) -> Journey:
    return Journey(dossier_code=f"D{number}", bank="vnpay", method="qr", amount_vnd=number, began=number)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    make_record(tmp_path / "record.db")
    with Record(tmp_path / "record.db") as kept:
        yield kept


@pytest.mark.parametrize(("bulk", "asked"), [(True, 1), (False, 3)])
def test_both_ways_say_the_same(record: Record, bulk: bool, asked: int) -> None:
    record.add_journeys(map(journey, (1, 2, 3)))
    fake = Fake(frozenset({Capability.BOOKS}) if bulk else frozenset())
    found = list(connector_rows(cast(Target, fake), record, "D"))
    assert found == [
        ConnectorRow(dossier_code=f"D{number}", paid=True, booked_vnd=number, receipts=1, due_vnd=0, refunded_vnd=None)
        for number in (1, 2)
    ]
    assert fake.asked == asked


def test_a_connector_that_breaks_is_no_connector_without_the_dossier(record: Record) -> None:
    record.add_journeys([journey(4)])
    with pytest.raises(Refused):
        list(connector_rows(cast(Target, Fake(frozenset())), record, "D"))


# --- the sample portal -------------------------------------------------------------------------------------------


def dossier(number: int, prefix: str = "TAI-1-") -> Dossier:
    return Dossier(
        dossier_code=f"{prefix}{number:05d}",
        bill_code=f"{prefix}{number}",
        province="H49",
        service_code="",
        fee_vnd=1000,
        applicant="",
        phone="",
        email="",
        declared_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def test_the_portals_pages_hold_a_share_of_the_books_each(tmp_path: Path) -> None:
    books = Books(tmp_path / "portal.db")
    with books.writing() as entries:
        for number in range(450):
            entries.add_dossier(dossier(number))
        for prefix in ("TAI-0-", "TAI-2-", "ZZ"):
            entries.add_dossier(dossier(1, prefix))
    with books.reading() as entries:
        first = entries.dossiers_after("", "TAI-1-", 200)
        last = entries.dossiers_after(first[-1].dossier_code, "TAI-1-", 300)
        assert len(entries.dossiers_after("", "", 1000)) == 453
    books.close()
    assert [each.dossier_code for each in (*first, *last)] == [dossier(number).dossier_code for number in range(450)]


async def test_the_portals_books_say_what_each_status_says(tmp_path: Path) -> None:
    names = ("status", "amount_paid_vnd", "refunded_vnd", "refund_due_vnd", "receipts")
    async with running(tmp_path) as portal:
        for number in range(PAGE + 3):
            await portal.declare(f"HS-{number:04d}")
        opened = await portal.open("vnpay", "HS-0001")
        await portal.vnpay(opened["order_ref"])
        second = await portal.open("vietinbank", "HS-0002", "bill")
        await portal.notice(second["bill_code"])
        await portal.notice(second["bill_code"], transId="another")
        await portal.http.post("/api/dossiers/HS-0003/cancel")
        await portal.declare("OTHER")
        first = (await portal.http.get("/api/dossiers", params={"prefix": "HS-"})).json()
        last = (await portal.http.get("/api/dossiers", params={"prefix": "HS-", "after": first["next"]})).json()
        told = [*first["dossiers"], *last["dossiers"]]
        assert (len(first["dossiers"]), last["next"]) == (PAGE, None)
        assert [each["dossier_code"] for each in told] == [f"HS-{number:04d}" for number in range(PAGE + 3)]
        for each in told[:5]:
            one = await portal.status(each["dossier_code"])
            assert {name: each[name] for name in names} == {name: one[name] for name in names}
        assert [each["status"] for each in told[:5]] == ["pending", "paid", "paid", "cancelled", "pending"]
        assert told[2]["refund_due_vnd"] > 0
        assert len((await portal.http.get("/api/dossiers")).json()["dossiers"]) == PAGE


def test_many_dossiers_do_not_pass_through_memory(told: Callable[[str, Answer], HttpTarget]) -> None:
    many, page = 10_000, 200

    def answer(after: str, prefix: str) -> dict[str, Any]:
        first = int(after or 0)
        rows = [line(f"D{number}") for number in range(first, min(first + page, many))]
        return {"rows": rows, "next": first + page if first + page < many else None}

    target = told(BY_NEXT, answer)
    tracemalloc.start()
    assert sum(1 for _ in target.books("D")) == many
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
