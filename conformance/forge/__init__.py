"""A bank's messages changed field by field and signed anew, by code of the suite's own.

Rule: nothing here comes from the simulator's signing; a mistake shared by both would hide itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.resources import files

from conformance.forge.fields import Fields, Path, get, put
from conformance.forge.seal import Asked, Asking, Grammar, No, Said, Seal, Secrets, Wire, Word
from simulator.client import Answer, Message

__all__ = ["Asked", "Fields", "Forge", "No", "NoSuchWord", "Said", "Word"]

FOREIGN_SECRET = "another-merchants-secret-0123456789"


class NoSuchWord(LookupError):
    """This bank's message has no field of that meaning."""


@dataclass(frozen=True, slots=True)
class Forge:
    """One bank's messages of one merchant. Each method gives a new message and leaves the old one alone."""

    bank: str
    secrets: Secrets

    def fields(self, message: Message) -> Fields:
        return self._seal(message).envelope.read(message)

    def text_to_sign(self, message: Message) -> str:
        return self._seal(message).text(self.fields(message))

    def field(self, message: Message, word: Word) -> str:
        """The field as text, "" where it is absent. Raises NoSuchWord."""
        return str(get(self.fields(message), _path(self._seal(message), word)))

    def has(self, message: Message, word: Word) -> bool:
        """Whether this bank's messages know such a field at all."""
        return word in self._seal(message).words

    def signature(self, message: Message) -> str:
        return str(get(self.fields(message), self._seal(message).signature))

    def right_signature(self, message: Message) -> str:
        """What the bank would sign this message with."""
        return self._seal(message).sign(self.text_to_sign(message), self.secrets)

    def hexadecimal(self, message: Message) -> bool:
        """Whether signatures are hex digits, whose letter case some banks take either way."""
        return self._seal(message).hexadecimal

    def signed(self, message: Message) -> Message:
        """The message with the right signature for what it says now."""
        return self.with_signature(message, self.right_signature(message))

    def signed_by_another(self, message: Message) -> Message:
        """Signed well, with a key that is not this merchant's."""
        return Forge(self.bank, _foreign(self.secrets)).signed(message)

    def signed_otherwise(self, message: Message) -> Message:
        """Signed with the right key by a wrong algorithm."""
        signature = self._seal(message).sign_otherwise(self.text_to_sign(message), self.secrets)
        return self.with_signature(message, signature)

    def with_signature(self, message: Message, signature: str | None) -> Message:
        """The message with another signature; None leaves the field out."""
        seal = self._seal(message)
        return seal.envelope.write(message, put(self.fields(message), seal.signature, signature))

    def altered(self, message: Message, changes: Mapping[Word, object]) -> Message:
        """Changed fields (None = left out) under the old signature. Raises NoSuchWord."""
        seal, fields = self._seal(message), self.fields(message)
        for word, value in changes.items():
            for path in (_path(seal, word), *seal.twins.get(word, ())):
                kept = value if word is Word.AMOUNT else _as_before(get(fields, path), value)
                fields = put(fields, path, _on_the_wire(seal, word, kept))
        return seal.envelope.write(message, fields)

    def changed(self, message: Message, changes: Mapping[Word, object]) -> Message:
        """Changed fields (None = left out) under a right signature. Raises NoSuchWord."""
        return self.signed(self.altered(message, changes))

    def extended(self, message: Message, value: str) -> Message:
        """A field that no document knows yet, under a right signature."""
        seal = self._seal(message)
        place = seal.extra if isinstance(seal.extra, tuple) else (*seal.signature[:-1], seal.extra)
        return self.signed(seal.envelope.write(message, put(self.fields(message), place, value)))

    def respelled(self, message: Message) -> Message:
        """The same fields in another order and spacing, under a right signature."""
        seal = self._seal(message)
        spelt = seal.envelope.respell(message)
        return spelt if seal.over_body is None else seal.over_body(spelt, self.secrets)

    def false_tokens(self, message: Message) -> Mapping[str, Message]:
        """The message, rightly signed, from a sender who proves nothing, by how; {} where nothing else proves it."""
        false = wire(self.bank).false_tokens
        return {} if false is None else false(message, self.secrets)

    def introduced(self, message: Message, now: datetime) -> Message:
        """The message with the proof of its sender that this bank puts beside the signature, if it does."""
        introduce = wire(self.bank).introduced
        return message if introduce is None else introduce(message, self.secrets, now)

    def with_field(self, message: Message, path: Path, value: object) -> Message:
        """The message with one field changed, at a path of this bank's own, under a right signature."""
        seal = self._seal(message)
        return self.signed(seal.envelope.write(message, put(self.fields(message), path, value)))

    def without_optional(self, message: Message) -> Message:
        """Everything left out that the bank may leave out, under a right signature."""
        seal, fields = self._seal(message), self.fields(message)
        for path in seal.optional:
            fields = put(fields, path, None)
        return self.signed(seal.envelope.write(message, fields))

    def shifted(self, message: Message) -> Message:
        """Text moved over the boundary of two fields, under the old signature."""
        seal = self._seal(message)
        return seal.envelope.write(message, seal.shift(self.fields(message)))

    def said(self, answer: Answer, message: Message) -> Said:
        """The connector's answer to `message` as the bank reads it."""
        return self._grammar(message).read(answer, message, self.secrets)

    def accepts(self, said: Said, message: Message) -> bool:
        """Whether the bank stops repeating `message` after that answer."""
        return not said.problem and said.code in self._grammar(message).done

    def refusals(self, reason: No, message: Message) -> frozenset[str]:
        """The bank's own codes for that reason; empty where its document gives none."""
        return self._grammar(message).no.get(reason, frozenset())

    def asked(self, operation: str, request: Message) -> dict[Asked, str]:
        """What the connector's own request says, as far as this bank has words for it; amounts in VND."""
        asking = wire(self.bank).asking.get(operation)
        if asking is None:
            return {}
        fields = asking.envelope.read(request)
        said = {word: str(get(fields, path)) for word, path in asking.words.items()}
        return {word: _in_our_spelling(asking, word, text) for word, text in said.items() if text}

    def asks(self, operation: str, word: Asked) -> bool:
        """Whether the connector's request of that operation has such a field at this bank."""
        asking = wire(self.bank).asking.get(operation)
        return asking is not None and word in asking.words

    @property
    def success(self) -> Mapping[str, str]:
        """The parameters of a browser's return that say "paid"."""
        return wire(self.bank).success

    @property
    def sent_secrets(self) -> frozenset[str]:
        """The names of secrets that the connector has to send to the bank, by the bank's own document."""
        return wire(self.bank).sent_secrets

    def _seal(self, message: Message) -> Seal:
        return wire(self.bank).seal(message)

    def _grammar(self, message: Message) -> Grammar:
        return wire(self.bank).grammar(message)


