"""HTTP messages as values, in raw bytes: what is signed must never be parsed and built again."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

Headers = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json; charset=utf-8"
FORM_TYPE = "application/x-www-form-urlencoded"

ANSWER_BYTES_MAX = 64 * 1024
"""More of a connector's answer is not read."""


class Request(msgspec.Struct, frozen=True):
    """One request to a bank.

    `path` is below the bank's own prefix ("/paymentv2/vpcpay.html"), `query` the raw bytes after "?",
    `headers` have lower-case names. `places` is what stood in the {places} of the endpoint's path.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    client_ip: str = "127.0.0.1"
    places: Mapping[str, str] = {}


class Response(msgspec.Struct, frozen=True):
    """A bank's answer to a connector or a browser."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""


class Outgoing(msgspec.Struct, frozen=True):
    """A request that a bank makes of a connector: a callback, a bill inquiry."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """What a connector answered to an `Outgoing`.

    `status` is 0 when there was no answer; `error` then says why ("timed out after 15 s", "connection refused").
    `body` is cut at ANSWER_BYTES_MAX.
    """

    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    error: str = ""

    def header(self, name: str) -> str:
        """The first header of that name, in any case; "" if absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer with keys in the order given and no added white space, as banks' servers send it."""
    return Response(status, (("content-type", JSON_TYPE),), msgspec.json.encode(value))


def text_response(text: str, status: int = 200) -> Response:
    return Response(status, (("content-type", "text/plain; charset=utf-8"),), text.encode())


def redirect(url: str) -> Response:
    """302: the browser goes on to `url`."""
    return Response(302, (("location", url),), b"")


def json_object(body: bytes) -> dict[str, object]:
    """The JSON object that a body is. Raises ValueError for anything else, however deep or huge."""
    try:
        value = msgspec.json.decode(body)
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("JSON is no object")
    return value


def is_web_address(text: str) -> bool:
    """Whether a browser can be sent there: http or https, and a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
