"""Facts about `make bench`: every server does every piece of work, and the table names all of them."""

import subprocess
import sys

import pytest

from tests.bench.__main__ import BASE, CALLBACK, CREATE, table
from tests.bench.measuring import Measured


def test_the_table_has_medians_and_ratios_to_the_bare_endpoint() -> None:
    rows = {
        (CREATE, BASE): [Measured(9000, 100), Measured(8000, 90), Measured(10_000, 110)],
        (CALLBACK, "ours"): [Measured(2000, 400)],
        (CREATE, "ours"): [Measured(4000, 250)],
    }
    lines = table(rows, {BASE: 20.4, "ours": 80.0}).splitlines()
    assert [line.split()[-5:] for line in lines[1:]] == [
        ["ASGI", "9,000", "100", "1.0", "20"],
        ["ours", "4,000", "250", "2.5", "80"],
        ["ours", "2,000", "400", "4.0", "80"],
    ]


@pytest.mark.postgres
def test_the_benchmark_runs_and_loses_no_callback() -> None:
    names = ("ceiling", "banksim, SQLite", "banksim, PostgreSQL, 2 workers")
    words = ["--runs", "1", "--count", "40", "--warm-up", "0", *(f"--server={name}" for name in names)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", *words], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in names)
    assert "other mock servers: not asked for" in done.stdout
