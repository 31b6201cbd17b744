"""uvicorn's HTTP protocol with one thing added: the application may break the connection, as a faulty bank does."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTION = "banksim.connection"
"""The ASGI extension that holds the transport."""


class Connection(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions
