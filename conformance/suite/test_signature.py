"""SIGNATURE: only what the bank signed may move money."""

from dataclasses import replace

from conformance.bench import Bench, short, stranger
from conformance.forge import No, Word
from conformance.requirement import Level, NotApplicable, expect, requirement

DRAWN = 3
"""So many digits of the bank's number are varied until a signature begins with zero: one in sixteen does."""
PADDING = "="
"""What ends a text in Base64 and says nothing: many readers do without it."""
TRIAL_ORDER = "123"
"""payos-clients#webhook: the order of the message that tries an address out."""


@requirement(
    "SIGNATURE-01",
    level=Level.MUST,
    source="portal-defects#signature-not-checked",
    says="The connector settles nothing on a callback that is signed with another key.",
    vi="Bộ kết nối không ghi nhận gì từ thông báo được ký bằng khóa khác.",
    why="Anyone who knows the address pays any bill with one request.",
    why_vi="Ai biết địa chỉ đều có thể “nộp” mọi khoản chỉ bằng một yêu cầu.",
    guards=("egov D1", "egov D2", "egov D3", "egov D25", "gateways D12"),
    once_a_bank=True,
)
def test_a_callback_signed_with_another_key_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.send(bench.forge.signed_by_another(bench.callback(visit)), "a callback signed with another key")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-02",
    level=Level.MUST,
    source="portal-defects#fail-open",
    says="The connector settles nothing on a callback whose signature is empty or missing.",
    vi="Bộ kết nối không ghi nhận gì từ thông báo có chữ ký rỗng hoặc thiếu chữ ký.",
    why="A check that fails open lets everyone in: no key is needed at all.",
    why_vi="Kiểm tra lỗi mà vẫn cho qua thì không cần khóa nào cũng vào được.",
    guards=("egov D8", "egov D7", "egov D9"),
    once_a_bank=True,
)
def test_an_empty_or_missing_signature_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    bench.send(bench.forge.with_signature(true, ""), "a callback with an empty signature")
    bench.send(bench.forge.with_signature(true, None), "a callback without a signature")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-03",
    level=Level.MUST,
    source="portal-defects#partial-signature",
    says="The connector settles nothing on a part of the right signature.",
    vi="Bộ kết nối không ghi nhận gì khi chỉ có một phần của chữ ký đúng.",
    why="A single guessed character opens every bill.",
    why_vi="Chỉ cần đoán đúng một ký tự là qua được mọi khoản thu.",
    guards=("egov D7",),
    once_a_bank=True,
)
def test_a_part_of_the_signature_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    signature = bench.forge.signature(true)
    parts = {
        "the first character of its signature": signature[:1],
        "half of its signature": signature[: len(signature) // 2],
        "a signature that lacks its last character": signature.rstrip(PADDING)[:-1],
        "a signature that lacks its first character": signature[1:],
    }
    for told, part in parts.items():
        bench.send(bench.forge.with_signature(true, part), f"a callback with {told}")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-04",
    level=Level.MUST,
    source="client-defects#compare",
    says="The connector settles nothing on a signature that differs in one character.",
    vi="Bộ kết nối không ghi nhận gì khi chữ ký sai lệch một ký tự.",
    why="A comparison that stops early or compares as numbers takes false signatures.",
    why_vi="So sánh dừng sớm hoặc so sánh như số sẽ chấp nhận chữ ký giả.",
    guards=("gateways D08", "egov D26"),
    once_a_bank=True,
)
def test_one_changed_character_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    signature = bench.forge.signature(true)
    for place in (0, len(signature) // 2):
        other = "0" if signature[place] != "0" else "1"
        changed = signature[:place] + other + signature[place + 1 :]
        bench.send(
            bench.forge.with_signature(true, changed), f"a callback whose signature differs at place {place + 1}"
        )
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-05",
    level=Level.MUST,
    source="client-defects#letter-case",
    says="The connector settles once, whichever letter case it takes signatures in.",
    vi="Bộ kết nối ghi nhận đúng một lần, dù chấp nhận chữ ký viết hoa hay viết thường.",
    why="A change of letters at the bank stops all settlement, or one payment is booked twice.",
    why_vi="Ngân hàng đổi kiểu chữ là ngừng ghi nhận, hoặc một khoản bị ghi hai lần.",
    guards=("gateways D08", "egov D25"),
    once_a_bank=True,
)
def test_the_letter_case_of_a_signature_does_no_harm(bench: Bench) -> None:
    visit = bench.open()
    true = bench.true_callback(visit)
    signature = bench.forge.signature(true)
    bench.send(bench.forge.with_signature(true, signature.swapcase()), "a callback signed in the other letter case")
    answer = bench.send(true, "the true callback")
    bench.expect_acknowledged(answer, true)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-06",
    level=Level.MUST,
    source="portal-defects#boundary-shift",
    says="The connector settles nothing when text was moved from one signed field into its neighbour.",
    vi="Bộ kết nối không ghi nhận gì khi nội dung bị dời từ trường này sang trường kề bên.",
    why="A captured callback is bent into one for another amount, its signature still fitting.",
    why_vi="Thông báo cũ bị bẻ thành số tiền khác mà chữ ký vẫn khớp.",
    guards=("egov D32", "gateways D06"),
    once_a_bank=True,
)
def test_a_shifted_field_boundary_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.send(bench.forge.shifted(bench.callback(visit)), "a callback with text moved over a field boundary")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-07",
    level=Level.MUST,
    source="client-defects#algorithm",
    says="The connector settles nothing on a callback signed with the right key by another algorithm.",
    vi="Bộ kết nối không ghi nhận gì từ thông báo ký đúng khóa nhưng sai thuật toán.",
    why="A weak algorithm that is still taken can be broken.",
    why_vi="Thuật toán yếu còn được chấp nhận thì sẽ bị phá.",
    guards=("gateways D02", "egov D25"),
    once_a_bank=True,
)
def test_another_algorithm_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.send(bench.forge.signed_otherwise(bench.callback(visit)), "a callback signed by another algorithm")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-08",
    level=Level.MUST,
    source="client-defects#unknown-fields",
    says="The connector takes a rightly signed callback that carries a field it does not know.",
    vi="Bộ kết nối chấp nhận thông báo ký đúng có thêm trường mà nó chưa biết.",
    why="The bank adds a field, and from that day no payment is settled.",
    why_vi="Ngân hàng thêm một trường, từ hôm đó không khoản nào được ghi nhận.",
    guards=("gateways D05",),
    once_a_bank=True,
)
def test_an_unknown_field_is_taken(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.extended(bench.true_callback(visit), "Tet 2026")
    answer = bench.send(message, "the true callback with one more signed field")
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-09",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector takes a rightly signed callback from which optional fields are missing.",
    vi="Bộ kết nối chấp nhận thông báo ký đúng khi thiếu các trường không bắt buộc.",
    why="Some payments, by some banks only, are never settled.",
    why_vi="Một số khoản, chỉ ở vài ngân hàng, không bao giờ được ghi nhận.",
    guards=("gateways D06",),
    once_a_bank=True,
)
def test_missing_optional_fields_are_taken(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.without_optional(bench.true_callback(visit))
    answer = bench.send(message, "the true callback without its optional fields")
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-10",
    level=Level.MUST,
    source="client-defects#signing-oracle",
    says="The connector never reveals the signature that it expected.",
    vi="Bộ kết nối không bao giờ tiết lộ chữ ký mà nó mong đợi.",
    why="The refusal hands a forger the signature for whatever was sent.",
    why_vi="Câu từ chối trao cho kẻ giả mạo chữ ký đúng của chính nội dung vừa gửi.",
    guards=("gateways D11",),
    once_a_bank=True,
)
def test_a_refusal_does_not_tell_the_right_signature(bench: Bench) -> None:
    visit = bench.open()
    false = bench.forge.signed_by_another(bench.callback(visit))
    answer = bench.send(false, "a callback signed with another key")
    told = answer.body.decode("utf-8", "replace") + " ".join(value for _, value in answer.headers)
    right = bench.forge.right_signature(false)
    expect(
        right.lower() not in told.lower(),
        "the answer does not hold the right signature",
        expected="no signature of the callback",
        actual=short(answer),
    )


