"""Facts about a server of several processes, on one machine and behind a proxy: any may go, and the database too."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from conformance.child import free_port
from simulator.client import Banksim
from simulator.clock import system_clock
from tests.postgres import postgres_database
from tests.samples.vnpay import vnpay_pay
from tests.worlds import connector

WITHIN_S = 60.0
LEASE_S = 2.0
READY = "banksim ready at "


@asynccontextmanager
async def serving(*words: str) -> AsyncIterator[tuple[str, subprocess.Popen[str]]]:
    """A real `banksim serve`: its URL and its process. It is asked to end."""
    command = [sys.executable, "-m", "simulator", "serve", "--seed", "1", "--lease-s", str(LEASE_S), *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        lines = iter(child.stdout.readline, "")
        told = await asyncio.to_thread(lambda: next((line for line in lines if line.startswith(READY)), ""))
        assert told, child.stderr.read() if child.stderr else ""
        yield told.removeprefix(READY).strip(), child
    finally:
        child.terminate()
        await asyncio.to_thread(child.communicate)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        await asyncio.sleep(0.05)


def children_of(pid: int) -> list[int]:
    """Those that have a port: the workers, without multiprocessing's own helper."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(each) for each in listed if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


# --- workers -------------------------------------------------------------------------------------------------

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells who started whom")


@needs_proc
async def test_a_worker_that_is_killed_is_replaced_and_the_port_never_closes(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "bank.db"), "--port", "0", "--workers", "2")
    async with serving(*store) as (url, child), httpx.AsyncClient(base_url=url) as payer:
        first = children_of(child.pid)
        assert len(first) == 2
        for number in range(3):
            victim = children_of(child.pid)[number % 2]
            os.kill(victim, signal.SIGKILL)
            await until(lambda victim=victim: len(now := children_of(child.pid)) == 2 and victim not in now)  # type: ignore[misc]
            answer = await _ordered(payer, f"W{number}")
            assert answer.status_code == 302
        assert not set(first) & set(children_of(child.pid))
        child.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(child.wait, WITHIN_S) == 0


async def _ordered(payer: httpx.AsyncClient, ref: str) -> httpx.Response:
    """A payer's browser comes to VNPAY; once more where its connection went down with a process."""
    request = vnpay_pay(ref, 20_000, system_clock())
    for _ in range(50):
        try:
            return await payer.get(f"/vnpay{request.path}?{request.query.decode()}")
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("nobody is served")


@needs_proc
async def test_workers_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "bank.db"), "--port", "0", "--workers", "2")
    async with serving(*store) as (_, child):
        workers = children_of(child.pid)
        child.kill()
        child.wait()
        await until(lambda: not any(Path(f"/proc/{each}").exists() for each in workers))


async def test_workers_share_settings_payments_and_the_token(tmp_path: Path) -> None:
    """Each question goes over a connection of its own, so to any of them."""
    words = ("--store", str(tmp_path / "bank.db"), "--port", "0", "--workers", "3", "--token", "word")
    async with serving(*words) as (url, _):
        for number in range(20):
            with Banksim(url, "word") as banksim:
                banksim.sandbox().set_merchant("vnpay", "DEMOV210", callback_url=f"http://127.0.0.1:9/{number}")
            with Banksim(url, "word") as banksim:
                told = {each.bank: each.callback_url for each in banksim.sandbox().merchants()}
            assert told["vnpay"] == f"http://127.0.0.1:9/{number}"
        async with httpx.AsyncClient(base_url=url) as stranger:
            assert (await stranger.get("/_control/sandboxes")).status_code == 401


def test_workers_that_cannot_start_say_why(tmp_path: Path) -> None:
    (tmp_path / "bank.db").write_text("no database", encoding="utf-8")
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--workers", "2", "--store", "bank.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=WITHIN_S)
    assert done.returncode == 1
    assert "the store cannot be used" in done.stderr


