"""The inbox that portals send their confirmations to: text messages and e-mails by HTTP, e-mails by SMTP too.

Rule: everything that can be read is kept and answered with its number; nothing is ever sent on. A sender that gives
its messages numbers of its own may send one again (its own crash, a lost answer), and it is kept once.
"""

import email.policy
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage

from simulator.faults import EXCHANGE_KINDS, Occasion, take
from simulator.letter import TEXT_MAX, Letter, LetterKind, recipient_of
from simulator.store import Change, Stored
from simulator.watch import struck
from simulator.wire import json_object
from simulator.world import DEFAULT, World

INBOX = "inbox"
"""The operation in which a fault breaks this gateway. No bank has it."""

LETTER_BYTES_MAX = 256 * 1024

# Gateways of text messages name the same things differently; which names they use is no standard.
_TO = ("to", "phone", "phone_number", "phoneNumber", "mobile", "recipient", "Phone", "To")
_TEXT = ("text", "message", "content", "body", "sms", "Content", "Message")
_FROM = ("from", "sender", "brandname", "brand_name", "Brandname", "source")
_REFERENCE = ("request_id", "requestId", "reference", "message_id", "messageId", "smsid")
_SUBJECT = ("subject", "title", "Subject")


class NotALetter(Exception):
    """What came is no message to anybody; the sentence says what is missing."""


def fields_of(body: bytes, form: Mapping[str, str] | None) -> dict[str, str]:
    """The texts of a posted form, or of a JSON object. Raises NotALetter."""
    if form is not None:
        return dict(form)
    try:
        given = json_object(body)
    except ValueError as error:
        raise NotALetter(f"the body is neither a form nor a JSON object: {error}") from error
    return {name: str(value) for name, value in given.items() if isinstance(value, str | int)}


async def receive(world: World, kind: LetterKind, fields: Mapping[str, str]) -> int:
    """Keeps the message; its number. Raises NotALetter, UnknownSandbox."""
    recipient, text = recipient_of(kind, _first(fields, _TO)), _first(fields, _TEXT)
    if not recipient:
        raise NotALetter(f"nobody to send it to: one of {', '.join(_TO[:6])} must name a recipient")
    if not text and not _first(fields, _SUBJECT):
        raise NotALetter(f"nothing to say: one of {', '.join(_TEXT[:5])} must hold the text")
    reference = _first(fields, _REFERENCE)[:200]
    if reference:
        for number, kept in await world.store.letters(world.name, recipient=recipient[:200], limit=1000):
            if (kept.kind, kept.reference) == (kind, reference):
                return number
    letter = Letter(
        kind=kind,
        at=await world.now(),
        sender=_first(fields, _FROM)[:200],
        recipient=recipient[:200],
        text=text[:TEXT_MAX],
        subject=_first(fields, _SUBJECT)[:500] if kind is LetterKind.EMAIL else "",
        reference=reference,
    )
    return await world.store.put_letter(world.name, letter)


async def outage(world: World, fields: Mapping[str, str]) -> str:
    """The kind of the fault, now spent, that breaks the gateway for this message; "" = it works."""
    if not any(fault.operation == INBOX for fault in (await world.store.sandbox(world.name)).faults):
        return ""

    def decide(stored: Stored) -> Change[str]:
        chance = world.rng_for(INBOX, *fields.values(), str(len(stored.faults))).random
        hits, left = take(stored.faults, EXCHANGE_KINDS, Occasion(bank="", operation=INBOX, usual=False), chance)
        return Change(
            reply=str(hits[0].kind) if hits else "",
            faults=left if left != stored.faults else None,
            spent=tuple(fault.kind for fault in hits),
        )

    kind = await world.store.transact(world.name, None, decide)
    if kind:
        struck(world.name, Change(reply=kind, spent=(kind,)))
    return kind


def fields_of_mail(content: bytes, sender: str, recipient: str) -> dict[str, str]:
    """An e-mail as it came by SMTP: its plain text, else its HTML as it stands."""
    message = message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage), "the default policy makes them"
    part = message.get_body(preferencelist=("plain", "html"))
    try:
        text = str(part.get_content()) if part is not None else ""
    except (LookupError, UnicodeError, KeyError):  # A charset that there is not, or a part that is no text.
        text = ""
    return {
        "to": recipient,
        "from": sender,
        "subject": str(message.get("subject", "")),
        "reference": str(message.get("message-id", "")),
        "text": text.strip() or content.decode("utf-8", "replace"),
    }


def sandbox_of(recipient: str) -> str:
    """Mail to anybody at "NAME.sandbox" belongs to that sandbox, all other to the default one."""
    domain = recipient.rpartition("@")[2].lower()
    return domain.removesuffix(".sandbox") if domain.endswith(".sandbox") else DEFAULT


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name].strip() for name in names if fields.get(name)), "")
