"""A bank's business day over the control API, by the client and in a folder; the files are those of the ledger."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.__main__ import main
from simulator.bank import act
from simulator.banks import dialects
from simulator.client import Banksim, ControlError, SandboxClient
from simulator.clock import VIETNAM
from simulator.control import create_control
from simulator.control.guard import Guard
from simulator.payment import Event
from simulator.settlement import piped, vietinbank_va
from simulator.world import World
from tests.samples import SAMPLES
from tests.samples.vnpay import vnpay_pay
from tests.test_cli import serving
from tests.worlds import ask, courier_of, worlds_in

HERE = "http://127.0.0.1:8080"
CI = "/_control/sandboxes/ci"
TEN = datetime(2026, 11, 20, 10, tzinfo=VIETNAM)
"""A Friday."""

FRIDAY, SATURDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)


class Desk:
    """The control API of the sandbox `ci`, whose clock stands still."""

    def __init__(self, http: httpx.AsyncClient, world: World) -> None:
        self.http = http
        self.world = world

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        response = await self.http.post(f"{CI}{path}", json=body)
        assert response.status_code == status, response.text
        return response.json()

    async def get(self, path: str, status: int = 200, **params: Any) -> httpx.Response:
        response = await self.http.get(f"{CI}{path}", params=params)
        assert response.status_code == status, response.text
        return response

    async def at(self, instant: datetime) -> None:
        await self.post("/clock", {"to": instant.isoformat()})

    async def pay(self, code: str, amount_vnd: int = 50_000, **more: Any) -> str:
        """A paid bill at VietinBank."""
        body = {"bank": "vietinbank", "bill_code": code, "amount_vnd": amount_vnd, **more}
        return str((await self.post("/bills/unasked", body, 201))["payment_id"])

    async def made(self, day: date = FRIDAY, status: int = 200, **more: Any) -> Any:
        body = {"bank": "vietinbank", "business_date": day.isoformat(), **more}
        return await self.post("/settlements", body, status)

    async def replied(self, content: bytes, day: date = FRIDAY, status: int = 200, **more: Any) -> Any:
        text = base64.b64encode(content).decode()
        body = {"bank": "vietinbank", "business_date": day.isoformat(), "content_base64": text, **more}
        return await self.post("/settlements/replies", body, status)


@asynccontextmanager
async def desk_in(folder: Path) -> AsyncIterator[Desk]:
    async with worlds_in(folder) as worlds, courier_of(worlds) as courier:
        control = create_control(worlds, courier, Guard())
        await worlds.create("ci", seed="42", clock_at=TEN)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(control), base_url=HERE) as http:
            yield Desk(http, await worlds.get("ci"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as it:
        yield it


def read(made: Any) -> piped.Piped:
    return piped.read(vietinbank_va.LAYOUT, base64.b64decode(made["content_base64"]), "demo-secret")


def answer_to(made: Any, status: str = "00") -> bytes:
    """A biller that agrees with every row."""
    rows = [({**row.fields, "reconcileStatus": status}, False) for row in read(made).rows]
    columns = vietinbank_va.REPLY_COLUMNS
    lines = [",".join(columns)]
    for fields, _ in rows:
        values = piped.cleaned(fields, columns[:-1])
        lines.append("|".join((*values.values(), vietinbank_va.seal(values, "demo-secret"))))
    last = dict(zip(vietinbank_va.FOOTER, ("009", "9111", "admin", str(len(rows)), "20261121143000"), strict=False))
    return "\n".join((*lines, "|".join((*last.values(), vietinbank_va.seal(last, "demo-secret"))))).encode()


# --- the day -----------------------------------------------------------------------------------------------------


async def test_a_days_file_is_the_ledgers_day(desk: Desk) -> None:
    await desk.pay("A", 50_000)
    undone = await desk.pay("B", 60_000)
    await desk.post(f"/payments/{undone}/events", {"event": "reverse"})
    later = await desk.pay("C", 70_000)
    await desk.at(datetime(2026, 11, 20, 23, 59, 59, tzinfo=VIETNAM))
    await desk.pay("D", 80_000)
    await desk.at(datetime(2026, 11, 21, 0, 0, tzinfo=VIETNAM))
    await desk.pay("E", 90_000)
    await desk.post(f"/payments/{later}/events", {"event": "reverse"})
    friday = await desk.made()
    told = {line["order_ref"]: (line["kind"], line["amount_vnd"]) for line in friday["lines"]}
    assert told == {"A": ("sale", 50_000), "B": ("cancelled", 60_000), "C": ("sale", 70_000), "D": ("sale", 80_000)}
    assert friday["totals"]["net_vnd"] == 200_000
    rows = {row.fields["custCode"]: (row.fields["status"], row.fields["amount"]) for row in read(friday).rows}
    assert rows == {"A": ("00", "50000"), "B": ("99", "60000"), "C": ("00", "70000"), "D": ("00", "80000")}
    await desk.at(datetime(2026, 11, 22, 0, 0, tzinfo=VIETNAM))
    saturday = await desk.made(SATURDAY)
    assert {line["order_ref"]: line["kind"] for line in saturday["lines"]} == {"C": "reversal", "E": "sale"}
    ledger = (await desk.get("/ledger")).json()
    booked = sum(entry["amount_vnd"] for entry in ledger)
    assert friday["totals"]["net_vnd"] + saturday["totals"]["net_vnd"] == booked == 220_000


async def test_no_other_merchants_money_is_in_it(desk: Desk) -> None:
    known = desk.world.merchants["vietinbank", "9111"].secrets
    secrets = {name: known[name] for name in ("bank_private_key", "biller_public_key")}
    added = await desk.http.put(f"{CI}/merchants/vietinbank/9222", json={"secrets": secrets})
    assert added.status_code == 200
    await desk.pay("A")
    await desk.pay("B", merchant_code="9222")
    await ask(desk.world, "vnpay", vnpay_pay("A", 50_000, TEN))
    [payment] = await desk.world.store.payments("ci", bank="vnpay")
    await act(desk.world, payment.payment_id, Event.APPROVE)
    await desk.at(TEN + timedelta(days=1))
    assert [line["order_ref"] for line in (await desk.made())["lines"]] == ["A"]
    assert [line["order_ref"] for line in (await desk.made(merchant_code="9222"))["lines"]] == ["B"]
    assert len((await desk.made(bank="vnpay"))["lines"]) == 1


async def test_the_merchants_cut_off_decides(desk: Desk) -> None:
    await desk.http.put(f"{CI}/merchants/vietinbank/9111", json={"options": {"business_day": "treasury"}})
    await desk.at(datetime(2026, 11, 20, 15, 59, 59, tzinfo=VIETNAM))
    await desk.pay("A")
    await desk.at(datetime(2026, 11, 20, 16, tzinfo=VIETNAM))
    await desk.pay("B")
    assert [line["order_ref"] for line in (await desk.made())["lines"]] == ["A"]
    await desk.at(datetime(2026, 11, 23, 16, tzinfo=VIETNAM))
    monday = await desk.made(MONDAY)
    assert [line["order_ref"] for line in monday["lines"]] == ["B"]
    assert [line["order_ref"] for line in (await desk.made(MONDAY, since=str(FRIDAY)))["lines"]] == ["A", "B"]
    assert monday["begins_at"] == "2026-11-20T16:00:00+07:00"


async def test_a_cut_off_that_is_none_is_refused(desk: Desk) -> None:
    place = f"{CI}/merchants/vietinbank/9111"
    refused = await desk.http.put(place, json={"options": {"business_day": "25:00"}})
    assert refused.status_code == 400
    assert "business_day" in refused.json()["detail"]


async def test_a_merchants_own_days_off_belong_to_the_next_working_day(desk: Desk) -> None:
    await desk.http.put(
        f"{CI}/merchants/vietinbank/9111", json={"options": {"business_day": "treasury", "days_off": "2026-11-23"}}
    )
    await desk.at(datetime(2026, 11, 20, 16, tzinfo=VIETNAM))
    await desk.pay("A")
    await desk.at(datetime(2026, 11, 24, 16, tzinfo=VIETNAM))
    tuesday = await desk.made(date(2026, 11, 24))
    assert ([line["order_ref"] for line in tuesday["lines"]], tuesday["begins_at"]) == (
        ["A"],
        "2026-11-20T16:00:00+07:00",
    )
    refused = await desk.http.put(f"{CI}/merchants/vietinbank/9111", json={"options": {"days_off": "Tết"}})
    assert refused.status_code == 400
    assert "days_off" in refused.json()["detail"]


async def test_a_day_that_still_lasts_has_no_file(desk: Desk) -> None:
    await desk.pay("A")
    refused = await desk.made(status=409)
    assert "lasts until 2026-11-21T00:00:00+07:00" in refused["detail"]
    await desk.at(datetime(2026, 11, 21, tzinfo=VIETNAM))
    assert len((await desk.made())["lines"]) == 1


async def test_the_same_request_gives_the_same_bytes(desk: Desk) -> None:
    await desk.pay("A")
    await desk.at(TEN + timedelta(days=1))
    first = await desk.made()
    await desk.at(TEN + timedelta(days=9))
    assert await desk.made() == first


FILED = [(code, form.kind) for code, dialect in dialects().items() for form in dialect.settlement]


@pytest.mark.parametrize(("code", "kind"), FILED)
async def test_every_bank_with_a_file_tells_what_was_paid_there(desk: Desk, code: str, kind: str) -> None:
    dialect = dialects()[code]
    if dialect.shape.connector_orders:
        sample = SAMPLES[code]
        assert sample.create is not None
        await ask(desk.world, code, sample.create(sample.named("HS1"), 50_000, TEN))
        [payment] = await desk.world.store.payments("ci", bank=code)
        await act(desk.world, payment.payment_id, Event.APPROVE)
    else:
        await desk.pay("HS1", bank=code)
    await desk.at(TEN + timedelta(days=3))
    made = await desk.made(bank=code, kind=kind)
    assert made["totals"] == {
        "count": 1,
        "net_vnd": 50_000,
        "sales": {"count": 1, "amount_vnd": 50_000},
        **{key: {"count": 0, "amount_vnd": 0} for key in ("refunds", "cancelled", "reversals")},
    }
    content = base64.b64decode(made["content_base64"])
    assert b"50000" in content
    assert (await desk.get(f"/settlements/{code}/{FRIDAY}", kind=kind)).content == content
    empty = await desk.made(SATURDAY, bank=code, kind=kind)
    assert (empty["lines"], empty["totals"]["net_vnd"]) == ([], 0)


# --- T+1 ---------------------------------------------------------------------------------------------------------


async def test_a_connector_fetches_it_from_seven_on_the_next_day(desk: Desk) -> None:
    await desk.pay("A")
    place = f"/settlements/vietinbank/{FRIDAY}"
    await desk.at(datetime(2026, 11, 21, 6, 59, 59, tzinfo=VIETNAM))
    refused = await desk.get(place, 404)
    assert "2026-11-21T07:00:00+07:00" in refused.json()["detail"]
    await desk.at(datetime(2026, 11, 21, 7, tzinfo=VIETNAM))
    came = await desk.get(place)
    assert came.headers["content-disposition"] == 'attachment; filename="20261120_9111_THUHOTKAO_IN.txt"'
    assert came.content == base64.b64decode((await desk.made())["content_base64"])
    await desk.get(place, 404, late_s=3600)
    bills = await desk.get(place, kind="bill")
    assert "BILL_IN" in bills.headers["content-disposition"]


async def test_the_rows_so_far_are_there_while_the_day_lasts(desk: Desk) -> None:
    await desk.pay("A")
    place = f"/settlements/vietinbank/{FRIDAY}"
    first = await desk.get(place, early="true")
    assert (b"|A|" in first.content, b"|B|" in first.content) == (True, False)
    await desk.pay("B")
    assert b"|B|" in (await desk.get(place, early="true")).content
    assert (await desk.get(place, 409, early="true", faults='{"count_delta":1}')).json()["detail"]
    await desk.get(place, 404)
    await desk.at(datetime(2026, 11, 21, 7, tzinfo=VIETNAM))
    whole = (await desk.get(place)).content
    assert (await desk.get(place, early="true")).content == whole


async def test_a_days_files_are_listed_without_being_made(desk: Desk) -> None:
    listed = (await desk.get("/settlements", business_date=str(FRIDAY))).json()
    kinds = {(each["bank"], each["kind"]) for each in listed}
    assert {("vietinbank", "va"), ("vietinbank", "bill"), ("napas", "tc"), ("dvcqg", "treasury")} <= kinds
    assert {each["business_date"] for each in listed} == {"2026-11-20"}
    yesterday = (await desk.get("/settlements")).json()
    assert {each["business_date"] for each in yesterday} == {"2026-11-19"}


@pytest.mark.parametrize(
    ("bank", "asked", "detail"),
    [
        ("nobank", {}, "There is no bank 'nobank'"),
        ("momo", {}, "momo has no file ''"),
        ("vietinbank", {"kind": "tc"}, "it has: va, bill"),
        ("vietinbank", {"merchant_code": "1"}, "no merchant '1'"),
    ],
)
async def test_what_is_not_there_is_said(desk: Desk, bank: str, asked: dict[str, str], detail: str) -> None:
    assert detail in (await desk.get(f"/settlements/{bank}/{FRIDAY}", 404, **asked)).json()["detail"]


@pytest.mark.parametrize("day", ["1999-12-31", "9999-12-31", "2026-02-30", "x"])
async def test_a_day_that_cannot_be_is_refused(desk: Desk, day: str) -> None:
    await desk.get(f"/settlements/vietinbank/{day}", 400)
    await desk.get("/settlements", 400, business_date=day)
    await desk.post("/settlements", {"bank": "vietinbank", "business_date": day}, 400)


# --- faults ------------------------------------------------------------------------------------------------------


async def test_each_fault_is_in_the_file_and_not_in_the_ledger(desk: Desk) -> None:
    for second, code in enumerate("ABCDE"):
        await desk.at(TEN + timedelta(seconds=second))
        await desk.pay(code)
    await desk.at(TEN + timedelta(days=1))
    faults = {
        "missing": ["A"],
        "changed": {"B": -1},
        "duplicated": ["C"],
        "cancelled": ["D"],
        "late": ["E"],
        "extra": [{"order_ref": "X", "amount_vnd": 7}],
        "wrong_row_checksum": ["B"],
        "count_delta": 2,
    }
    made = await desk.made(faults=faults)
    told = read(made)
    rows = [(row.fields["custCode"], row.fields["amount"], row.fields["status"]) for row in told.rows]
    assert rows == [
        ("B", "49999", "00"),
        ("C", "50000", "00"),
        ("C", "50000", "00"),
        ("D", "50000", "99"),
        ("X", "7", "00"),
    ]
    assert [(error.line, error.field) for error in told.errors] == [(2, "recordChecksum"), (7, "recordNo")]
    await desk.at(TEN + timedelta(days=2))
    next_day = await desk.made(SATURDAY, faults={"late": ["E"]})
    [row] = read(next_day).rows
    assert (row.fields["recordType"], row.fields["custCode"]) == ("003", "E")
    assert next_day["lines"][0]["carried"]
    assert len((await desk.made())["lines"]) == 5


async def test_a_wrong_footer_alone(desk: Desk) -> None:
    await desk.pay("A")
    await desk.at(TEN + timedelta(days=1))
    errors = read(await desk.made(faults={"wrong_footer_checksum": True})).errors
    assert [(error.line, error.field) for error in errors] == [(3, "fileChecksum")]


@pytest.mark.parametrize("faults", [{"missing": ["NOBODY"]}, {"late": ["NOBODY"]}, {"changed": {"A": -50_001}}])
async def test_a_fault_of_no_row_is_refused(desk: Desk, faults: dict[str, Any]) -> None:
    await desk.pay("A")
    await desk.at(TEN + timedelta(days=1))
    assert "There is no such file" in (await desk.made(status=409, faults=faults))["detail"]


async def test_a_misspelt_fault_is_refused(desk: Desk) -> None:
    assert "faults.mising" in (await desk.made(status=400, faults={"mising": ["A"]}))["detail"]
    await desk.made(status=400, since="2026-11-21")


# --- what the merchant answers -----------------------------------------------------------------------------------


async def test_an_answer_is_read_against_the_file_that_was_sent(desk: Desk) -> None:
    await desk.pay("A")
    await desk.pay("B")
    await desk.at(TEN + timedelta(days=1))
    found = await desk.replied(answer_to(await desk.made()))
    assert (found["accepted"], found["errors"], found["answer_name"]) == (True, [], "")
    assert [row["status"] for row in found["rows"]] == ["00", "00"]
    sent = await desk.made(faults={"missing": ["B"]})
    assert (await desk.replied(answer_to(sent), faults={"missing": ["B"]}))["accepted"]
    forgotten = await desk.replied(answer_to(sent))
    [error] = forgotten["errors"]
    assert (forgotten["accepted"], error["field"]) == (False, "transId")
    assert "is not answered" in error["why"]


async def test_a_partners_list_is_answered_with_disputes(desk: Desk) -> None:
    await desk.pay("A")
    await desk.at(TEN + timedelta(days=1))
    sent = base64.b64decode((await desk.made(kind="bill"))["content_base64"])
    found = await desk.replied(sent, kind="bill")
    assert (found["accepted"], found["answer_folder"]) == (True, "VIETINBANK_IN")
    assert found["answer_name"] == "20261120_BILLPAY_TRANS_DISPUTE_9111.txt"
    assert base64.b64decode(found["answer_base64"]) == sent


async def test_an_answer_that_is_no_base64_is_refused(desk: Desk) -> None:
    await desk.at(TEN + timedelta(days=1))
    body = {"bank": "vietinbank", "business_date": str(FRIDAY), "content_base64": "!"}
    assert "Base64" in (await desk.post("/settlements/replies", body, 400))["detail"]


async def test_the_secret_of_files_is_the_merchants(desk: Desk) -> None:
    changed = await desk.http.put(f"{CI}/merchants/vietinbank/9111", json={"secrets": {"settlement_secret": "another"}})
    assert changed.status_code == 200
    await desk.pay("A")
    await desk.at(TEN + timedelta(days=1))
    content = base64.b64decode((await desk.made())["content_base64"])
    assert piped.read(vietinbank_va.LAYOUT, content, "another").errors == ()
    refused = await desk.http.put(f"{CI}/merchants/momo/MOMO", json={"secrets": {"settlement_secret": "x"}})
    assert refused.status_code == 400


# --- client and folder -------------------------------------------------------------------------------------------


def settled(sandbox: SandboxClient) -> date:
    """A paid bill, and its business day over; that day."""
    sandbox.pay_unasked("vietinbank", "A", 50_000)
    now = sandbox.clock().now.astimezone(VIETNAM)
    sandbox.advance_to(datetime(now.year, now.month, now.day, 7, tzinfo=VIETNAM) + timedelta(days=1))
    return now.date()


def test_the_day_by_the_client_and_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, "--manual-clock", "--sandbox", "ci") as served, Banksim(served.url) as there:
        sandbox = there.sandbox("ci")
        day = settled(sandbox)
        made = sandbox.settle("vietinbank", day)
        assert made.content == sandbox.settlement_file("vietinbank", day)
        assert made.totals.net_vnd == made.lines[0].amount_vnd == 50_000
        assert made.name in [each.name for each in sandbox.settlements()]
        assert sandbox.settlements(day) == sandbox.settlements()
        with pytest.raises(ControlError, match="is there from"):
            sandbox.settlement_file("vietinbank", day, late_s=60)
        into = BytesIO()
        sandbox.early_file(into, "vietinbank", day)
        assert into.getvalue() == made.content
        with pytest.raises(ControlError, match="no file 'x'"):
            sandbox.early_file(into, "vietinbank", day, kind="x")
        wrong = sandbox.settle("vietinbank", day, faults={"missing": ["A"]})
        assert (wrong.lines, sandbox.settle("vietinbank", day, since=day).content) == ((), made.content)
        answer = answer_to({"content_base64": made.content_base64})
        assert sandbox.reply("vietinbank", day, answer).accepted

        folder = tmp_path / "sftp"
        command = ["settle", "--url", served.url, "--sandbox", "ci", "--folder", str(folder), "--bank", "vietinbank"]
        assert main(command) == 0
        assert (folder / "VIETINBANK_IN" / made.name).read_bytes() == made.content
        reply_path = folder / "VIETINBANK_OUT" / made.reply_name
        reply_path.parent.mkdir(exist_ok=True)
        reply_path.write_bytes(answer)
        bill = sandbox.settle("vietinbank", day, kind="bill")
        (folder / bill.reply_folder / bill.reply_name).write_bytes(bill.content)
        capsys.readouterr()
        assert main([*command, "--date", day.isoformat()]) == 0
        assert f"{made.reply_name}, 1 rows, 0 errors" in capsys.readouterr().out
        [dispute] = (folder / "VIETINBANK_IN").glob("*DISPUTE*")
        assert dispute.read_bytes() == bill.content
        reply_path.write_bytes(answer.replace(b"|50000|", b"|50001|"))
        assert main(command) == 1
        printed = capsys.readouterr()
        assert "line 2, recordChecksum" in printed.out
        assert "a merchant's file is wrong" in printed.err
        assert main([*command, "--date", (day + timedelta(days=1)).isoformat()]) == 0
        assert "is there from" in capsys.readouterr().out


def test_a_server_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settle", "--folder", str(tmp_path), "--url", "http://127.0.0.1:1"]) == 1
    assert "is `banksim serve` running?" in capsys.readouterr().err


def test_a_day_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["settle", "--folder", "x", "--date", "yesterday"])
    assert "no day such as 2026-01-05" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("files_at", "25:00"), ("files_at", "7"), ("files_late_s", "-1"), ("files_late_s", "9999999")]
)
async def test_a_time_of_files_that_is_none_is_refused(desk: Desk, option: str, value: str) -> None:
    refused = await desk.http.put(f"{CI}/merchants/vietinbank/9111", json={"options": {option: value}})
    assert refused.status_code == 400
    assert option in refused.json()["detail"]


async def test_a_merchants_files_come_at_its_hour_and_late(desk: Desk) -> None:
    options = {"files_at": "05:30", "files_late_s": "60"}
    await desk.http.put(f"{CI}/merchants/vietinbank/9111", json={"options": options})
    place = f"/settlements/vietinbank/{FRIDAY}"
    await desk.at(datetime(2026, 11, 21, 5, 30, 59, tzinfo=VIETNAM))
    assert "2026-11-21T05:31:00+07:00" in (await desk.get(place, 404)).json()["detail"]
    await desk.at(datetime(2026, 11, 21, 5, 31, tzinfo=VIETNAM))
    assert b"|20261121053000|" in (await desk.get(place)).content
    listed = (await desk.get("/settlements", business_date=str(FRIDAY))).json()
    assert {each["ready_at"] for each in listed if each["bank"] == "vietinbank"} == {"2026-11-21T05:31:00+07:00"}