@cache
def wire(bank: str) -> Wire:
    """What conformance/forge/<bank>.py knows. Raises ModuleNotFoundError for a bank without such a file."""
    found = import_module(f"{__name__}.{bank}").WIRE
    assert isinstance(found, Wire), f"conformance/forge/{bank}.py has no WIRE"
    return found


def _path(seal: Seal, word: Word) -> tuple[str | int, ...]:
    if word not in seal.words:
        raise NoSuchWord(f"this bank's message has no field for {word}")
    return seal.words[word]


def _on_the_wire(seal: Seal, word: Word, value: object) -> object:
    if word is not Word.AMOUNT or not isinstance(value, int):
        return value
    return value * seal.unit if seal.numeric else str(value * seal.unit)


def _as_before(before: object, value: object) -> object:
    """Digits where the bank writes a JSON number stay one: no bank changes the kind of a field."""
    is_number = isinstance(before, int) and not isinstance(before, bool)
    return int(value) if is_number and isinstance(value, str) and re.fullmatch(r"[0-9]{1,30}", value) else value


def _in_our_spelling(asking: Asking, word: Asked, text: str) -> str:
    """Amounts in VND, times as yyyyMMddHHmmss."""
    if word is Asked.AMOUNT:
        return str(int(text) // asking.unit) if text.isdigit() else text
    return asking.time(text) if word in (Asked.TIME, Asked.EXPIRY) else text


def _foreign(secrets: Secrets) -> dict[str, str]:
    """Secrets of the same kinds that belong to someone else."""
    return {name: _impostor_key() if "private_key" in name else FOREIGN_SECRET for name in secrets}


@cache
def _impostor_key() -> str:
    return files("fixtures").joinpath("keys", "impostor_private.pem").read_text(encoding="utf-8")
