"""OUTCOME: what the bank says of a payment, and what the connector makes of it."""

from conformance.bench import QUERY_PAUSE_S, Bench
from conformance.forge import Word
from conformance.requirement import Level, requirement

FAILURES = (
    "not_registered",
    "wrong_details",
    "timed_out",
    "account_locked",
    "wrong_otp",
    "insufficient_funds",
    "over_limit",
    "maintenance",
    "wrong_password",
    "other",
)
CREATED = ("redirect", "server_create")
UNKNOWN_CODE = "88"
"""No bank's document has it."""
FAILURE_CODES = {
    "vnpay": ("02", "09 10 11 12 13 24 51 65 75 79 99"),
    "onepay_domestic": ("", "1 3 4 5 6 7 8 9 10 11 12 13 21 22 23 24 25 99 253"),
    "vietcombank_qn": ("FAILURE", "100 101 104 105 106 114 123 128"),
    "vietinbank_dn": ("02", "14 24 51 55 57 59 61 62 68 75 91 99"),
}
"""The status that goes with them ("" = the bank has none), and all codes of failures that the bank's document has."""
CONTRADICTIONS = {
    "vnpay": (("00", "02"), ("00", "01"), ("99", "00"), ("24", "00")),
    "vietinbank_dn": (("00", "02"), ("00", "01"), ("99", "00"), ("51", "00")),
    "vietcombank_qn": (("0", "FAILURE"), ("0", "PENDING"), ("101", "SUCCESS"), ("106", "SUCCESS")),
}
"""Result and status of which one says success and the other does not."""


@requirement(
    "OUTCOME-01",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#response-code",
    says="The connector settles nothing when the payment failed, for whatever reason.",
    vi="Bộ kết nối không ghi nhận gì khi thanh toán thất bại, dù vì lý do nào.",
    why="A payer without money in the account gets the service for nothing.",
    why_vi="Người nộp không đủ tiền vẫn được giải quyết hồ sơ miễn phí.",
    shapes=CREATED,
    guards=("egov D4", "egov D1", "gateways D53", "gateways D57"),
    once_a_bank=True,
)
def test_a_failed_payment_settles_nothing(bench: Bench) -> None:
    visits = []
    for outcome in FAILURES:
        visits.append(bench.open())
        bench.decline(visits[-1], outcome)
    visits.append(bench.open())
    bench.cancel(visits[-1])
    bench.deliver()
    bench.expect_not_paid(*visits)


@requirement(
    "OUTCOME-02",
    level=Level.MUST,
    source="client-defects#unknown-code",
    says="The connector settles nothing on a result code that it does not know.",
    vi="Bộ kết nối không ghi nhận gì khi gặp mã kết quả lạ.",
    why="The bank adds a code for a new kind of failure, and every such failure counts as paid.",
    why_vi="Ngân hàng thêm mã lỗi mới và mọi lỗi ấy đều bị coi là đã nộp.",
    shapes=CREATED,
    guards=("egov D24", "gateways D54"),
    once_a_bank=True,
)
def test_an_unknown_code_is_not_success(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    words = [word for word in (Word.RESULT, Word.STATUS) if bench.forge.has(true, word)]
    message = bench.forge.changed(true, dict.fromkeys(words, UNKNOWN_CODE))
    bench.send(message, f"a rightly signed callback with the unknown code {UNKNOWN_CODE}")
    bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-03",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#response-code",
    says="The connector settles nothing while the bank holds the money for suspected fraud.",
    vi="Bộ kết nối không ghi nhận gì khi ngân hàng giữ tiền vì nghi ngờ gian lận.",
    why="The bank gives the money back to the payer, and the dossier stays paid.",
    why_vi="Ngân hàng trả lại tiền cho người nộp mà hồ sơ vẫn được coi là đã nộp.",
    guards=("gateways D52",),
    once_a_bank=True,
)
def test_suspected_fraud_is_not_paid_until_it_is_cleared(bench: Bench) -> None:
    visit = bench.open()
    bench.event(visit, "suspect", "pays, and the bank holds the money for a fraud check")
    bench.deliver()
    bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-04",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#transaction-status",
    says="The connector settles nothing on a payment that the bank has reversed.",
    vi="Bộ kết nối không ghi nhận gì với giao dịch mà ngân hàng đã đảo.",
    why="The payer has the money back and the service too.",
    why_vi="Người nộp vừa được trả lại tiền vừa được giải quyết hồ sơ.",
    guards=("gateways D52",),
    once_a_bank=True,
)
def test_a_reversed_payment_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.event(visit, "reverse", "is debited and given the money back by the bank")
    bench.deliver()
    bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-05",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles only when the result code and the transaction's status both say success.",
    vi="Bộ kết nối chỉ ghi nhận khi cả mã kết quả và trạng thái giao dịch đều báo thành công.",
    why="One of the two speaks of the request, not of the money.",
    why_vi="Một trong hai mã chỉ nói về yêu cầu, không nói về tiền.",
    banks=tuple(CONTRADICTIONS),
    guards=("gateways D50", "gateways D51"),
    once_a_bank=True,
)
def test_success_needs_both_codes(bench: Bench) -> None:
    for result, status in CONTRADICTIONS[bench.bank]:
        visit = bench.open()
        message = bench.forge.changed(bench.callback(visit), {Word.RESULT: result, Word.STATUS: status})
        bench.send(message, f"a rightly signed callback with result {result} and status {status}")
        bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-06",
    level=Level.MUST,
    source="client-defects#unknown-code",
    says="The connector asks again after a code that leaves the outcome open, and settles what turns out paid.",
    vi="Bộ kết nối hỏi lại khi mã kết quả còn bỏ ngỏ, và ghi nhận nếu hóa ra đã trả tiền.",
    why="The bank did not know yet; its answer an hour later reaches nobody.",
    why_vi="Ngân hàng lúc ấy chưa biết kết quả; câu trả lời sau đó không ai nhận.",
    needs=("run_jobs",),
    banks=("vnpay", "vietcombank_qn", "vietinbank_dn", "onepay_domestic"),
    guards=("gateways D54", "egov D13"),
    once_a_bank=True,
)
def test_an_open_outcome_is_asked_again(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit, state="pending", outcome="unknown")
    bench.send(true, "a callback that leaves the outcome open")
    bench.fault("lost")
    bench.pay(visit)
    bench.advance(QUERY_PAUSE_S)
    bench.run_jobs(visit)
    bench.expect_paid_once(visit)


