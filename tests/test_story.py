"""Stories in Vietnamese: every step that the bench tells has a pattern, and what has none stays as it was."""

import ast
from pathlib import Path

import pytest

from conformance.story import in_vietnamese, message_in_vietnamese, reason_in_vietnamese

BENCH = Path(__file__).resolve().parent.parent / "conformance" / "bench.py"
INNER = {"told": "the true callback", "self._place": ""}
"""What stands for a value in a sentence, where it is no plain value."""


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            "a payer opens a payment of 50,000 VND for dossier HS-1",
            "người nộp mở thanh toán 50,000 đồng cho hồ sơ HS-1",
        ),
        ("the payer of HS-1 fails to pay: limit exceeded", "người nộp của HS-1 nộp không thành công: limit exceeded"),
        (
            'the connector is sent a callback signed with another key, and answers 200 {"RspCode":"97"}',
            'bộ kết nối nhận thông báo ký bằng khóa khác, và trả lời 200 {"RspCode":"97"}',
        ),
        (
            "the connector is sent a rightly signed callback of 1 VND where 50,000 are owed, and answers 200",
            "bộ kết nối nhận thông báo đúng chữ ký về 1 đồng trong khi phải nộp 50,000, và trả lời 200",
        ),
        ("at payos: the connector runs its jobs", "tại payos: bộ kết nối chạy các tác vụ định kỳ"),
        ("the connector is sent something new, and answers 200", "bộ kết nối nhận something new, và trả lời 200"),
        ("Falsifying example: pay twice", "Falsifying example: pay twice"),
        ("", ""),
        ("{braces} and (brackets", "{braces} and (brackets"),
    ],
)
def test_a_step_is_told_in_vietnamese(step: str, told: str) -> None:
    assert in_vietnamese(step) == told


def test_messages_and_reasons_are_told_in_vietnamese() -> None:
    assert message_in_vietnamese("a callback signed with another key") == "thông báo ký bằng khóa khác"
    assert message_in_vietnamese("HTTP 200; attempt 1") == "HTTP 200; attempt 1"
    assert reason_in_vietnamese("it is asked of banks of the kind bill only") == "chỉ hỏi ngân hàng thuộc loại bill"
    assert reason_in_vietnamese("it is asked of qr only") == "chỉ hỏi qr"
    assert reason_in_vietnamese("nobody knows why") == "nobody knows why"


def samples() -> list[str]:
    """Each sentence that the bench tells, with values in its places."""
    calls = [node for node in ast.walk(ast.parse(BENCH.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    told = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "tell"]
    return [_sample(each) for each in told if isinstance(each, ast.Constant | ast.JoinedStr)]


def _sample(sentence: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(sentence, ast.Constant):
        return str(sentence.value)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else _value(part.value)
        for part in sentence.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    )


def _value(place: ast.expr) -> str:
    """Of a choice between a word and a value, the word."""
    if isinstance(place, ast.IfExp) and isinstance(place.body, ast.Constant):
        return str(place.body.value)
    return INNER.get(ast.unparse(place), "7")


@pytest.mark.parametrize("sentence", sorted(set(samples())))
def test_every_sentence_of_the_bench_has_a_pattern(sentence: str) -> None:
    assert in_vietnamese(sentence) != sentence
