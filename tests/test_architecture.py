"""The house rules as a test: layers, purity, who may import what, and nothing that belongs to one machine."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = {
    "clock": 0,
    "wire": 0,
    "signing": 0,
    "qr": 0,
    "form": 0,
    "soap": 1,
    "cards": 0,
    "client": 0,
    "calling": 1,
    "filing": 1,
    "receipt": 1,
    "protocol": 0,
    "slip": 0,
    "payment": 1,
    "terminal": 2,
    "workday": 2,
    "holidays": 2,
    "settlement": 2,
    "letter": 2,
    "faults": 3,
    "merchants": 2,
    "outbox": 2,
    "purse": 2,
    "maintenance": 1,
    "logs": 1,
    "process": 0,
    "watch": 5,
    "metrics": 5,
    "retention": 6,
    "dialect": 3,
    "banks": 4,
    "leaves": 1,
    "another": 2,
    "distortion": 5,
    "tampering": 5,
    "store": 4,
    "sources": 5,
    "world": 5,
    "inbox": 6,
    "smtp": 7,
    "payee": 6,
    "accounts": 6,
    "settling": 6,
    "reconciling": 6,
    "day_files": 7,
    "journal": 6,
    "answering": 7,
    "bank": 8,
    "delivery": 9,
    "payer": 5,
    "places": 10,
    "pages": 11,
    "control": 11,
    "app": 12,
    "serving": 13,
    "workers": 14,
    "refusing_tls": 0,
    "untrusted_tls": 0,
    "chosen": 5,
    "spoiling": 6,
    "inprocess": 14,
    "__main__": 15,
}
"""A file imports only smaller numbers, or its own room."""

PURE = (
    *("wire", "signing", "qr", "form", "cards", "payment", "faults", "outbox", "dialect", "receipt", "letter"),
    *("slip", "soap", "terminal", "workday", "settlement"),
    *("banks", "purse", "maintenance", "leaves", "distortion", "another", "tampering"),
)
IMPURE_MODULES = {"asyncio", "aiohttp", "asyncpg", "httpx", "os", "pathlib", "socket", "sqlite3", "threading", "time"}

THIRD_PARTY = {
    "aiohttp": ("calling",),
    "aiosmtpd": ("smtp",),
    "asyncpg": ("store",),
    "cryptography": ("signing", "untrusted_tls"),
    "fastapi": ("control", "pages", "app"),
    "font_roboto": ("receipt",),
    "fpdf": ("receipt",),
    "httpcore": ("inprocess",),
    "httptools": ("calling",),
    "httpx": ("client", "inprocess"),
    "jinja2": ("pages",),
    "joserfc": ("banks",),
    "PIL": ("pages",),
    "msgspec": (
        *("client", "letter", "wire", "payment", "faults", "outbox", "dialect", "banks", "store", "merchants"),
        *("sources", "world", "settling", "spoiling", "answering", "bank", "delivery", "payer", "control", "pages"),
        *("purse", "maintenance", "accounts", "inprocess", "leaves", "distortion", "another", "tampering"),
        *("slip", "soap", "terminal", "places", "settlement", "reconciling"),
    ),
    "pydantic": ("control",),
    "respx": ("inprocess",),
    "segno": ("banks", "pages"),
    "starlette": ("control", "pages", "app"),
    "uvicorn": ("protocol", "serving", "inprocess"),
    "yarl": ("calling",),
    "zxingcpp": ("pages",),
}
"""Which rooms know of which package. A new name here is a decision, not an accident."""


def _room(path: Path, package: str) -> str:
    parts = path.relative_to(ROOT / package).with_suffix("").parts
    return parts[0]


def _files(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if path != ROOT / package / "__init__.py")


def _imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, at the top or inside a function; type-checking imports too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _simulator_files() -> list[Path]:
    return _files("simulator")


@pytest.mark.parametrize("path", _simulator_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_lower_layers(path: Path) -> None:
    room = _room(path, "simulator")
    assert room in LAYERS, f"{room} has no layer yet: give it one in LAYERS"
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "simulator" and parts[1] in LAYERS and parts[1] != room:
            assert LAYERS[parts[1]] < LAYERS[room], f"{room} (layer {LAYERS[room]}) imports {name}"


@pytest.mark.parametrize("path", _simulator_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_simulator_imports_none_of_the_other_packages(path: Path) -> None:
    strangers = {"conformance", "loadtests", "fixtures", "tests", "locust", "pytest", "hypothesis"}
    assert not strangers & {name.split(".")[0] for name in _imports(path)}


@pytest.mark.parametrize("path", _simulator_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_third_party_packages_stay_in_their_rooms(path: Path) -> None:
    room = _room(path, "simulator")
    for name in _imports(path):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top == "simulator":
            continue
        assert room in THIRD_PARTY.get(top, ()), f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path",
    [path for path in _simulator_files() if _room(path, "simulator") in PURE],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_core_does_no_input_or_output(path: Path) -> None:
    found = IMPURE_MODULES & {name.split(".")[0] for name in _imports(path)}
    assert not found, f"{path.name} is pure and may not import {found}"


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


@pytest.mark.parametrize("path", _simulator_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_clock_reads_the_machines_time_and_nobody_draws_unseeded_chance(path: Path) -> None:
    forbidden = {"datetime.now", "datetime.utcnow", "time.time", "date.today", "random.random", "uuid.uuid4", "uuid4"}
    if _room(path, "simulator") == "clock":
        return
    assert not [f"{path.name}:{line} {call}" for line, call in _calls(path) if call in forbidden]


@pytest.mark.parametrize("path", _files("conformance"), ids=lambda path: str(path.relative_to(ROOT)))
def test_conformance_reaches_the_simulator_only_over_http(path: Path) -> None:
    names = [name for name in _imports(path) if name.split(".")[0] in ("simulator", "loadtests", "locust")]
    # The plugin's in-process fixture is for integrators' own tests; no requirement is asked that way.
    allowed = ("simulator.client", *(("simulator.inprocess",) if path.name == "plugin.py" else ()))
    assert all(name.startswith(allowed) for name in names), names


@pytest.mark.parametrize("path", _files("conformance/targets"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_reference_connector_shares_no_code_with_the_simulator(path: Path) -> None:
    assert not [name for name in _imports(path) if name.split(".")[0] == "simulator"]


def test_no_file_names_a_place_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    places = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "." + "library")
    guilty = [
        f"{name}: {place}"
        for name in tracked.splitlines()
        if (ROOT / name).suffix in (".py", ".md", ".toml", ".json", ".yml", ".js", ".mjs", "")
        and (ROOT / name).is_file()
        for place in places
        if place in (ROOT / name).read_text(encoding="utf-8")
    ]
    assert not guilty


def test_no_waste_bin_modules() -> None:
    bins = {"utils", "helpers", "common", "base", "models", "constants", "misc"}
    files = [path for package in ("simulator", "conformance", "loadtests", "fixtures") for path in _files(package)]
    assert not [path for path in files if path.stem in bins]
