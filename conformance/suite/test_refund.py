"""REFUND: what is given back never exceeds what was paid, happens once, and is told as it is at the bank."""

from concurrent.futures import ThreadPoolExecutor

from conformance.bench import QUERY_PAUSE_S, Bench, Visit, seen
from conformance.forge import Asked
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import DossierStatus, Refused

BANKS = (
    *("vnpay", "vietcombank_qn", "vietinbank_dn", "momo", "zalopay", "napas", "vnpayqr", "vietqr_vn", "mb", "sepay"),
    *("sepay_gateway", "keypay3", "viettelpay", "vietinbank_wallet"),
)
"""Those that take refunds by message."""

READ_BANKS = ("vnpay", "vietcombank_qn", "vietinbank_dn")
"""Those whose refund requests the suite reads."""

HOUR_S = 3600
AT_ONCE = 2


@requirement(
    "REFUND-01",
    level=Level.SHOULD,
    source="vnpay-querydr-refund#refund",
    says="The connector gives back no more than was paid, in however many parts.",
    vi="Bộ kết nối không hoàn quá số tiền đã nộp, dù hoàn thành bao nhiêu lần.",
    why="Two clerks refund the same fee, each a part: the treasury pays the difference.",
    why_vi="Hai cán bộ cùng hoàn một khoản, mỗi người một phần: kho bạc chịu phần chênh.",
    needs=("refund",),
    banks=READ_BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_parts_do_not_add_up_to_more_than_was_paid(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 6 // 10
    bench.refund(visit, part_vnd)
    given_vnd = bench.payment(visit).refunded_vnd
    if not given_vnd:
        raise NotApplicable("refunds of this bank are not made over its API")
    try:
        bench.refund(visit, part_vnd)
    except Refused:
        bench.tell("the connector refuses the second part")
    _expect_asked_within(bench, visit)


@requirement(
    "REFUND-02",
    level=Level.MUST,
    source="vnpay-querydr-refund#refund",
    says="The connector books a fee that the bank has wholly given back as refunded, once.",
    vi="Bộ kết nối ghi khoản lệ phí ngân hàng đã hoàn toàn bộ là đã hoàn, đúng một lần.",
    why="The payer has the money back, and the dossier counts as paid: it is served for nothing.",
    why_vi="Người nộp đã nhận lại tiền mà hồ sơ vẫn được coi là đã nộp phí.",
    needs=("refund",),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_whole_refund_is_booked_once(bench: Bench) -> None:
    visit = _paid(bench)
    _give_back(bench, visit, None)
    for _ in range(2):
        _work_off(bench, visit)
        _expect_given_back(bench, visit, visit.amount_vnd)


@requirement(
    "REFUND-03",
    level=Level.MUST,
    source="vnpay-querydr-refund#refund",
    says="The connector books a part that the bank has given back as that part.",
    vi="Bộ kết nối ghi một phần lệ phí được hoàn đúng là phần đó.",
    why="The books say that all went back: the rest of the fee is missing at the end of the day.",
    why_vi="Sổ ghi đã hoàn toàn bộ: phần còn lại bị thiếu khi đối soát cuối ngày.",
    needs=("refund",),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_part_is_booked_as_that_part(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 3 // 10
    _give_back(bench, visit, part_vnd)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, part_vnd)


@requirement(
    "REFUND-04",
    level=Level.MUST,
    source="vnpay-querydr-refund#refund",
    says="The connector gives a fee back in several parts, each of them at the bank, up to the whole of it.",
    vi="Bộ kết nối hoàn lệ phí thành nhiều lần, lần nào cũng thật sự hoàn ở ngân hàng, cho đến hết.",
    why="The second refund bears the number of the first: the bank takes it for a repetition and gives nothing back.",
    why_vi="Lần hoàn thứ hai dùng lại mã của lần đầu: ngân hàng coi là lặp lại và không hoàn đồng nào.",
    needs=("refund",),
    banks=BANKS,
    guards=("gateways D10", "banks 6.9"),
    once_a_bank=True,
)
def test_several_parts_all_go_back(bench: Bench) -> None:
    visit = _paid(bench)
    for part_vnd in (visit.amount_vnd * 3 // 10, visit.amount_vnd * 3 // 10, None):
        _give_back(bench, visit, part_vnd)
        _work_off(bench, visit)
    _expect_given_back(bench, visit, visit.amount_vnd)


@requirement(
    "REFUND-05",
    level=Level.MUST,
    source="vnpay-querydr-refund#codes",
    says="The connector makes a refund once whose answer was lost: it asks again under the same number, or queries.",
    vi="Khi mất câu trả lời của lệnh hoàn tiền, bộ kết nối hỏi lại bằng chính mã cũ hoặc truy vấn, chỉ hoàn một lần.",
    why="The retry has a number of its own: the bank gives the money back twice.",
    why_vi="Lệnh gửi lại mang mã mới: ngân hàng hoàn tiền hai lần.",
    needs=("refund", "run_jobs"),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_refund_whose_answer_was_lost_is_made_once(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 4 // 10
    bench.fault("answer_lost", operation="refund")
    _ask_for(bench, visit, part_vnd)
    for _ in range(2):
        _work_off(bench, visit)
    _needs_messages_to(bench)
    _expect_given_back(bench, visit, part_vnd)


@requirement(
    "REFUND-06",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#transaction-status",
    says="The connector leaves a dossier paid whose refund the bank refuses, and may be asked for it again.",
    vi="Ngân hàng từ chối hoàn tiền thì hồ sơ vẫn là đã nộp phí, và có thể yêu cầu hoàn lại lần nữa.",
    why="The books say refunded, the payer never gets the money, and nobody looks for it.",
    why_vi="Sổ ghi đã hoàn, người nộp không bao giờ nhận được tiền và không ai đi tìm.",
    needs=("refund",),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_refused_refund_leaves_the_dossier_paid(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 3 // 10
    bench.fault("refund_refused")
    _ask_for(bench, visit, part_vnd)
    _needs_messages_to(bench)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, 0)
    _give_back(bench, visit, part_vnd)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, part_vnd)


@requirement(
    "REFUND-07",
    level=Level.MUST,
    source="zalopay-v2#refund",
    says="The connector does not tell a pending refund as made, and follows it up until it is.",
    vi="Bộ kết nối không coi lệnh hoàn đang xử lý là đã hoàn, và theo dõi cho đến khi hoàn xong.",
    why="Accepted is taken for done, or is forgotten: the books and the payer's account never agree.",
    why_vi="Tiếp nhận bị coi là đã hoàn, hoặc bị bỏ quên: sổ sách và tài khoản người nộp không khớp.",
    needs=("refund", "run_jobs"),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_pending_refund_is_followed_up(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 3 // 10
    bench.fault("refund_pending", delay_s=HOUR_S)
    _ask_for(bench, visit, part_vnd)
    _needs_messages_to(bench)
    _expect_given_back(bench, visit, 0)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, 0)
    bench.advance(HOUR_S)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, part_vnd)


@requirement(
    "REFUND-08",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#transaction-status",
    says="The connector frees the money of a refund that the bank has taken on and refuses later.",
    vi="Lệnh hoàn được tiếp nhận rồi bị từ chối thì khoản tiền được giải phóng để hoàn lại lần khác.",
    why="What was accepted once counts as given back for ever: the payer cannot get the money any more.",
    why_vi="Đã tiếp nhận thì coi như đã hoàn mãi mãi: người nộp không thể nhận lại tiền.",
    needs=("refund", "run_jobs"),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_refund_refused_late_can_be_asked_for_again(bench: Bench) -> None:
    visit = _paid(bench)
    bench.fault("refund_refused_late", delay_s=HOUR_S)
    _ask_for(bench, visit, None)
    _needs_messages_to(bench)
    bench.advance(HOUR_S)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, 0)
    _give_back(bench, visit, None)
    _work_off(bench, visit)
    _expect_given_back(bench, visit, visit.amount_vnd)


@requirement(
    "REFUND-09",
    level=Level.MUST,
    source="vnpay-querydr-refund#codes",
    says="The connector refuses to give back what nobody has paid, without asking the bank.",
    vi="Bộ kết nối từ chối hoàn khoản chưa ai nộp mà không cần hỏi ngân hàng.",
    why="The payer pays a moment later, and the refund that was already on its way takes the fee away.",
    why_vi="Người nộp trả tiền ngay sau đó và lệnh hoàn đã gửi trước lấy mất khoản phí.",
    needs=("refund",),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_an_unpaid_dossier_is_not_refunded(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    taken = _ask_for(bench, visit, None)
    asked = len(bench.journal("refund"))
    expect(not taken, "a refund of an unpaid dossier is refused", expected="a refusal", actual="accepted")
    expect(asked == 0, "the bank is not asked for it", expected=0, actual=asked)
    bench.expect_not_paid(visit)


@requirement(
    "REFUND-10",
    level=Level.MUST,
    source="vnpay-querydr-refund#codes",
    says="The connector's books agree with the bank's after a refund that met a bank which was down.",
    vi="Lệnh hoàn gặp lúc ngân hàng ngừng hoạt động thì sổ của bộ kết nối vẫn khớp với ngân hàng.",
    why="The refund is booked before the bank is asked: the books say refunded, the bank has never heard of it.",
    why_vi="Ghi sổ trước khi hỏi ngân hàng: sổ ghi đã hoàn mà ngân hàng chưa từng nhận lệnh.",
    needs=("refund", "run_jobs"),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_a_bank_that_is_down_loses_no_refund(bench: Bench) -> None:
    visit = _paid(bench)
    part_vnd = visit.amount_vnd * 3 // 10
    bench.fault("connection_reset", operation="refund")
    taken = _ask_for(bench, visit, part_vnd)
    _work_off(bench, visit)
    _needs_messages_to(bench)
    if not taken and not bench.payment(visit).refunded_vnd:
        _expect_given_back(bench, visit, 0)
        _give_back(bench, visit, part_vnd)
        _work_off(bench, visit)
    _expect_given_back(bench, visit, part_vnd)


@requirement(
    "REFUND-11",
    level=Level.SHOULD,
    source="portal-defects#messages",
    says="The connector tells the payer of a refund once, and not before it is made.",
    vi="Bộ kết nối báo cho người nộp về khoản hoàn đúng một lần và không trước khi tiền được hoàn.",
    why="The payer is told twice of one refund, or of money that never came.",
    why_vi="Người nộp được báo hai lần về một khoản hoàn, hoặc báo về khoản tiền không hề về.",
    needs=("refund", "run_jobs"),
    banks=BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_the_payer_is_told_of_a_refund_once_and_not_too_early(bench: Bench) -> None:
    bench.needs_messages()
    visit = bench.open()
    untold = bench.messages(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)
    told = (*untold, *bench.new_messages(visit, untold))
    bench.fault("refund_pending", delay_s=HOUR_S)
    _ask_for(bench, visit, None)
    _needs_messages_to(bench)
    _work_off(bench, visit)
    early = [each.text for each in bench.messages(visit)[len(told) :] if _tells_amount(each.text, visit)]
    expect(not early, "nobody is told of money that is not given back yet", expected="no message", actual=early)
    bench.advance(HOUR_S)
    for _ in range(2):
        _work_off(bench, visit)
    texts = [each.text for each in bench.messages(visit)[len(told) :] if _tells_amount(each.text, visit)]
    expect(len(texts) <= 1, "the payer is told of the refund once", expected="1 message", actual=texts)


@requirement(
    "REFUND-12",
    level=Level.MUST,
    source="vnpay-querydr-refund#refund",
    says="The connector asks the bank for no more than was paid when two clerks give a fee back at once.",
    vi="Hai cán bộ cùng hoàn một khoản trong cùng lúc thì bộ kết nối chỉ yêu cầu hoàn không quá số đã nộp.",
    why="Both find the whole fee still there; a bank that does not count gives it back twice.",
    why_vi="Cả hai đều thấy còn đủ tiền; ngân hàng không kiểm đếm thì hoàn hai lần.",
    needs=("refund",),
    banks=READ_BANKS,
    guards=("banks 6.9",),
    once_a_bank=True,
)
def test_two_refunds_at_once_give_a_fee_back_once(bench: Bench) -> None:
    visit = _paid(bench)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as clerks:
        list(clerks.map(lambda clerk: _ask_for(bench, visit, None), range(AT_ONCE)))
    _needs_messages_to(bench)
    _work_off(bench, visit)
    _expect_asked_within(bench, visit)
    _expect_given_back(bench, visit, visit.amount_vnd)


def _paid(bench: Bench) -> Visit:
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    return visit


def _ask_for(bench: Bench, visit: Visit, amount_vnd: int | None) -> bool:
    """Whether the connector takes the refund on."""
    try:
        bench.refund(visit, amount_vnd)
    except Refused as refused:
        bench.tell(f"the connector refuses ({refused.status})")
        return False
    return True


def _give_back(bench: Bench, visit: Visit, amount_vnd: int | None) -> None:
    """A refund to which nothing stands in the way. Raises NotApplicable where it is not made by message."""
    taken = _ask_for(bench, visit, amount_vnd)
    _needs_messages_to(bench)
    expect(taken, "the connector takes a refund on that can be made", expected="success", actual="a refusal")


def _needs_messages_to(bench: Bench) -> None:
    if not bench.journal("refund"):
        raise NotApplicable("refunds of this bank are not made over its API")


def _work_off(bench: Bench, visit: Visit) -> None:
    """Time for the bank to be asked once more, and the connector's jobs."""
    bench.advance(QUERY_PAUSE_S)
    if bench.polls:
        bench.run_jobs(visit)


def _expect_given_back(bench: Bench, visit: Visit, amount_vnd: int) -> None:
    """So much has gone back at the bank, and the connector says the same."""
    at_bank = bench.payment(visit).refunded_vnd
    expect(at_bank == amount_vnd, "the bank gives back what was asked for", expected=amount_vnd, actual=at_bank)
    if not amount_vnd:
        wanted = DossierStatus.PAID
    else:
        wanted = DossierStatus.REFUNDED if amount_vnd == visit.amount_vnd else DossierStatus.PARTLY_REFUNDED
    found = bench.calm_status(visit, lambda status: status.status is wanted)
    expect(found.status is wanted, "the dossier stands as at the bank", expected=wanted, actual=seen(found))
    if found.refunded_vnd is not None:
        told_vnd = found.refunded_vnd
        expect(told_vnd == amount_vnd, "as much is told as went back", expected=amount_vnd, actual=told_vnd)


def _expect_asked_within(bench: Bench, visit: Visit) -> None:
    asked = {each.get(Asked.NUMBER, ""): int(each.get(Asked.AMOUNT, "0")) for each in bench.all_asked("refund", visit)}
    expect(
        sum(asked.values()) <= visit.amount_vnd,
        "the bank is asked to give back no more than was paid",
        expected=visit.amount_vnd,
        actual=sum(asked.values()),
    )


def _tells_amount(text: str, visit: Visit) -> bool:
    """Whether a message names the amount, however it is grouped."""
    return str(visit.amount_vnd) in "".join(letter for letter in text if letter not in ".,  \u00a0")
