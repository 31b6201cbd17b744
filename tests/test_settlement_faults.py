"""Every fault of every kind of file, by HTTP and in a folder; answers, the year's end, and a day told again."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from simulator.__main__ import main
from simulator.bank import act
from simulator.banks import dialects
from simulator.client import Banksim, SandboxClient
from simulator.clock import VIETNAM
from simulator.merchants import default_merchants
from simulator.payment import Event
from simulator.settlement import napas
from tests.samples import SAMPLES
from tests.test_cli import serving
from tests.test_settlement import FILED, FRIDAY, MONDAY, SATURDAY, TEN, Desk, answer_to, desk
from tests.test_settlement_files import errors_of
from tests.worlds import ask

__all__ = ["desk"]

AMOUNT_VND = 50_000
FORMS = {(code, form.kind): form for code, dialect in dialects().items() for form in dialect.settlement}


async def paid(desk: Desk, code: str, names: str, at: datetime) -> list[str]:
    """Payments at that bank, a second apart; what their rows call them."""
    dialect, told = dialects()[code], []
    for second, name in enumerate(names):
        moment = at + timedelta(seconds=second)
        await desk.at(moment)
        if not dialect.shape.connector_orders:
            told.append(f"{code}{name}")
            await desk.pay(told[-1], AMOUNT_VND, bank=code)
            continue
        sample = SAMPLES[code]
        assert sample.create is not None
        await ask(desk.world, code, sample.create(sample.named(f"HS{name}"), AMOUNT_VND, moment))
        [payment] = await desk.world.store.payments("ci", bank=code, limit=1)
        await act(desk.world, payment.payment_id, Event.APPROVE)
        told.append(payment.order.order_ref)
    return told


async def fetched(desk: Desk, code: str, kind: str, day: date = FRIDAY, **more: Any) -> bytes:
    return (await desk.get(f"/settlements/{code}/{day}", kind=kind, **more)).content


def rows(content: bytes, order_ref: str) -> list[str]:
    return [line for line in content.decode().splitlines() if order_ref in line]


def wrongs(code: str, kind: str, content: bytes) -> int:
    """How many things a reader finds wrong with the file itself."""
    [merchant] = [each for each in default_merchants() if each.bank == code]
    secret = merchant.secrets["secret"] if kind in ("day", "treasury") else "demo-secret"
    return len(errors_of(FORMS[code, kind], content, secret))


@pytest.mark.parametrize(("code", "kind"), FILED)
async def test_every_fault_of_every_kind_is_in_the_bytes(desk: Desk, code: str, kind: str) -> None:
    one, two, three = await paid(desk, code, "ABC", TEN)
    await desk.at(TEN + timedelta(days=5))
    true = await fetched(desk, code, kind)
    assert [len(rows(true, each)) for each in (one, two, three)] == [1, 1, 1]
    assert wrongs(code, kind, true) == 0

    async def faulty(faults: str, day: date = FRIDAY) -> bytes:
        content = await fetched(desk, code, kind, day, faults=faults)
        assert content != true
        return content

    missing = await faulty(f'{{"missing": ["{one}"]}}')
    assert ([len(rows(missing, each)) for each in (one, two)], wrongs(code, kind, missing)) == ([0, 1], 0)
    extra = await faulty('{"extra": [{"order_ref": "HSX99", "amount_vnd": 7777}]}')
    assert (len(rows(extra, "HSX99")), wrongs(code, kind, extra)) == (1, 0)
    assert "7777" in rows(extra, "HSX99")[0]
    doubled = await faulty(f'{{"duplicated": ["{one}"]}}')
    first, second = rows(doubled, one)
    assert wrongs(code, kind, doubled) == 0
    assert first == second or kind == "treasury"  # Its rows are numbered.
    changed = await faulty(f'{{"changed": {{"{two}": 1}}}}')
    assert "50001" in rows(changed, two)[0]
    assert (rows(changed, one), wrongs(code, kind, changed)) == (rows(true, one), 0)
    cancelled = await faulty(f'{{"cancelled": ["{two}"]}}')
    assert rows(cancelled, two) != rows(true, two)
    assert (len(rows(cancelled, two)), wrongs(code, kind, cancelled)) == (0 if kind == "tc" else 1, 0)
    late = f'{{"late": ["{three}"]}}'
    assert rows(await faulty(late), three) == []
    [row] = rows(await faulty(late, MONDAY if kind == "treasury" else SATURDAY), three)
    assert kind not in ("va", "bill") or row.startswith("003|")
    for fault in (f'{{"wrong_row_checksum": ["{two}"]}}', '{"wrong_footer_checksum": true}', '{"count_delta": -1}'):
        spoilt = await faulty(fault)
        assert (wrongs(code, kind, spoilt), len(spoilt.splitlines())) == (1, len(true.splitlines()))


@pytest.mark.parametrize("kind", sorted({kind for _, kind in FILED}))
async def test_the_years_last_day_and_the_next_one(desk: Desk, kind: str) -> None:
    """tt-184-2015#year-end: on the platform, the last working day ends at midnight."""
    code = next(bank for bank, own in FILED if own == kind)
    made = [
        *await paid(desk, code, "A", datetime(2026, 12, 31, 15, 59, 59, tzinfo=VIETNAM)),
        *await paid(desk, code, "B", datetime(2026, 12, 31, 16, tzinfo=VIETNAM)),
        *await paid(desk, code, "C", datetime(2026, 12, 31, 23, 30, tzinfo=VIETNAM)),
        *await paid(desk, code, "D", datetime(2027, 1, 1, tzinfo=VIETNAM)),
    ]
    await desk.at(datetime(2027, 1, 6, 7, tzinfo=VIETNAM))
    of_next_day = "D" if kind != "tc" else "CD"
    for day, expected in ((date(2026, 12, 31), "ABCD"[: 4 - len(of_next_day)]), (date(2027, 1, 4), of_next_day)):
        content = await fetched(desk, code, kind, day if kind == "treasury" or day.year == 2026 else date(2027, 1, 1))
        found = "".join(name for name, ref in zip("ABCD", made, strict=True) if rows(content, ref))
        assert found == expected
    name = (await desk.get(f"/settlements/{code}/2026-12-31", kind=kind)).headers["content-disposition"]
    assert "010127_" in name if kind == "tc" else "20261231_" in name


