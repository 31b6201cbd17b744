"""What a person sees while a run goes on: a line an answer, numbered over all its processes."""

import re
import threading
from collections.abc import Iterable
from typing import TextIO

_LINE = re.compile(r"\[ *\d+/(\d+)\] (.*)")
"""As a process tells it: its own number of how many, then the answer."""

_KEPT = ("failed", "broken")


class Progress:
    """Lines of several processes, told one after another. On a terminal only bad news keep their line."""

    def __init__(self, screen: TextIO) -> None:
        self._screen = screen
        self._passing = screen.isatty()
        self._lock = threading.Lock()
        self._told = 0
        self._totals: dict[object, int] = {}

    def follow(self, lines: Iterable[bytes]) -> None:
        """Reads one process's lines to their end; what is no progress is shown as it is."""
        process = object()
        for raw in lines:
            text = raw.decode("utf-8", "replace").rstrip()
            found = _LINE.fullmatch(text)
            with self._lock:
                if found is not None:
                    self._told += 1
                    self._totals[process] = int(found[1])
                self._show(self._numbered(found[2]) if found else text, keeps=not found or text.endswith(_KEPT))

    def end(self) -> None:
        """Wipes the line that was passing."""
        if self._passing:
            self._screen.write("\r\x1b[2K")
            self._screen.flush()

    def _numbered(self, answer: str) -> str:
        total = str(sum(self._totals.values()))
        return f"[{self._told:>{len(total)}}/{total}] {answer}"

    def _show(self, text: str, *, keeps: bool) -> None:
        self._screen.write(f"\r\x1b[2K{text}{chr(10) if keeps else ''}" if self._passing else f"{text}\n")
        self._screen.flush()
