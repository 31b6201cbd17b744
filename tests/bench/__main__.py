"""`make bench`: prints what a payment costs, beside bare frameworks and other mock servers, all measured in one run.

Trust the ratios, not the rates: load and servers share this machine's processors.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import uvloop

from simulator.client import Banksim
from tests.bench import bare, peers
from tests.bench.measuring import CONNECTIONS, Measured, Running, Work, measure, serving, warm_up
from tests.bench.wire import MERCHANT, SECRET, SEED
from tests.bench.works import called, create, merchant, settle, whole
from tests.postgres import postgres_server

CREATE, CALLBACK, WHOLE = "create", "create + callback delivered", "whole payment"
BASE = "bare ASGI"


PEERS = {"WireMock": peers.wiremock, "mountebank": peers.mountebank, "Prism": peers.prism}
BANKSIM = {
    "banksim, SQLite": ("sqlite", 1),
    "banksim, SQLite, 2 workers": ("sqlite", 2),
    "banksim, PostgreSQL": ("postgres", 1),
    "banksim, PostgreSQL, 2 workers": ("postgres", 2),
}
NAMES = (BASE, "bare FastAPI", "ceiling", *PEERS, *BANKSIM)
SLOW = {"Prism", "banksim, PostgreSQL", "banksim, PostgreSQL, 2 workers"}
"""Asked for half as much."""

OURS = {CREATE: create, CALLBACK: settle, WHOLE: whole}
ORDERS = {CREATE: create}
CALLED = {CREATE: create, CALLBACK: called()}


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that runs, and what it can do."""

    name: str
    server: Running
    works: Mapping[str, Work]


def started(name: str, leaving: ExitStack, folder: Path, callback: str) -> Subject:
    """`callback` is the merchant's address, to which it calls back."""
    if name in BANKSIM:
        return Subject(name, _banksim(leaving, folder, callback, *BANKSIM[name]), OURS)
    if name in PEERS:
        return Subject(name, leaving.enter_context(PEERS[name](callback)), ORDERS if name == "Prism" else CALLED)
    if name == "ceiling":
        command = bare.ceiling(SECRET, callback, str(folder / "ceiling.db"))
        return Subject(name, leaving.enter_context(serving(command, "ready:")), CALLED)
    command = bare.asgi() if name == BASE else bare.fastapi()
    return Subject(name, leaving.enter_context(serving(command, "ready:")), ORDERS)


def _banksim(leaving: ExitStack, folder: Path, callback: str, kind: str, workers: int) -> Running:
    store = leaving.enter_context(postgres_server()) if kind == "postgres" else str(folder / f"bank{workers}.db")
    words = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", store, "--seed", SEED]
    server = leaving.enter_context(serving([*words, "--workers", str(workers)], "banksim ready at", folder))
    with Banksim(f"http://127.0.0.1:{server.port}") as client:
        client.sandbox().set_merchant("vnpay", MERCHANT, callback_url=callback)
    return server


def table(measured: Mapping[tuple[str, str], Sequence[Measured]], memory: Mapping[str, float]) -> str:
    """A line a work and a server; medians."""
    base = statistics.median(each.cpu_us for each in measured[CREATE, BASE])
    lines = [f"{'work':<30}{'server':<32}{'per second':>11}{'CPU us':>9}{'x bare ASGI':>12}{'MiB':>7}"]
    for (work, name), each in sorted(measured.items(), key=lambda item: [CREATE, CALLBACK, WHOLE].index(item[0][0])):
        rate = statistics.median(one.per_s for one in each)
        cpu = statistics.median(one.cpu_us for one in each)
        lines.append(f"{work:<30}{name:<32}{rate:>11,.0f}{cpu:>9,.0f}{cpu / base:>12.1f}{memory[name]:>7,.0f}")
    return "\n".join(lines)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs; medians are printed (default: 5)")
    parser.add_argument("--count", type=int, default=4000, help="pieces of work in each run (default: 4000)")
    parser.add_argument("--warm-up", type=float, default=30.0, metavar="S", help="of each peer (default: 30)")
    parser.add_argument("--server", action="append", choices=NAMES, default=[], help="only this; repeatable")
    args = parser.parse_args()
    wanted = [name for name in NAMES if not args.server or name in args.server or name == BASE]
    missing = peers.install() if PEERS.keys() & set(wanted) else "not asked for"
    names = [name for name in wanted if not (missing and name in PEERS)]
    measured: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    with ExitStack() as leaving:
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-bench-")))
        async with merchant() as callback:
            subjects = [await asyncio.to_thread(started, name, leaving, folder, callback) for name in names]
            for subject in subjects:
                for work in subject.works.values():
                    await warm_up(subject.server, args.warm_up / len(subject.works), work)
            for _ in range(args.runs):
                for subject in subjects:
                    for name, work in subject.works.items():
                        count = args.count // 2 if subject.name in SLOW else args.count
                        measured[name, subject.name].append(await measure(subject.server, count, work))
            memory = {subject.name: subject.server.memory_mib() for subject in subjects}
            await asyncio.to_thread(leaving.close)
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, {platform.python_implementation()}"
        f" {platform.python_version()}, uvicorn {version('uvicorn')}, uvloop {version('uvloop')}"
    )
    print(
        f"{CONNECTIONS} connections from the same machine; medians of {args.runs} interleaved runs of {args.count};"
        f" everything warmed up for {args.warm_up:g} s"
    )
    print(f"other mock servers: {missing or ', '.join(f'{name} {wanted}' for name, wanted in peers.PACKAGES.items())}")
    print(table(measured, memory))


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
