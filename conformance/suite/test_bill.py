"""BILL: the bank asks what is owed, at a counter, a terminal or in its app, and tells what was paid."""

from conformance.bench import Bench, short, stranger
from conformance.forge import No, Word
from conformance.requirement import Level, NotApplicable, expect, requirement

COLLECTED = ("bill",)
PAYER = "Hoàng Thị Bạch Tuyết"


@requirement(
    "BILL-01",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#inq-bill",
    says="The connector tells the bank what is owed under a bill code.",
    vi="Bộ kết nối cho ngân hàng biết số tiền phải nộp của một mã hóa đơn.",
    why="At the counter nobody can pay, or pays another sum.",
    why_vi="Ở quầy không ai nộp được, hoặc nộp sai số tiền.",
    shapes=COLLECTED,
    guards=("gateways D20",),
    once_a_bank=True,
)
def test_a_known_bill_is_told_with_its_amount(bench: Bench) -> None:
    for channel in bench.channels:
        visit = bench.open()
        bench.arrive(visit, channel)
        told_vnd = bench.payment(visit).amount_vnd
        expect(
            told_vnd == visit.amount_vnd,
            "the bank is told what is owed",
            expected=visit.amount_vnd,
            actual=told_vnd,
        )


@requirement(
    "BILL-02",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#codes",
    says="The connector refuses a bill code that it does not know, with the bank's code.",
    vi="Bộ kết nối từ chối mã hóa đơn lạ bằng đúng mã của ngân hàng.",
    why="A mistyped code takes a payer's money for nobody.",
    why_vi="Gõ nhầm mã thì người nộp mất tiền cho một khoản không có thật.",
    shapes=COLLECTED,
    guards=("egov D15",),
    once_a_bank=True,
)
def test_an_unknown_bill_is_refused(bench: Bench) -> None:
    visit = bench.open()
    reason = bench.refusal_of_bill(stranger(bench.bill_code(visit)))
    expect(
        reason == "unknown_order",
        "an unknown bill is refused as unknown",
        expected="unknown_order",
        actual=reason or "an amount",
    )


@requirement(
    "BILL-03",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#codes",
    says="The connector does not let a paid bill be paid again.",
    vi="Bộ kết nối không cho nộp lần nữa hóa đơn đã nộp.",
    why="Two members of a family pay the same fee, at two counters.",
    why_vi="Hai người trong một nhà nộp cùng khoản phí ở hai quầy.",
    shapes=COLLECTED,
    guards=("egov D29",),
    once_a_bank=True,
)
def test_a_paid_bill_is_not_payable(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    reason = bench.refusal_of_bill(bench.bill_code(visit))
    expect(
        reason in ("already_paid", "unknown_order", "duplicate_order"),
        "a paid bill is refused",
        expected="already_paid",
        actual=reason or "an amount",
    )


@requirement(
    "BILL-04",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#counter",
    says="The connector settles cash that was paid at a counter, which has no bank reference.",
    vi="Bộ kết nối ghi nhận tiền mặt nộp tại quầy, vốn không có mã giao dịch của ngân hàng.",
    why="Whoever pays cash pays for nothing.",
    why_vi="Ai nộp tiền mặt đều không được ghi nhận.",
    shapes=COLLECTED,
    guards=("gateways D06",),
    once_a_bank=True,
)
def test_cash_at_a_counter_is_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit, "counter")
    bench.settle(visit)
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)


@requirement(
    "BILL-05",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#inq-bill",
    says="The connector settles a bill at each of the places where the bank collects.",
    vi="Bộ kết nối ghi nhận hóa đơn nộp ở mọi nơi ngân hàng thu.",
    why="What is paid at a terminal or in the app is lost.",
    why_vi="Khoản nộp qua máy POS hay ứng dụng bị mất.",
    shapes=COLLECTED,
    guards=("gateways D54",),
    once_a_bank=True,
)
def test_a_bill_is_settled_wherever_it_is_paid(bench: Bench) -> None:
    for channel in bench.channels:
        visit = bench.open()
        bench.walk_to(visit, channel)
        bench.deliver()
        bench.expect_paid_once(visit)


