"""The page that a gateway in front of the bank shows in place of its answer. Pure."""

import msgspec

from simulator.faults.kind import Sent
from simulator.wire import Response

_TITLES = {
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def behind_a_gateway(sent: Sent, status: int) -> Sent:
    """The gateway's own HTML page, as a connector that expects JSON gets it."""
    title = f"{status} {_TITLES.get(status, 'Error')}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    later = (("retry-after", "60"),) if status == 503 else ()
    headers = (("content-type", "text/html"), *later)
    response = Response(status, headers, f"{page}</body>\r\n</html>\r\n".encode())
    return msgspec.structs.replace(sent, response=response, other=None)  # Nobody signs it, and no impostor either.
