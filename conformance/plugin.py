"""The pytest plugin: options, the suite's cases, and fixtures for integrators' own tests.

Rule: it is loaded into every pytest run of every environment that has banksim, so it imports nothing heavy and does
nothing until an option or a fixture of its own is used.
"""

import re
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.bench import Bench
    from conformance.payer import Payer
    from conformance.recorder import Recorder
    from conformance.requirement import Case
    from conformance.running import Run
    from simulator.client import Banksim, SandboxClient
    from simulator.inprocess import Banks

RECORDER: pytest.StashKey["Recorder"] = pytest.StashKey()

NO_TARGET = "requirements are asked of a connector: name it with --banksim-target (a .toml file, or module:Class)"


SEED = re.compile(r"[A-Za-z0-9-]{1,20}")

BROWSER_S = 30.0

CONFIGURATION = 2
"""Exit status when the connector could not be judged."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("banksim", "payment connector conformance")
    group.addoption("--banksim-target", help="the connector: a target file (.toml), or module:Class")
    group.addoption(
        "--banksim-check",
        action="store_true",
        help="collect banksim's requirements beside your own tests, and ask them of the target",
    )
    parser.addini("banksim_target", "the target of --banksim-check, if --banksim-target names no other")
    group.addoption("--banksim-url", help="a running simulator (default: one is started)")
    group.addoption("--banksim-token", help="its control token")
    group.addoption("--banksim-seed", help="what chance depends on; the same seed asks the same")
    group.addoption("--banksim-results", help="write what was found to this file (JSON)")
    group.addoption("--banksim-requirement", action="append", default=[], help="ask only this one; repeatable")
    group.addoption("--banksim-bank", action="append", default=[], help="ask only of this bank; repeatable")
    group.addoption("--banksim-part", action="store_true", help="the banks are one share of a run over all")
    group.addoption("--banksim-method", action="append", default=[], help="ask only of this method; repeatable")
    group.addoption("--banksim-launch-arg", action="append", default=[], help="one more word for its launch command")
    group.addoption("--banksim-progress", action="store_true", help="a line on stderr for every answer")
    group.addoption("--banksim-replay", default="", help="the command that results name for replaying")


MARKER = (
    "banksim(seed, clock_at): the seed and the time (aware) of the sandbox or of the banks in process. Requirements"
    " carry it with id, area, level, bank and method: -m \"banksim(level='MUST')\""
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    if config.getoption("--banksim-check"):
        config.args += _suite_files()
    if _target_text(config):
        recorder = _make_recorder(config)
        config.stash[RECORDER] = recorder
        config.pluginmanager.register(recorder, "banksim-recorder")
        if recorder.settings.shows_progress:
            # `banksim check` hands interrupts on; a shell may have had them ignored from the start.
            signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A requirement is asked of every bank and method that the target declares."""
    if getattr(metafunc.function, "requirement", None) is None or "case" not in metafunc.fixturenames:
        return
    recorder = metafunc.config.stash.get(RECORDER, None)
    if recorder is None:
        raise pytest.UsageError(NO_TARGET)
    metafunc.parametrize("case", recorder.cases(), ids=str, indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A requirement can be chosen by what it is and of whom it is asked, before anything runs."""
    asked = getattr(getattr(item, "function", None), "requirement", None)
    case: Any = getattr(getattr(item, "callspec", None), "params", {}).get("case")
    if asked is not None and case is not None:
        told = {"id": asked.id, "area": asked.area.value, "level": asked.level.value}
        item.add_marker(pytest.mark.banksim(bank=case.bank, method=case.method, **told))


@pytest.fixture(scope="session")
def banksim(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Banksim]":
    """A client of a running simulator: the one of --banksim-url, or one that is started for this session."""
    from conformance.running import port_wanted, started_simulator
    from simulator.client import Banksim

    url = request.config.getoption("--banksim-url")
    if url:
        with Banksim(url, request.config.getoption("--banksim-token")) as simulator:
            yield simulator
        return
    recorder = request.config.stash.get(RECORDER, None)
    port = port_wanted(recorder.target) if recorder is not None else 0
    with started_simulator(tmp_path_factory.mktemp("banksim"), port) as address, Banksim(address) as simulator:
        yield simulator


@pytest.fixture
def sandbox(banksim: "Banksim", request: pytest.FixtureRequest) -> "Iterator[SandboxClient]":
    """A sandbox for this test alone, with a clock that only `advance` moves. See the marker `banksim`."""
    made = banksim.create_sandbox(manual=True, **_marked(request))
    yield made
    made.drop()


@pytest.fixture
def payer() -> "Iterator[Payer]":
    """A robot with a browser of its own that pays on the banks' pages."""
    import httpx

    from conformance.payer import Payer

    with httpx.Client(trust_env=False, timeout=BROWSER_S) as browser:
        yield Payer(browser)


@pytest.fixture
def banksim_connector() -> Any:
    """Override it: the application that `banksim_inprocess` calls (ASGI, WSGI, a function or an httpx transport)."""
    return None


@pytest.fixture
def banksim_hosts() -> Mapping[str, str]:
    """Override it: banks' addresses besides the known ones, {"https://api.bank.example": "vietinbank_dn"}."""
    return {}


@pytest.fixture
def banksim_inprocess(
    request: pytest.FixtureRequest, banksim_connector: Any, banksim_hosts: Mapping[str, str]
) -> "Iterator[Banks]":
    """The banks in this process, at their real hosts, for this test alone. See the marker `banksim`."""
    from simulator import inprocess

    given = {"connector": banksim_connector, "hosts": banksim_hosts, **_marked(request)}
    with inprocess.banksim_inprocess(**given) as banks:
        yield banks


@pytest.fixture(scope="session")
def conformance_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Run]":
    """The connector of --banksim-target, started and connected; ends the session when that cannot be done."""
    from conformance.child import ChildFailed
    from conformance.doctor import examine
    from conformance.running import connected
    from conformance.target import BadTarget
    from simulator.client import ControlError

    recorder = _recorder(request.config)
    seed = recorder.settings.seed
    with ExitStack() as leaving:
        try:
            simulator = request.getfixturevalue("banksim")
            workdir = tmp_path_factory.mktemp("connector")
            run = leaving.enter_context(connected(simulator, recorder.target, workdir, seed))
            problems = tuple(each.sentence for each in examine(run, seed, recorder.cases()) if each.stops)
        except (BadTarget, ChildFailed, ControlError) as error:
            problems = (str(error),)
        if problems:
            recorder.stopped = "configuration:\n" + "\n".join(problems)
            pytest.exit(recorder.stopped, returncode=CONFIGURATION)
        recorder.run = run
        yield run