@requirement(
    "BILL-06",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#signature",
    says="The connector tells nobody whose bill it is who does not sign as the bank.",
    vi="Bộ kết nối không cho ai biết hóa đơn của ai nếu yêu cầu không do ngân hàng ký.",
    why="Whoever counts through the codes collects names.",
    why_vi="Ai dò mã cũng thu thập được họ tên.",
    shapes=COLLECTED,
    guards=("egov D27",),
    once_a_bank=True,
)
def test_an_unsigned_inquiry_is_told_no_name(bench: Bench) -> None:
    visit = bench.open(payer=PAYER)
    question = bench.inquiry(visit)
    for told, message in (
        ("an inquiry without a signature", bench.forge.with_signature(question, None)),
        ("an inquiry with an empty signature", bench.forge.with_signature(question, "")),
        ("an inquiry signed with another key", bench.forge.signed_by_another(question)),
    ):
        bench.expect_no_name(bench.send(message, told), PAYER)


@requirement(
    "BILL-07",
    level=Level.MUST,
    source="onefin-bank#record",
    says="The connector speaks the bank's older form of records as well as the flat one.",
    vi="Bộ kết nối dùng được cả định dạng bản ghi cũ lẫn định dạng phẳng của ngân hàng.",
    why="The branch whose system is older collects money that the connector does not understand.",
    why_vi="Chi nhánh dùng hệ thống cũ thu tiền mà bộ kết nối không hiểu.",
    banks=("vietinbank",),
    guards=("egov D25",),
    once_a_bank=True,
)
def test_both_forms_of_the_bank_are_spoken(bench: Bench) -> None:
    if bench.chooses("vietinbank_format", "one"):
        raise NotApplicable("the connector speaks one of the two forms, by its policy")
    for form in ("records", "flat"):
        with bench.option("format", form):
            visit = bench.open()
            bench.settle(visit)
            bench.expect_delivered(visit)
            bench.expect_paid_once(visit)


@requirement(
    "BILL-08",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#unasked",
    says="The connector books or flags a payment of which it was never asked.",
    vi="Bộ kết nối ghi nhận hoặc đánh dấu khoản nộp mà ngân hàng không hỏi trước.",
    why="The payer typed code and sum into the bank's app; the money has no owner.",
    why_vi="Người nộp tự gõ mã và số tiền trên ứng dụng; khoản tiền thành vô chủ.",
    shapes=COLLECTED,
    guards=("gateways D34",),
    once_a_bank=True,
)
def test_a_payment_without_an_inquiry_is_not_lost(bench: Bench) -> None:
    visit = bench.open()
    bench.pay_unasked(visit, visit.amount_vnd)
    bench.deliver()
    bench.expect_money_not_lost(visit)


