"""PRIVACY: who asks without a right to know learns nobody's name, and nothing of what is inside."""

import re
from collections.abc import Mapping
from dataclasses import replace

from conformance.bench import Bench, Visit, short, stranger, with_query
from conformance.forge import Word
from conformance.requirement import Level, expect, requirement
from conformance.target import phone_of
from simulator.client import Answer, Message

PAYER = "Phùng Thị Khánh Huyền"
CARD = "9704198526191432198"
OTP = "73914628"

_TRACE = re.compile(
    r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+|^\s+at [\w.$<>]+\([\w ]+\.java:\d+\)"
    r"|\bat [\w.<>$ \[\]]+ \(?(?:node:|file:|/)[^\s)]+:\d+:\d+|^\s+at [\w.`<>]+\([^)]*\) in [^\n]+:line \d+"
    r"|NullReferenceException|NullPointerException|SQLSTATE\[|#\d+ /[^\n]+\.php\(\d+\)|goroutine \d+ \[running\]",
    re.MULTILINE,
)
"""How Python, Java, JavaScript, .NET, PHP and Go write one."""


@requirement(
    "PRIVACY-01",
    level=Level.MUST,
    source="dvcqg-opencps#fee-lookup",
    says="The connector tells whoever looks up a dossier's fee nothing of the person who owes it.",
    vi="Bộ kết nối không cho người tra cứu lệ phí biết gì về người phải nộp.",
    why="Dossier codes can be counted through: names of all applicants leave the office.",
    why_vi="Mã hồ sơ có thể dò lần lượt: họ tên mọi người nộp đơn bị lộ.",
    shapes=("redirect", "server_create"),
    guards=("egov D27",),
    once_a_bank=True,
)
def test_a_fee_lookup_tells_no_name(bench: Bench) -> None:
    visit = bench.open(payer=PAYER)
    bench.expect_no_name(Answer(200, body=bench.lookup(visit).encode()), PAYER)


@requirement(
    "PRIVACY-02",
    level=Level.SHOULD,
    source="dvcqg-opencps#fee-lookup",
    says="The connector tells no name in its answer to a callback that the bank did not sign.",
    vi="Bộ kết nối không nêu họ tên trong câu trả lời cho thông báo không do ngân hàng ký.",
    why="A false callback becomes a way to ask who applied for what.",
    why_vi="Thông báo giả thành cách hỏi xem ai nộp hồ sơ gì.",
    guards=("egov D27",),
    once_a_bank=True,
)
def test_a_false_callback_is_told_no_name(bench: Bench) -> None:
    visit = bench.open(payer=PAYER)
    false = bench.forge.signed_by_another(bench.callback(visit))
    bench.expect_no_name(bench.send(false, "a callback signed with another key"), PAYER)


@requirement(
    "PRIVACY-03",
    level=Level.MUST,
    source="dvcqg-td#ack",
    says="The connector tells nobody a stack trace, whatever it is sent.",
    vi="Bộ kết nối không để lộ vết lỗi (stack trace) cho bất kỳ ai, dù nhận được gì.",
    why="Versions, paths and statements of the database: a map of the house for whoever wants to break in.",
    why_vi="Phiên bản, đường dẫn, câu lệnh cơ sở dữ liệu: bản đồ cho kẻ muốn đột nhập.",
    guards=("egov D15", "gateways D39"),
    once_a_bank=True,
)
def test_no_stack_trace_is_told(bench: Bench) -> None:
    visit = bench.open()
    for told, message in _false_callbacks(bench, visit).items():
        answer = bench.send(message, told)
        found = _TRACE.search(answer.body.decode("utf-8", "replace"))
        expect(not found, "no stack trace is told", expected="none", actual=f"{told}: {short(answer)}")


