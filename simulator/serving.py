"""The server as a process: it binds, starts the banks, says where everything is, and ends within two seconds."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from simulator import logs
from simulator.app import MANUAL_HOLD_MAX_S, App
from simulator.banks import dialects
from simulator.calling import Calls
from simulator.clock import VIETNAM, system_clock
from simulator.control import PREFIXES, create_control
from simulator.control.desk import NO_LISTENERS, Listeners
from simulator.control.guard import ASGIApp, Guard, Receive, Scope, Send, is_loopback
from simulator.day_files import DayFiles
from simulator.delivery import LEASE_S, Courier
from simulator.dialect import Dialect
from simulator.maintenance import parse_window
from simulator.merchants import default_merchants
from simulator.pages import create_pages
from simulator.payment import Merchant
from simulator.protocol import Connection
from simulator.refusing_tls import refuse_tls
from simulator.retention import Retention
from simulator.store import Size, StoreError
from simulator.store.opening import is_shared, open_store
from simulator.world import DEFAULT, World, Worlds

GRACE_S = 1
KEEP_ALIVE_S = 75
"""A connector that keeps its connections must not find them closed between two requests."""

TRUST_S = 0.02
"""How long a process goes by the settings that it has read, where another may change them; changes wait as long."""

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `banksim serve` was told. Empty texts = choose; `store` is a file's path or a PostgreSQL URL.

    `smtp_port` None = take no e-mail, 0 = at any free port. `maintenance` is "23:00-01:00", "" = as an earlier run left
    it. `faults_by_amount` = in the sandboxes made at the start. `hold_s` is how long in real seconds a fault waits at
    most where time stands still. `tls_refused_port`, `tls_untrusted_port` None = nobody listens there, 0 = at any free
    port. Into `settlement_folder` the banks' files of their days are put, "" = nowhere. `workers` is how many processes
    share the port. What ended longer than `keep` ago is removed, None = nothing is. `log_format` and `log_level` are
    among `logs.FORMATS` and `logs.LEVELS`.
    """

    store: str
    host: str
    port: int
    public_url: str = ""
    seed: str = ""
    manual: bool = False
    token: str = ""
    sandboxes: tuple[str, ...] = ()
    lease_s: float = LEASE_S
    smtp_port: int | None = None
    maintenance: str = ""
    faults_by_amount: bool = False
    hold_s: float = MANUAL_HOLD_MAX_S
    tls_refused_port: int | None = None
    tls_untrusted_port: int | None = None
    settlement_folder: str = ""
    workers: int = 1
    keep: timedelta | None = None
    log_format: str = "text"
    log_level: str = "warning"


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of several processes is told by the one that started it.

    `listening` is what all of them say of TLS. `ready` is called once it listens. `parent` can be read once that one is
    no more, and then this one ends too.
    """

    listening: Listeners
    ready: Callable[[], None]
    parent: int


def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Serves until SIGINT or SIGTERM. Raises StartError."""
    logs.start(settings.log_format, settings.log_level)
    with ExitStack() as leaving:
        doors = bound(settings, leaving)
        token = token_for(settings, doors.plain)
        app = make_app(
            settings,
            doors.url(settings),
            doors.guard(settings, token),
            listening=worker.listening if worker else doors.told,
        )
        server = _Server(configured(app))
        server.untrusted = doors.untrusted
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_run(server, app, doors, settings, token, worker))


@dataclass(frozen=True, slots=True)
class Doors:
    """Bound sockets: plain HTTP, and, if they are wanted, two where TLS goes wrong and one for e-mail."""

    plain: socket.socket
    untrusted: socket.socket | None
    refusing: socket.socket | None
    mail: socket.socket | None

    @property
    def told(self) -> Listeners:
        return Listeners(_https_url(self.untrusted), _https_url(self.refusing))

    def url(self, settings: Settings) -> str:
        return settings.public_url or _base_url(self.plain)

    def guard(self, settings: Settings, token: str | None) -> Guard:
        return Guard(token, frozenset({urlsplit(self.url(settings)).hostname or "", settings.host.lower()}))


