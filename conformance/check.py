"""`banksim check`: asks a connector every requirement, and says in one screen what it breaks.

Rule: the exit code is for machines (0 conformant, 1 not, 2 could not judge), the sentences are for people.
"""

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance import verify
from conformance.interrupts import ends_when_asked, interrupts_held
from conformance.junit import junit_xml
from conformance.loading import load_target
from conformance.progress import Progress
from conformance.report import html_report, markdown_report, verdict_text
from conformance.requirement import catalogue
from conformance.results import Judgement, Results, decode, encode, judge
from conformance.shares import shares, together
from conformance.target import BadTarget, Target

SUMMARY = "ask a payment connector every requirement, and report which it does not keep"

EXIT_CODES = {Judgement.CONFORMANT: 0, Judgement.NOT_CONFORMANT: 1, Judgement.UNJUDGED: 2}
SUITE = "conformance.suite"
ENDING_S = 60.0
"""How long an interrupted run may take to stop what it started."""

LOG_LINES_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", required=True, help="the connector: a target file (.toml), or module:Class")
    parser.add_argument("--url", help="a running simulator (default: one is started)")
    parser.add_argument("--token", help="its control token")
    parser.add_argument("--bank", action="append", default=[], help="ask only of this bank; repeatable")
    parser.add_argument("--method", action="append", default=[], help="ask only of this method; repeatable")
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="ask only this; repeatable")
    parser.add_argument("--seed", help="replays the run that had this seed")
    parser.add_argument("--report-dir", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument(
        *("--sign-with",),
        type=Path,
        default=os.environ.get(verify.ENVIRONMENT) or None,
        metavar="FILE",
        help=f"an Ed25519 key (PEM) that signs results.json (default: ${verify.ENVIRONMENT}); see `banksim verify`",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="where junit.xml goes (default: the report folder)")
    parser.add_argument(
        *("--launch-arg",),
        action="append",
        default=[],
        metavar="WORD",
        help="one more word for the target's launch command; repeatable (--launch-arg=--defect --launch-arg=NAME)",
    )
    parser.add_argument(
        *("--jobs",),
        type=_jobs,
        default=os.cpu_count() or 1,
        metavar="N",
        help="ask the banks in so many processes, each with a connector of its own, if the target file says that"
        " several may run side by side (default: one a core, here %(default)s)",
    )
    parser.add_argument("--suite", default=SUITE, help=argparse.SUPPRESS)


def _jobs(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes: 1 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Runs the suite, writes the reports, prints the verdict; the exit code."""
    try:
        target = load_target(args.target, tuple(args.launch_arg))
        _check_choice(args, target)
    except BadTarget as error:
        print(f"could not judge: configuration: {error}", file=sys.stderr)
        return EXIT_CODES[Judgement.UNJUDGED]
    args.report_dir.mkdir(parents=True, exist_ok=True)
    results_path: Path = args.report_dir / "results.json"
    results_path.unlink(missing_ok=True)
    for left in args.report_dir.glob("suite*.log"):
        left.unlink()
    _run_suite(args, results_path, shares(target, args.bank, args.method, 1 if args.url else args.jobs))
    if not results_path.exists():
        print(_log_tail(args.report_dir), file=sys.stderr)
        return EXIT_CODES[Judgement.UNJUDGED]
    results = decode(results_path.read_bytes())
    write_reports(results, args.report_dir, args.junit)
    if args.sign_with is not None and not _signed(results_path, Path(args.sign_with)):
        return EXIT_CODES[Judgement.UNJUDGED]
    print(verdict_text(results))
    print(f"\nreport: {args.report_dir / 'report.html'}")
    return EXIT_CODES[judge(results)]


def _signed(results_path: Path, key: Path) -> bool:
    try:
        verify.sign(results_path, key)
    except (OSError, verify.BadKey) as error:
        print(f"the results cannot be signed: {error}", file=sys.stderr)
        return False
    return True


def write_reports(results: Results, report_dir: Path, junit: Path | None = None) -> None:
    (report_dir / "report.html").write_text(html_report(results), encoding="utf-8")
    (report_dir / "report.md").write_text(markdown_report(results), encoding="utf-8")
    (junit or report_dir / "junit.xml").write_text(junit_xml(results), encoding="utf-8")


def suite_command(args: argparse.Namespace, results_path: Path, banks: Sequence[str]) -> list[str]:
    """The pytest run that asks of those banks, in no project's configuration and with no other plugin."""
    options = {"target": [args.target], "results": [str(results_path)], "replay": [replay_base(args)]}
    options |= {"url": [args.url], "token": [args.token], "seed": [args.seed]}
    options |= {"bank": list(banks), "method": args.method, "requirement": args.requirement}
    options |= {"launch-arg": args.launch_arg}
    folder = results_path.parent
    return [
        *(sys.executable, "-m", "pytest", "--pyargs", args.suite),
        *("-c", os.devnull, f"--rootdir={folder}", f"--basetemp={folder / 'run' / results_path.stem}"),
        *("-p", "conformance.plugin", "-p", "no:cacheprovider", "-s", "-q", "--banksim-progress", "--tb=native"),
        *(f"--banksim-{name}={word}" for name, words in options.items() for word in words if word),
        *([] if args.bank else ["--banksim-part"]),
    ]


def replay_base(args: argparse.Namespace) -> str:
    """The command of this run without its choice of requirement and bank; its seed is added by the run."""
    words = ["banksim", "check", "--target", args.target]
    words += ["--url", args.url] if args.url else []
    words += [f"--launch-arg={word}" for word in args.launch_arg]
    return shlex.join(words)


def _check_choice(args: argparse.Namespace, target: Target) -> None:
    for bank in args.bank:
        if bank not in target.banks:
            raise BadTarget(f"--bank {bank}: {target.name} declares {', '.join(target.banks)}")
    methods = sorted({method for setup in target.banks.values() for method in setup.methods})
    for method in args.method:
        if method not in methods:
            raise BadTarget(f"--method {method}: {target.name} declares {', '.join(methods)}")
    known = {declared.id for declared in catalogue(args.suite)} if args.requirement else set()
    for wanted in args.requirement:
        if wanted not in known:
            raise BadTarget(f"--requirement {wanted}: there is none; `banksim catalogue` lists them")


def _run_suite(args: argparse.Namespace, results_path: Path, parts: Sequence[tuple[str, ...]]) -> None:
    """Asks each part's banks in a process of its own; what they found is written as one result.

    Nothing is written if one of them ends without results.
    """
    folder = results_path.parent
    (folder / "run").mkdir(exist_ok=True)
    args.seed = args.seed or secrets.token_hex(4)
    found = [folder / f"part-{number}.json" for number, _ in enumerate(parts, start=1)]
    progress = Progress(sys.stderr)
    with ends_when_asked(), ExitStack() as leaving:
        try:
            processes = [
                leaving.enter_context(_suite_process(suite_command(args, path, banks), path, progress))
                for path, banks in zip(found, parts, strict=True)
            ]
            for process in processes:
                process.wait()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    progress.end()
    if all(path.exists() for path in found):
        partly = bool(args.requirement or args.bank or args.method)
        results_path.write_bytes(encode(together([decode(path.read_bytes()) for path in found], partly)))
    for path in found:
        path.unlink(missing_ok=True)


@contextmanager
def _suite_process(command: Sequence[str], results_path: Path, progress: Progress) -> Iterator[subprocess.Popen[bytes]]:
    """A suite at work. If it still works on leaving, it is interrupted, so that it stops what it started."""
    folder, name = results_path.parent, results_path.stem
    environment = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "run" / name / "hypothesis"),
    }
    started: list[tuple[subprocess.Popen[bytes], threading.Thread]] = []
    try:
        with interrupts_held(), (folder / f"suite-{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            assert process.stderr is not None, "it was asked for"
            reading = threading.Thread(target=progress.follow, args=(process.stderr,), daemon=True)
            reading.start()
            started.append((process, reading))
        yield process
    finally:
        for process, reading in started:
            _interrupt(process)
            reading.join()


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ends a suite that still works: politely, then at once."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_tail(report_dir: Path) -> str:
    said: list[str] = []
    for log in sorted(report_dir.glob("suite*.log")):
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        said += [f"could not judge: the suite ended without results; the end of {log}:", *last]
    return "\n".join(said)
