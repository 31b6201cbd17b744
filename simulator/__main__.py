"""The command line. Each command is loaded only when it is asked for."""

import argparse
import gc
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

GROUP = "banksim.commands"
"""Entry points of this group are further commands: modules with SUMMARY, add_arguments(parser) and run(args)."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
WIDTH = 100
WORKERS_MAX = 64
AGE = re.compile(r"([0-9]{1,8})([smhd])")
AGE_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AGE_MAX = timedelta(days=3650)

DESCRIPTION = "Simulated Vietnamese banks and gateways for testing e-government payment connectors."

EPILOG = """\
start here:
  banksim serve                 the banks, at http://127.0.0.1:8080
  banksim COMMAND --help        what a command wants

exit codes: 0 done, 1 failed (a sentence says why), 2 the command line is wrong
"""

STORE_HELP = """\
where payments, journal and settings are kept: a file, or postgresql://USER@HOST/DATABASE for several servers at
once (default: banksim.db in the current directory). What an earlier run left there is still there; remove the
file to start anew"""


ASK_FOR_FAULTS = """\
`banksim faults KIND` tells all of one. Ask for it by POST /_control/sandboxes/NAME/faults, by the header
X-Banksim-Fault on the connector's own request, or by an amount that ends in 9 and its number (931 for number 31),
which banksim serve --faults-by-amount allows. Test cards that are refused are at GET /_control/cards. TLS that is
refused, or not to be trusted: banksim serve --tls-refused-port, --tls-untrusted-port."""


class Command(Protocol):
    """What an entry point gives. `run` returns the exit code."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A command of this module, in the same shape."""

    SUMMARY: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(words).parse_args(words)
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough (banksim assumptions | head); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="banksim",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"banksim {version('banksim')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in words if not word.startswith("-")), "")
    others = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name, built_in in BUILT_IN.items():
        _add(commands, name, built_in)
    for name, entry in sorted(others.items()):
        if name not in BUILT_IN and (asked == name or asked not in (*BUILT_IN, *others)):
            _add(commands, name, _loaded(entry, asked))
    return parser


def _loaded(entry: EntryPoint, asked: str) -> Command | BuiltIn:
    """The command, or in a list of all of them one in its place that says why it is not to be had."""
    try:
        command: Command = entry.load()
    except ImportError as error:
        if asked == entry.name:
            raise SystemExit(_failed(f"`{asked}` cannot be loaded: {error}; is banksim installed whole?")) from error
        return BuiltIn(f"(cannot be loaded: {error})", _no_arguments, lambda args: 1)
    return command


def _failed(why: str) -> int:
    print(f"banksim: {why}", file=sys.stderr)
    return 1


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command | BuiltIn
) -> None:
    parser = commands.add_parser(name, help=command.SUMMARY, description=command.SUMMARY)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)


# --- serve ---------------------------------------------------------------------------------------------------


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs the simulated banks until Ctrl-C. Prints where everything is and what a connector is configured with; "
        "the last line is `banksim ready at URL`, once it listens."
    )
    add = parser.add_argument
    add("--store", default="banksim.db", metavar="FILE|URL", help=STORE_HELP)
    add("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s, this machine alone)")
    add("--port", type=_port, default=8080, help="the port; 0 = any free one (default: %(default)s)")
    add(
        "--public-url",
        type=_url,
        metavar="URL",
        help="how connectors and browsers reach this server, if not by --host and --port (in a container, say)",
    )
    add(
        "--smtp-port",
        type=_port,
        help="take portals' e-mail there, into the inbox; 0 = any free port (default: take none)",
    )
    add("--seed", default="", help="the same seed gives the same ids, delays and outcomes (default: drawn and printed)")
    add(
        "--manual-clock",
        action="store_true",
        help="time stands still in the sandboxes made at the start until the control API moves it",
    )
    add(
        "--sandbox",
        type=_sandbox,
        action="append",
        default=[],
        metavar="NAME",
        help="make this sandbox too, at /s/NAME; may be repeated (`default` is always there)",
    )
    add(
        "--maintenance",
        type=_window,
        default="",
        metavar="HH:MM-HH:MM",
        help="the hours, in Vietnam's time, in which no payer can log in, such as 23:00-01:00; for the sandboxes made "
        "at the start (default: as an earlier run left it, at first none)",
    )
    add(
        "--faults-by-amount",
        action="store_true",
        help="an amount that ends in 9NN asks for fault number NN (`banksim faults` lists them), in the sandboxes made "
        "at the start: for testers who cannot reach the control API",
    )
    add(
        "--fault-hold-s",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="how long in real seconds a fault (a late answer, a silence) waits at most in sandboxes on a manual "
        "clock; elsewhere it waits as long as it says (default: %(default)g)",
    )
    add(
        "--tls-refused-port",
        type=_port,
        help="end every TLS handshake with an alert there, for connectors' HTTPS addresses; 0 = any free port "
        "(default: do not listen)",
    )
    add(
        "--tls-untrusted-port",
        type=_port,
        help="serve the banks there by HTTPS too, with a certificate that nobody vouches for; 0 = any free port "
        "(default: do not listen)",
    )
    add(
        "--settlement-folder",
        default="",
        metavar="DIR",
        help="put the banks' files of each business day there by themselves, at 07:00 on the next day by the "
        "sandbox's clock, each once; those of sandboxes beside `default` below s/NAME (default: put none)",
    )
    add(
        "--token",
        default=os.environ.get("BANKSIM_TOKEN", ""),
        help="what callers of /_control must show as `Authorization: Bearer TOKEN`; better given as BANKSIM_TOKEN, "
        "for a command line can be read by others (default: none on this machine alone, else drawn and printed)",
    )
    add(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="serve by N processes that share the port and the store; one that dies is replaced (default: 1)",
    )
    add(
        "--keep",
        type=_age,
        default=None,
        metavar="AGE",
        help="remove payments that ended longer ago than that, such as 7d, 12h, 90m or 30s, with their callbacks and "
        "journal, in sandboxes on the machine's clock (default: keep all)",
    )
    add("--log-format", choices=("text", "json"), default="text", help="of the log on stderr (default: %(default)s)")
    add(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="what is logged; info tells of retries, faults and changed settings too (default: %(default)s)",
    )
    add(
        "--lease-s",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long a callback that is being sent belongs to this process; when it dies, another (or the next) "
        "sends it after that time. Longer than any bank's time-out (default: %(default)g)",
    )