def bound(settings: Settings, leaving: ExitStack, *, listening: bool = True) -> Doors:
    """Until `leaving` is left. Not `listening` = the ports are kept for other processes. Raises StartError."""
    shared = settings.workers > 1

    def door(port: int, option: str = "--port") -> socket.socket:
        return leaving.enter_context(_listener(settings.host, port, option, shared=shared, listening=listening))

    def wanted(port: int | None, option: str) -> socket.socket | None:
        return None if port is None else door(port, option)

    return Doors(
        plain=door(settings.port),
        untrusted=wanted(settings.tls_untrusted_port, "--tls-untrusted-port"),
        refusing=wanted(settings.tls_refused_port, "--tls-refused-port"),
        mail=wanted(settings.smtp_port, "--smtp-port"),
    )


def make_app(
    settings: Settings,
    base_url: str,
    guard: Guard,
    caller: Calls | None = None,
    listening: Listeners = NO_LISTENERS,
) -> App:
    """The banks, the control API and the pages over one store, not yet started. Raises StartError."""
    try:
        store = open_store(settings.store, system_clock)
    except StoreError as error:
        raise StartError(f"the store cannot be used: {error}") from error
    others = settings.workers > 1 or is_shared(settings.store)
    worlds = Worlds(store, system_clock, base_url, default_merchants(), TRUST_S if others else None)
    files = _day_files(settings)
    courier = Courier(worlds, f"{socket.gethostname()}-{os.getpid()}", settings.lease_s, caller, files)
    control = create_control(worlds, courier, guard, listening)
    pages = create_pages(worlds, courier, guard.objection)
    seed = settings.seed or secrets.token_hex(8)
    return App(worlds, courier, _either(control, pages), seed, settings.manual, settings.hold_s)


def _day_files(settings: Settings) -> DayFiles | None:
    """Raises StartError."""
    if not settings.settlement_folder:
        return None
    try:
        os.makedirs(settings.settlement_folder, exist_ok=True)
    except OSError as error:
        raise StartError(f"no files can be put into {settings.settlement_folder}: {error.strerror}") from error
    return DayFiles(Path(settings.settlement_folder))


def _either(control: ASGIApp, pages: ASGIApp) -> ASGIApp:
    """What is no bank's own: the control API and its docs, else the pages."""

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        app = control if scope["path"].startswith(PREFIXES) else pages
        await app(scope, receive, send)

    return rest


async def _run(
    server: "_Server", app: App, doors: Doors, settings: Settings, token: str | None, worker: Worker | None
) -> None:
    try:
        await app.start()
    except StoreError as error:
        raise StartError(f"the store cannot be used: {error}") from error
    removing = None if settings.keep is None else asyncio.create_task(Retention(app.worlds, settings.keep).run())
    try:
        if worker is None:
            world = await furnished(app, settings)
            text = await where(world, settings, token, doors)
            server.ready = lambda: print(f"{text}\nbanksim ready at {world.base_url}", flush=True)
        else:
            server.ready = worker.ready
            asyncio.get_running_loop().add_reader(worker.parent, server.end)
        mail = None if doors.mail is None else await _mail(app.worlds, doors.mail)
        refusing = None if doors.refusing is None else await refuse_tls(doors.refusing)
        await server.serve(sockets=[doors.plain])
        for beside in (mail, refusing):
            if beside is not None:
                beside.close()
    finally:
        if removing is not None:
            removing.cancel()
            await asyncio.gather(removing, return_exceptions=True)
        await app.stop()


