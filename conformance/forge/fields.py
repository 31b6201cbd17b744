"""The fields of a message: read out of a query string or a JSON body, changed at a path, written back."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit, urlunsplit

from simulator.client import Message

Fields = dict[str, Any]

Path = tuple[str | int, ...]
"""Where a field stands: ("data", "records", 0, "amount")."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Between the bytes of a message and its fields. `respell` writes the same fields in another order and spacing."""

    read: Callable[[Message], Fields]
    write: Callable[[Message, Fields], Message]
    respell: Callable[[Message], Message]


def get(fields: Any, path: Path) -> Any:
    """The value at `path`, "" where there is none or null."""
    for key in path:
        if isinstance(fields, dict):
            fields = fields.get(key)
        elif isinstance(fields, list) and isinstance(key, int) and key < len(fields):
            fields = fields[key]
        else:
            return ""
    return "" if fields is None else fields


def put(fields: Any, path: Path, value: object) -> Any:
    """A copy with `value` at `path`; None removes the field."""
    key, rest = path[0], path[1:]
    if isinstance(fields, list):
        return [put(each, rest, value) if index == key else each for index, each in enumerate(fields)]
    copy = dict(fields)
    if rest:
        copy[key] = put(copy.get(key, {}), rest, value)
    elif value is None:
        copy.pop(key, None)
    else:
        copy[key] = value
    return copy


def form(text: str) -> str:
    """application/x-www-form-urlencoded as browsers write it: `*` stays, `~` does not, a space is `+`."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def _read_query(message: Message) -> Fields:
    return dict(parse_qsl(urlsplit(message.url).query, keep_blank_values=True))


def _write_query(message: Message, fields: Fields) -> Message:
    pairs = "&".join(f"{form(name)}={form(str(value))}" for name, value in fields.items())
    return replace(message, url=urlunsplit(urlsplit(message.url)._replace(query=pairs)))


def _read_json(message: Message) -> Fields:
    fields = json.loads(message.body)
    if not isinstance(fields, dict):
        raise ValueError("the bank's message is no JSON object")
    return fields


def _write_json(message: Message, fields: Fields) -> Message:
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return replace(message, body=body)


def _respell_query(message: Message) -> Message:
    return _write_query(message, backwards(_read_query(message)))


def _respell_json(message: Message) -> Message:
    """Fields in the other order, on lines of their own, letters beyond ASCII as escapes."""
    body = json.dumps(backwards(_read_json(message)), indent=2).encode()
    return replace(message, body=body)


def backwards(fields: Any) -> Any:
    """The last field first, at every depth; lists keep their order."""
    if isinstance(fields, dict):
        return {name: backwards(value) for name, value in reversed(fields.items())}
    return [backwards(each) for each in fields] if isinstance(fields, list) else fields


QUERY = Envelope(_read_query, _write_query, _respell_query)
JSON = Envelope(_read_json, _write_json, _respell_json)
