"""The command line: starts the portal, and says on one line where it listens.

python -m conformance.targets.portal --port 0 --bank-url http://127.0.0.1:8080/s/NAME --database FILE
"""

import argparse
import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from conformance.targets.portal.app import portal_app
from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.books import Books
from conformance.targets.portal.defects import DEFECTS, Flaw, named
from conformance.targets.portal.leaks import Leaks
from conformance.targets.portal.moments import set_off
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import shipped
from conformance.targets.portal.settings import Settings, Style

_LONG = 10


def main() -> None:
    given = _parser().parse_args()
    if given.list_defects:
        for defect in DEFECTS:
            print(f"{defect.name:40} {defect.says} ({', '.join(defect.banks)}; {', '.join(defect.guards)})")
        return
    try:
        asyncio.run(_serve(given, named(given.defect)))
    except (OSError, ValueError) as error:
        sys.exit(f"portal: {error}")


async def _serve(given: argparse.Namespace, flaws: frozenset[Flaw]) -> None:
    listener = _listener(given.host, given.port)
    address = f"http://{given.host}:{listener.getsockname()[1]}"
    settings = _settings(given, given.public_url or address)
    leaks = Leaks(given.leaks)
    portal = Portal(
        settings=settings,
        books=Books(settings.database),
        line=BankLine(
            settings.bank_timeout_s * (_LONG if Flaw.BANK_WAITED_FOR_LONG in flaws else 1),
            whole=Flaw.BANK_TIMEOUT_PER_PIECE not in flaws,
            verify=Flaw.CERTIFICATE_NOT_CHECKED not in flaws,
            tries=_LONG if Flaw.CONNECTION_TRIED_ON_AND_ON in flaws else 1,
        ),
        clock=set_off(given.clock_offset_s),
        catalogue=shipped(),
        flaws=flaws | leaks.flaws(),
        leaks=leaks,
    )
    app = portal_app(portal, on_start=lambda: print(f"portal ready at {address}", flush=True))
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    # The listener takes connections already; they are served as soon as the application has started.
    await uvicorn.Server(config).serve(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    """Its protocol is named: asyncio sends small answers at once only on sockets that say they are TCP."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(256)
    return listener


def _settings(given: argparse.Namespace, public_url: str) -> Settings:
    return Settings(
        bank_url=given.bank_url.rstrip("/"),
        public_url=public_url.rstrip("/"),
        database=given.database,
        style=Style(given.style),
        contracts=_contracts(given.contract),
        says_already_confirmed=given.duplicates == "already-confirmed",
        keeps_overpayments=given.overpayments == "kept",
        return_asks=given.return_asks,
        bank_timeout_s=given.bank_timeout_s,
        poll_after_s=given.poll_after_s,
        poll_every_s=given.poll_every_s,
        inbox_url=given.inbox_url.rstrip("/"),
    )


def _contracts(given: list[str]) -> dict[str, dict[str, str]]:
    """Each is BANK.NAME=VALUE, or BANK.NAME=@FILE for the text of a file. Raises ValueError, OSError."""
    contracts: dict[str, dict[str, str]] = {}
    for each in given:
        name, is_given, value = each.partition("=")
        bank, has_name, key = name.partition(".")
        if not is_given or not has_name or bank not in counterparts():
            raise ValueError(f"--contract {each}: BANK.NAME=VALUE is wanted, BANK one of {', '.join(counterparts())}")
        text = Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value
        contracts.setdefault(bank, {})[key] = text
    for bank, changes in contracts.items():
        try:
            counterparts()[bank].contract(**changes)
        except TypeError as error:
            raise ValueError(f"--contract {bank}: {error}") from error
    return contracts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.targets.portal", description="The sample e-government portal."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 = any free port")
    add("--bank-url", default="http://127.0.0.1:8080", help="where the banks are")
    add("--public-url", default="", help="where browsers find the portal, if not where it listens")
    add("--database", type=Path, default=Path("portal.db"))
    add("--style", choices=[style.value for style in Style], default=Style.LISTENS.value)
    add("--duplicates", choices=["already-confirmed", "confirmed"], default="already-confirmed")
    add("--overpayments", choices=["refused", "kept"], default="refused", help="money above what was ordered")
    add("--return-asks", action="store_true", help="a payer's return makes the portal ask the bank")
    add("--bank-timeout-s", type=float, default=8.0)
    add("--poll-after-s", type=int, default=900, help="when an order without callback is first asked about")
    add("--poll-every-s", type=float, default=30.0, help="how often the poller looks, 0 = never")
    add("--inbox-url", default="", help="where text messages and e-mails to payers go, /sms and /email below it")
    add("--clock-offset-s", type=int, default=0, help="how far its clock is off, for trying out `banksim doctor`")
    add("--contract", action="append", default=[], metavar="BANK.NAME=VALUE", help="@FILE as value = a file's text")
    add("--defect", action="append", default=[], metavar="NAME", help="switches a defect on; may be repeated")
    add("--leaks", type=int, default=0, metavar="N", help="drop one payment in N, settle another one twice, keep count")
    add("--list-defects", action="store_true", help="lists the defects and stops")
    return parser


if __name__ == "__main__":
    main()