@requirement(
    "SIGNATURE-11",
    level=Level.MUST,
    source="client-defects#poisoned",
    says="The connector still settles on the true callback after a false one for the same order.",
    vi="Bộ kết nối vẫn ghi nhận thông báo thật sau khi nhận thông báo giả cho cùng lệnh.",
    why="A stranger blocks every payment with one false callback each.",
    why_vi="Kẻ lạ chỉ cần gửi một thông báo giả là chặn được mỗi khoản thanh toán.",
    guards=("gateways D36",),
    once_a_bank=True,
)
def test_a_false_callback_does_not_poison_the_order(bench: Bench) -> None:
    visit = bench.open()
    bench.send(bench.forge.signed_by_another(bench.callback(visit)), "a callback signed with another key")
    bench.settle(visit)
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-12",
    level=Level.MUST,
    source="portal-defects#replay",
    says="The connector settles nothing on the signature of one bill under the reference of another.",
    vi="Bộ kết nối không ghi nhận gì khi dùng chữ ký của khoản này cho mã của khoản khác.",
    why="One payment pays as many bills as one likes.",
    why_vi="Một lần trả tiền dùng để “nộp” bao nhiêu khoản cũng được.",
    guards=("egov D33", "egov D1"),
    once_a_bank=True,
)
def test_a_signature_does_not_pay_another_bill(bench: Bench) -> None:
    paid = bench.open()
    bench.settle(paid)
    other = bench.open(paid.amount_vnd)
    bench.arrive(other)
    true = bench.callback(paid, state=None)
    other_number = stranger(bench.forge.field(true, Word.MESSAGE_REF))
    moved = bench.forge.altered(true, {Word.ORDER_REF: other.order_ref, Word.MESSAGE_REF: other_number})
    bench.send(moved, "the first dossier's callback under the second one's reference")
    bench.expect_not_paid(other)


