"""Facts about reading a message's single values and writing them back."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import leaves
from simulator.wire import Outgoing, Response

JSON = (("content-type", "application/json"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
INNER = json.dumps({"id": "HS1", "amount": 20000}, separators=(",", ":"))

MESSAGES = {
    "address": Outgoing("GET", "http://portal.test/ipn?a=1&b=x+y%26z&h=00ff"),
    "JSON": Outgoing("POST", "http://portal.test/ipn", JSON, b'{"a":{"b":[1,"two",null]},"sign":"ab=="}'),
    "header": Outgoing("POST", "http://portal.test/ipn", (*JSON, ("x-sign", "sha256=ab")), b'{"a":1}'),
    "JSON in JSON": Outgoing("POST", "http://portal.test/", JSON, b'{"data":%s}' % json.dumps(INNER).encode()),
    "JSON in a form": Outgoing("POST", "http://portal.test/", FORM, b"body=%7B%22a%22%3A1%7D&x=1"),
    "base64": Outgoing("POST", "http://portal.test/", JSON, b'{"d":"%s"}' % base64.b64encode(INNER.encode())),
    "pipes": Outgoing("POST", "http://portal.test/", FORM, b"data=20000%7CSuccess%7CHS1&signature=AB"),
    "XML": Response(200, (("content-type", "text/xml"),), b"<a><sign>00ff</sign></a>"),
    "nothing": Outgoing("POST", "http://portal.test/"),
    "no UTF-8": Outgoing("POST", "http://portal.test/", (), b"\xff\xfe="),
}
every_message = pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)


@every_message
def test_what_is_read_and_written_again_is_the_same_bytes(message: Outgoing | Response) -> None:
    assert leaves.written(message, leaves.read(message)) == message


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_no_garbage_is_changed_by_reading_it(body: bytes, query: bytes) -> None:
    url = f"http://portal.test/?{query.hex()}"
    message = Outgoing("POST", url, (("x-any", "1"),), body)
    assert leaves.written(message, leaves.read(message)) == message


@pytest.mark.parametrize(
    ("name", "path", "value", "written"),
    [
        ("address", ("url", "b"), "", "a=1&b=&h=00ff"),
        ("address", ("url", "b"), None, "a=1&h=00ff"),
        ("JSON", ("body", "a", "b", 1), "2", '{"a":{"b":[1,"2",null]},"sign":"ab=="}'),
        ("JSON", ("body", "a", "b", 1), None, '{"a":{"b":[1,null]},"sign":"ab=="}'),
        ("JSON", ("body", "sign"), None, '{"a":{"b":[1,"two",null]}}'),
        ("JSON in JSON", ("body", "data", "id"), "HS2", '{"data":"{\\"id\\":\\"HS2\\",\\"amount\\":20000}"}'),
        ("JSON in a form", ("body", "body", "a"), 2, "body=%7B%22a%22%3A2%7D&x=1"),
        ("pipes", ("body", "data", 2), "HS2", "data=20000%7CSuccess%7CHS2&signature=AB"),
        ("XML", ("body",), "", ""),
    ],
)
def test_one_value_is_changed_or_left_out(name: str, path: leaves.Path, value: object, written: str) -> None:
    message = MESSAGES[name]
    changed = leaves.written(message, leaves.put(leaves.read(message), path, value))
    raw = (
        changed.url.partition("?")[2] if name == "address" and isinstance(changed, Outgoing) else changed.body.decode()
    )
    assert raw == written


def test_what_stands_in_base64_is_changed_inside() -> None:
    message = MESSAGES["base64"]
    changed = leaves.written(message, leaves.put(leaves.read(message), ("body", "d", "amount"), 1))
    assert json.loads(base64.b64decode(json.loads(changed.body)["d"])) == {"id": "HS1", "amount": 1}


def test_a_header_is_changed_or_left_out_and_the_content_type_stays() -> None:
    message = MESSAGES["header"]
    tree = leaves.read(message)
    assert leaves.written(message, leaves.put(tree, ("headers", "x-sign"), "")).headers == (*JSON, ("x-sign", ""))
    assert leaves.written(message, leaves.put(tree, ("headers", "x-sign"), None)).headers == JSON


@every_message
def test_every_value_is_found_at_its_place(message: Outgoing | Response) -> None:
    tree = leaves.read(message)
    for path, value in leaves.of(tree):
        assert leaves.get(tree, path) == value
    assert leaves.get(tree, ("body", "not", "there")) is None