@requirement(
    "BILL-09",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#codes",
    says="The connector settles a bill once that was asked for at two places and paid at one.",
    vi="Bộ kết nối ghi nhận một lần hóa đơn được hỏi ở hai nơi và nộp ở một nơi.",
    why="A question counts as a payment, or locks the bill for the one who pays.",
    why_vi="Lần hỏi bị coi như lần nộp, hoặc khóa hóa đơn của người thật sự nộp.",
    shapes=COLLECTED,
    guards=("egov D22",),
    once_a_bank=True,
)
def test_a_bill_asked_for_twice_is_paid_once(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    bench.expect_not_paid(visit)
    bench.arrive_anew(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)


@requirement(
    "BILL-10",
    level=Level.SHOULD,
    source="vietinbank-y3-1-4-1#codes",
    says="The connector refuses an inquiry with a false signature, with the bank's code and signed by itself.",
    vi="Bộ kết nối từ chối yêu cầu có chữ ký sai bằng đúng mã của ngân hàng và tự ký câu trả lời.",
    why="The bank cannot tell a wrong key from a wrong bill, and sends payers away.",
    why_vi="Ngân hàng không phân biệt được sai khóa với sai mã, và từ chối người nộp.",
    shapes=COLLECTED,
    guards=("egov D15",),
    once_a_bank=True,
)
def test_a_false_inquiry_is_refused_with_the_banks_code(bench: Bench) -> None:
    visit = bench.open()
    false = bench.forge.signed_by_another(bench.inquiry(visit))
    bench.expect_refused(bench.send(false, "an inquiry signed with another key"), false, No.BAD_SIGNATURE)


@requirement(
    "BILL-11",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#codes",
    says="The connector books or flags a payment whose amount is not what the bank was told.",
    vi="Bộ kết nối không ghi nhận là nộp đủ khi số tiền khác với số đã báo cho ngân hàng.",
    why="The fee rose between question and payment; the old sum settles the new fee.",
    why_vi="Lệ phí tăng giữa lúc hỏi và lúc nộp; số tiền cũ lại ghi nhận cho lệ phí mới.",
    shapes=COLLECTED,
    guards=("gateways D21", "egov D10"),
    once_a_bank=True,
)
def test_a_bill_paid_with_another_amount_is_not_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.pay_unasked(visit, visit.amount_vnd - 1000)
    bench.deliver()
    bench.expect_unsettled(visit)


@requirement(
    "BILL-12",
    level=Level.MUST,
    source="dvcqg-opencps#fee-lookup",
    says="The connector does not offer a paid dossier for payment when its fee is looked up.",
    vi="Khi tra cứu lệ phí, bộ kết nối không mời nộp tiếp hồ sơ đã nộp.",
    why="The national portal takes the fee a second time.",
    why_vi="Cổng quốc gia thu lệ phí lần thứ hai.",
    shapes=("server_create",),
    guards=("egov D29",),
    once_a_bank=True,
)
def test_a_paid_dossier_is_not_offered_by_the_lookup(bench: Bench) -> None:
    if not bench.merchant.inquiry_url:
        raise NotApplicable("no bank looks the fee up; a page for people may show a fee that is paid")
    visit = bench.open()
    bench.settle(visit)
    bench.expect_paid_once(visit)
    found = bench.lookup(visit)
    expect(
        str(visit.amount_vnd) not in found,
        "the lookup names no sum to pay",
        expected="nothing to pay",
        actual=found[:300],
    )


@requirement(
    "BILL-13",
    level=Level.MUST,
    source="portal-defects#concatenation",
    says="The connector answers an inquiry well, whatever letters the payer's name has.",
    vi="Bộ kết nối trả lời yêu cầu đúng định dạng dù họ tên người nộp có ký tự nào.",
    why="A quotation mark in a name breaks the answer, and its owner can pay at no counter.",
    why_vi="Một dấu nháy trong họ tên làm hỏng câu trả lời và người đó không nộp được ở quầy nào.",
    shapes=COLLECTED,
    guards=("egov D23", "gateways D01"),
    once_a_bank=True,
)
def test_an_awkward_name_does_not_break_the_answer(bench: Bench) -> None:
    for payer in ('H"Hen Niê', "Lê O'Brien", "<b>Trần & Con</b>", "Nguyễn \\ Văn {An}"):
        visit = bench.open(payer=payer)
        question = bench.inquiry(visit)
        answer = bench.send(question, f"an inquiry about the bill of {payer}")
        bench.expect_well_formed(answer, question)


@requirement(
    "BILL-14",
    level=Level.MUST,
    source="portal-defects#cancelled-bill",
    says="The connector does not tell the bank that the bill of a cancelled dossier is owed.",
    vi="Bộ kết nối không báo cho ngân hàng rằng hóa đơn của hồ sơ đã hủy còn phải nộp.",
    why="The bank takes money for a service that nobody will render.",
    why_vi="Ngân hàng thu tiền cho một dịch vụ sẽ không ai thực hiện.",
    needs=("cancel",),
    shapes=COLLECTED,
    guards=("egov D29",),
    once_a_bank=True,
)
def test_the_bill_of_a_cancelled_dossier_is_not_payable(bench: Bench) -> None:
    visit = bench.open()
    bench.cancel_dossier(visit)
    reason = bench.refusal_of_bill(bench.bill_code(visit))
    expect(reason, "the bill of a cancelled dossier is refused", expected="a refusal", actual=reason or "an amount")


@requirement(
    "BILL-15",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#inq-bill",
    says="The connector tells nothing of a bill when the bank asks for another biller's.",
    vi="Bộ kết nối không cho biết gì về hóa đơn khi ngân hàng hỏi cho đơn vị thu khác.",
    why="The money would go into another biller's account, and the payer's name to its counter.",
    why_vi="Tiền sẽ vào tài khoản đơn vị khác, và họ tên người nộp lộ ra ở quầy của họ.",
    shapes=COLLECTED,
    guards=("gateways D42", "egov D27"),
    once_a_bank=True,
)
def test_another_billers_inquiry_is_told_nothing(bench: Bench) -> None:
    visit = bench.open(payer=PAYER)
    question = bench.inquiry(visit)
    code = bench.forge.field(question, Word.MERCHANT)
    other = code[:-1] + ("1" if code[-1] != "1" else "2")
    message = bench.forge.changed(question, {Word.MERCHANT: other})
    answer = bench.send(message, f"a rightly signed inquiry for the biller {other}")
    bench.expect_no_name(answer, PAYER)
    said = bench.expect_well_formed(answer, message)
    expect(
        not bench.forge.accepts(said, message),
        "another biller's inquiry is refused",
        expected="a refusal",
        actual=short(answer),
    )


@requirement(
    "BILL-16",
    level=Level.MUST,
    source="portal-defects#payment-lock",
    says="The connector tells no bank to collect a bill that its office has locked, and offers it again afterwards.",
    vi="Bộ kết nối không cho ngân hàng thu khoản đang bị cơ quan khóa, và cho thu lại khi đã mở khóa.",
    why="The payer pays a decision that is being changed, and waits for months to get the money back.",
    why_vi="Người nộp nộp theo quyết định đang được sửa rồi chờ hàng tháng để được hoàn tiền.",
    needs=("lock",),
    shapes=COLLECTED,
    guards=("banks 6.11",),
    once_a_bank=True,
)
def test_a_locked_bill_is_not_payable_until_it_is_unlocked(bench: Bench) -> None:
    visit = bench.open()
    question = bench.inquiry(visit)
    with bench.locked(visit):
        reason = bench.refusal_of_bill(bench.bill_code(visit))
        expect(reason, "a locked bill is refused", expected="a refusal", actual=reason or "an amount")
        answer = bench.send(question, "an inquiry about a locked bill")
        said = bench.expect_well_formed(answer, question)
        expect(
            not bench.forge.accepts(said, question),
            "a locked bill is refused in the bank's words",
            expected="a refusal",
            actual=short(answer),
        )
    bench.arrive_anew(visit)
    bench.settle(visit)
    bench.expect_paid_once(visit)


@requirement(
    "BILL-17",
    level=Level.MUST,
    source="portal-defects#payment-lock",
    says="The connector books or flags money that comes while the dossier is locked.",
    vi="Bộ kết nối ghi nhận hoặc đánh dấu khoản tiền đến khi hồ sơ đang bị khóa.",
    why="The payer was at the counter when the office locked the dossier: the bank has money that nobody books.",
    why_vi="Người nộp đang ở quầy khi cơ quan khóa hồ sơ; ngân hàng đã thu tiền mà không ai nhận.",
    needs=("lock",),
    guards=("banks 6.11", "gateways D34"),
    once_a_bank=True,
)
def test_money_for_a_locked_dossier_is_not_lost(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    with bench.locked(visit):
        bench.settle(visit)
    bench.repeat(visit)
    bench.expect_money_not_lost(visit)
