"""The catalogue of the portal's switchable defects: mistakes of real portals, each one branch where it was made.

Rule: with no defect switched on the portal is correct; every defect shows to someone who only sees messages.
"""

from dataclasses import dataclass, field
from enum import StrEnum

VNPAY = "vnpay"
VIETINBANK = "vietinbank"
DVCQG = "dvcqg"
SEPAY = "sepay"
BIDV = "bidv"
PAYOS = "payos"
ONEPAY = "onepay_domestic"
VIETCOMBANK_QN = "vietcombank_qn"
VIETINBANK_DN = "vietinbank_dn"
ALL_BANKS = (VNPAY, VIETINBANK, DVCQG)
COUNTED_BANKS = (VNPAY, VIETCOMBANK_QN, VIETINBANK_DN)
"""Banks whose requests for refunds the suite reads."""

REFUNDING_BANKS = (*COUNTED_BANKS, SEPAY)
"""Banks through which the portal gives money back by message."""

ASKED_BANKS = (VNPAY, DVCQG)
"""Banks that answer a status query; VietinBank's bill collection has none."""


class Flaw(StrEnum):
    """The names under which defects are switched on."""

    SIGNATURE_NOT_CHECKED = "signature_not_checked"
    EMPTY_SIGNATURE_ACCEPTED = "empty_signature_accepted"
    PARTIAL_SIGNATURE_ACCEPTED = "partial_signature_accepted"
    UNKNOWN_EXTRA_DROPPED = "unknown_extra_dropped_before_signing"
    OPTIONAL_FIELD_REQUIRED = "optional_field_required"
    SIGNATURE_ORACLE = "signature_oracle"
    BAD_SIGNATURE_POISONS = "bad_signature_poisons"
    AMOUNT_NOT_COMPARED = "amount_not_compared"
    MERCHANT_NOT_COMPARED = "merchant_not_compared"
    CURRENCY_NOT_COMPARED = "currency_not_compared"
    AMOUNT_IN_INT32 = "amount_in_int32"
    RESPONSE_CODE_ONLY = "response_code_only"
    EITHER_CODE = "either_code"
    UNKNOWN_CODE_IS_SUCCESS = "unknown_code_is_success"
    UNKNOWN_CODE_IS_FAILURE = "unknown_code_is_failure"
    SUSPECTED_IS_PAID = "suspected_is_paid"
    FAILURE_ACKED_WITH_ERROR = "failure_acked_with_error"
    ALWAYS_ACKED = "always_acked"
    REFUSAL_IS_HTTP_500 = "refusal_is_http_500"
    REDIRECT_AS_ACK = "redirect_as_ack"
    ACK_ECHOES_CALLER = "ack_echoes_caller"
    DUPLICATE_SETTLES_TWICE = "duplicate_settles_twice"
    DUPLICATE_KNOWN_IN_MEMORY = "duplicate_known_in_memory"
    CONCURRENT_DUPLICATE_RACE = "concurrent_duplicate_race"
    DUPLICATE_REFUSED = "duplicate_refused"
    LATE_FAILURE_OVERWRITES = "late_failure_overwrites"
    FAILURE_IS_FINAL = "failure_is_final"
    LATE_MONEY_DROPPED = "late_money_dropped"
    SECOND_PAYMENT_NOT_FLAGGED = "second_payment_not_flagged"
    RETURN_SETTLES = "return_settles"
    FORGED_RETURN_SETTLES = "forged_return_settles"
    QUERY_WORKED_IS_PAID = "query_worked_is_paid"
    QUERY_ANSWER_UNCHECKED = "query_answer_unchecked"
    QUERY_PENDING_IS_FAILURE = "query_pending_is_failure"
    QUERY_DATE_IS_NOW = "query_date_is_now"
    QUERY_NUMBER_REUSED = "query_number_reused"
    LOST_CALLBACK_NEVER_POLLED = "lost_callback_never_polled"
    PENDING_POLLED_ONCE = "pending_polled_once"
    ATTEMPT_RECORDED_AFTER_ANSWER = "attempt_recorded_after_answer"
    NEW_ATTEMPT_FORGETS_OLD = "new_attempt_forgets_old"
    PAID_DOSSIER_REOPENED = "paid_dossier_reopened"
    BROWSER_AMOUNT_TRUSTED = "browser_amount_trusted"
    ORDER_REF_BY_SECOND = "order_ref_by_second"
    ORDER_TIME_IN_UTC = "order_time_in_utc"
    ORDER_TIME_IN_12_HOURS = "order_time_in_12_hours"
    ORDER_REF_IN_12_HOURS = "order_ref_in_12_hours"
    HUNDRED_FORGOTTEN = "hundred_forgotten"
    DIACRITICS_SENT = "diacritics_sent"
    SECRET_IN_URL = "secret_in_url"
    BILL_NOTICE_NEEDS_BANK_REF = "bill_notice_needs_bank_ref"
    BILL_DEBIT_IS_INCOME = "bill_debit_is_income"
    INQUIRY_OF_PAID_BILL_PAYABLE = "inquiry_of_paid_bill_payable"
    INQUIRY_UNSIGNED_ANSWERED = "inquiry_unsigned_answered"
    LOOKUP_TELLS_NAME = "lookup_tells_name"
    NOTICE_WITHOUT_AMOUNT = "notice_without_amount"
    REFUND_ABOVE_PAYMENT = "refund_above_payment"
    REFUND_NOT_BOOKED = "refund_not_booked"
    REFUND_PART_IS_WHOLE = "refund_part_is_whole"
    REFUND_NUMBER_REUSED = "refund_number_reused"
    REFUND_RETRIED_AS_NEW = "refund_retried_as_new"
    REFUND_REFUSAL_IGNORED = "refund_refusal_ignored"
    REFUND_PENDING_IS_DONE = "refund_pending_is_done"
    REFUND_NOT_FOLLOWED_UP = "refund_not_followed_up"
    REFUND_TAKEN_AS_DONE = "refund_taken_as_done"
    REFUND_OF_UNPAID = "refund_of_unpaid"
    REFUND_BOOKED_FIRST = "refund_booked_first"
    REFUND_TOLD_WHEN_ASKED = "refund_told_when_asked"
    REFUND_RACE = "refund_race"
    OTHER_ALGORITHM_ACCEPTED = "other_algorithm_accepted"
    FIELDS_RUN_TOGETHER = "fields_run_together"
    AMOUNT_READ_LOOSELY = "amount_read_loosely"
    RESULT_IGNORED = "result_ignored"
    CLEARED_SUSPICION_IGNORED = "cleared_suspicion_ignored"
    FAILED_DOSSIER_CLOSED = "failed_dossier_closed"
    RETURN_ENDS_ORDER = "return_ends_order"
    RETURN_BREAKS = "return_breaks"
    RETURN_UNESCAPED = "return_unescaped"
    QUERY_ERROR_IS_FAILURE = "query_error_is_failure"
    REFUSAL_TELLS_NAME = "refusal_tells_name"
    BILL_TOLD_IN_HUNDREDTHS = "bill_told_in_hundredths"
    BILL_RECORDS_NOT_READ = "bill_records_not_read"
    BILL_BY_TRANSFER_ONLY = "bill_by_transfer_only"
    INQUIRY_LOCKS_BILL = "inquiry_locks_bill"
    TRANSFER_TEXT_EXACT = "transfer_text_exact"
    QR_ABOVE_LIMIT = "qr_above_limit"
    LEADING_ZERO_DROPPED = "leading_zero_dropped"
    BODY_REWRITTEN = "body_rewritten_before_signing"
    FIELDS_AS_THEY_CAME = "fields_signed_as_they_came"
    CONTENT_TYPE_EXACT = "content_type_exact"
    TOKEN_ALGORITHM_TRUSTED = "token_algorithm_trusted"
    TRIAL_REFUSED = "trial_refused"
    REFERENCE_READ_AS_NUMBER = "reference_read_as_number"
    DIVIDED_BEFORE_CHECK = "divided_before_check"
    OTHER_BANKS_MONEY_DROPPED = "other_banks_money_dropped"
    REFUSED_MONEY_FORGOTTEN = "refused_money_forgotten"
    REFERENCE_CUT = "reference_cut"
    CREATE_RETRIED_ANEW = "create_retried_anew"
    AMOUNT_IN_FLOAT32 = "amount_in_float32"
    LETTERS_READ_AS_ZERO = "letters_read_as_zero"
    OUTER_CODE_DECIDES = "outer_code_decides"
    REFUNDED_AWAITS_MONEY = "refunded_awaits_money"
    RETURN_TELLS_NAME = "return_tells_name"
    RETURN_REDIRECTS_ANYWHERE = "return_redirects_anywhere"
    UNSEEN_ORDER_IS_FAILURE = "unseen_order_is_failure"
    FAILED_NEVER_ASKED = "failed_never_asked"
    ANSWER_BY_CONCATENATION = "answer_by_concatenation"
    CANCELLED_BILL_PAYABLE = "cancelled_bill_payable"
    TRANSFER_KNOWN_BY_ORDER = "transfer_known_by_order"
    TRANSFER_TEXT_IN_CAPITALS = "transfer_text_in_capitals"
    TRANSFER_MATCHED_BY_AMOUNT = "transfer_matched_by_amount"
    UNSIGNED_ANSWER_BELIEVED = "unsigned_answer_believed"
    DAY_IN_HUNDREDTHS = "day_in_hundredths"
    DAY_BOOKS_NOT_READ = "day_books_not_read"
    DAY_UNKNOWN_SKIPPED = "day_unknown_skipped"
    DAY_AMOUNT_NOT_COMPARED = "day_amount_not_compared"
    DAY_DUPLICATE_UNSEEN = "day_duplicate_unseen"
    DAY_ROW_SEAL_UNCHECKED = "day_row_seal_unchecked"
    DAY_FOOTER_SEAL_UNCHECKED = "day_footer_seal_unchecked"
    DAY_COUNT_UNCHECKED = "day_count_unchecked"
    DAY_LATE_ROW_UNKNOWN = "day_late_row_unknown"
    DAY_STATUS_NOT_READ = "day_status_not_read"
    DAY_BY_ARRIVAL = "day_by_arrival"
    DAY_WITHOUT_CUT_OFF = "day_without_cut_off"
    DAY_YEAR_END_FORGOTTEN = "day_year_end_forgotten"
    DAY_FILE_SETTLES = "day_file_settles"
    DAY_FILE_UNSETTLES = "day_file_unsettles"
    DAY_AMOUNT_OVERWRITTEN = "day_amount_overwritten"
    DAY_ONCE_ONLY = "day_once_only"
    DAY_SEEN_IS_DUPLICATE = "day_seen_is_duplicate"
    DAY_REFUND_IS_PAYMENT = "day_refund_is_payment"
    DAY_EMPTY_REFUSED = "day_empty_refused"
    DAY_MERCHANT_NOT_COMPARED = "day_merchant_not_compared"
    DAY_HEADER_NOT_READ = "day_header_not_read"
    DAY_HOSTILE_BREAKS = "day_hostile_breaks"
    DAY_NEEDS_BANK_REF = "day_needs_bank_ref"
    DAY_FLAGGED_FORGOTTEN = "day_flagged_forgotten"
    DAY_REPLY_AGREES = "day_reply_agrees"
    CREATE_ERROR_IS_FINAL = "create_error_is_final"
    RECEIPT_IN_ITS_OWN_TRANSACTION = "receipt_in_its_own_transaction"
    START_CLEARS_PENDING = "start_clears_pending"
    BUSY_CALLBACK_DROPPED = "busy_callback_dropped"
    CUT_CALLBACK_KEEPS_LOCK = "cut_callback_keeps_lock"
    HUGE_CALLBACK_STALLS = "huge_callback_stalls"
    BANK_HOLDS_UP_CALLBACKS = "bank_holds_up_callbacks"
    CALLBACK_ASKS_BANK = "callback_asks_bank"
    BANK_WAITED_FOR_LONG = "bank_waited_for_long"
    BANK_TIMEOUT_PER_PIECE = "bank_timeout_per_piece"
    CERTIFICATE_NOT_CHECKED = "certificate_not_checked"
    CONNECTION_TRIED_ON_AND_ON = "connection_tried_on_and_on"
    GATEWAY_DOWN_FAILS_CALLBACK = "gateway_down_fails_callback"
    NOTICE_KEPT_IN_MEMORY = "notice_kept_in_memory"
    NOTICE_TRIED_ONCE = "notice_tried_once"
    NOTICE_NUMBERED_ANEW = "notice_numbered_anew"
    FAILURE_TOLD_AS_SUCCESS = "failure_told_as_success"
    QUERY_SETTLES_APART = "query_settles_apart"
    TRACE_TOLD = "trace_told"
    REFUSAL_TELLS_SECRET = "refusal_tells_secret"
    LOOKUP_TELLS_PHONE = "lookup_tells_phone"
    ACK_WITHOUT_TYPE = "ack_without_type"
    BOOKS_ERROR_ACKED = "books_error_acked"
    TURN_KEPT_AFTER_ERROR = "turn_kept_after_error"
    ISSUER_DOWN_FAILS_CALLBACK = "issuer_down_fails_callback"
    RECEIPT_LOST_IN_OUTAGE = "receipt_lost_in_outage"
    OWED_RECEIPT_KEPT = "owed_receipt_kept"
    LOCKED_BILL_PAYABLE = "locked_bill_payable"
    LOCKED_MONEY_DROPPED = "locked_money_dropped"
    UNLOCKING_FORGOTTEN = "unlocking_forgotten"


