"""Facts about `banksim demo`: what a newcomer sees, and that nothing outlives it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = (sys.executable, "-m", "simulator", "demo")


def living(mark: str) -> list[str]:
    """Command lines of the processes that carry this demo's mark in their environment, as all its children do."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # It ended while we looked.
            if f"BANKSIM_DEMO_TEST={mark}".encode() in environment and words:
                found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize(
    ("number", "line"), [(signal.SIGINT, "   portal"), (signal.SIGTERM, "2. The conformance suite")]
)
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, number: signal.Signals, line: str) -> None:
    mark = f"{os.getpid()}-{number}-{line.strip()[:1]}"
    environment = os.environ | {"BANKSIM_DEMO_TEST": mark}
    demo = subprocess.Popen(
        [*DEMO, "--report-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert demo.stdout is not None
    with demo.stdout:
        assert any(each.startswith(line) for each in demo.stdout)
        demo.send_signal(number)
        demo.stdout.read()
    assert demo.wait(60) != 0
    assert living(mark) == []
