"""REFUND: what is given back never exceeds what was paid."""

from conformance.bench import Bench
from conformance.forge import Asked
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import Refused


@requirement(
    "REFUND-01",
    level=Level.SHOULD,
    source="vnpay-querydr-refund#refund",
    says="The connector gives back no more than was paid, in however many parts.",
    vi="Bộ kết nối không hoàn quá số tiền đã nộp, dù hoàn thành bao nhiêu lần.",
    why="Two clerks refund the same fee, each a part: the treasury pays the difference.",
    why_vi="Hai cán bộ cùng hoàn một khoản, mỗi người một phần: kho bạc chịu phần chênh.",
    needs=("refund",),
    banks=("vnpay", "vietcombank_qn", "vietinbank_dn"),
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_parts_do_not_add_up_to_more_than_was_paid(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    part_vnd = visit.amount_vnd * 6 // 10
    bench.refund(visit, part_vnd)
    given_vnd = bench.payment(visit).refunded_vnd
    if not given_vnd:
        raise NotApplicable("refunds of this bank are not made over its API")
    try:
        bench.refund(visit, part_vnd)
    except Refused:
        bench.tell("the connector refuses the second part")
    asked_vnd = sum(int(asked.get(Asked.AMOUNT, "0")) for asked in bench.all_asked("refund", visit))
    expect(
        asked_vnd <= visit.amount_vnd,
        "the bank is asked to give back no more than was paid",
        expected=visit.amount_vnd,
        actual=asked_vnd,
    )
