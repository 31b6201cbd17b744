"""The pytest plugin: options, the suite's cases, and fixtures for integrators' own tests.

Rule: it is loaded into every pytest run of every environment that has banksim, so it imports nothing heavy and does
nothing until an option or a fixture of its own is used.
"""

import re
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.bench import Bench
    from conformance.payer import Payer
    from conformance.recorder import Recorder
    from conformance.requirement import Case
    from conformance.running import Run
    from simulator.client import Banksim, SandboxClient

RECORDER: pytest.StashKey["Recorder"] = pytest.StashKey()

NO_TARGET = "requirements are asked of a connector: name it with --banksim-target (a .toml file, or module:Class)"


SEED = re.compile(r"[A-Za-z0-9-]{1,20}")

BROWSER_S = 30.0

CONFIGURATION = 2
"""Exit status when the connector could not be judged."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("banksim", "payment connector conformance")
    group.addoption("--banksim-target", help="the connector: a target file (.toml), or module:Class")
    group.addoption("--banksim-url", help="a running simulator (default: one is started)")
    group.addoption("--banksim-token", help="its control token")
    group.addoption("--banksim-seed", help="what chance depends on; the same seed asks the same")
    group.addoption("--banksim-results", help="write what was found to this file (JSON)")
    group.addoption("--banksim-requirement", action="append", default=[], help="ask only this one; repeatable")
    group.addoption("--banksim-bank", action="append", default=[], help="ask only of this bank; repeatable")
    group.addoption("--banksim-method", action="append", default=[], help="ask only of this method; repeatable")
    group.addoption("--banksim-launch-arg", action="append", default=[], help="one more word for its launch command")
    group.addoption("--banksim-progress", action="store_true", help="a line on stderr for every answer")
    group.addoption("--banksim-replay", default="", help="the command that results name for replaying")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--banksim-target"):
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
def sandbox(banksim: "Banksim") -> "Iterator[SandboxClient]":
    """A sandbox for this test alone, with a clock that only `advance` moves."""
    made = banksim.create_sandbox(manual=True)
    yield made
    made.drop()


@pytest.fixture
def payer() -> "Iterator[Payer]":
    """A robot with a browser of its own that pays on the banks' pages."""
    import httpx

    from conformance.payer import Payer

    with httpx.Client(trust_env=False, timeout=BROWSER_S) as browser:
        yield Payer(browser)


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
            problems = examine(run, seed, recorder.cases())
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


def _make_recorder(config: pytest.Config) -> "Recorder":
    from pathlib import Path

    from conformance.loading import load_target
    from conformance.recorder import Recorder, Settings
    from conformance.target import BadTarget

    if hasattr(config, "workerinput"):
        raise pytest.UsageError("requirements share one connector: run them without -n")
    text = config.getoption("--banksim-target")
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