@requirement(
    "OUTCOME-07",
    level=Level.MUST,
    source="vietinbank-notify-1-0-0#trans-type",
    says="The connector does not take an advice of money that went out for money that came in.",
    vi="Bộ kết nối không coi báo nợ (tiền đi) là báo có (tiền đến).",
    why="Each refund that the office makes settles the dossier once more.",
    why_vi="Mỗi lần hoàn tiền lại ghi nhận hồ sơ thêm một lần.",
    banks=("vietinbank",),
    guards=("gateways D23",),
    once_a_bank=True,
)
def test_money_that_went_out_is_no_income(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.signed(bench.callback(visit, state="failed", outcome="other"))
    bench.send(message, "a rightly signed advice of money that went out")
    bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-08",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#response-code",
    says="The connector settles the true outcome after a fraud check was passed.",
    vi="Bộ kết nối ghi nhận đúng kết quả sau khi ngân hàng kiểm tra gian lận xong.",
    why="The bank clears the payment, and the dossier stays unpaid with the money taken.",
    why_vi="Ngân hàng đã thông qua mà hồ sơ vẫn chưa được ghi nhận dù tiền đã thu.",
    guards=("gateways D52", "gateways D38"),
    once_a_bank=True,
)
def test_a_cleared_suspicion_is_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.event(visit, "suspect", "pays, and the bank holds the money for a fraud check")
    bench.deliver()
    bench.event(visit, "approve", "is cleared by the bank's fraud check")
    bench.deliver()
    bench.expect_paid_once(visit)


@requirement(
    "OUTCOME-09",
    level=Level.MUST,
    source="client-defects#unknown-code",
    says="The connector settles nothing on any of the codes that the bank has for a failure.",
    vi="Bộ kết nối không ghi nhận gì với bất kỳ mã thất bại nào của ngân hàng.",
    why="One code of the list is missing or mistyped, and every payment that fails so is a gift.",
    why_vi="Chỉ một mã trong danh sách bị thiếu hay gõ nhầm là mọi khoản lỗi như thế thành quà tặng.",
    banks=tuple(FAILURE_CODES),
    guards=("egov D4", "gateways D54", "gateways D53"),
    once_a_bank=True,
)
def test_no_code_of_a_failure_settles(bench: Bench) -> None:
    status, codes = FAILURE_CODES[bench.bank]
    visits = []
    for code in codes.split():
        visits.append(bench.open())
        true = bench.callback(visits[-1])
        said: dict[Word, object] = {Word.RESULT: code}
        message = bench.forge.changed(true, said | ({Word.STATUS: status} if status else {}))
        bench.send(message, f"a rightly signed callback of the failure {code}")
    bench.expect_not_paid(*visits)


@requirement(
    "OUTCOME-10",
    level=Level.MUST,
    source="client-defects#codes-as-numbers",
    says="The connector settles nothing on a result code that is a letter, a word or empty.",
    vi="Bộ kết nối không ghi nhận gì khi mã kết quả là chữ cái, một từ hoặc để trống.",
    why="Read as a number, every letter is zero, and zero is success at some banks.",
    why_vi="Đọc thành số thì chữ nào cũng là không, mà ở vài ngân hàng số không nghĩa là thành công.",
    shapes=CREATED,
    guards=("gateways D53", "gateways D54"),
    once_a_bank=True,
)
def test_letters_are_not_success(bench: Bench) -> None:
    for code in ("F", "B", "ERROR", "null", ""):
        visit = bench.open()
        message = bench.forge.changed(bench.callback(visit), {Word.RESULT: code})
        bench.send(message, f"a rightly signed callback with the code {code!r}")
        bench.expect_not_paid(visit)


@requirement(
    "OUTCOME-11",
    level=Level.MUST,
    source="payos-webhook-signature",
    says="The connector goes by the code in the signed data, not by the one that stands unsigned beside it.",
    vi="Bộ kết nối dựa vào mã trong phần dữ liệu được ký, không dựa vào mã không được ký bên ngoài.",
    why="The outer code says that the message is well, the inner one that the payment is not.",
    why_vi="Mã ngoài chỉ nói thông báo hợp lệ, mã trong mới nói khoản tiền có thành công hay không.",
    banks=("payos",),
    guards=("gateways D56", "egov D19", "banks 6.10"),
    once_a_bank=True,
)
def test_the_code_beside_the_signed_data_does_not_count(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.with_field(bench.callback(visit), ("data", "code"), "01")
    bench.send(message, "a rightly signed callback with the inner code 01 and the outer code 00")
    bench.expect_not_paid(visit)
