"""What this process takes of the machine, as far as the system tells."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Process:
    """None = this system does not tell. Memory in bytes; `cpu_s` of user and system together."""

    cpu_s: float
    resident_bytes: int | None = None
    virtual_bytes: int | None = None
    open_files: int | None = None
    open_files_max: int | None = None


def this_process() -> Process:
    if not (PROC / "statm").exists():
        return Process(time.process_time())
    virtual, resident = (int(pages) for pages in (PROC / "statm").read_text("ascii").split()[:2])
    page = os.sysconf("SC_PAGE_SIZE")
    limits = (line.split() for line in (PROC / "limits").read_text("ascii").splitlines())
    files_max = next((int(words[3]) for words in limits if words[:3] == ["Max", "open", "files"]), None)
    return Process(time.process_time(), resident * page, virtual * page, len(os.listdir(PROC / "fd")), files_max)
