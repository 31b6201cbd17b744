"""Other people's npm packages, installed beside the tests that call them as witnesses."""

import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path


def missing() -> str:
    """Which of the two programs is not there; "" if both are."""
    return ", ".join(name for name in ("node", "npm") if shutil.which(name) is None)


def installed(folder: Path) -> Path:
    """Its node_modules: `npm ci` once, built elsewhere and moved, so that two test processes do no harm."""
    modules = folder / "node_modules"
    mark = modules / ".package-lock.json"
    if mark.is_file() and mark.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime:
        return modules
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cache-") as built:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(folder / name, built)
        done = subprocess.run(["npm", "ci"], cwd=built, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"npm ci failed (pytest -m 'not node' leaves it out): {done.stderr[-600:]}"
        (Path(built) / "node_modules/.package-lock.json").touch()
        shutil.rmtree(modules, ignore_errors=True)
        with suppress(OSError):  # Another process was faster: its copy is as good.
            (Path(built) / "node_modules").rename(modules)
    return modules
