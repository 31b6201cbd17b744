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


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and what it can do; `share` = how much of the usual count is asked of it."""

    name: str
    server: Running
    works: Mapping[str, Work]
    share: float = 1.0


def banksim(leaving: ExitStack, folder: Path, callback: str, store: str, workers: int) -> Running:
    words = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", store, "--seed", SEED]
    server = leaving.enter_context(serving([*words, "--workers", str(workers)], "banksim ready at", folder))
    with Banksim(f"http://127.0.0.1:{server.port}") as client:
        client.sandbox().set_merchant("vnpay", MERCHANT, callback_url=callback)
    return server


def subjects(leaving: ExitStack, folder: Path, callback: str, with_peers: bool) -> list[Subject]:
    """All of them, started."""
    ours = {CREATE: create, CALLBACK: settle, WHOLE: whole}
    found = [
        Subject(BASE, leaving.enter_context(serving(bare.asgi(), "ready:")), {CREATE: create}),
        Subject("bare FastAPI", leaving.enter_context(serving(bare.fastapi(), "ready:")), {CREATE: create}),
    ]
    ceiling = serving(bare.ceiling(SECRET, callback, str(folder / "ceiling.db")), "ready:")
    found.append(Subject("ceiling", leaving.enter_context(ceiling), {CREATE: create, CALLBACK: called()}))
    if with_peers:
        server = leaving.enter_context(peers.wiremock(callback))
        found.append(Subject("WireMock", server, {CREATE: create, CALLBACK: called()}))
        server = leaving.enter_context(peers.mountebank(callback))
        found.append(Subject("mountebank", server, {CREATE: create, CALLBACK: called()}))
        found.append(Subject("Prism", leaving.enter_context(peers.prism(callback)), {CREATE: create}, share=0.5))
    for workers, name in ((1, "banksim, SQLite"), (2, "banksim, SQLite, 2 workers")):
        store = str(folder / f"bank{workers}.db")
        found.append(Subject(name, banksim(leaving, folder, callback, store, workers), ours))
    for workers, name in ((1, "banksim, PostgreSQL"), (2, "banksim, PostgreSQL, 2 workers")):
        store = leaving.enter_context(postgres_server())
        found.append(Subject(name, banksim(leaving, folder, callback, store, workers), ours, share=0.5))
    return found


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
    parser.add_argument("--without-peers", action="store_true", help="leave the other mock servers out")
    args = parser.parse_args()
    missing = "left out" if args.without_peers else peers.install()
    measured: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    with ExitStack() as leaving:
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-bench-")))
        async with merchant() as callback:
            all_of_them = await asyncio.to_thread(subjects, leaving, folder, callback, not missing)
            for subject in all_of_them:
                for work in subject.works.values():
                    await warm_up(subject.server, args.warm_up / len(subject.works), work)
            for _ in range(args.runs):
                for subject in all_of_them:
                    for name, work in subject.works.items():
                        count = round(args.count * subject.share)
                        measured[name, subject.name].append(await measure(subject.server, count, work))
            memory = {subject.name: subject.server.memory_mib() for subject in all_of_them}
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
