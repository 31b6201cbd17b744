"""RECONCILIATION: at the end of a business day bank and books are compared; what differs is told, nothing is mended."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from conformance.bench import Bench, Visit
from conformance.days import FILED, OF_THE_FILE, Days
from conformance.requirement import Level, NotApplicable, expect, requirement
from conformance.target import DiscrepancyKind as Kind
from conformance.target import Refused, Report

SECOND = timedelta(seconds=1)
FOUR_HOURS = timedelta(hours=4)
"""Before the year's end: after any usual cut-off."""

UNKNOWN_HERE = (Kind.MISSING_AT_CONNECTOR, Kind.STATUS_DIFFERS)
"""What money may be called that the bank has and the books have not: no such money, or an order that is still open."""

AGREED = ("00", "0000")
HUGE = 1_000_000
"""Bytes of one line: more than any bank writes."""


@requirement(
    "RECONCILIATION-01",
    level=Level.MUST,
    source="vnpay-settlement#session",
    says="The connector reports no discrepancy where a bank's file and its books agree.",
    vi="Bộ kết nối không báo chênh lệch khi tệp đối soát của ngân hàng khớp với sổ sách.",
    why="A clerk who is warned of what agrees does not see the one row that does not.",
    why_vi="Cán bộ bị cảnh báo cả những dòng khớp thì không thấy dòng thật sự sai.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.6"),
    once_a_bank=True,
)
def test_a_file_that_equals_the_books_agrees(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    visits = days.paid(3)
    days.expect_agrees(days.hand_in(days.file(day)), *visits)


@requirement(
    "RECONCILIATION-02",
    level=Level.MUST,
    source="tt-184-2015#compare",
    says="The connector reports a payment of its books that is missing in the bank's file of that day.",
    vi="Bộ kết nối báo khoản đã ghi sổ nhưng không có trong tệp đối soát của ngân hàng ngày đó.",
    why="A service is given for money that never came to the account.",
    why_vi="Dịch vụ được cung cấp cho khoản tiền chưa từng về tài khoản.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.5", "gateways D58"),
    once_a_bank=True,
)
def test_a_payment_missing_at_the_bank_is_reported(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    listed, missing = days.paid(2)
    report = days.hand_in(days.file(day, missing=[days.row(missing)]))
    days.expect_reported(report, missing, Kind.MISSING_AT_BANK)
    days.expect_agrees(_without(report, days, missing), listed)


@requirement(
    "RECONCILIATION-03",
    level=Level.MUST,
    source="tt-184-2015#compare",
    says="The connector reports a payment of the bank's file that its own books do not have.",
    vi="Bộ kết nối báo khoản có trong tệp của ngân hàng nhưng không có trong sổ sách của mình.",
    why="The payer's money lies at the bank, and nobody at the office looks for its dossier.",
    why_vi="Tiền của người nộp nằm ở ngân hàng mà không ai ở cơ quan đi tìm hồ sơ.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.5", "banks 6.3"),
    once_a_bank=True,
)
def test_a_payment_missing_at_the_connector_is_reported(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    unheard = bench.open()
    bench.fault("lost", times=0)
    bench.pay(unheard)
    file = days.file(day)
    if bench.status(unheard).amount_paid_vnd:
        raise NotApplicable("the connector had found the payment by asking before the file came")
    days.expect_reported(days.hand_in(file), unheard, *UNKNOWN_HERE)


@requirement(
    "RECONCILIATION-04",
    level=Level.MUST,
    source="onefin-settle#va-reply",
    says="The connector reports a row whose amount is not the one in its books.",
    vi="Bộ kết nối báo dòng có số tiền khác với số tiền trong sổ sách.",
    why="The account has less than the books say, by a sum that nobody claims.",
    why_vi="Tài khoản có ít hơn sổ sách một khoản mà không ai đòi lại.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.6"),
    once_a_bank=True,
)
def test_another_amount_is_reported(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    right, less, more = days.paid(3)
    report = days.hand_in(days.file(day, changed={days.row(less): -1, days.row(more): 1_000}))
    days.expect_reported(report, less, Kind.AMOUNT_DIFFERS)
    days.expect_reported(report, more, Kind.AMOUNT_DIFFERS)
    days.expect_agrees(_without(report, days, less, more), right)


@requirement(
    "RECONCILIATION-05",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector reports a payment that stands in the bank's file twice.",
    vi="Bộ kết nối báo khoản xuất hiện hai lần trong tệp đối soát của ngân hàng.",
    why="Either the payer was debited twice, or the bank claims money that it never gave.",
    why_vi="Hoặc người nộp bị trừ tiền hai lần, hoặc ngân hàng tính khoản chưa từng chuyển.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.1"),
    once_a_bank=True,
)
def test_a_row_twice_is_reported(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    once, twice = days.paid(2)
    report = days.hand_in(days.file(day, duplicated=[days.row(twice)]))
    if not report.refused:
        days.expect_reported(report, twice, Kind.DUPLICATE)
        days.expect_agrees(_without(report, days, twice), once)


@requirement(
    "RECONCILIATION-06",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector does not believe a row whose checksum is wrong.",
    vi="Bộ kết nối không tin dòng có mã kiểm tra sai.",
    why="Whoever can write into the folder makes any amount agree.",
    why_vi="Ai ghi được vào thư mục đều làm cho số tiền bất kỳ thành khớp.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.7"),
    once_a_bank=True,
)
def test_a_row_with_a_wrong_checksum_is_not_believed(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    sound, spoilt = days.paid(2)
    report = days.hand_in(days.file(day, wrong_row_checksum=[days.row(spoilt)]))
    if not report.refused:
        days.expect_reported(report, spoilt, Kind.BAD_ROW, Kind.BAD_CHECKSUM)
        days.expect_agrees(_without(report, days, spoilt), sound)


@requirement(
    "RECONCILIATION-07",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector refuses, or reports as faulty, a file whose own checksum is wrong.",
    vi="Bộ kết nối từ chối hoặc báo lỗi tệp có mã kiểm tra toàn tệp sai.",
    why="A file that was changed on its way decides which payments count.",
    why_vi="Tệp bị sửa trên đường truyền lại quyết định khoản nào được tính.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.7"),
    once_a_bank=True,
)
def test_a_file_with_a_wrong_checksum_is_not_believed(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [visit] = days.paid()
    report = days.hand_in(days.file(day, wrong_footer_checksum=True))
    days.expect_not_believed(report, visit, kinds=OF_THE_FILE)


@requirement(
    "RECONCILIATION-08",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector refuses, or reports as faulty, a file that has not so many rows as it says.",
    vi="Bộ kết nối từ chối hoặc báo lỗi tệp có số dòng khác với số dòng khai báo.",
    why="A file that was cut off on its way passes for a whole day.",
    why_vi="Tệp bị cắt ngang khi truyền được coi là đủ cả ngày.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_a_file_with_a_wrong_count_is_not_believed(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [visit] = days.paid()
    for delta in (1, -1):
        report = days.hand_in(days.file(day, count_delta=delta), f"a file that counts {delta:+d} rows")
        days.expect_not_believed(report, visit, kinds=OF_THE_FILE)


@requirement(
    "RECONCILIATION-09",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#files",
    says="The connector compares a file that comes days later with the day it is of.",
    vi="Bộ kết nối đối chiếu tệp đến muộn nhiều ngày với đúng ngày của tệp.",
    why="After an outage every file is compared with another day, and all that is found is wrong.",
    why_vi="Sau sự cố, tệp nào cũng bị đối chiếu với ngày khác và mọi kết quả đều sai.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.12"),
    once_a_bank=True,
)
def test_a_file_that_comes_days_later_is_compared_with_its_own_day(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    listed, missing = days.paid(2)
    following = days.after(day)
    days.expect_agrees(days.hand_in(days.file(following), "the next day's file, which comes first,"), listed, missing)
    days.pass_to(days.after(following).ready_at)
    report = days.hand_in(days.file(day, missing=[days.row(missing)]), "the late file")
    days.expect_reported(report, missing, Kind.MISSING_AT_BANK)
    days.expect_agrees(_without(report, days, missing), listed)


@requirement(
    "RECONCILIATION-10",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector knows a payment again whose row comes with the next day's file.",
    vi="Bộ kết nối nhận ra khoản mà dòng đối soát đến trong tệp ngày hôm sau.",
    why="One payment is searched for twice: as missing at the bank, then as unknown.",
    why_vi="Một khoản bị truy tìm hai lần: lần đầu như thiếu ở ngân hàng, lần sau như khoản lạ.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.3"),
    once_a_bank=True,
)
def test_a_row_that_comes_with_the_next_day_is_known(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    timely, late = days.paid(2)
    row = days.row(late)
    report = days.hand_in(days.file(day, late=[row]))
    days.expect_reported(report, late, Kind.MISSING_AT_BANK)
    report = days.hand_in(days.file(days.after(day), late=[row]), "the next day's file")
    days.expect_agrees(report, timely, late)


@requirement(
    "RECONCILIATION-11",
    level=Level.MUST,
    source="tt-184-2015#compare",
    says="The connector reports a payment of its books that the bank's file shows as taken back.",
    vi="Bộ kết nối báo khoản đã ghi sổ mà tệp của ngân hàng cho thấy đã bị hủy.",
    why="The money went back to the payer, and the service is given for nothing.",
    why_vi="Tiền đã trả lại người nộp mà dịch vụ vẫn được cung cấp.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.10"),
    once_a_bank=True,
)
def test_a_row_that_was_taken_back_is_reported(bench: Bench) -> None:
    if bench.bank == "napas":
        raise NotApplicable("this bank's file lists only what succeeded")
    days = Days(bench)
    day = days.today()
    kept, cancelled = days.paid(2)
    report = days.hand_in(days.file(day, cancelled=[days.row(cancelled)]))
    days.expect_reported(report, cancelled, Kind.STATUS_DIFFERS, Kind.MISSING_AT_BANK, Kind.AMOUNT_DIFFERS)
    days.expect_agrees(_without(report, days, cancelled), kept)


@requirement(
    "RECONCILIATION-12",
    level=Level.MUST,
    source="tt-184-2015#window",
    says="The connector counts a payment to the bank's business day in which it was made, to the second.",
    vi="Bộ kết nối tính khoản tiền vào đúng ngày giao dịch của ngân hàng, chính xác đến giây.",
    why="Every night the payments around the cut-off are missing in one day and too many in the next.",
    why_vi="Mỗi đêm, các khoản quanh giờ chốt thiếu ở ngày này và thừa ở ngày sau.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.3"),
    once_a_bank=True,
)
def test_a_day_ends_at_the_banks_cut_off(bench: Bench) -> None:
    days = Days(bench)
    day = days.last_over()
    days.begin_at(day.ends_at - SECOND)
    [before] = days.paid()
    days.pass_to(day.ends_at)
    [after] = days.paid()
    days.expect_agrees(days.hand_in(days.file(day)), before, after)
    days.expect_agrees(days.hand_in(days.file(days.after(day)), "the next day's file"), before, after)