def _serve(args: argparse.Namespace) -> int:
    # What is loaded at the start stays for good: not looking for garbage in it makes the start a tenth shorter.
    gc.disable()
    from simulator.serving import Settings, StartError, serve
    from simulator.workers import serve_by_workers

    gc.freeze()
    gc.enable()
    settings = Settings(
        store=args.store,
        host=args.host,
        port=args.port,
        public_url=args.public_url or "",
        seed=args.seed,
        manual=args.manual_clock,
        token=args.token,
        sandboxes=tuple(args.sandbox),
        lease_s=args.lease_s,
        smtp_port=args.smtp_port,
        maintenance=args.maintenance,
        faults_by_amount=args.faults_by_amount,
        hold_s=args.fault_hold_s,
        tls_refused_port=args.tls_refused_port,
        tls_untrusted_port=args.tls_untrusted_port,
        settlement_folder=args.settlement_folder,
        workers=args.workers,
        keep=args.keep,
        log_format=args.log_format,
        log_level=args.log_level,
    )
    try:
        if settings.workers > 1:
            serve_by_workers(settings)
        else:
            serve(settings)
    except StartError as error:
        return _failed(str(error))
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a port is a number from 0 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= WORKERS_MAX):
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 to {WORKERS_MAX}")
    return int(text)


def _age(text: str) -> timedelta:
    found = AGE.fullmatch(text)
    age = timedelta(seconds=int(found[1]) * AGE_UNITS_S[found[2]]) if found else timedelta()
    if not timedelta(0) < age <= AGE_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: a number and s, m, h or d, such as 7d")
    return age