@pytest.mark.parametrize(("code", "kind"), FILED)
async def test_after_an_outage_all_days_since_are_told_once_more(desk: Desk, code: str, kind: str) -> None:
    [first] = await paid(desk, code, "A", TEN)
    [second] = await paid(desk, code, "B", TEN + timedelta(days=3))
    await desk.at(TEN + timedelta(days=5))
    alone = await fetched(desk, code, kind, MONDAY)
    again = await fetched(desk, code, kind, MONDAY, since=str(FRIDAY))
    assert [bool(rows(alone, each)) for each in (first, second)] == [False, True]
    assert [len(rows(again, each)) for each in (first, second)] == [1, 1]
    assert wrongs(code, kind, again) == 0


async def test_napas_answers_a_members_sl_with_its_xl(desk: Desk) -> None:
    """napas-settlement#rrc"""
    one, two = await paid(desk, "napas", "AB", TEN)
    await desk.at(TEN + timedelta(days=1))
    tc = (await fetched(desk, "napas", "tc")).decode().splitlines()
    claimed = {**napas._parsed("DR", napas.ROW, tc[1].partition("[CSR]")[0]), "RRC": napas.MEMBER_ONLY}  # type: ignore[dict-item]
    seen = {**napas._parsed("DR", napas.ROW, tc[2].partition("[CSR]")[0]), "RRC": napas.NAPAS_ONLY}  # type: ignore[dict-item]
    sl = "\n".join((tc[0], *(napas.row(each, "971000") for each in (claimed, seen)), tc[-1])).encode()
    found = await desk.replied(sl, bank="napas", kind="tc")
    assert (found["accepted"], found["answer_folder"]) == (True, "ECOM/Inbox")
    assert [(row["key"], row["status"]) for row in found["rows"]] == [(one, "0117"), (two, "0115")]
    assert re.fullmatch(r"112126_ACQ_\w+_971000_1_XL_ECOM\.dat", found["answer_name"])


async def test_faults_that_cannot_be_read_are_refused(desk: Desk) -> None:
    await desk.at(TEN + timedelta(days=1))
    for faults in ("{", "[]", '{"mising": ["A"]}', '{"count_delta": 1001}'):
        refused = await desk.get(f"/settlements/vietinbank/{FRIDAY}", 400, faults=faults)
        assert "`faults" in refused.json()["detail"]