@requirement(
    "PRIVACY-04",
    level=Level.MUST,
    source="portal-defects#secret-in-url",
    says="The connector tells no secret of its contract in the refusal of a callback.",
    vi="Bộ kết nối không để lộ bí mật của hợp đồng khi từ chối thông báo.",
    why="Whoever sends a false callback is handed the key for true ones.",
    why_vi="Kẻ gửi thông báo giả được trao luôn khóa để ký thông báo thật.",
    guards=("egov D17", "gateways D69", "gateways D11"),
    once_a_bank=True,
)
def test_no_refusal_tells_a_secret(bench: Bench) -> None:
    visit = bench.open()
    secrets = [each for each in bench.forge.secrets.values() if len(each) >= 8]
    for told, message in _false_callbacks(bench, visit).items():
        text = bench.send(message, told).body.decode("utf-8", "replace")
        expect(
            not any(secret in text for secret in secrets),
            "a refusal tells no secret",
            expected="no secret",
            actual=f"{told}: {text[:300]}",
        )


@requirement(
    "PRIVACY-05",
    level=Level.MUST,
    source="dvcqg-opencps#fee-lookup",
    says="The connector tells whoever looks up a dossier's fee no telephone number of the person who owes it.",
    vi="Bộ kết nối không cho người tra cứu lệ phí biết số điện thoại của người phải nộp.",
    why="Dossier codes can be counted through, and a caller who names dossier and fee is believed.",
    why_vi="Mã hồ sơ có thể dò lần lượt; kẻ gọi điện nêu đúng hồ sơ và lệ phí sẽ được tin.",
    shapes=("redirect", "server_create"),
    guards=("egov D27",),
    once_a_bank=True,
)
def test_a_fee_lookup_tells_no_telephone_number(bench: Bench) -> None:
    visit = bench.open()
    digits = re.sub(r"(?<=\d)[ .-](?=\d)", "", bench.lookup(visit))
    number = phone_of(visit.dossier_code)
    expect(number[1:] not in digits, "no telephone number is told", expected="none", actual=digits[:300])


@requirement(
    "PRIVACY-06",
    level=Level.SHOULD,
    source="vnpay-pay-2-1-0#return",
    says="The connector shows no card number and no one-time password that stands in a payer's return.",
    vi="Bộ kết nối không hiển thị số thẻ hay mã OTP có trong địa chỉ quay về của người nộp.",
    why="A page with a whole card number is in a screenshot, a log and a cache before long.",
    why_vi="Trang có nguyên số thẻ sớm muộn nằm trong ảnh chụp, nhật ký và bộ nhớ đệm.",
    guards=("gateways D68", "egov D17"),
    once_a_bank=True,
)
def test_a_return_shows_no_card_number(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    carried = dict.fromkeys(("cardNumber", "vnp_CardNumber", "vpc_CardNum", "vpc_AuthorizeId"), CARD) | {"otp": OTP}
    page = bench.browse(with_query(bench.return_url(visit), carried), "a return that carries a card number")
    shown = [secret for secret in (CARD, OTP) if secret in re.sub(r"(?<=\d)[ -](?=\d)", "", page.text)]
    expect(not shown, "the page shows neither card number nor password", expected="neither", actual=shown)


def _false_callbacks(bench: Bench, visit: Visit) -> Mapping[str, Message]:
    """What a stranger may send, by what it is."""
    true = bench.callback(visit)
    address = true.url.partition("?")[0]
    return {
        "a callback signed with another key": bench.forge.signed_by_another(true),
        "a callback without a signature": bench.forge.with_signature(true, None),
        "a callback for an unknown order": bench.forge.changed(true, {Word.ORDER_REF: stranger(visit.order_ref)}),
        "a callback without any field": replace(true, url=address, body=b""),
        "a callback of bytes that are no text": replace(true, url=f"{address}?%FF%FE=%00", body=b"\xff\xfe\x00"),
        "a callback that breaks off": replace(true, url=true.url[: len(address) + 40], body=true.body[:40]),
    }