@pytest.mark.parametrize("number", ["0", "65", "-1", "x", "²"])
def test_how_many_workers_is_a_small_number(number: str) -> None:
    command = [sys.executable, "-m", "simulator", "serve", f"--workers={number}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert done.returncode == 2
    assert "a number from 1 to 64" in done.stderr


# --- nodes on one database, behind a proxy -------------------------------------------------------------------


@asynccontextmanager
async def proxy(port: int, nodes: list[int]) -> AsyncIterator[None]:
    """Bytes to and fro, each connection to the next of `nodes` (ports) that takes it: no sticky sessions."""
    turns = count()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in nodes:
            try:
                there = await asyncio.open_connection("127.0.0.1", nodes[next(turns) % len(nodes)])
            except OSError:
                continue
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
            return
        writer.close()

    async with await asyncio.start_server(joined, "127.0.0.1", port):
        yield


@pytest.mark.postgres
async def test_a_node_is_killed_in_the_middle_of_a_load_and_no_dong_is_lost(tmp_path: Path) -> None:
    public = free_port()
    with postgres_database() as database:
        words = ("--store", database.get_uri(), "--port", "0", "--public-url", f"http://127.0.0.1:{public}")
        async with AsyncExitStack() as leaving:
            nodes = [await leaving.enter_async_context(serving(*_port(words))) for _ in range(3)]
            ports = [each for each in map(_port_of, nodes) if each]
            await leaving.enter_async_context(proxy(public, ports))
            load = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "simulator", "load", "mixed_banks", "--url", f"http://127.0.0.1:{public}"),
                *("--rate", "20", "--for", "12s", "--think", "0.05", "--seed", "1", "--report-dir", str(tmp_path)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            with Banksim(f"http://127.0.0.1:{ports[0]}") as watching:
                await until(lambda: _paid(watching) > 60)
            nodes[2][1].kill()
            told, _ = await load.communicate()
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    fates = {each["fate"] for each in results["fates"] if each["dossiers"]}
    assert load.returncode == 0, told.decode()
    assert fates <= {"settled_once", "not_paid"}
    assert sum(each["dossiers"] for each in results["fates"] if each["fate"] == "settled_once") > 100


def _port(words: tuple[str, ...]) -> tuple[str, ...]:
    """With a port of its own, known beforehand: a node behind a proxy does not print it."""
    found = list(words)
    found[found.index("--port") + 1] = f"{free_port()}"
    return tuple(found)


def _port_of(node: tuple[str, subprocess.Popen[str]]) -> int:
    words = node[1].args
    assert isinstance(words, list)
    return int(words[words.index("--port") + 1])


def _paid(banksim: Banksim) -> int:
    return sum(banksim.sandbox(each.name).totals().payments_by_state.get("paid", 0) for each in banksim.sandboxes())


@pytest.mark.postgres
async def test_without_its_database_a_bank_is_closed_and_afterwards_all_goes_on(tmp_path: Path) -> None:
    with postgres_database() as database:
        async with (
            connector() as portal,
            serving("--store", database.get_uri(), "--port", "0") as (url, _),
            httpx.AsyncClient(base_url=url) as payer,
        ):
            paid = await _paid_order(url, portal.url, payer)
            database.stop()
            refused = await _ordered(payer, "NOBOOKS")
            assert refused.status_code == 503 or b"99" in refused.content + refused.headers.get("location", "").encode()
            assert (await payer.post(paid, json={"event": "approve"})).status_code == 503
            assert (await payer.get("/")).status_code == 503
            database.start()
            deadline = time.monotonic() + WITHIN_S
            while (answer := await _ordered(payer, "BOOKS")).headers.get("location", "").find("/pay/") < 0:
                assert time.monotonic() < deadline, answer
                await asyncio.sleep(0.1)
            assert (await payer.post(paid, json={"event": "approve"})).status_code == 200
            await until(lambda: len(portal.requests) > 0)


async def _paid_order(url: str, portal_url: str, payer: httpx.AsyncClient) -> str:
    """Where its payer's hand is; the connector is to be told of it."""
    with Banksim(url) as banksim:
        banksim.sandbox().set_merchant("vnpay", "DEMOV210", callback_url=f"{portal_url}/ipn")
    page = (await _ordered(payer, "ORDER")).headers["location"]
    return f"/_control/sandboxes/default/payments/{urlsplit(page).path.rsplit('/', 1)[1]}/events"
