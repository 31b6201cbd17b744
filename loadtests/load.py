"""`banksim load`: rehearses a launch against a connector, then compares the books and says what became of every dong.

Rule: Locust has a process of its own, because it patches sockets; this one sets the stage, watches, audits and reports.
"""

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance.child import ChildFailed, free_port
from conformance.interrupts import ends_when_asked, interrupts_held
from conformance.target import BadTarget, Refused, Unreachable
from loadtests.files_found import read_files
from loadtests.finding import calm, compare, found, measured
from loadtests.plan import ENVIRONMENT, Plan, encode
from loadtests.record import Record
from loadtests.report import verdict_text, write_reports
from loadtests.scenario import NAMES, Scenario, scenario_named
from loadtests.slo import BadSlo, Slo, objectives, read_slo
from loadtests.stage import Stage, Wanted, set_up
from loadtests.watching import watch
from simulator.client import ControlError

SUMMARY = "rehearse a launch: many payers, banks in trouble, and afterwards an audit of every dong"

TARGET = Path(__file__).parent.parent / "conformance" / "targets" / "portal.toml"
HELD, NOT_HELD, UNJUDGED = 0, 1, 2
USERS, PATIENCE_S, ENDING_S = 500, 60.0, 30.0
PAYMENTS_MAX = 1_000_000
LOG_LINES = 12
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("scenario", choices=NAMES, metavar="SCENARIO", help=", ".join(NAMES))
    add("--target", type=Path, default=TARGET, help="the connector's target file (default: the sample portal)")
    add("--url", default="", help="a running simulator (default: one is started)")
    add("--token", default="", help="its control token")
    add("--bank", action="append", default=[], help="only by this bank; repeatable")
    add("--users", type=_number, default=USERS, help="payers on their way at once, at most (default: %(default)s)")
    add(
        "--rate",
        type=float,
        help="payers a second at the peak (default: the scenario's); 0 = a closed model of --users",
    )
    add("--for", dest="for_s", type=_length, metavar="TIME", help="how long payers come: 90s, 5m, 2h")
    add("--payments", type=_number, default=PAYMENTS_MAX, help="payers in all, at most (default: %(default)s)")
    add("--processes", type=_number, default=1, metavar="N", help="generators on this machine (default: 1)")
    add("--patience", type=_length, default=PATIENCE_S, metavar="TIME", help="how long a payer waits for the dossier")
    add(
        "--think", type=float, default=1.0, metavar="FACTOR", help="how long people think: 1 = as usual, 0 = not at all"
    )
    add("--seed", help="the same seed sends the same payers")
    add("--slo", type=Path, metavar="FILE", help="objectives in TOML; without it no dong may be lost or doubled")
    add("--report-dir", type=Path, default=Path("reports/load"), metavar="DIR", help="default: reports/load")
    add("--web", action="store_true", help="open Locust's own page, at http://127.0.0.1:8089, and start from there")
    add("--master", action="store_true", help="lead generators on other machines; they run with --worker")
    add("--expect-workers", type=_number, default=1, metavar="N", help="with --master: how many (default: 1)")
    add("--worker", action="store_true", help="be a generator for the --master at --master-host")
    add("--master-host", default="127.0.0.1", help="with --worker: where the master is (default: %(default)s)")
    add("--master-port", type=_number, default=5557, metavar="PORT", help="where both meet (default: %(default)s)")
    add("--launch-arg", action="append", default=[], metavar="WORD", help="one more word for the launch command")
    add("--stage", action="store_true", help=argparse.SUPPRESS)


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number: 1 or more")
    return int(text)


def _length(text: str) -> float:
    found = _LENGTH.fullmatch(text)
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: 90s, 5m, 2h")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def run(args: argparse.Namespace) -> int:
    """0 when every objective was held, 1 when not, 2 when nothing could be said."""
    scenario = scenario_named(args.scenario)
    if args.worker:
        return _locust(scenario, "--worker", "--master-host", args.master_host, "--master-port", str(args.master_port))
    try:
        slo = read_slo(args.slo) if args.slo else Slo()
        args.report_dir.mkdir(parents=True, exist_ok=True)
        with ends_when_asked(), ExitStack() as leaving:
            folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="banksim-load-")))
            stage = leaving.enter_context(set_up(scenario, wanted(args, scenario, folder)))
            if not rehearsed(args, scenario, stage):
                return UNJUDGED
            return _judged(args, scenario, stage, slo)
    except (BadTarget, BadSlo, ChildFailed, ControlError, Refused, Unreachable) as error:
        print(f"banksim load: {error}", file=sys.stderr)
        return UNJUDGED