class DefectClass(StrEnum):
    """What kind of mistake it is, in the words of the suite's areas."""

    ORDER = "order"
    SIGNATURE = "signature"
    MONEY = "money"
    OUTCOME = "outcome"
    DUPLICATE = "duplicate"
    ORDERING = "ordering"
    RETURN = "return"
    ACKNOWLEDGEMENT = "acknowledgement"
    QUERY = "query"
    BILL = "bill"
    QR = "QR"
    REFUND = "refund"
    RECONCILIATION = "reconciliation"
    RESILIENCE = "resilience"
    NOTICE = "notice"
    PRIVACY = "privacy"


@dataclass(frozen=True, slots=True)
class Defect:
    """One mistake. `guards` are its numbers in the field's lists ("egov D10"), `banks` where it shows."""

    flaw: Flaw
    says: str
    guards: tuple[str, ...]
    banks: tuple[str, ...] = ALL_BANKS
    in_class: DefectClass = field(kw_only=True)

    @property
    def name(self) -> str:
        return self.flaw.value


DEFECTS: tuple[Defect, ...] = (
    Defect(
        Flaw.SIGNATURE_NOT_CHECKED,
        "any callback is believed, whoever sent it",
        ("egov D1", "egov D2", "egov D3"),
        (*ALL_BANKS, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN, SEPAY),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.EMPTY_SIGNATURE_ACCEPTED,
        "a missing or empty signature passes, because a failed computation compares as empty too",
        ("egov D8",),
        (*ALL_BANKS, PAYOS, VIETINBANK_DN),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.PARTIAL_SIGNATURE_ACCEPTED,
        "a signature that is part of the right one passes",
        ("egov D7",),
        (*ASKED_BANKS, BIDV),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.UNKNOWN_EXTRA_DROPPED,
        "parameters that the portal does not know are dropped before hashing",
        ("gateways D05",),
        (VNPAY, PAYOS, ONEPAY),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.OPTIONAL_FIELD_REQUIRED,
        "a callback without an optional field is refused",
        ("gateways D06",),
        (*ASKED_BANKS, PAYOS, VIETINBANK_DN),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.SIGNATURE_ORACLE,
        "the refusal of a bad signature tells the right one",
        ("gateways D11",),
        (*ASKED_BANKS, PAYOS, BIDV),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.BAD_SIGNATURE_POISONS,
        "a callback with a bad signature closes the order, and the true one comes too late",
        ("gateways D36",),
        (*ALL_BANKS, VIETCOMBANK_QN),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.AMOUNT_NOT_COMPARED,
        "whatever amount came in pays the bill",
        ("egov D10", "gateways D21"),
        (*ALL_BANKS, SEPAY, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.MERCHANT_NOT_COMPARED,
        "a signed callback for another merchant code pays the bill",
        ("gateways D42", "egov D3"),
        (*ALL_BANKS, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN, SEPAY),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.CURRENCY_NOT_COMPARED,
        "the same number in another currency pays the bill",
        ("gateways D21",),
        (VIETINBANK, DVCQG, PAYOS, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.AMOUNT_IN_INT32,
        "amounts beyond 2,147,483,647 are refused",
        ("egov D26",),
        (*ALL_BANKS, BIDV),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.RESPONSE_CODE_ONLY,
        "the result code alone decides, the transaction's status is not looked at",
        ("gateways D51",),
        (VNPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.EITHER_CODE,
        "one of the two codes saying success is enough",
        ("gateways D50",),
        (VNPAY, VIETINBANK_DN),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.UNKNOWN_CODE_IS_SUCCESS,
        "what is not a known failure counts as success",
        ("egov D24", "gateways D54"),
        (*ASKED_BANKS, ONEPAY, VIETCOMBANK_QN),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.UNKNOWN_CODE_IS_FAILURE,
        "what is not success counts as failure, and nobody asks again",
        ("gateways D54",),
        (VNPAY,),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.SUSPECTED_IS_PAID,
        "money that the bank holds for suspected fraud counts as paid",
        ("gateways D52",),
        (VNPAY, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.FAILURE_ACKED_WITH_ERROR,
        "a recorded failure is answered with an error, so the bank repeats it",
        ("gateways D33", "egov D15"),
        ASKED_BANKS,
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.ALWAYS_ACKED,
        "every callback is answered as received, also those that were refused",
        ("gateways D34", "egov D16"),
        (*ALL_BANKS, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.REFUSAL_IS_HTTP_500,
        "a refused callback is answered with HTTP 500 instead of the bank's own code",
        ("egov D15",),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.REDIRECT_AS_ACK,
        "the bank's server is answered like a browser, with a redirect to a page",
        ("egov D28", "gateways D33"),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.ACK_ECHOES_CALLER,
        "the answer repeats the caller's result code, so a failure is never acknowledged",
        ("egov D15",),
        (DVCQG,),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.DUPLICATE_SETTLES_TWICE,
        "the same callback once more issues another receipt and another message",
        ("gateways D31", "egov D12"),
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.DUPLICATE_KNOWN_IN_MEMORY,
        "which callbacks were handled is kept in memory and forgotten by a restart",
        ("gateways D37",),
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.CONCURRENT_DUPLICATE_RACE,
        "whether the bill is paid is looked at before the transaction that pays it",
        ("gateways D30", "egov D12", "gateways D41"),
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.DUPLICATE_REFUSED,
        "a repeated callback is answered with an error, so the bank goes on repeating it",
        ("gateways D33", "banks 6.1"),
        (*ALL_BANKS, BIDV, ONEPAY),
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.LATE_FAILURE_OVERWRITES,
        "a failure that comes after the success makes the paid bill unpaid",
        ("egov D11", "gateways D38"),
        ASKED_BANKS,
        in_class=DefectClass.ORDERING,
    ),
    Defect(
        Flaw.FAILURE_IS_FINAL,
        "a success after a failure is ignored, though the payer tried again",
        ("gateways D38",),
        ASKED_BANKS,
        in_class=DefectClass.ORDERING,
    ),
    Defect(
        Flaw.LATE_MONEY_DROPPED,
        "money for a cancelled dossier is acknowledged and written down nowhere",
        ("gateways D65", "egov D29", "banks 6.3"),
        in_class=DefectClass.ORDERING,
    ),
    Defect(
        Flaw.SECOND_PAYMENT_NOT_FLAGGED,
        "a second payment of a paid dossier is acknowledged and written down nowhere",
        ("egov D29", "banks 6.2"),
        (*ALL_BANKS, BIDV, PAYOS),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.RETURN_SETTLES,
        "the payer's return settles the bill, without the bank's own message",
        ("gateways D31", "gateways D32"),
        ASKED_BANKS,
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.FORGED_RETURN_SETTLES,
        "a return that says success settles the bill, whoever made it up",
        ("egov D5", "egov D6", "gateways D32"),
        ASKED_BANKS,
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.QUERY_WORKED_IS_PAID,
        "a query that was answered counts as a payment that was made",
        ("gateways D55",),
        (*ASKED_BANKS, PAYOS, ONEPAY, VIETINBANK_DN),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.QUERY_ANSWER_UNCHECKED,
        "signature, reference, merchant and amount of a query's answer are not looked at",
        ("egov D31", "egov D24", "gateways D12"),
        (*ASKED_BANKS, PAYOS, ONEPAY, VIETCOMBANK_QN),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.QUERY_PENDING_IS_FAILURE,
        "an answer that says still pending fails the payment, and nobody asks again",
        ("gateways D54",),
        ASKED_BANKS,
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.QUERY_DATE_IS_NOW,
        "a query carries its own time where the order's time belongs",
        ("gateways D62", "egov D14"),
        ASKED_BANKS,
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.QUERY_NUMBER_REUSED,
        "every query of an order has the same request number",
        ("gateways D66",),
        (VNPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.LOST_CALLBACK_NEVER_POLLED,
        "who never got a callback is never asked about",
        ("gateways D40",),
        ASKED_BANKS,
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.PENDING_POLLED_ONCE,
        "a payment that was still pending when asked about is never asked about again",
        ("egov D13",),
        ASKED_BANKS,
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.ATTEMPT_RECORDED_AFTER_ANSWER,
        "a payment is written down only after the bank answered, so a lost answer loses it",
        ("egov D34",),
        (DVCQG, PAYOS),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.NEW_ATTEMPT_FORGETS_OLD,
        "opening a payment again forgets the one before, and its money finds no order",
        ("egov D30",),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.PAID_DOSSIER_REOPENED,
        "a paid dossier can be opened for payment once more",
        ("egov D29",),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.BROWSER_AMOUNT_TRUSTED,
        "the amount that the browser sends is the one that is signed",
        ("egov D20",),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.ORDER_REF_BY_SECOND,
        "an order's number is the time to the second, so two of one second are the same",
        ("gateways D63", "egov D14"),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.ORDER_TIME_IN_UTC,
        "an order's time is written in UTC where GMT+7 is meant",
        ("gateways D60",),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.ORDER_TIME_IN_12_HOURS,
        "an order's time is written on the 12-hour clock (hh for HH)",
        ("egov D14", "gateways D60"),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.ORDER_REF_IN_12_HOURS,
        "an order's number begins with a time on the 12-hour clock, so it comes again twelve hours later",
        ("egov D14", "gateways D63"),
        ASKED_BANKS,
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.HUNDRED_FORGOTTEN,
        "the amount is not multiplied by one hundred where the bank counts so",
        ("gateways D20",),
        (VNPAY,),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.DIACRITICS_SENT,
        "the payment's text keeps its diacritics and signs where the bank forbids them",
        ("gateways D01",),
        (VNPAY,),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.SECRET_IN_URL,
        "the merchant's secret stands in the address that the browser is sent to",
        ("egov D17", "gateways D69"),
        (VNPAY, ONEPAY),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.BILL_NOTICE_NEEDS_BANK_REF,
        "a notice without the bank's reference, as of cash at a counter, is refused",
        ("gateways D06",),
        (VIETINBANK,),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.BILL_DEBIT_IS_INCOME,
        "an advice of money that went out counts as money that came in",
        ("gateways D23", "gateways D52"),
        (VIETINBANK, SEPAY),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.INQUIRY_OF_PAID_BILL_PAYABLE,
        "the bank is told that a paid bill is still owed",
        ("egov D29",),
        (VIETINBANK, DVCQG, BIDV),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.INQUIRY_UNSIGNED_ANSWERED,
        "anyone who asks for a bill is told whose it is",
        ("egov D27",),
        (VIETINBANK, BIDV),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.LOOKUP_TELLS_NAME,
        "the fee lookup, which anyone may call, tells the applicant's name",
        ("egov D27",),
        (DVCQG,),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.NOTICE_WITHOUT_AMOUNT,
        "the payer is told of a payment, but not of how much",
        ("egov D35",),
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.REFUND_ABOVE_PAYMENT,
        "several partial refunds may give back more than was paid",
        ("banks 6.9",),
        (VNPAY,),
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_NOT_BOOKED,
        "the bank gives all back, and the dossier stays paid in the books",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_PART_IS_WHOLE,
        "a part given back marks the whole fee as refunded",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_NUMBER_REUSED,
        "every refund of an order has that order's number as its own",
        ("gateways D10",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_RETRIED_AS_NEW,
        "a refund whose answer was lost is asked for again under a new number",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_REFUSAL_IGNORED,
        "a refund that the bank refuses is booked as given back",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_PENDING_IS_DONE,
        "a refund that the bank has only taken on is booked as given back",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_NOT_FOLLOWED_UP,
        "a refund that was not decided at once is never asked about again",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_TAKEN_AS_DONE,
        "a refund that was not decided at once is booked as given back by the next job",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_OF_UNPAID,
        "a refund of an order that nobody paid is asked for at the bank",
        ("banks 6.9",),
        COUNTED_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_BOOKED_FIRST,
        "a refund is booked as given back before the bank is asked, and stays so",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_TOLD_WHEN_ASKED,
        "the payer is told of money given back when it is asked for, and once more when it is",
        ("banks 6.9",),
        REFUNDING_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.REFUND_RACE,
        "what is left to give back is read before the books are locked: two clerks both find it",
        ("banks 6.9",),
        COUNTED_BANKS,
        in_class=DefectClass.REFUND,
    ),
    Defect(
        Flaw.OTHER_ALGORITHM_ACCEPTED,
        "a signature by the algorithm of an older version passes as well",
        ("gateways D02", "egov D25", "banks 6.7"),
        (*ALL_BANKS, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.FIELDS_RUN_TOGETHER,
        "values are joined so that the end of one may be taken for the next one",
        ("egov D32", "gateways D06"),
        (*ASKED_BANKS, BIDV, PAYOS, ONEPAY, VIETCOMBANK_QN),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.AMOUNT_READ_LOOSELY,
        "an amount is read as a floating-point number and cut to a whole one",
        ("gateways D22", "banks 6.6"),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.RESULT_IGNORED,
        "every rightly signed callback counts as paid, whatever result it tells",
        ("egov D4", "gateways D57"),
        ASKED_BANKS,
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.CLEARED_SUSPICION_IGNORED,
        "after a fraud check the order is closed, and nobody hears that it was passed",
        ("gateways D52", "gateways D38"),
        (VNPAY,),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.FAILED_DOSSIER_CLOSED,
        "after one failed try no further payment of the dossier can be opened",
        ("gateways D38",),
        ASKED_BANKS,
        in_class=DefectClass.ORDERING,
    ),
    Defect(
        Flaw.RETURN_ENDS_ORDER,
        "the payer's return ends the order, and a callback behind it comes too late",
        ("gateways D31", "gateways D36"),
        ASKED_BANKS,
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.RETURN_BREAKS,
        "a return that lacks a parameter ends in an error page",
        ("gateways D68",),
        ASKED_BANKS,
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.RETURN_UNESCAPED,
        "what the return carries is written into the page as it came",
        ("gateways D68",),
        ASKED_BANKS,
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.QUERY_ERROR_IS_FAILURE,
        "a query that got no answer fails the payment for good",
        ("egov D24", "gateways D54", "banks 6.12"),
        ASKED_BANKS,
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.REFUSAL_TELLS_NAME,
        "whoever sends a false callback is told whose order it is",
        ("egov D27",),
        ASKED_BANKS,
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.BILL_TOLD_IN_HUNDREDTHS,
        "the bank is told the fee times one hundred, as another bank counts",
        ("gateways D20",),
        (VIETINBANK,),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.BILL_RECORDS_NOT_READ,
        "messages in the bank's older form of records are refused",
        ("egov D25",),
        (VIETINBANK,),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.BILL_BY_TRANSFER_ONLY,
        "only transfers settle a bill, not what was paid at a counter or terminal",
        ("gateways D54",),
        (VIETINBANK,),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.INQUIRY_LOCKS_BILL,
        "a bill that was asked for once is refused to the next who asks",
        ("egov D22", "banks 6.11"),
        (VIETINBANK,),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.TRANSFER_TEXT_EXACT,
        "an order is found only where the text of a transfer is nothing else",
        ("gateways D34", "banks 6.5"),
        (SEPAY,),
        in_class=DefectClass.QR,
    ),
    Defect(
        Flaw.QR_ABOVE_LIMIT,
        "the code that is shown names a sum that no instant transfer carries",
        ("gateways D20",),
        (SEPAY,),
        in_class=DefectClass.QR,
    ),
    Defect(
        Flaw.DAY_IN_HUNDREDTHS,
        "amounts in a bank's file are compared in the wire's unit, not in dong",
        ("banks 6.6", "gateways D20"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_BOOKS_NOT_READ,
        "a bank's file is looked through row by row, and the books' own payments are not",
        ("banks 6.8", "gateways D58"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_UNKNOWN_SKIPPED,
        "a row of a payment that the books do not have is skipped",
        ("banks 6.5", "banks 6.8"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_AMOUNT_NOT_COMPARED,
        "rows are matched by their reference, and amounts are not compared",
        ("banks 6.6", "banks 6.8"),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_DUPLICATE_UNSEEN,
        "a row that stands in a bank's file twice is matched twice",
        ("banks 6.1", "banks 6.8"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_ROW_SEAL_UNCHECKED,
        "the checksums of rows are not computed",
        ("banks 6.8", "banks 6.7"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_FOOTER_SEAL_UNCHECKED,
        "the checksum of a file's last line is not computed",
        ("banks 6.8", "banks 6.7"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_COUNT_UNCHECKED,
        "how many rows a file says it has is not compared with how many it has",
        ("banks 6.8",),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_LATE_ROW_UNKNOWN,
        "a row that comes with the next day's file is looked for in that day only",
        ("banks 6.8", "banks 6.3"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_STATUS_NOT_READ,
        "a row is a payment, whether the bank took it back or not",
        ("banks 6.10", "banks 6.8"),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_BY_ARRIVAL,
        "a payment belongs to the day on which the portal heard of it, not to the bank's day of the money",
        ("banks 6.8", "banks 6.3"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_WITHOUT_CUT_OFF,
        "a business day is taken for a day of the calendar, whatever the bank's cut-off",
        ("banks 6.8", "gateways D67"),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_YEAR_END_FORGOTTEN,
        "the year's last working day ends at its usual cut-off, not at midnight",
        ("banks 6.8", "gateways D67"),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_FILE_SETTLES,
        "a row of a bank's file settles a payment, without any word of the bank's own",
        ("banks 6.8", "gateways D55"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_FILE_UNSETTLES,
        "a payment that is not in the bank's file counts as unpaid again",
        ("banks 6.8", "egov D11"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_AMOUNT_OVERWRITTEN,
        "the amount in a bank's file is written over the one in the books",
        ("banks 6.8", "banks 6.6"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_ONCE_ONLY,
        "a day's first file closes the day, and a corrected one is not looked at",
        ("banks 6.8",),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_SEEN_IS_DUPLICATE,
        "rows are remembered, so that the same file once more is full of duplicates",
        ("banks 6.1", "banks 6.8"),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_REFUND_IS_PAYMENT,
        "a row of money given back is taken for a second payment",
        ("banks 6.9", "banks 6.8"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_EMPTY_REFUSED,
        "a file of a day without payments is taken for a broken one",
        ("banks 6.8",),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_MERCHANT_NOT_COMPARED,
        "another merchant's file is compared with the books",
        ("banks 6.8", "gateways D42"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_HEADER_NOT_READ,
        "a file of another layout is read as an empty day",
        ("banks 6.8",),
        (DVCQG,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_HOSTILE_BREAKS,
        "a file that is no text ends in an error of the portal's own",
        ("banks 6.8", "gateways D68"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_NEEDS_BANK_REF,
        "rows are matched by the bank's reference alone, which cash has not",
        ("banks 6.5", "banks 6.8"),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_FLAGGED_FORGOTTEN,
        "only what settled a dossier is compared, not money that is to be given back",
        ("banks 6.2", "banks 6.8"),
        (VNPAY,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.DAY_REPLY_AGREES,
        "the answer to the bank agrees with every row, whatever was found",
        ("banks 6.8",),
        (VIETINBANK,),
        in_class=DefectClass.RECONCILIATION,
    ),
    Defect(
        Flaw.LEADING_ZERO_DROPPED,
        "a signature is compared as a number, so one that begins with zero is never right",
        ("egov D9",),
        (VNPAY, PAYOS),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.BODY_REWRITTEN,
        "the body is read and written anew before its signature is checked",
        ("gateways D07",),
        (SEPAY,),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.FIELDS_AS_THEY_CAME,
        "fields are signed in the order in which they came, not in that of their names",
        ("gateways D09",),
        (VNPAY, ONEPAY),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.CONTENT_TYPE_EXACT,
        "a message is read only if it names its kind as the bank's messages of the first day did",
        ("gateways D39",),
        (DVCQG, PAYOS),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.TOKEN_ALGORITHM_TRUSTED,
        "a bearer token chooses its own algorithm, and may choose none",
        ("gateways D02",),
        (BIDV,),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.TRIAL_REFUSED,
        "the message that tries the address out is refused as an unknown order",
        ("gateways D43",),
        (PAYOS,),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.REFERENCE_READ_AS_NUMBER,
        "a reference that is no number is an error of the server",
        ("gateways D63b",),
        (VNPAY, VIETCOMBANK_QN),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.DIVIDED_BEFORE_CHECK,
        "the amount is brought into dong before the signature over it is checked",
        ("gateways D04",),
        (VNPAY,),
        in_class=DefectClass.SIGNATURE,
    ),
    Defect(
        Flaw.OTHER_BANKS_MONEY_DROPPED,
        "a second payment is written down only if it came over the same bank",
        ("banks 6.2",),
        (VNPAY, VIETINBANK),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.REFUSED_MONEY_FORGOTTEN,
        "money that no dossier wants is refused, as if the bank gave it back for that",
        ("gateways D35", "banks 6.4"),
        (VNPAY, BIDV),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.REFERENCE_CUT,
        "an order's number begins with the dossier's code and is cut to 32 characters",
        ("egov D18",),
        (VNPAY, VIETCOMBANK_QN),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.CREATE_RETRIED_ANEW,
        "an order that got no answer is sent once more under another number",
        ("gateways D64",),
        (DVCQG, PAYOS, VIETINBANK_DN),
        in_class=DefectClass.ORDER,
    ),
    Defect(
        Flaw.AMOUNT_IN_FLOAT32,
        "fees are kept as single-precision floating-point numbers",
        ("gateways D22", "banks 6.6"),
        (VNPAY, BIDV, SEPAY),
        in_class=DefectClass.MONEY,
    ),
    Defect(
        Flaw.LETTERS_READ_AS_ZERO,
        "a result code is read as a number, and letters as zero, which is success",
        ("gateways D53",),
        (ONEPAY,),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.OUTER_CODE_DECIDES,
        "the code beside the signed data counts, not the one within",
        ("gateways D56", "egov D19", "banks 6.10"),
        (PAYOS,),
        in_class=DefectClass.OUTCOME,
    ),
    Defect(
        Flaw.REFUNDED_AWAITS_MONEY,
        "a dossier whose money went back is paid again by its old callback",
        ("egov D33",),
        (VNPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.RETURN_TELLS_NAME,
        "the page of the return, which anyone may open, tells the applicant's name",
        ("egov D27",),
        (DVCQG, PAYOS),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.RETURN_REDIRECTS_ANYWHERE,
        "the return sends the browser wherever a parameter says",
        ("egov D17",),
        (VNPAY, DVCQG),
        in_class=DefectClass.RETURN,
    ),
    Defect(
        Flaw.UNSEEN_ORDER_IS_FAILURE,
        "an order that the bank does not know yet is given up, and its callback comes too late",
        ("gateways D54",),
        (VNPAY, ONEPAY),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.FAILED_NEVER_ASKED,
        "an order whose first try failed is never asked about",
        ("gateways D38", "gateways D40"),
        (VNPAY, DVCQG),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.ANSWER_BY_CONCATENATION,
        "the answer is put together as text, and a quotation mark in a name breaks it",
        ("egov D23",),
        (VIETINBANK, BIDV),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.CANCELLED_BILL_PAYABLE,
        "the bank is told that the bill of a cancelled dossier is still owed",
        ("egov D29",),
        (VIETINBANK, BIDV),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.TRANSFER_KNOWN_BY_ORDER,
        "a second transfer for an order counts as a repetition of the first",
        ("egov D29", "banks 6.2"),
        (SEPAY,),
        in_class=DefectClass.QR,
    ),
    Defect(
        Flaw.TRANSFER_TEXT_IN_CAPITALS,
        "an order is found in the text of a transfer only in capitals",
        ("banks 6.5",),
        (SEPAY,),
        in_class=DefectClass.QR,
    ),
    Defect(
        Flaw.TRANSFER_MATCHED_BY_AMOUNT,
        "a transfer without an order in its text pays the newest order of that amount",
        ("banks 6.5", "egov D18"),
        (SEPAY,),
        in_class=DefectClass.QR,
    ),
    Defect(
        Flaw.UNSIGNED_ANSWER_BELIEVED,
        "a query's answer is checked only if it has a signature",
        ("egov D24", "egov D8"),
        (VNPAY, PAYOS),
        in_class=DefectClass.QUERY,
    ),
    Defect(
        Flaw.CREATE_ERROR_IS_FINAL,
        "a dossier whose order the bank gave no answer to can never be paid online again",
        ("egov D34", "gateways D64"),
        (DVCQG, PAYOS),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.RECEIPT_IN_ITS_OWN_TRANSACTION,
        "the receipt is issued in a transaction after the one that books the money, and a crash lies between",
        ("egov D35", "egov D16"),
        (VNPAY, VIETINBANK),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.START_CLEARS_PENDING,
        "the portal clears up at its start, and forgets the orders that are being paid",
        ("gateways D37", "egov D30"),
        (VNPAY, DVCQG),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.BUSY_CALLBACK_DROPPED,
        "a callback that comes while another is settled counts as its repetition, and is acknowledged",
        ("gateways D34", "egov D16"),
        (VNPAY, VIETINBANK),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.CUT_CALLBACK_KEEPS_LOCK,
        "a callback that is cut off or slow keeps its lock, and the next one is turned away",
        ("gateways D41",),
        (DVCQG, VIETINBANK),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.HUGE_CALLBACK_STALLS,
        "a huge callback is read to its end, in the thread that answers everyone",
        ("gateways D41",),
        (DVCQG,),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.BANK_HOLDS_UP_CALLBACKS,
        "while a bank is asked, no callback is answered",
        ("gateways D41",),
        (DVCQG,),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.CALLBACK_ASKS_BANK,
        "a callback is answered only after the bank was asked about it, however slow the bank is",
        ("gateways D41",),
        (VNPAY, DVCQG),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.BANK_WAITED_FOR_LONG,
        "a bank that does not answer is waited for ten times as long as was settled",
        ("egov D34",),
        (DVCQG,),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.CERTIFICATE_NOT_CHECKED,
        "the check of the banks' certificates was switched off for a test server, and stayed off",
        ("egov D24", "egov D31"),
        (VNPAY, DVCQG, PAYOS, ONEPAY, VIETCOMBANK_QN, VIETINBANK_DN),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.CONNECTION_TRIED_ON_AND_ON,
        "a bank to which no connection can be made is called ten times, and the payer waits meanwhile",
        ("egov D34",),
        (DVCQG,),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.BANK_TIMEOUT_PER_PIECE,
        "the limit of time holds for each piece of an answer, not for all of it",
        ("egov D34",),
        (DVCQG,),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.GATEWAY_DOWN_FAILS_CALLBACK,
        "without the gateway for text messages no payment is booked",
        ("egov D35", "egov D16"),
        (VNPAY, VIETINBANK),
        in_class=DefectClass.RESILIENCE,
    ),
    Defect(
        Flaw.NOTICE_KEPT_IN_MEMORY,
        "a message to the payer waits in memory only, and a restart loses it",
        ("gateways D37", "egov D35"),
        (VNPAY,),
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.NOTICE_TRIED_ONCE,
        "a message that the gateway refuses once is given up",
        ("egov D35",),
        (VNPAY, VIETINBANK),
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.NOTICE_NUMBERED_ANEW,
        "a message that is sent again has another number, and the gateway sends both",
        ("egov D12",),
        (VNPAY,),
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.FAILURE_TOLD_AS_SUCCESS,
        "the payer is told of a payment that failed that it was received",
        ("egov D35", "egov D4"),
        ASKED_BANKS,
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.QUERY_SETTLES_APART,
        "money found by asking and the same money in a callback count as two payments",
        ("gateways D31", "egov D29"),
        ASKED_BANKS,
        in_class=DefectClass.DUPLICATE,
    ),
    Defect(
        Flaw.TRACE_TOLD,
        "a callback that cannot be read is answered with a stack trace",
        ("egov D15", "gateways D39"),
        (DVCQG, VIETINBANK),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.REFUSAL_TELLS_SECRET,
        "the refusal of a callback tells the merchant's secret",
        ("egov D17", "gateways D69"),
        ASKED_BANKS,
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.LOOKUP_TELLS_PHONE,
        "the fee lookup, which anyone may call, tells the applicant's telephone number",
        ("egov D27",),
        (DVCQG,),
        in_class=DefectClass.PRIVACY,
    ),
    Defect(
        Flaw.ACK_WITHOUT_TYPE,
        "the acknowledgement is JSON and says that it is plain text",
        ("gateways D33",),
        (VNPAY, DVCQG),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.BOOKS_ERROR_ACKED,
        "an error of its own books is logged, and the callback acknowledged",
        ("gateways D34", "egov D16"),
        (*ALL_BANKS, BIDV, SEPAY),
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.TURN_KEPT_AFTER_ERROR,
        "a callback that ends in an error keeps its mark, and its repetition counts as handled",
        ("gateways D36", "egov D16"),
        ALL_BANKS,
        in_class=DefectClass.ACKNOWLEDGEMENT,
    ),
    Defect(
        Flaw.ISSUER_DOWN_FAILS_CALLBACK,
        "no payment is booked while nobody issues receipts",
        ("egov D35", "egov D16"),
        ASKED_BANKS,
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.RECEIPT_LOST_IN_OUTAGE,
        "a receipt that cannot be issued at once is never issued",
        ("egov D35",),
        (*ALL_BANKS, SEPAY),
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.OWED_RECEIPT_KEPT,
        "a receipt that was issued late stays on the list, and is issued again by every later run",
        ("egov D35", "egov D12"),
        ALL_BANKS,
        in_class=DefectClass.NOTICE,
    ),
    Defect(
        Flaw.LOCKED_BILL_PAYABLE,
        "a bill that its office has locked is told as owed",
        ("banks 6.11",),
        (VIETINBANK, BIDV),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.LOCKED_MONEY_DROPPED,
        "money for a locked dossier is acknowledged and forgotten",
        ("banks 6.11", "gateways D34"),
        (*ALL_BANKS, BIDV),
        in_class=DefectClass.BILL,
    ),
    Defect(
        Flaw.UNLOCKING_FORGOTTEN,
        "a bill that was locked once is never owed again",
        ("banks 6.11",),
        (VIETINBANK, BIDV),
        in_class=DefectClass.BILL,
    ),
)


def named(names: list[str]) -> frozenset[Flaw]:
    """The flaws of those names. Raises ValueError with a sentence for one that does not exist."""
    unknown = sorted(set(names) - {flaw.value for flaw in Flaw})
    if unknown:
        known = ", ".join(sorted(flaw.value for flaw in Flaw))
        raise ValueError(f"no defect is called {', '.join(unknown)}; choose from {known}")
    return frozenset(Flaw(name) for name in names)
