"""Why an address cannot be reached, in a sentence for whoever configured it."""

import socket
import ssl
from urllib.parse import urlsplit

CONNECT_S = 3.0

# What OpenSSL, httpx and aiohttp say, in the order in which it is looked for.
_SAYINGS = (
    (("wrong_version_number", "record layer failure", "http request", "unexpected_message"), "no TLS"),
    (("hostname mismatch", "ip address mismatch", "doesn't match"), "other name"),
    (("certificate has expired",), "expired"),
    (("certificate verify failed", "certificate_verify_failed", "self-signed", "self signed"), "untrusted"),
    (("name or service not known", "nodename nor servname", "temporary failure in name", "getaddrinfo"), "no host"),
    (("connection refused", "connect call failed", "all connection attempts failed"), "nobody"),
    (("timed out", "timeout", "no answer within"), "silent"),
)


def why_unreachable(url: str, error: str) -> str:
    """The end of a sentence about `url`; `error` is what a client said of it. Looks whether TLS is spoken there."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    said = error.lower()
    kind = next((kind for words, kind in _SAYINGS if any(word in said for word in words)), "")
    if parts.scheme == "https" and kind == "no TLS":
        return f"it says https, and what listens there speaks plain HTTP. Write http://{parts.netloc}, or give it TLS"
    if parts.scheme == "http" and kind in ("", "silent", "no TLS") and _speaks_tls(host, parts.port or 80):
        return f"it says http, and what listens there speaks TLS. Write https://{parts.netloc}"
    return _SENTENCES.get(kind, error).format(host=host, port=parts.port or {"https": 443}.get(parts.scheme, 80))


_SENTENCES = {
    "other name": "its certificate is for another host name than {host}",
    "expired": "its certificate has expired",
    "untrusted": "nobody that is trusted here signed its certificate. For tests http will do",
    "no host": "there is no host {host}",
    "nobody": "nobody listens at {host} port {port}",
    "silent": "{host} port {port} does not answer in time",
}


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), CONNECT_S) as plain, context.wrap_socket(plain):
            return True
    except (OSError, ValueError):
        return False
