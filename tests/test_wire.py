"""Facts about HTTP messages as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire import Answer, is_web_address, json_object


def test_a_header_is_found_in_any_case() -> None:
    assert Answer(200, (("X-Sign", "a"), ("x-sign", "b"))).header("x-SIGN") == "a"
    assert Answer(200).header("x-sign") == ""


def test_a_json_object_is_read_with_its_diacritics() -> None:
    assert json_object('{"TenDV":"Lệ phí","n":1}'.encode()) == {"TenDV": "Lệ phí", "n": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a":' + b"9" * 100_000 + b"}",
        b'{"a":1e400}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
    ],
    ids=range(11),
)
def test_what_is_no_json_object_is_a_value_error_however_deep_or_huge(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json_object(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_value_error(body: bytes) -> None:
    try:
        assert isinstance(json_object(body), dict)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("http://portal.test/return?a=1", True),
        ("https://[::1]:8080", True),
        ("HTTPS://portal.test", True),
        ("", False),
        ("portal.test", False),
        ("//portal.test", False),
        ("http://", False),
        ("javascript:alert(1)", False),
        ("http://[::1", False),
    ],
)
def test_a_browser_is_sent_only_to_a_web_address(text: str, holds: bool) -> None:
    assert is_web_address(text) is holds