def wanted(args: argparse.Namespace, scenario: Scenario, folder: Path) -> Wanted:
    """What the words of the command line ask for."""
    return Wanted(
        target=args.target,
        url=args.url,
        token=args.token,
        seed=args.seed or secrets.token_hex(4),
        users=args.users,
        rate=scenario.rate if args.rate is None else args.rate,
        for_s=args.for_s or scenario.for_s,
        payments=args.payments,
        gates=args.expect_workers if args.master else args.processes,
        patience_s=args.patience,
        think=args.think,
        banks=args.bank,
        folder=folder,
        launch_args=tuple(args.launch_arg),
    )


def rehearsed(args: argparse.Namespace, scenario: Scenario, stage: Stage) -> bool:
    """Whether payers were sent; if not, Locust has said why."""
    plan_file = Path(stage.plan.folder) / "plan.json"
    plan_file.write_bytes(encode(stage.plan))
    if args.stage:
        print(plan_file, flush=True)
        sys.stdin.read()
    else:
        _say_what_begins(scenario, stage.plan)
        words = _words(args, stage.plan)
        with _locust_at_work(scenario, plan_file, words, args.report_dir / "locust.log") as process:
            watch(scenario, stage, process)
    with Record(stage.plan.record) as record:
        ran = "ended" in record.figures()
    if not ran:
        _say_why_nobody_came(args.report_dir / "locust.log")
    return ran


def _words(args: argparse.Namespace, plan: Plan) -> list[str]:
    """Locust's options. Its own end comes after everybody's patience."""
    users = plan.gates if plan.rate else plan.users
    words = ["--users", str(users), "--spawn-rate", str(max(users / 5, 10)), "--stop-timeout", "10"]
    words += ["--run-time", f"{plan.for_s + plan.patience_s + ENDING_S:.0f}s", "--exit-code-on-error", "0"]
    if args.web:
        return [*words, "--web-host", "127.0.0.1"]
    words += ["--headless", "--only-summary"]
    if args.master:
        place = ["--master-bind-port", str(args.master_port)]
        return [*words, "--master", "--expect-workers", str(args.expect_workers), *place]
    return [*words, *_several(args.processes)] if args.processes > 1 else words


def _several(processes: int) -> list[str]:
    """On this machine, at a port of their own: two rehearsals can go on beside each other."""
    port = str(free_port())
    place = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return ["--processes", str(processes), *place]


def _say_why_nobody_came(log: Path) -> None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    print(f"banksim load: no payer was sent; the end of {log}:", *lines[-LOG_LINES:], sep="\n   ", file=sys.stderr)


@contextmanager
def _locust_at_work(
    scenario: Scenario, plan_file: Path, words: list[str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Locust until it ends, or until this process is interrupted: then it ends too."""
    environment = os.environ | {ENVIRONMENT: str(plan_file)}
    started: list[subprocess.Popen[bytes]] = []
    try:
        with interrupts_held(), log.open("wb") as output:
            started.append(subprocess.Popen(_command(scenario, words), env=environment, stdout=output, stderr=output))
        yield started[0]
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
            process.wait()


def _locust(scenario: Scenario, *words: str) -> int:
    return subprocess.run(_command(scenario, words), check=False).returncode


def _command(scenario: Scenario, words: list[str] | tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(Path(__file__).parent / f"{scenario.name}.py"), *words]


def _say_what_begins(scenario: Scenario, plan: Plan) -> None:
    model = f"{plan.rate:g} payers a second at the peak" if plan.rate else f"{plan.users} people, again and again"
    print(f"{scenario.name}: {scenario.says}")
    print(f"   {model}, for {plan.for_s:g} s, seed {plan.seed}")
    print(f"   connector {plan.door.url}, banks {plan.banks.url}", flush=True)


def _judged(args: argparse.Namespace, scenario: Scenario, stage: Stage, slo: Slo) -> int:
    print("   the books are compared", flush=True)
    with Record(stage.plan.record) as record:
        calm(stage)
        books, times = compare(stage, record), measured(stage, record)
        files = read_files(stage, record)
        asked = objectives(slo, times, books) + files.objectives()
        came = found(scenario, stage, record, books, files, asked, times)
    write_reports(came, args.report_dir)
    print(verdict_text(came))
    print(f"\nreport: {args.report_dir / 'report.html'}")
    return HELD if came.held else NOT_HELD
