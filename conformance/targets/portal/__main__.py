"""The command line: starts the portal, and says on one line where it listens.

python -m conformance.targets.portal --port 0 --bank-url http://127.0.0.1:8080/s/NAME --database FILE
"""

import argparse
import asyncio
import socket
import sys
from importlib.resources import files
from pathlib import Path

import uvicorn

from conformance.targets.portal.app import portal_app
from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.books import Books
from conformance.targets.portal.defects import DEFECTS, Flaw, named
from conformance.targets.portal.moments import machine_clock
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import shipped
from conformance.targets.portal.settings import (
    DvcqgContract,
    Settings,
    Style,
    VietinbankContract,
    VnpayContract,
)

_KEYS = files("fixtures").joinpath("keys")


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
    portal = Portal(
        settings=settings,
        books=Books(settings.database),
        line=BankLine(settings.bank_timeout_s),
        clock=machine_clock,
        catalogue=shipped(),
        flaws=flaws,
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
        vnpay=VnpayContract(tmn_code=given.vnpay_tmn_code, secret=given.vnpay_secret),
        vietinbank=VietinbankContract(
            provider_id=given.vietinbank_provider_id,
            private_key_pem=_key(given.vietinbank_private_key, "biller_private.pem"),
            bank_public_key_pem=_key(given.vietinbank_bank_key, "vietinbank_public.pem"),
        ),
        dvcqg=DvcqgContract(partner_code=given.dvcqg_partner_code, secret=given.dvcqg_secret),
        says_already_confirmed=given.duplicates == "already-confirmed",
        return_asks=given.return_asks,
        bank_timeout_s=given.bank_timeout_s,
        poll_after_s=given.poll_after_s,
        poll_every_s=given.poll_every_s,
    )


def _key(given: Path | None, shipped_name: str) -> str:
    source = given or _KEYS.joinpath(shipped_name)
    return source.read_text(encoding="ascii")


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
    add("--return-asks", action="store_true", help="a payer's return makes the portal ask the bank")
    add("--bank-timeout-s", type=float, default=8.0)
    add("--poll-after-s", type=int, default=900, help="when an order without callback is first asked about")
    add("--poll-every-s", type=float, default=30.0, help="how often the poller looks, 0 = never")
    add("--vnpay-tmn-code", default="DEMOV210")
    add("--vnpay-secret", default="SIMULATORSECRETKEY0123456789ABCD")
    add("--vietinbank-provider-id", default="9111")
    add("--vietinbank-private-key", type=Path, help="PEM file of the biller's key")
    add("--vietinbank-bank-key", type=Path, help="PEM file of the bank's public key")
    add("--dvcqg-partner-code", default="DEMO")
    add("--dvcqg-secret", default="demo-secret")
    add("--defect", action="append", default=[], metavar="NAME", help="switches a defect on; may be repeated")
    add("--list-defects", action="store_true", help="lists the defects and stops")
    return parser


if __name__ == "__main__":
    main()