async def furnished(app: App, settings: Settings) -> World:
    """The default sandbox, once all that were asked for are there and set."""
    world = await app.worlds.get(DEFAULT)
    clock_at = app.worlds.clock() if settings.manual else None
    for name in settings.sandboxes:
        await app.worlds.ensure(name, seed=settings.seed or world.sandbox.seed, clock_at=clock_at)
    for name in (DEFAULT, *settings.sandboxes):
        if settings.maintenance:
            await app.worlds.set_maintenance(name, parse_window(settings.maintenance))
        if settings.faults_by_amount:
            await app.worlds.set_faults_by_amount(name, True)
    _warn(world, settings)
    return world


async def _mail(worlds: Worlds, listener: socket.socket) -> asyncio.Server:
    """The inbox's SMTP server."""
    from simulator.smtp import listen  # Few want it, and the start need not wait for it.

    return await listen(worlds, listener)


def configured(app: App) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def _silent() -> None:
    """Nobody waits for the word."""


class _Server(uvicorn.Server):
    """Says when it listens, and takes SIGINT and SIGTERM for the wish to end that they are, not for an error."""

    ready: Callable[[], None] = staticmethod(_silent)
    untrusted: socket.socket | None = None

    def end(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.untrusted is not None:
            self.servers.append(await self._serving_untrusted(self.untrusted))
        self.ready()

    async def _serving_untrusted(self, listener: socket.socket) -> asyncio.Server:
        """The same application by HTTPS; whoever asked there is waited for at the end as everybody is."""
        from simulator.untrusted_tls import untrusted_context  # Few want it, and the start need not wait for it.

        context = untrusted_context(listener.getsockname()[0], system_clock())
        protocol = partial(
            Connection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return await asyncio.get_running_loop().create_server(protocol, sock=listener, ssl=context)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield


def _listener(host: str, port: int, option: str, *, shared: bool, listening: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(f"{host!r} is no address of this machine ({error}); leave --host out.") from error
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        if listening:
            listener.listen()
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen at {host} port {port}: {error.strerror}. "
            f"Perhaps another program is there: choose another {option}, or 0 for any free one."
        ) from error
    return listener


def _base_url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    address = WILDCARDS.get(address, address)
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _https_url(listener: socket.socket | None) -> str:
    return "" if listener is None else _base_url(listener).replace("http:", "https:", 1)


def token_for(settings: Settings, listener: socket.socket) -> str | None:
    """The token that guards the control API; None if only this machine can reach it and none was asked for."""
    if settings.token:
        return settings.token
    return None if is_loopback(listener.getsockname()[0]) else secrets.token_urlsafe(24)


def _warn(world: World, settings: Settings) -> None:
    """What an earlier run has settled stays; whoever asked for something else is told."""
    stays = []
    if settings.seed and settings.seed != world.sandbox.seed:
        stays.append(f"the seed {world.sandbox.seed}")
    if settings.manual != world.manual:
        stays.append("a manual clock" if world.manual else "the machine's clock")
    if stays:
        print(
            f"banksim: {_shown(settings.store)} keeps {' and '.join(stays)} from an earlier run; "
            "use another --store, or remove that one, to start anew.",
            file=sys.stderr,
        )


# --- what a person reads at the start ------------------------------------------------------------------------


async def where(world: World, settings: Settings, token: str | None, doors: Doors) -> str:
    """Where everything is, and what a connector is configured with."""
    now = f"{(await world.now()).astimezone(VIETNAM):%Y-%m-%d %H:%M:%S} in Vietnam"
    size = await world.store.size()
    asks = [dialect.code for dialect in dialects().values() if dialect.inquiry]
    rows = [
        ("control room", f"{world.base_url}/"),
        ("control API", f"{world.base_url}/docs"),
        ("payer pages", f"{world.base_url}/pay/ID (each bank tells the connector its payments' addresses)"),
        *(("bill payers", f"{world.base_url}/bill/{code}") for code in asks),
        ("phone", f"{world.base_url}/phone (reads a QR code, pasted or photographed, and pays it)"),
        ("inbox", f"{world.base_url}/inbox (portals send to /inbox/sms and /inbox/email)"),
        *(
            [("smtp", f"{_address(doors.mail)} (e-mail to anybody; NAME.sandbox is the domain of a sandbox)")]
            if doors.mail
            else []
        ),
        *_where_tls_goes_wrong(doors.told),
        ("sandboxes", f"{world.base_url}/s/NAME/..."),
        ("store", f"{_shown(settings.store)} ({_size(size)})"),
        ("kept", kept(settings.keep, size)),
        *([("workers", f"{settings.workers} processes share the port and the store")] if settings.workers > 1 else []),
        ("seed", world.sandbox.seed),
        ("clock", f"manual, at {now}: POST /_control/sandboxes/default/clock moves it" if world.manual else now),
    ]
    if token is not None and not settings.token:
        rows.append(("token", f"{token} (every call of /_control needs `Authorization: Bearer` and this)"))
    if urlsplit(world.base_url).hostname in WILDCARDS.values() and settings.host in WILDCARDS:
        rows.append(("note", "other machines need --public-url: the addresses above are this machine's own"))
    lines = [f"  {name:<13} {value}" for name, value in rows]
    lines += ["", "  What a connector is configured with (test credentials):"]
    for (code, _), merchant in world.merchants.items():
        if code in dialects():
            lines += ["", *_credentials(world, dialects()[code], merchant)]
    tell = f"PUT {world.base_url}/_control/sandboxes/{world.name}/merchants/BANK/MERCHANT"
    lines += ["", f'  Tell each bank where your connector listens: {tell} {{"callback_url": "http://..."}}']
    return "\n".join([*lines, ""])


def _where_tls_goes_wrong(listening: Listeners) -> Iterator[tuple[str, str]]:
    if listening.tls_untrusted_url:
        yield "TLS untrusted", f"{listening.tls_untrusted_url} (the same banks; nobody vouches for the certificate)"
    if listening.tls_refused_url:
        yield "TLS refused", f"{listening.tls_refused_url} (every handshake ends with an alert)"


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}"


def _shown(store: str) -> str:
    """Where the store is, without a password."""
    parts = urlsplit(store)
    if not parts.scheme:
        return os.path.abspath(store)
    return store.replace(f":{parts.password}@", ":***@") if parts.password else store


def _size(size: Size) -> str:
    free = f", {_megabytes(size.free_bytes)} of it free" if size.free_bytes else ""
    return f"{_megabytes(size.size_bytes)} on the disk{free}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def kept(keep: timedelta | None, size: Size) -> str:
    """What becomes of old payments, and of the room that they took."""
    if keep is None:
        return "everything, for ever (--keep 7d removes payments that ended longer ago)"
    room = (
        "their room is given back to the disk"
        if size.gives_back
        else "their room is used again (the file, made by an earlier version, gets no smaller)"
    )
    return f"payments that ended at most {told_age(keep)} ago; older ones go with callbacks and journal, and {room}"


def told_age(age: timedelta) -> str:
    """ "7 d", "90 s": in the largest unit that is exact."""
    seconds = int(age.total_seconds())
    unit, length = next(each for each in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)) if seconds % each[1] == 0)
    return f"{seconds // length} {unit}"


def _credentials(world: World, dialect: Dialect, merchant: Merchant) -> list[str]:
    long = [name for name, value in merchant.secrets.items() if "\n" in value]
    rows = [
        ("base URL", world.bank_url(dialect.code) if dialect.endpoints else "none: this bank calls the connector"),
        ("merchant", merchant.merchant_code),
        *((name, value) for name, value in merchant.secrets.items() if name not in long),
    ]
    if long:
        rows.append(("PEM keys", f"GET {world.base_url}/_control/sandboxes/{world.name}/merchants shows them:"))
        rows.append(("", ", ".join(long)))
    return [f"  {dialect.code if not index else '':<13} {name:<14} {value}" for index, (name, value) in enumerate(rows)]
