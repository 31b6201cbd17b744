"""A stage for a scenario that was started with plain `locust -f`: `banksim load --stage` in a process beside it."""

import subprocess
import sys


class Staged:
    """Set up until `leave`, which compares the books and tells the verdict. Raises SystemExit if it cannot be."""

    def __init__(self, scenario: str) -> None:
        command = [sys.executable, "-m", "simulator", "load", scenario, "--stage"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.plan_file = self._process.stdout.readline().strip()
        if not self.plan_file:
            raise SystemExit(self._process.wait() or 1)

    def leave(self) -> int:
        """The exit code of `banksim load`."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait()