@requirement(
    "RECONCILIATION-13",
    level=Level.MUST,
    source="tt-184-2015#year-end",
    says="The connector counts payments around the turn of the year to the same business days as the bank.",
    vi="Bộ kết nối tính các khoản quanh thời điểm giao năm vào đúng ngày giao dịch của ngân hàng.",
    why="The year's books are closed with money of the next one, or without some of their own.",
    why_vi="Sổ sách cả năm bị khóa với tiền của năm sau hoặc thiếu tiền của chính năm đó.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_the_years_last_day_is_compared_with_itself(bench: Bench) -> None:
    days = Days(bench)
    day = days.last_of_year(bench.began_at.year - 1)
    days.begin_at(day.ends_at - FOUR_HOURS)
    [old] = days.paid()
    days.pass_to(day.ends_at)
    [new] = days.paid()
    days.expect_agrees(days.hand_in(days.file(day)), old, new)
    days.expect_agrees(days.hand_in(days.file(days.after(day)), "the new year's first file"), old, new)


@requirement(
    "RECONCILIATION-14",
    level=Level.MUST,
    source="tt-184-2015#resend",
    says="The connector finds nothing else in the same file when it is handed in twice, and books nothing by it.",
    vi="Bộ kết nối nhận cùng một tệp hai lần vẫn cho kết quả như lần đầu và không ghi sổ thêm gì.",
    why="A bank sends its files again after an outage, and each time the books change.",
    why_vi="Ngân hàng gửi lại tệp sau sự cố và mỗi lần sổ sách lại thay đổi.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.1", "banks 6.12"),
    once_a_bank=True,
)
def test_the_same_file_twice_changes_nothing(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    visits = days.paid(2)
    file = days.file(day)
    days.expect_agrees(days.hand_in(file), *visits)
    report = days.hand_in(file, "the same file once more")
    if not report.refused:
        days.expect_agrees(report, *visits)
    for visit in visits:
        bench.expect_paid_once(visit)


@requirement(
    "RECONCILIATION-15",
    level=Level.MUST,
    source="vnpay-settlement#disputes",
    says="The connector compares a corrected file of a day that it was handed a false one of.",
    vi="Bộ kết nối đối chiếu tệp đã sửa của ngày mà trước đó đã nhận tệp sai.",
    why="The bank has put its mistake right, and the office goes on claiming the money.",
    why_vi="Ngân hàng đã sửa sai mà cơ quan vẫn tiếp tục khiếu nại.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_a_corrected_file_takes_the_false_ones_place(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    visits = days.paid(2)
    days.hand_in(days.file(day, missing=[days.row(visits[0])]), "a file that lacks a row")
    days.expect_agrees(days.hand_in(days.file(day), "the corrected file"), *visits)


@requirement(
    "RECONCILIATION-16",
    level=Level.MUST,
    source="tt-184-2015#letters",
    says="The connector changes no paid dossier because of what a bank's file lacks or says otherwise.",
    vi="Bộ kết nối không thay đổi hồ sơ đã nộp chỉ vì tệp đối soát thiếu hoặc nói khác.",
    why="One wrong file of the bank's turns paid dossiers into unpaid ones, and their payers are asked to pay again.",
    why_vi="Một tệp sai của ngân hàng biến hồ sơ đã nộp thành chưa nộp và người dân bị đòi tiền lần nữa.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "egov D11"),
    once_a_bank=True,
)
def test_a_false_file_takes_nothing_back(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    missing, changed, cancelled, twice = days.paid(4)
    faults: dict[str, Any] = {
        "missing": [days.row(missing)],
        "changed": {days.row(changed): -1_000},
        "cancelled": [days.row(cancelled)],
        "duplicated": [days.row(twice)],
    }
    days.hand_in(days.file(day, **faults))
    for visit in (missing, changed, cancelled, twice):
        bench.expect_paid_once(visit)


@requirement(
    "RECONCILIATION-17",
    level=Level.MUST,
    source="tt-184-2015#letters",
    says="The connector settles no dossier on a row of a file that the bank itself does not confirm when it is asked.",
    vi="Bộ kết nối không ghi nhận hồ sơ chỉ theo một dòng trong tệp mà ngân hàng không xác nhận khi được hỏi.",
    why="Whoever writes a row into a file has a service for nothing.",
    why_vi="Ai thêm được một dòng vào tệp sẽ được phục vụ miễn phí.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "gateways D55"),
    once_a_bank=True,
)
def test_a_file_alone_settles_nothing(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [paid], unpaid = days.paid(), bench.open()
    bench.arrive(unpaid)
    extra = [{"order_ref": days.row(unpaid), "amount_vnd": unpaid.amount_vnd}]
    report = days.hand_in(days.file(day, extra=extra), "a file with a row of a payment that never was")
    bench.expect_nothing_booked(unpaid)
    days.expect_reported(report, unpaid, *UNKNOWN_HERE)
    bench.expect_paid_once(paid)


@requirement(
    "RECONCILIATION-18",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector books once what the bank's file, its query and a late callback all tell of.",
    vi="Bộ kết nối chỉ ghi sổ một lần khoản được báo bởi cả tệp đối soát, truy vấn và thông báo đến muộn.",
    why="The clerk's correction and the callback behind it make two receipts of one payment.",
    why_vi="Việc sửa sổ và thông báo đến sau tạo thành hai biên lai cho một khoản tiền.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.1", "egov D12"),
    once_a_bank=True,
)
def test_what_a_file_and_a_callback_tell_is_booked_once(bench: Bench) -> None:
    bench.needs_callbacks()
    days = Days(bench)
    day = days.today()
    visit = bench.open()
    bench.fault("lost", times=0)
    bench.pay(visit)
    message = bench.callback(visit, state=None)
    days.hand_in(days.file(day))
    bench.send(message, "the callback that was lost")
    bench.send(message, "the same callback once more")
    bench.expect_paid_once(visit)
    days.expect_agrees(days.hand_in(days.file(day), "the same day's file again"), visit)


@requirement(
    "RECONCILIATION-19",
    level=Level.MUST,
    source="vnpay-querydr-refund#refund",
    says="The connector reports no discrepancy for a payment and its refund that are both in its books.",
    vi="Bộ kết nối không báo chênh lệch cho khoản đã nộp và khoản hoàn đều có trong sổ sách.",
    why="Each refund looks like a second payment or a lost one, and is paid back again.",
    why_vi="Mỗi khoản hoàn trông như nộp lần hai hoặc bị mất, rồi lại được hoàn lần nữa.",
    needs=("reconcile", "refund"),
    banks=FILED,
    guards=("banks 6.8", "banks 6.9"),
    once_a_bank=True,
)
def test_a_refund_in_the_file_is_known(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    part, whole, kept = days.paid(3)
    try:
        bench.refund(part, part.amount_vnd // 2)
        bench.refund(whole, None)
    except Refused as refused:
        raise NotApplicable("the connector gives no money back by this bank") from refused
    days.expect_agrees(days.hand_in(days.file(day)), part, whole, kept)


@requirement(
    "RECONCILIATION-20",
    level=Level.MUST,
    source="vietinbank-thvqr-1-0#files",
    says="The connector takes a file of a day without payments for what it is.",
    vi="Bộ kết nối hiểu đúng tệp đối soát của ngày không có giao dịch.",
    why="On every quiet day an alarm goes off, until nobody listens to it.",
    why_vi="Ngày nào vắng cũng báo động cho đến khi không ai để ý nữa.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_a_day_without_payments_agrees(bench: Bench) -> None:
    days = Days(bench)
    report = days.hand_in(days.file(days.long_ago()), "a file without a row")
    expect(not report.refused, "a file without rows is compared", expected="a report", actual=report.refused[:300])
    expect(not report.discrepancies, "an empty day agrees", expected="none", actual=len(report.discrepancies))


@requirement(
    "RECONCILIATION-21",
    level=Level.MUST,
    source="client-defects#merchant-not-compared",
    says="The connector refuses, or reports as foreign, a file that is another merchant's.",
    vi="Bộ kết nối từ chối hoặc báo là của đơn vị khác đối với tệp của đơn vị khác.",
    why="All of the day's payments look lost, or another office's money looks like its own.",
    why_vi="Mọi khoản trong ngày trông như bị mất, hoặc tiền của cơ quan khác trông như của mình.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "gateways D42"),
    once_a_bank=True,
)
def test_another_merchants_file_is_not_compared(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [visit] = days.paid()
    own = days.file(day)
    other = _another_merchant(bench)
    report = days.hand_in(replace(days.file_of(bench.bank, other, day), name=own.name), "another merchant's file")
    days.expect_not_believed(report, visit, kinds=OF_THE_FILE)


@requirement(
    "RECONCILIATION-22",
    level=Level.MUST,
    source="onefin-settle#va",
    says="The connector refuses, or reports as faulty, a file in another bank's layout.",
    vi="Bộ kết nối từ chối hoặc báo lỗi tệp theo bố cục của ngân hàng khác.",
    why="A file put into the wrong folder is read as a day without payments, and all of them look lost.",
    why_vi="Tệp để nhầm thư mục bị đọc thành ngày không có giao dịch và mọi khoản trông như bị mất.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_another_banks_file_is_not_compared(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [visit] = days.paid()
    own = days.file(day)
    other = next(each for each in ("vietinbank", "vnpay") if each != bench.bank)
    days.pass_to(days.after(day).ends_at)
    report = days.hand_in(replace(days.file_of(other, "", day), name=own.name), f"a file of {other}'s")
    days.expect_not_believed(report, visit, kinds=OF_THE_FILE)
    days.expect_agrees(days.hand_in(own, "its own file"), visit)


@requirement(
    "RECONCILIATION-23",
    level=Level.MUST,
    source="portal-defects#hostile-input",
    says="The connector refuses a file that is no file of the bank's, whatever is in it, and goes on working.",
    vi="Bộ kết nối từ chối tệp không phải của ngân hàng, dù nội dung là gì, và vẫn hoạt động bình thường.",
    why="One broken file stops reconciliation for days, or reads its formula on the clerk's machine.",
    why_vi="Một tệp hỏng làm ngừng đối soát nhiều ngày hoặc chạy công thức trên máy cán bộ.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "gateways D68"),
    once_a_bank=True,
)
def test_a_hostile_file_does_no_harm(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    [visit] = days.paid()
    file = days.file(day)
    for told, content in _hostile(file.content):
        days.expect_not_believed(days.hand_in_bytes(file, content, told), visit, kinds=OF_THE_FILE)
    bench.expect_paid_once(visit)
    days.expect_agrees(days.hand_in(file, "the true file"), visit)


@requirement(
    "RECONCILIATION-24",
    level=Level.MUST,
    source="vietinbank-y3-1-4-1#counter",
    says="The connector matches the row of a bill paid in cash, which has no reference of the bank's.",
    vi="Bộ kết nối đối chiếu được dòng của hóa đơn nộp tiền mặt, vốn không có số tham chiếu ngân hàng.",
    why="Whoever pays at a counter is in the list of the missing every day.",
    why_vi="Người nộp tại quầy ngày nào cũng nằm trong danh sách bị thiếu.",
    needs=("reconcile",),
    banks=("vietinbank",),
    guards=("banks 6.8", "banks 6.5"),
    once_a_bank=True,
)
def test_cash_is_matched_without_the_banks_reference(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    visits = [bench.open(), bench.open()]
    for visit in visits:
        bench.walk_to(visit, "counter")
        bench.deliver()
        bench.expect_paid_once(visit)
    days.expect_agrees(days.hand_in(days.file(day)), *visits)


@requirement(
    "RECONCILIATION-25",
    level=Level.MUST,
    source="portal-defects#two-attempts",
    says="The connector compares money that it flagged to be given back like any other.",
    vi="Bộ kết nối đối chiếu cả khoản tiền đã đánh dấu phải hoàn như mọi khoản khác.",
    why="The second payment of a dossier is neither given back nor found by anyone.",
    why_vi="Khoản nộp lần hai của hồ sơ không được hoàn mà cũng không ai tìm ra.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8", "banks 6.2"),
    once_a_bank=True,
)
def test_money_to_be_given_back_is_compared_too(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    first = bench.open()
    payments = [bench.arrive(first)]
    second = _second_order(bench, first) if bench.announced else first
    payments.append(bench.arrive_anew(second))
    for payment_id in payments:
        bench.approve(payment_id, f"dossier {first.dossier_code} is paid at the bank")
    bench.deliver()
    bench.expect_second_flagged(first)
    days.expect_agrees(days.hand_in(days.file(day)), first, second)


@requirement(
    "RECONCILIATION-26",
    level=Level.MUST,
    source="onefin-settle#va-reply",
    says="The connector's answer to a bank's file agrees with the rows that agree, and with no other.",
    vi="Tệp trả lời của bộ kết nối xác nhận đúng những dòng khớp và không xác nhận dòng nào khác.",
    why="The bank takes its own mistake for agreed, and the money is settled by it.",
    why_vi="Ngân hàng coi sai sót của mình là đã khớp và quyết toán theo đó.",
    needs=("reconcile",),
    banks=FILED,
    guards=("banks 6.8",),
    once_a_bank=True,
)
def test_the_answer_to_the_bank_says_what_was_found(bench: Bench) -> None:
    days = Days(bench)
    day = days.today()
    right, less = days.paid(2)
    file = days.file(day, changed={days.row(less): -1_000})
    report = days.hand_in(file)
    if report.reply is None:
        raise NotApplicable("the connector does not tell what it answers the bank")
    answered = days.answer(file, report.reply)
    wrong = [f"line {each.line} {each.field}: {each.why}" for each in answered.errors]
    expect(answered.accepted, "the bank can read the answer to its file", expected="no error", actual=wrong)
    said = {each.amount_vnd: each.status for each in answered.rows}
    agreed = said.get(right.amount_vnd)
    expect(agreed in AGREED, "the answer agrees with what agrees", expected="agreed", actual=agreed)
    disputed = said.get(less.amount_vnd - 1_000)
    expect(disputed not in AGREED, "the answer disputes what differs", expected="disputed", actual=disputed)


@requirement(
    "RECONCILIATION-27",
    level=Level.MUST,
    source="tt-184-2015#resend",
    says="The connector knows payments of earlier days again when the Treasury sends them once more after an outage.",
    vi="Bộ kết nối nhận ra các khoản của những ngày trước khi Kho bạc truyền lại toàn bộ sau sự cố.",
    why="The morning after an outage every payment of days is a new one, or a second one.",
    why_vi="Sau sự cố, mọi khoản của nhiều ngày đều bị coi là khoản mới hoặc khoản nộp lần hai.",
    needs=("reconcile",),
    banks=("dvcqg",),
    guards=("banks 6.8", "banks 6.12"),
    once_a_bank=True,
)
def test_what_is_sent_again_after_an_outage_is_known(bench: Bench) -> None:
    days = Days(bench)
    over = days.last_over()
    days.begin_at(over.begins_at + SECOND)
    [earlier] = days.paid()
    days.expect_agrees(days.hand_in(days.file(over)), earlier)
    day = days.today()
    [later] = days.paid()
    file = days.file(day, since=over.business_date)
    days.expect_agrees(days.hand_in(file, "a file of all days since then"), earlier, later)
    bench.expect_paid_once(earlier)


def _without(report: Report, days: Days, *visits: Visit) -> Report:
    """The report without what it says of these payments."""
    said = [each for visit in visits for each in days.about(report, visit)]
    return replace(report, discrepancies=tuple(each for each in report.discrepancies if each not in said))


def _another_merchant(bench: Bench) -> str:
    """A merchant with the connector's own secrets, so that nothing but its code tells the files apart."""
    other = f"{bench.merchant.merchant_code}2"
    bench.tell(f"the bank has another merchant, {other}")
    known = (*bench.view.secrets, "settlement_secret")
    secrets = {name: value for name, value in bench.merchant.secrets.items() if name in known}
    bench.sandbox.set_merchant(bench.bank, other, secrets=secrets)
    return other


def _second_order(bench: Bench, first: Visit) -> Visit:
    try:
        second = bench.open_again(first)
    except Refused as refused:
        raise NotApplicable("the connector opens no second order while one is open") from refused
    if second.order_ref == first.order_ref:
        raise NotApplicable("a dossier has one order for all attempts, which the bank takes once")
    return second


def _hostile(content: bytes) -> Iterator[tuple[str, bytes]]:
    header, _, rest = content.partition(b"\n")
    row, _, _ = rest.partition(b"\n")
    yield "nothing at all", b""
    yield "bytes that are no text", bytes(range(256)) * 64
    yield "its file in UTF-16", content.decode().encode("utf-16")
    yield "its file with a NUL in every line", content.replace(b"\n", b"\x00\n")
    yield "its file cut off in a row", content[: len(header) + len(row) // 2]
    yield "a file of formulas", header + b"\n" + b'=HYPERLINK("http://127.0.0.1")|' * 12 + b"\n"
    yield "a page of HTML", b"<html><script>alert(1)</script></html>"
    yield "a file of one huge line", header + b"\n" + b"0" * HUGE