@pytest.fixture
def case(request: pytest.FixtureRequest, conformance_run: "Run") -> "Case":
    """The bank and method of which a requirement is asked; raises NotApplicable where it does not fit."""
    chosen: Case = request.param
    _recorder(request.config).check_fits(request.function.requirement, chosen)
    return chosen


@pytest.fixture
def bench(request: pytest.FixtureRequest, case: "Case", conformance_run: "Run") -> "Bench":
    """What a requirement is written with."""
    from conformance.bench import make_bench

    seed = f"{_recorder(request.config).settings.seed}/{request.function.requirement.id}"
    return make_bench(
        simulator=conformance_run.simulator,
        sandbox=conformance_run.sandbox,
        target=conformance_run.target,
        bank=case.bank,
        method=case.method,
        seed=seed,
    )


_MARKED = frozenset({"seed", "clock_at"})


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marker `banksim` says."""
    marker = request.node.get_closest_marker("banksim")
    told = dict(marker.kwargs) if marker is not None else {}
    if marker is not None and (marker.args or not told.keys() <= _MARKED):
        raise pytest.UsageError(f"{request.node.nodeid}: the marker banksim takes seed and clock_at, by name")
    return told


def _target_text(config: pytest.Config) -> str:
    """The connector that is asked; "" = none, and the plugin keeps still."""
    named: str = config.getoption("--banksim-target") or ""
    if named or not config.getoption("--banksim-check"):
        return named
    configured: str = config.getini("banksim_target")
    if not configured:
        raise pytest.UsageError(NO_TARGET)
    is_file = configured.endswith(".toml")
    return str(config.rootpath / configured) if is_file else configured


def _suite_files() -> list[str]:
    """The requirements' files: named one by one, they are collected however a project names its own tests."""
    from pathlib import Path

    return [str(path) for path in sorted((Path(__file__).parent / "suite").glob("test_*.py"))]


def _make_recorder(config: pytest.Config) -> "Recorder":
    from pathlib import Path

    from conformance.loading import load_target
    from conformance.recorder import Recorder, Settings
    from conformance.target import BadTarget

    if hasattr(config, "workerinput"):
        raise pytest.UsageError("requirements share one connector: run them without -n")
    text = _target_text(config)
    results_path = config.getoption("--banksim-results")
    try:
        target = load_target(text, tuple(config.getoption("--banksim-launch-arg")))
    except BadTarget as error:
        raise pytest.UsageError(str(error)) from error
    settings = Settings(
        seed=_seed(config),
        target_text=text,
        requirements=frozenset(config.getoption("--banksim-requirement")),
        banks=frozenset(config.getoption("--banksim-bank")),
        is_part=config.getoption("--banksim-part"),
        methods=frozenset(config.getoption("--banksim-method")),
        results_path=Path(results_path) if results_path else None,
        shows_progress=config.getoption("--banksim-progress"),
        replay=config.getoption("--banksim-replay"),
    )
    return Recorder(settings, target)


def _seed(config: pytest.Config) -> str:
    given: str = config.getoption("--banksim-seed") or secrets.token_hex(4)
    if not SEED.fullmatch(given):
        raise pytest.UsageError(f"--banksim-seed {given!r}: up to 20 letters, digits and hyphens, please")
    return given


def _recorder(config: pytest.Config) -> "Recorder":
    recorder = config.stash.get(RECORDER, None)
    if recorder is None:
        raise pytest.UsageError(NO_TARGET)
    return recorder