# --- in a folder -------------------------------------------------------------------------------------------------


def pay_everywhere(sandbox: SandboxClient, url: str, at: datetime) -> dict[str, str]:
    """One payment at each bank that has files: bank -> the order as its rows call it."""
    made = {}
    for code in {code: None for code, _ in FILED}:
        if not dialects()[code].shape.connector_orders:
            made[code] = sandbox.pay_unasked(code, f"{code}A", AMOUNT_VND).order_ref
            continue
        sample = SAMPLES[code]
        assert sample.create is not None
        request = sample.create(sample.named("HSA"), AMOUNT_VND, at)
        place = f"{url}/s/{sandbox.name}/{code}{request.path}?{request.query.decode()}"
        host = urlsplit(url).netloc
        headers = {**request.headers, "host": host}
        httpx.request(request.method, place, headers=headers, content=request.body, trust_env=False)
        [payment] = sandbox.payments(bank=code)
        sandbox.event(payment.payment_id, "approve")
        made[code] = payment.order_ref
    return made


def test_every_kind_lies_in_its_folder_with_and_without_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as served, Banksim(served.url) as there:
        sandbox = there.create_sandbox("ci", seed="1", clock_at=TEN)
        made = pay_everywhere(sandbox, served.url, TEN)
        sandbox.advance_to(datetime(2026, 11, 21, 7, tzinfo=VIETNAM))
        folder = tmp_path / "sftp"
        command = ["settle", "--url", served.url, "--sandbox", "ci", "--folder", str(folder), "--date", str(FRIDAY)]
        assert main(command) == 0
        for told in sandbox.settlements(FRIDAY):
            content = (folder / told.folder / told.name).read_bytes()
            assert content == sandbox.settle(told.bank, FRIDAY, kind=told.kind).content
            assert rows(content, made[told.bank])
        for code, kind in FILED:
            only = [*command, "--bank", code, "--kind", kind]
            assert main([*only, "--faults", f'{{"missing": ["{made[code]}"]}}']) == 0
            told = next(each for each in sandbox.settlements(FRIDAY) if (each.bank, each.kind) == (code, kind))
            assert not rows((folder / told.folder / told.name).read_bytes(), made[code])
        capsys.readouterr()
        assert main([*command, "--late-s", "60"]) == 0
        assert capsys.readouterr().out.count("is there from 2026-11-21T07:01:00+07:00 on") == len(FILED)

        sandbox.advance_to(datetime(2026, 11, 24, 7, tzinfo=VIETNAM))
        again = [*command[:-1], str(MONDAY), "--since", str(FRIDAY)]
        assert main(again) == 0
        for told in sandbox.settlements(MONDAY):
            assert rows((folder / told.folder / told.name).read_bytes(), made[told.bank])

        late = [*command, "--bank", "vietinbank", "--kind", "va"]
        assert main([*late, "--faults", '{"extra": [{"order_ref": "X", "amount_vnd": 1}]}']) == 0
        [va] = [each for each in sandbox.settlements(FRIDAY) if (each.bank, each.kind) == ("vietinbank", "va")]
        sent = sandbox.settle("vietinbank", FRIDAY, kind="va", faults={"extra": [{"order_ref": "X", "amount_vnd": 1}]})
        reply = folder / va.reply_folder / va.reply_name
        reply.parent.mkdir(exist_ok=True)
        reply.write_bytes(answer_to({"content_base64": sent.content_base64}))
        assert main([*late, "--faults", '{"extra": [{"order_ref": "X", "amount_vnd": 1}]}']) == 0
        assert main(late) == 1
        assert "speaks of a row that the bank does not have" in capsys.readouterr().out
        tc = next(each for each in sandbox.settlements(FRIDAY) if each.kind == "tc")
        (folder / tc.reply_folder).mkdir(parents=True, exist_ok=True)
        (folder / tc.reply_folder / tc.reply_name).write_bytes((folder / tc.folder / tc.name).read_bytes())
        main([*command, "--bank", "napas"])
        assert list((folder / tc.folder).glob("*_XL_ECOM.dat"))


@pytest.mark.parametrize("words", [["--faults", "{"], ["--faults", "[]"], ["--late-s", "-1"], ["--since", "x"]])
def test_what_settle_cannot_read_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["settle", "--folder", "x", *words])
    assert words[0] in capsys.readouterr().err
