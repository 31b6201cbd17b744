"""What the journal keeps of an exchange: what was said, but no card's number and no credential."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.journal import journal_headers, without_secrets


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (
            b"grant_type=password&client_id=NAPASDEMO&client_secret=s%20s&username=demo&password=p",
            b"grant_type=password&client_id=NAPASDEMO&client_secret=***&username=demo&password=***",
        ),
        (b"vpc_Password=op123456&vpc_User=op01", b"vpc_Password=***&vpc_User=op01"),
        (b'{"clientId": "c", "clientSecret" : "a\\"b", "x": 1}', b'{"clientId": "c", "clientSecret" : "***", "x": 1}'),
        (b'{"PASSWORD":"cut off', b'{"PASSWORD":"***"'),
        (b"<password>p</password>", b"<password>p</password>"),
        (b"no_password=1&x=password=2", b"no_password=1&x=password=2"),
        (b"password=&a=1", b"password=&a=1"),
    ],
)
def test_a_field_that_carries_a_secret_keeps_its_name_only(message: bytes, kept: bytes) -> None:
    assert without_secrets(message) == kept


def test_a_secret_where_no_protocol_wants_one_stays_so_that_it_is_noticed() -> None:
    leak = b"https://bank.test/process?merchant_secure_key=demo-secret&description=the+password+is+p"
    assert without_secrets(leak) == leak


@given(st.binary(max_size=200).filter(lambda raw: b"secret" not in raw.lower() and b"password" not in raw.lower()))
def test_anything_else_is_kept_to_the_byte(raw: bytes) -> None:
    assert without_secrets(raw) == raw


@pytest.mark.parametrize("name", ["Authorization", "AUTH", "lgspaccesstoken", "Cookie", "x-api-key", "X-Secret-Key"])
def test_a_header_that_carries_a_credential_keeps_its_name_only(name: str) -> None:
    assert journal_headers([(name, "s"), ("X-Other", "o"), ("Date", "d")]) == ((name.lower(), "***"), ("x-other", "o"))
