"""Who may use the control API: whoever knows the token; without one, this machine and no page of another site."""

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from simulator.signing import same

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Guard:
    """`token` None = only loopback is listened to. `hosts` are further names by which this server is called."""

    token: str | None = None
    hosts: frozenset[str] = frozenset()

    def objection(self, method: str, host: str, origin: str, authorization: str) -> tuple[int, str] | None:
        """The status and the sentence for a caller who may not; None for one who may.

        The last three are the request's headers, "" where absent.
        """
        if self.token is not None:
            return None if same(authorization, f"Bearer {self.token}") else (401, _NO_TOKEN)
        # A page of another site can name a host that resolves to 127.0.0.1, but then its name stands in Host.
        if not self._own(host):
            return 421, f"This server is not called {host!r}: use 127.0.0.1, or start it with --public-url."
        if origin and method not in READING and origin not in (f"http://{host}", f"https://{host}"):
            return 403, f"A page of {origin} may not change anything here."
        return None

    def _own(self, host: str) -> bool:
        name = host_name(host)
        return name in self.hosts or is_loopback(name)


_NO_TOKEN = (
    "The control API needs the header `Authorization: Bearer TOKEN`; the token was printed when the server started."
)


def host_name(host: str) -> str:
    """The name in a Host header: "[::1]:8080" -> "::1"."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether that host name or address is always this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def objection_to(guard: Guard, scope: Scope) -> tuple[int, str] | None:
    """`Guard.objection` for an ASGI request."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return guard.objection(
        scope["method"],
        headers.get(b"host", ""),
        headers.get(b"origin", ""),
        headers.get(b"authorization", ""),
    )
