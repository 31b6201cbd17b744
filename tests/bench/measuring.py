"""Work done by many connections at once: its rate, and what it cost the server and all its children."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.wire import Connection

CONNECTIONS = 32
END_S = 15
_CPUCLOCK_SCHED = 2

Work = Callable[[Connection, str], Awaitable[None]]
"""One piece of work, named by a reference that was never used before."""


@dataclass(frozen=True, slots=True)
class Measured:
    per_s: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: where it listens, and the process that was started."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Of it and its children that still run."""
        return sum(_cpu_s(pid) for pid in _family(self.pid))

    def memory_mib(self) -> float:
        """What it and its children keep, shared pages counted once for all (PSS)."""
        return sum(_pss_kib(pid) for pid in _family(self.pid)) / 1024


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _cpu_s(pid: int) -> float:
    """Of all its threads, to the nanosecond: Linux has a clock for each process, numbered as `clock_getcpuclockid`."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def measure(server: Running, count: int, work: Work) -> Measured:
    """Does `count` pieces of `work` over CONNECTIONS connections."""
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(Connection, "127.0.0.1", server.port))[1] for _ in range(CONNECTIONS)]
    run, numbers = os.urandom(3).hex(), iter(range(count))

    async def carry_on(line: Connection) -> None:
        for number in numbers:
            await work(line, f"{run}{number}")

    before, start = server.cpu_s(), loop.time()
    await asyncio.gather(*map(carry_on, lines))
    elapsed, cpu = loop.time() - start, server.cpu_s() - before
    for line in lines:
        assert line.transport is not None
        line.transport.close()
    return Measured(count / elapsed, cpu / count * 1e6)


async def warm_up(server: Running, seconds: float, work: Work) -> None:
    """Until a just-in-time compiler has seen enough."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        await measure(server, 500, work)


@contextmanager
def serving(command: list[str], ready: str, folder: Path | None = None) -> Iterator[Running]:
    """A server that says `ready` and its port at the end of a line. Raises RuntimeError if it never does."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    assert child.stdout is not None
    try:
        line = next((line for line in child.stdout if ready in line), "")
        if not line:
            raise RuntimeError(f"{command[0]} did not start")
        yield Running(int(line.rstrip().rstrip("/").rsplit(":", 1)[1]), child.pid)
    finally:
        child.terminate()
        child.wait(END_S)
        child.stdout.close()