def _window(text: str) -> str:
    from simulator.maintenance import parse_window

    try:
        parse_window(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0.1 to 3600")
    return seconds


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError(f"{text!r} is not like https://banks.example.vn:8443")
    return text.rstrip("/")


def _sandbox(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no sandbox name; use letters, digits, '-' and '_'")
    return text


# --- what is simulated ---------------------------------------------------------------------------------------


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def _banks(args: argparse.Namespace) -> int:
    from simulator.banks import dialects
    from simulator.sources import Confidence, parts

    if args.bank:
        return _bank(args.bank)
    rows = []
    for each in dialects().values():
        sure = parts(each)
        counts = [str(len(sure[confidence])) for confidence in Confidence]
        rows.append((each.code, each.name, each.shape.value, ", ".join(each.channels), *counts))
    print(_table(("code", "name", "shape", "channels", "documented", "public code", "assumed"), rows))
    print("\nThe last three columns count sources, and parts that no source tells: `banksim banks CODE` names them.")
    return 0


def _bank(code: str) -> int:
    """All of one bank: its addresses, and how sure each part is."""
    from simulator.banks import dialects
    from simulator.sources import Confidence, parts, sources

    dialect = dialects().get(code)
    if dialect is None:
        return _failed(f"there is no bank {code!r}; there are: {', '.join(dialects())}")
    print(f"{dialect.code}: {dialect.name}\n")
    rows = [
        ("shape", dialect.shape.value),
        ("channels", ", ".join(dialect.channels)),
        ("secrets", ", ".join(dialect.secrets)),
        *(("address", f"{each.method} /{code}{each.path}  ({each.operation})") for each in dialect.endpoints),
        *(("source", f"{each.title} ({each.confidence})") for each in (sources()[key] for key in dialect.sources)),
        ("assumed", ", ".join(parts(dialect)[Confidence.ASSUMPTION]) or "nothing"),
    ]
    hang = " " * 12
    for index, (name, value) in enumerate(rows):
        first = name if index == 0 or rows[index - 1][0] != name else ""
        opening = f"  {first:<10}"
        print(textwrap.fill(value, WIDTH, initial_indent=opening, subsequent_indent=hang, break_on_hyphens=False))
    print(f"\n`banksim assumptions {code}` says what was chosen, and why.")
    return 0


def _one_bank(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", nargs="?", default="", help="all of this bank: addresses, sources, what is assumed")


def _bank_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", nargs="?", default="", help="only this bank's")


def _assumptions(args: argparse.Namespace) -> int:
    from simulator import chosen, reconciling
    from simulator.banks import dialects
    from simulator.payer import ASSUMPTIONS, PAYER

    general = {PAYER: ASSUMPTIONS, reconciling.SETTLEMENT: reconciling.ASSUMPTIONS, chosen.FAULTS: chosen.assumptions()}
    listed = general | {code: dialect.assumptions for code, dialect in dialects().items()}
    if args.bank and args.bank not in listed:
        return _failed(f"there is no bank {args.bank!r}; there are: {', '.join(listed)}")
    for code, assumptions in listed.items():
        for each in assumptions if args.bank in ("", code) else ():
            switch = f" (setting: {each.setting})" if each.setting else ""
            print(f"{code}: {each.key} = {each.value}")
            print(textwrap.indent(textwrap.fill(f"{each.why}{switch}", WIDTH - 4), "    "))
    return 0


def _faults(args: argparse.Namespace) -> int:
    from simulator.banks import dialects
    from simulator.distortion import unfit
    from simulator.faults import FAULTS
    from simulator.faults.telling import listed, told

    if args.kind and args.kind not in FAULTS:
        return _failed(f"there is no fault {args.kind!r}; `banksim faults` lists them")
    if not args.kind:
        print(f"{listed()}\n\n{ASK_FOR_FAULTS}")
        return 0
    spared = {code: why for code in dialects() if (why := unfit(code, args.kind))}
    struck = [code for code in dialects() if code not in spared]
    print(told(FAULTS[args.kind], "vnpay" if "vnpay" in struck else struck[0]))
    for line in ("", "  spared, though it is asked for", *(f"    {why}" for why in spared.values())) if spared else ():
        print(line)
    return 0


def _one_fault(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", default="", help="all of this one: what it does, its settings, how to ask")


# --- the files of a business day -----------------------------------------------------------------------------


def _settle_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes the banks' files of a business day into a folder, as they would come by SFTP, and reads the merchants' "
        "files that lie there. A running `banksim serve` makes them."
    )
    add = parser.add_argument
    add("--folder", required=True, metavar="DIR", help="where the files are; each bank has folders of its own in it")
    add(
        "--date", type=_date, metavar="YYYY-MM-DD", help="the business day (default: yesterday, by the sandbox's clock)"
    )
    add("--bank", default="", help="only this bank's")
    add("--kind", default="", help="only files of this kind (va, bill, card, tc, day, treasury)")
    add(
        "--since",
        type=_date,
        metavar="YYYY-MM-DD",
        help="once more all days from this one on, as after an outage (default: the day alone)",
    )
    add("--late-s", type=_late, default=0, metavar="SECONDS", help="the files are there so much later than at 07:00")
    add(
        "--faults",
        type=_wrongs,
        metavar="JSON",
        help="what is to be wrong with the files, rows named by their orders, such as "
        '{"missing": ["HS1"], "changed": {"HS2": -1}, "wrong_footer_checksum": true}; all are at URL/docs',
    )
    add("--url", type=_url, default="http://127.0.0.1:8080", help="where banksim is (default: %(default)s)")
    add("--sandbox", type=_sandbox, default="default", help="of which sandbox (default: %(default)s)")
    add(
        "--token", default=os.environ.get("BANKSIM_TOKEN", ""), help="the server's token; better given as BANKSIM_TOKEN"
    )


def _settle(args: argparse.Namespace) -> int:
    from simulator.client import Banksim, ControlError
    from simulator.filing import Asked, exchange

    asked = Asked(
        business_date=args.date,
        bank=args.bank,
        kind=args.kind,
        late_s=args.late_s,
        since=args.since,
        faults=args.faults,
    )
    try:
        with Banksim(args.url, args.token or None) as banksim:
            sound = exchange(banksim.sandbox(args.sandbox), Path(args.folder), asked, print)
    except ControlError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"{args.folder}: {error}")
    return 0 if sound else _failed("a merchant's file is wrong, as told above")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-05") from error


def _late(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= 31 * 24 * 3600):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to a month's")
    return int(text)


def _wrongs(text: str) -> dict[str, object]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is not like {{"missing": ["HS1"]}}')
    return given


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


BUILT_IN = {
    "serve": BuiltIn("run the simulated banks", _serve_arguments, _serve),
    "banks": BuiltIn("list the banks that are simulated", _one_bank, _banks),
    "assumptions": BuiltIn("list what no document says, and what was chosen", _bank_argument, _assumptions),
    "faults": BuiltIn("list what can be made to go wrong", _one_fault, _faults),
    "settle": BuiltIn("exchange the files of a business day in a folder", _settle_arguments, _settle),
}


if __name__ == "__main__":
    sys.exit(main())