@requirement(
    "SIGNATURE-13",
    level=Level.MUST,
    source="client-defects#hostile-text",
    says="The connector survives hostile text in a signature and in the fields, and settles nothing on it.",
    vi="Bộ kết nối chịu được nội dung độc hại trong chữ ký và các trường, và không ghi nhận gì từ đó.",
    why="One odd request stops the service, or slips past the check.",
    why_vi="Một yêu cầu lạ làm dừng dịch vụ, hoặc lọt qua bước kiểm tra.",
    guards=("egov D8", "egov D9"),
    once_a_bank=True,
)
def test_hostile_text_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    for signature in ("null", "ộ" * 64, "0" * 8_000, "' OR '1'='1"):
        told = f"a callback with the signature {signature[:12]}"
        answer = bench.send(bench.forge.with_signature(true, signature), told)
        expect(answer.status, "the connector answers", expected="an answer", actual=short(answer))
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-14",
    level=Level.SHOULD,
    source="vnpay-pay-2-1-0#ipn-reply",
    says="The connector refuses a false signature with the bank's code for it.",
    vi="Bộ kết nối từ chối chữ ký sai bằng đúng mã lỗi của ngân hàng.",
    why="A callback garbled on its way counts as received, and the bank never repeats it.",
    why_vi="Thông báo bị hỏng trên đường lại được coi là đã nhận, ngân hàng không gửi lại nữa.",
    guards=("gateways D33", "gateways D34", "egov D15"),
    once_a_bank=True,
)
def test_a_false_signature_is_refused_with_the_banks_code(bench: Bench) -> None:
    bench.needs_codes()
    visit = bench.open()
    false = bench.forge.signed_by_another(bench.callback(visit))
    bench.expect_refused(bench.send(false, "a callback signed with another key"), false, No.BAD_SIGNATURE)


@requirement(
    "SIGNATURE-15",
    level=Level.SHOULD,
    source="dvcqg-td#ack",
    says="The connector signs its answers itself and does not hand back the caller's signature.",
    vi="Bộ kết nối tự ký câu trả lời, không trả lại nguyên chữ ký của bên gọi.",
    why="The bank cannot tell the connector's answer from anyone's echo.",
    why_vi="Ngân hàng không phân biệt được câu trả lời thật với một tiếng vọng.",
    shapes=("server_create", "bill"),
    guards=("egov D15",),
    once_a_bank=True,
)
def test_the_callers_signature_is_not_the_answers(bench: Bench) -> None:
    visit = bench.open()
    message = bench.true_callback(visit)
    signature = bench.forge.signature(message)
    if not signature:
        raise NotApplicable("the bank does not sign this message")
    answer = bench.send(message, "the true callback")
    expect(
        signature not in answer.body.decode("utf-8", "replace"),
        "the answer does not carry the caller's signature",
        expected="a signature of its own",
        actual=short(answer),
    )


