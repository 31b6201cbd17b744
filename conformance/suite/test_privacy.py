"""PRIVACY: who asks without a right to know learns nobody's name."""

from conformance.bench import Bench
from conformance.requirement import Level, requirement
from simulator.client import Answer

PAYER = "Phùng Thị Khánh Huyền"


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
