"""A child process that is ready when it says so, and that ends with all that it started.

Rule: it lives in a session of its own, so that a Ctrl-C reaches the parent alone, which then stops it.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

GRACE_S = 5.0
"""How long a child may take to end after being asked."""

_LOOK_EVERY_S = 0.02
_LOG_LINES_SHOWN = 12


class ChildFailed(Exception):
    """A child did not start, or not in time; the sentence ends with what it wrote last."""


@dataclass(frozen=True, slots=True)
class Child:
    """`name` is for sentences ("the connector"); `log` receives its stdout and stderr."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for_line(self, pattern: re.Pattern[str], within_s: float) -> re.Match[str]:
        """The match of `pattern` in what it has written. Raises ChildFailed."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            match = pattern.search(self.written())
            if match is not None:
                return match
            if ended:
                raise self.failed(f"ended with exit code {self.process.returncode}")
            time.sleep(_LOOK_EVERY_S)
        raise self.failed(f"wrote no line like {pattern.pattern!r} within {within_s:g} s")

    def wait_for_health(self, url: str, within_s: float) -> None:
        """Returns once `url` answers 2xx. Raises ChildFailed."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise self.failed(f"ended with exit code {self.process.returncode}")
            if _is_healthy(url):
                return
            time.sleep(_LOOK_EVERY_S)
        raise self.failed(f"did not answer 2xx at {url} within {within_s:g} s")

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def failed(self, what: str) -> ChildFailed:
        last = "\n".join(f"    {line}" for line in self.written().splitlines()[-_LOG_LINES_SHOWN:])
        return ChildFailed(f"{self.name} {what}; it wrote:\n{last or '    nothing'}")

    def kill(self) -> None:
        """At once and without warning, with all that it started."""
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Asks it to end, then makes it."""
        if self.process.poll() is None:
            _signal_group(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_S)
        self.kill()


def start_child(
    name: str,
    command: Sequence[str],
    log: Path,
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Starts `command`, appending what it writes to `log`. Raises ChildFailed if there is no such program."""
    log.touch()
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
                start_new_session=True,
            )
        except OSError as error:
            raise ChildFailed(f"{name} cannot be started: {error}") from error
    return Child(name, process, log)


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def free_port() -> int:
    """One at 127.0.0.1 that nobody listens to now, for a program that cannot choose for itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
