"""What requirements are written with: addresses, references and names as the bench handles them."""

from datetime import UTC, datetime
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

import pytest

from conformance.bench import dossier_codes, parameters, stranger, tells_name, with_query

URL = "http://127.0.0.1:9/return?own=1&vnp_TxnRef=HS%2F1&vnp_OrderInfo=a+b#top"


def test_a_parameter_is_set_and_the_others_stay() -> None:
    changed = with_query(URL, {"vnp_TxnRef": "X&Y"})
    assert parameters(changed) == {"own": "1", "vnp_TxnRef": "X&Y", "vnp_OrderInfo": "a b"}
    assert urlsplit(changed).fragment == "top"


def test_a_parameter_can_be_repeated_and_left_out() -> None:
    changed = with_query(URL, {"own": ["1", "2"], "vnp_TxnRef": None})
    assert parse_qsl(urlsplit(changed).query) == [("vnp_OrderInfo", "a b"), ("own", "1"), ("own", "2")]


@pytest.mark.parametrize(
    ("known", "unknown"), [("H49-2041", "H49-9999"), ("DVC1", "ZZZ9"), ("999999", "000000"), ("HSZ999", "ZZZ999")]
)
def test_a_strangers_reference_has_the_same_form_and_is_another(known: str, unknown: str) -> None:
    assert stranger(known) == unknown


def test_dossier_codes_differ_within_a_bench_and_between_two_of_one_second() -> None:
    first = datetime(2026, 1, 5, 8, 15, 0, 1, tzinfo=UTC)
    codes = [code for _, code in islice(dossier_codes(first), 50)]
    later = [code for _, code in islice(dossier_codes(first.replace(microsecond=2)), 50)]
    assert len({*codes, *later}) == 100


NAME = "Phùng Thị Khánh Huyền"


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        "PHUNG THI KHANH HUYEN",
        '{"name": "Ph\\u00f9ng Th\\u1ecb Kh\\u00e1nh Huy\\u1ec1n"}',
        "phungthikhanhhuyen@x.vn",
    ],
)
def test_a_name_is_recognised_in_any_spelling(text: str) -> None:
    assert tells_name(text, NAME)


def test_another_name_is_no_leak() -> None:
    assert not tells_name("Phùng Thị Hạnh", NAME)
