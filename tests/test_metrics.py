"""The page that Prometheus scrapes, read by its own parser: counters of all sandboxes, few of them by name."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from simulator.control import create_control
from simulator.control.guard import Guard
from simulator.delivery import Courier
from simulator.faults import Fault
from simulator.metrics import CONTENT_TYPE, OTHERS, SANDBOXES_MAX, Server, exposition
from simulator.process import Process, this_process
from simulator.store import CallbackTimes, Figures, Size, Totals
from simulator.world import Worlds
from tests.samples.vnpay import vnpay_pay
from tests.test_nodes import serving
from tests.worlds import START, ask

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TOTALS = Totals(
    payments=3,
    payments_by_state={"paid": 2, "pending": 1},
    debited_vnd=100_000,
    refunded_vnd=20_000,
    deliveries_by_state={"acknowledged": 2},
    exchanges=7,
    payments_by_bank={"vnpay": {"paid": 1, "pending": 1}, "momo": {"paid": 1}},
    retries=4,
    faults_spent={"lost": 5},
    payments_removed=1,
    exchanges_removed=2,
    letters_removed=3,
)


def figures(name: str, due_at: datetime | None = None, *, manual: bool = False, **times: dict[int, int]) -> Figures:
    return Figures(name, manual, due_at, TOTALS, CallbackTimes(**times))


def server(*figures: Figures) -> Server:
    process = Process(1.5, 100, 200, 3, 4)
    return Server(figures, Size(4096, 1024, True), process, NOW - timedelta(hours=1), NOW, "0.1.0", "3.11.7")


def read(page: str) -> dict[str, Metric]:
    """By name; counters without the ending that the parser takes off."""
    assert page.endswith("\n")
    families = list(text_string_to_metric_families(page))
    assert len({each.name for each in families}) == len(families), "each is there once"
    return {each.name: each for each in families}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """The one sample of that name whose labels are these."""
    found = [
        sample.value
        for each in families.values()
        for sample in each.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) == 1, (name, labels)
    return float(found[0])


def test_the_counters_of_a_sandbox_are_told_by_bank_state_and_kind() -> None:
    told = read(exposition(server(figures("ci"))))
    assert value(told, "banksim_payments", sandbox="ci", bank="vnpay", state="pending") == 1
    assert value(told, "banksim_payments", sandbox="ci", bank="momo", state="paid") == 1
    assert value(told, "banksim_debited_vnd_total", sandbox="ci") == 100_000
    assert value(told, "banksim_refunded_vnd_total", sandbox="ci") == 20_000
    assert value(told, "banksim_callbacks", sandbox="ci", state="acknowledged") == 2
    assert value(told, "banksim_callback_retries_total", sandbox="ci") == 4
    assert value(told, "banksim_faults_spent_total", sandbox="ci", kind="lost") == 5
    assert value(told, "banksim_exchanges_total", sandbox="ci") == 7
    removed = [value(told, "banksim_removed_total", sandbox="ci", what=each) for each in ("payments", "letters")]
    assert removed == [1, 3]
    assert value(told, "banksim_store_size_bytes") == 4096
    assert value(told, "banksim_build_info", version="0.1.0", python="3.11.7") == 1
    assert value(told, "process_start_time_seconds") == (NOW - timedelta(hours=1)).timestamp()
    assert value(told, "process_cpu_seconds_total") == 1.5
    assert {each.type for each in told.values()} == {"gauge", "counter"}


def test_what_the_system_does_not_tell_is_left_out() -> None:
    page = exposition(replace(server(), process=Process(1.5)))
    assert "process_cpu_seconds_total 1.5" in page
    assert "resident" not in page


def test_a_label_may_hold_anything() -> None:
    name = 'a"b\\c\nd'
    assert value(read(exposition(server(figures(name)))), "banksim_callback_retries_total", sandbox=name) == 4


def test_the_oldest_sandboxes_are_listed_and_the_others_summed() -> None:
    late = NOW - timedelta(seconds=9)
    many = [figures(f"s{number}", late if number == SANDBOXES_MAX + 1 else None) for number in range(SANDBOXES_MAX + 3)]
    told = read(exposition(server(*many)))
    retries = {sample.labels["sandbox"]: sample.value for sample in told["banksim_callback_retries"].samples}
    assert list(retries) == [*(f"s{number}" for number in range(SANDBOXES_MAX)), OTHERS]
    assert retries[OTHERS] == 3 * 4
    assert value(told, "banksim_payments", sandbox=OTHERS, bank="vnpay", state="paid") == 3
    assert value(told, "banksim_callback_overdue_seconds", sandbox=OTHERS) == 9, "of the one that is latest"
    assert value(told, "banksim_sandboxes") == SANDBOXES_MAX + 3


@pytest.mark.parametrize(
    ("due_in_s", "manual", "overdue_s"), [(-90, False, 90), (60, False, 0), (-90, True, 0), (None, False, 0)]
)
def test_a_callback_is_overdue_from_its_time_on_and_never_on_a_manual_clock(
    due_in_s: int | None, manual: bool, overdue_s: int
) -> None:
    due_at = None if due_in_s is None else NOW + timedelta(seconds=due_in_s)
    told = read(exposition(server(figures("ci", due_at, manual=manual))))
    assert value(told, "banksim_callback_overdue_seconds", sandbox="ci") == overdue_s


def test_times_of_callbacks_are_a_histogram() -> None:
    told = read(exposition(server(figures("ci", answered={4: 2, 30: 1, 2500: 1, 99_000: 1}))))
    family = told["banksim_callback_answer_seconds"]
    assert family.type == "histogram"
    buckets = [(s.labels["le"], s.value) for s in family.samples if s.name.endswith("_bucket")]
    assert [n for _, n in buckets] == sorted(n for _, n in buckets)
    assert dict(buckets)["0.005"] == 2
    assert dict(buckets)["0.05"] == 3
    assert dict(buckets)["2.5"] == 4
    assert buckets[-1] == ("+Inf", 5)
    assert value(told, "banksim_callback_answer_seconds_count", sandbox="ci") == 5
    assert value(told, "banksim_callback_answer_seconds_sum", sandbox="ci") == pytest.approx(101.538)
    assert "banksim_callback_told_seconds" not in told, "nothing was measured"


def test_this_process_is_measured() -> None:
    before = this_process()
    assert before.resident_bytes is None or 10e6 < before.resident_bytes < (before.virtual_bytes or 0)
    assert before.open_files is None or 0 < before.open_files <= (before.open_files_max or 0)
    sum(range(300_000))
    assert this_process().cpu_s > before.cpu_s


# --- over HTTP -----------------------------------------------------------------------------------------------


def scraping(worlds: Worlds, courier: Courier, guard: Guard, host: str = "127.0.0.1:8080") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_control(worlds, courier, guard))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def test_a_scrape_tells_what_the_store_has_counted(worlds: Worlds, courier: Courier) -> None:
    world = await worlds.create("default", seed="1")
    await ask(world, "vnpay", vnpay_pay("A1", 50_000, START))
    async with scraping(worlds, courier, Guard()) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    told = read(answer.text)
    assert value(told, "banksim_payments", sandbox="default", bank="vnpay", state="pending") == 1
    assert value(told, "banksim_exchanges_total", sandbox="default") == 1


async def test_metrics_are_guarded_as_the_control_api_is(worlds: Worlds, courier: Courier) -> None:
    async with scraping(worlds, courier, Guard(token="word"), "banks.test") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers={"authorization": "Bearer word"})).status_code == 200
    async with scraping(worlds, courier, Guard(), "evil.test") as http:
        assert (await http.get("/metrics")).status_code == 421


async def test_faults_that_strike_are_counted_however_they_were_asked_for(worlds: Worlds) -> None:
    """Planned, by an amount, and as often as they strike."""
    world = await worlds.create("default", seed="1", faults_by_amount=True)
    await worlds.store.set_faults("default", (Fault(fault_id="f", kind="http_500", times=2),))
    for number in range(3):
        await ask(world, "vnpay", vnpay_pay(f"A{number}", 50_000, START))
    assert (await worlds.store.totals("default")).faults_spent == {"http_500": 2}
    await ask(world, "vnpay", vnpay_pay("B", 50_901, START))
    assert (await worlds.store.totals("default")).faults_spent == {"http_500": 3}


async def test_each_of_several_workers_tells_of_the_shared_store_and_of_itself(tmp_path: Path) -> None:
    store = tmp_path / "bank.db"
    words = ("--store", str(store), "--port", "0", "--workers", "2", "--token", "word", "--keep", "7d")
    async with serving(*words) as (url, _):
        pages = []
        for _ in range(12):
            async with httpx.AsyncClient(base_url=url) as http:  # A connection of its own: any worker may have it.
                pages.append((await http.get("/metrics", headers={"authorization": "Bearer word"})).text)
    told = [read(page) for page in pages]
    assert {value(each, "banksim_sandboxes") for each in told} == {1}
    assert len({value(each, "process_start_time_seconds") for each in told}) == 2
    with closing(sqlite3.connect(store)) as file:
        assert file.execute("PRAGMA auto_vacuum").fetchone() == (2,)
