"""The single values of an HTTP message, wherever they stand: in its address, its headers, a form or JSON in its body.

Rule: pure; a message that is read and written again without a change is the same bytes.
"""

import base64
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from simulator import form
from simulator.wire import Outgoing, Response

URL, HEADERS, BODY = "url", "headers", "body"

Tree = dict[str, Any]
"""Objects and lists with texts and numbers at their ends; `Inside` stands for a text that is JSON itself."""

Path = tuple[str | int, ...]
"""Where a value stands: ("body", "data", "amount"). It begins with "url", "headers" or "body"."""

Message = TypeVar("Message", Outgoing, Response)


class Pairs(msgspec.Struct):
    """name=value&name=value"""

    fields: dict[str, Any]


class Inside(msgspec.Struct):
    """A text that is a JSON object, perhaps in base64."""

    value: Any
    encoded: bool = False


class Piped(msgspec.Struct):
    """one|two|three"""

    values: list[Any]


class Plain(msgspec.Struct):
    """Bytes that are neither a form nor JSON, as one value."""

    text: Any


def read(message: Outgoing | Response) -> Tree:
    url = message.url.partition("?")[2] if isinstance(message, Outgoing) else ""
    headers = {name: value for name, value in message.headers if name not in ("content-type", "content-length")}
    return {URL: _read(url.encode()), HEADERS: headers, BODY: _read(message.body)}


def written(message: Message, tree: Tree) -> Message:
    """The message with the values of `tree`: its method, status and content type stay."""
    kept = tree[HEADERS]
    headers = tuple(
        (name, kept.get(name, value))
        for name, value in message.headers
        if name in kept or name in ("content-type", "content-length")
    )
    changed = msgspec.structs.replace(message, headers=headers, body=_written(tree[BODY]))
    if isinstance(changed, Outgoing):
        page, mark, _ = changed.url.partition("?")
        return msgspec.structs.replace(changed, url=page + mark + _written(tree[URL]).decode())
    return changed


def of(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value with its place, in the order of the wire."""
    inner = _inner(tree)
    if isinstance(inner, dict):
        for name, each in inner.items():
            yield from of(each, (*path, name))
    elif isinstance(inner, list):
        for index, each in enumerate(inner):
            yield from of(each, (*path, index))
    else:
        yield path, inner


def get(tree: Any, path: Path) -> Any:
    """None where there is nothing."""
    for key in path:
        inner = _inner(tree)
        if isinstance(inner, dict):
            tree = inner.get(str(key))
        elif isinstance(inner, list) and isinstance(key, int) and key < len(inner):
            tree = inner[key]
        elif key != "text":
            return None
    return _inner(tree)


def put(tree: Any, path: Path, value: Any) -> Any:
    """A copy with `value` at `path`; None takes the value away."""
    if isinstance(tree, Pairs):
        return Pairs(put(tree.fields, path, value))
    if isinstance(tree, Inside):
        return Inside(put(tree.value, path, value), tree.encoded)
    if isinstance(tree, Piped):
        return Piped(put(tree.values, path, value))
    if isinstance(tree, Plain):
        assert not path, "bytes that are neither a form nor JSON are one value"
        return Plain(value or "")
    key, rest = path[0], path[1:]
    if isinstance(tree, list):
        at = int(key)
        changed = put(tree[at], rest, value) if rest else value
        return [*tree[:at], *((changed,) if changed is not None else ()), *tree[at + 1 :]]
    if rest or isinstance(tree[key], Plain):
        return {**tree, key: put(tree[key], rest, value)}
    if value is None:
        return {name: each for name, each in tree.items() if name != key}
    return {**tree, key: value}


def in_pairs(tree: Tree, path: Path) -> bool:
    """Whether it is a value of a form or of an address."""
    return len(path) == 2 and isinstance(tree[str(path[0])], Pairs)


def _inner(tree: Any) -> Any:
    if isinstance(tree, Pairs):
        return tree.fields
    if isinstance(tree, Piped):
        return tree.values
    return tree.value if isinstance(tree, Inside) else tree.text if isinstance(tree, Plain) else tree


def _read(raw: bytes) -> Any:
    """As whatever gives the same bytes again."""
    text = raw.decode("utf-8", "surrogateescape")
    for reading in (_json, _pairs):
        found = reading(text)
        if found is not None and _written(found) == raw:
            return found
    return Plain(text)


def _json(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return _opened(msgspec.json.decode(text))
    except (ValueError, RecursionError):
        return None


def _opened(value: Any) -> Any:
    """With each text opened too that holds several values."""
    if isinstance(value, dict):
        return {name: _opened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_opened(each) for each in value]
    found = _within(value) if isinstance(value, str) else None
    return found if found is not None and _closed(found) == value else value


def _within(text: str) -> Any:
    if text.startswith("eyJ"):
        try:
            inside = _json(base64.b64decode(text, validate=True).decode())
        except ValueError:
            return None
        return None if inside is None else Inside(inside, encoded=True)
    if text.startswith("{"):
        inside = _json(text)
        return None if inside is None else Inside(inside)
    return Piped(list(text.split("|"))) if "|" in text else None


def _pairs(text: str) -> Any:
    try:
        fields = form.fields(form.pieces(text.encode("utf-8", "surrogateescape")))
    except ValueError:
        return None
    return Pairs({name: _opened(each) for name, each in fields.items()}) if fields else None


def _written(tree: Any) -> bytes:
    if isinstance(tree, Plain):
        return str(tree.text).encode("utf-8", "surrogateescape")
    if isinstance(tree, Pairs):
        return form.written({name: str(_closed(each)) for name, each in tree.fields.items()}).encode("utf-8", "replace")
    return _text(tree).encode()


def _text(tree: Any) -> str:
    return msgspec.json.encode(_closed(tree)).decode()


def _closed(tree: Any) -> Any:
    if isinstance(tree, Inside):
        text = _text(tree.value)
        return base64.b64encode(text.encode()).decode() if tree.encoded else text
    if isinstance(tree, Piped):
        return "|".join(map(str, tree.values))
    if isinstance(tree, dict):
        return {name: _closed(each) for name, each in tree.items()}
    return [_closed(each) for each in tree] if isinstance(tree, list) else tree
