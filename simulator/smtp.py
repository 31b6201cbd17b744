"""The inbox's SMTP server, for portals that send e-mail: it takes every letter and sends none on."""

import asyncio
import socket

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.inbox import LETTER_BYTES_MAX, NotALetter, fields_of_mail, receive, sandbox_of
from simulator.letter import LetterKind
from simulator.store import StoreError, UnknownSandbox
from simulator.world import Worlds


class Mailbox:
    """What aiosmtpd asks for; the names of its methods are its own."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        try:
            await self._worlds.get(sandbox_of(address))
        except UnknownSandbox:
            return f"550 5.1.2 there is no sandbox {sandbox_of(address)}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        numbers = []
        try:
            for recipient in envelope.rcpt_tos:
                world = await self._worlds.get(sandbox_of(recipient))
                fields = fields_of_mail(content, envelope.mail_from or "", recipient)
                numbers.append(await receive(world, LetterKind.EMAIL, fields))
        except (NotALetter, UnknownSandbox) as error:
            return f"554 5.6.0 {error}"
        except StoreError:
            return "451 4.3.0 the inbox cannot be written now"
        return f"250 OK kept as {', '.join(str(number) for number in numbers)}"


async def listen(worlds: Worlds, listener: socket.socket) -> asyncio.Server:
    """Takes mail at that bound socket. Close it before the store."""
    mailbox = Mailbox(worlds)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(mailbox, data_size_limit=LETTER_BYTES_MAX, enable_SMTPUTF8=True, hostname="banksim", loop=loop),
        sock=listener,
    )