@requirement(
    "SIGNATURE-16",
    level=Level.MUST,
    source="portal-defects#leading-zero",
    says="The connector takes a rightly signed callback whose signature begins with zero.",
    vi="Bộ kết nối chấp nhận thông báo ký đúng có chữ ký bắt đầu bằng số không.",
    why="One payment in sixteen is never settled, and nobody finds out why.",
    why_vi="Cứ mười sáu khoản thì một khoản không bao giờ được ghi nhận mà không ai hiểu vì sao.",
    guards=("egov D9",),
    once_a_bank=True,
)
def test_a_signature_that_begins_with_zero_is_taken(bench: Bench) -> None:
    visit = bench.open()
    true = bench.true_callback(visit)
    if not bench.forge.hexadecimal(true):
        raise NotApplicable("this bank's signatures are no numbers in hex")
    number = bench.forge.field(true, Word.MESSAGE_REF)
    numbers = (f"{number[:-DRAWN]}{drawn:0{DRAWN}}" for drawn in range(10**DRAWN))
    signed = (bench.forge.changed(true, {Word.MESSAGE_REF: each}) for each in numbers)
    message = next(each for each in signed if bench.forge.signature(each).startswith("0"))
    answer = bench.send(message, "a true callback whose signature begins with zero")
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-17",
    level=Level.MUST,
    source="client-defects#rewritten",
    says="The connector takes a rightly signed callback in whatever order and spacing its fields are written.",
    vi="Bộ kết nối chấp nhận thông báo ký đúng dù các trường được viết theo thứ tự và khoảng cách nào.",
    why="The bank renews its software, writes the same message otherwise, and no payment is settled any more.",
    why_vi="Ngân hàng đổi phần mềm, viết cùng thông báo theo cách khác, và không khoản nào được ghi nhận nữa.",
    guards=("gateways D07", "gateways D09", "gateways D04"),
    once_a_bank=True,
)
def test_the_same_fields_written_otherwise_are_taken(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.respelled(bench.true_callback(visit))
    answer = bench.send(message, "the true callback with its fields in another order and spacing")
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-18",
    level=Level.MUST,
    source="client-defects#content-type",
    says="The connector reads a callback whose content type is spelt otherwise or names its letters.",
    vi="Bộ kết nối đọc được thông báo có kiểu nội dung viết khác hoặc có ghi bảng mã.",
    why="A proxy at the bank adds a word to a header, and every callback is empty.",
    why_vi="Máy chủ trung gian của ngân hàng thêm một chữ vào tiêu đề và mọi thông báo thành rỗng.",
    guards=("gateways D39",),
    once_a_bank=True,
)
def test_a_content_type_with_an_addition_is_read(bench: Bench) -> None:
    visit = bench.open()
    true = bench.true_callback(visit)
    kind = next((value for name, value in true.headers if name.lower() == "content-type"), "")
    if not true.body or not kind:
        raise NotApplicable("this bank's callback has no body")
    spelt = f"{kind.partition(';')[0]};charset=UTF-8"
    kept = tuple(pair for pair in true.headers if pair[0].lower() != "content-type")
    message = replace(true, headers=(*kept, ("Content-Type", spelt)))
    answer = bench.send(message, f"the true callback as {spelt}")
    bench.expect_acknowledged(answer, message)
    bench.expect_paid_once(visit)


@requirement(
    "SIGNATURE-19",
    level=Level.MUST,
    source="bidv-vietqr#token",
    says="The connector believes nothing that comes without the bank's token, though its checksum is right.",
    vi="Bộ kết nối không tin thông báo thiếu mã thông hành của ngân hàng, dù mã kiểm tra đúng.",
    why="The checksum alone is weak: whoever learns one secret pays every bill.",
    why_vi="Chỉ mã kiểm tra thì yếu: ai biết một khóa là “nộp” được mọi khoản.",
    banks=("bidv",),
    guards=("gateways D02", "egov D1"),
    once_a_bank=True,
)
def test_a_false_token_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    true = bench.callback(visit)
    for told, message in bench.forge.false_tokens(true).items():
        bench.send(message, f"a callback with the right checksum and {told}")
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-20",
    level=Level.MUST,
    source="payos-clients#webhook",
    says="The connector acknowledges the message with which the bank tries its address out.",
    vi="Bộ kết nối xác nhận thông báo mà ngân hàng dùng để thử địa chỉ nhận.",
    why="The address cannot be registered, and no callback ever comes.",
    why_vi="Không đăng ký được địa chỉ nên không bao giờ có thông báo.",
    banks=("payos",),
    guards=("gateways D43",),
    once_a_bank=True,
)
def test_the_trial_of_the_address_is_acknowledged(bench: Bench) -> None:
    visit = bench.open()
    message = bench.forge.changed(bench.callback(visit), {Word.ORDER_REF: TRIAL_ORDER})
    answer = bench.send(message, f"the trial of the address, for the order {TRIAL_ORDER} that nobody made")
    bench.expect_acknowledged(answer, message)
    bench.expect_not_paid(visit)


@requirement(
    "SIGNATURE-21",
    level=Level.SHOULD,
    source="client-defects#reference-as-number",
    says="The connector answers a rightly signed callback for a reference of another form as for any unknown order.",
    vi="Bộ kết nối trả lời thông báo ký đúng có mã tham chiếu dạng khác như với mọi lệnh lạ.",
    why="A reference that is no number breaks the handler, and the bank repeats the message for days.",
    why_vi="Mã không phải là số làm hỏng chương trình và ngân hàng gửi lại nhiều ngày.",
    shapes=("redirect", "server_create", "bill"),
    guards=("gateways D63b", "egov D15"),
    once_a_bank=True,
)
def test_a_reference_of_another_form_is_an_unknown_order(bench: Bench) -> None:
    bench.needs_codes()
    visit = bench.open()
    true = bench.callback(visit)
    for reference in ("khong-co-don-hang", "0b9d6c1e-4f7a-4a55-9d0e-2f1b6c3a7e10", "DON.HANG_7"):
        message = bench.forge.changed(true, {Word.ORDER_REF: reference})
        answer = bench.send(message, f"a rightly signed callback for the order {reference}")
        bench.expect_refused(answer, message, No.UNKNOWN_ORDER)
