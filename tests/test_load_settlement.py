"""Facts about refunds and the banks' files in a rehearsal: real processes, real books, and what is wrong is found."""

import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from loadtests import load
from loadtests.day_files import fetch, files_between
from loadtests.files_audit import Flaw, audit_files
from loadtests.files_found import FilesRead, read_files
from loadtests.finding import Found, calm, compare, found, measured
from loadtests.judging import Fate
from loadtests.payers import codes_begin
from loadtests.record import Journey, Record
from loadtests.report import html_report, junit_xml, verdict_text
from loadtests.scenario import NAMES, scenario_named
from loadtests.slo import Slo, objectives
from loadtests.stage import Stage, Wanted, set_up
from simulator.client import PaymentView
from tests.test_load import fates, rehearsed

FEE = 50_000
SCENARIO = scenario_named("settlement_day")


def test_every_scenario_and_every_flaw_stands_in_the_document() -> None:
    told = (Path(load.__file__).parent.parent / "docs" / "load.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in told for name in NAMES)
    assert all(f"`{flaw.value}`" in told for flaw in Flaw)
    assert "settlement_day" in NAMES


def wanted(folder: Path, *launch_args: str) -> Wanted:
    return Wanted(
        target=load.TARGET,
        url="",
        token="",
        seed="1",
        users=1,
        rate=1.0,
        for_s=1.0,
        payments=1,
        gates=1,
        patience_s=1.0,
        think=0.0,
        banks=["vnpay", "vietinbank"],
        folder=folder,
        launch_args=launch_args,
    )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with set_up(SCENARIO, wanted(tmp_path)) as made:
        yield made


def code(stage: Stage, name: str) -> str:
    """A dossier of the run."""
    return f"{codes_begin(stage.plan.run)}{name}"


def at_vnpay(stage: Stage, dossier_code: str) -> Journey:
    """A dossier is opened and paid by a QR code."""
    checkout = stage.run.target.open(dossier_code, FEE, "vnpay", "qr")
    httpx.get(checkout.url, follow_redirects=True).raise_for_status()
    [payment] = stage.run.sandbox.payments(order_ref=checkout.order_ref, bank="vnpay")
    return paid(stage, dossier_code, payment)


def at_vietinbank(stage: Stage, dossier_code: str) -> Journey:
    """A dossier is opened, and paid as a bill."""
    checkout = stage.run.target.open(dossier_code, FEE, "vietinbank", "bill")
    bill_code = checkout.bill_code or checkout.order_ref
    return paid(stage, dossier_code, stage.run.sandbox.inquire_bill("vietinbank", bill_code, merchant_code="9111"))


def paid(stage: Stage, dossier_code: str, payment: PaymentView) -> Journey:
    stage.run.sandbox.event(payment.payment_id, "approve")
    now = time.time()
    return Journey(
        dossier_code=dossier_code,
        bank=payment.bank,
        method="",
        amount_vnd=FEE,
        began=now,
        order_ref=payment.order_ref,
        payment_id=payment.payment_id,
        paid=now,
    )


def settled(stage: Stage, *journeys: Journey) -> None:
    """These came, and the connector knows all that the banks have to tell."""
    with Record(stage.plan.record) as record:
        record.add_journeys(journeys)
        for name in ("began", "ended"):
            record.set_figure(name, time.time())
        for name in ("requests", "failures", "turned away", "behind_s"):
            record.set_figure(name, 0)
    calm(stage)


def judged(stage: Stage) -> Found:
    with Record(stage.plan.record) as record:
        books, times, files = compare(stage, record), measured(stage, record), read_files(stage, record)
        return found(SCENARIO, stage, record, books, files, objectives(Slo(), times, books) + files.objectives(), times)


def fate_of(result: Found) -> dict[tuple[str, Fate], int]:
    return {(each.bank, each.fate): each.dossiers for each in result.fates}


def test_money_that_goes_back_is_in_both_books_and_in_the_file(stage: Stage) -> None:
    whole, part, kept, twice = (code(stage, name) for name in ("WHOLE", "PART", "KEPT", "TWICE"))
    bill = at_vietinbank(stage, twice)
    settled(stage, *(at_vnpay(stage, each) for each in (whole, part, kept)), bill)
    stage.run.target.refund(whole, None)
    stage.run.target.refund(part, 20_000)
    stage.run.sandbox.pay_unasked("vietinbank", bill.order_ref, FEE, merchant_code="9111")
    calm(stage)
    result = judged(stage)
    assert fate_of(result) == {("vnpay", Fate.SETTLED_ONCE): 3, ("vietinbank", Fate.REFUND_DUE): 1}
    assert [(each.bank, each.returned_vnd, each.refunded_vnd, each.due_vnd) for each in result.refunds] == [
        ("vietinbank", 0, 0, FEE),
        ("vnpay", FEE + 20_000, FEE + 20_000, 0),
    ]
    counted = {(each.bank, each.kind): (each.sales, each.returns, each.returns_vnd) for each in result.files.read}
    assert counted == {
        ("vnpay", "day"): (3, 2, FEE + 20_000),
        ("vietinbank", "va"): (2, 0, 0),
        ("vietinbank", "bill"): (2, 0, 0),
    }
    assert (result.files.wrong, result.files.payments) == ((), 5)
    assert [(each.bank, each.said, each.failed) for each in result.files.handed_in] == [
        ("vietinbank", "agrees", ""),
        ("vnpay", "agrees", ""),
    ]
    assert result.held
    told, page = verdict_text(result), html_report(result)
    assert "vnpay gave back 70,000 VND; the connector says 70,000 of the fees, and 0 still due" in told
    assert "3 files of the banks: 7 rows of payments, 2 of money that went back, 5 payments looked for" in told
    assert all(words in page for words in ("Tiền đã hoàn", "Money that went back", "Tệp đối soát của ngân hàng"))
    assert "70,000" in page


def test_a_refund_that_the_connector_forgets_is_paid_twice(tmp_path: Path) -> None:
    with set_up(SCENARIO, wanted(tmp_path, "--defect", "refund_not_booked")) as stage:
        once, twice, never = (code(stage, name) for name in ("1", "2", "0"))
        settled(stage, *(at_vnpay(stage, each) for each in (once, twice, never)))
        for dossier_code in (twice, twice, once):
            stage.run.target.refund(dossier_code, 20_000)
        result = judged(stage)
    assert fate_of(result) == {("vnpay", Fate.REFUND_TWICE): 2, ("vnpay", Fate.SETTLED_ONCE): 1}
    assert [(each.returned_vnd, each.refunded_vnd) for each in result.refunds] == [(60_000, 0)]
    assert [each.name for each in result.objectives if not each.held] == ["refund_twice"]
    assert f"2 refund paid twice: {once}, {twice}" in verdict_text(result)


def test_a_file_that_is_not_the_ledgers_is_told_row_by_row(stage: Stage) -> None:
    settled(stage, *(at_vnpay(stage, code(stage, f"{number}")) for number in range(3)))
    merchants = {"vnpay": stage.plan.banks.merchants["vnpay"]}
    with Record(stage.plan.record) as record:
        orders = [each.order_ref for each in record.journeys()]
        [file] = files_between(stage.run.sandbox, merchants, time.time(), time.time())
        fetched = fetch(stage.run.sandbox, file, stage.plan.record.parent)
        lines = fetched.path.read_text(encoding="utf-8").splitlines()
        [lost] = [line for line in lines if f"|{orders[0]}|" in line]
        [kept] = [line for line in lines if f"|{orders[1]}|" in line]
        changed = [line.replace(f"|{FEE * 100}|", "|100|") if line == kept else line for line in lines if line != lost]
        fetched.path.write_text("\n".join([*changed[:-1], lost.replace(orders[0], "STRANGE"), changed[-1]]))
        audited = audit_files(record.path, [fetched], stage.run.sandbox.standings(), merchants)
        books, times = compare(stage, record), measured(stage, record)
        files = FilesRead(audited, ())
        result = found(SCENARIO, stage, record, books, files, files.objectives(), times)
    assert audited.counts == {
        ("vnpay", "day", Flaw.MISSING): 1,
        ("vnpay", "day", Flaw.WRONG_AMOUNT): 1,
        ("vnpay", "day", Flaw.NOBODYS): 1,
    }
    assert not result.held
    told, page = verdict_text(result), html_report(result)
    assert f"      {orders[1]} {code(stage, '1')}: ledger 50,000, file 1 VND, {file.name} line" in told
    assert "1 rows of vnpay day: missing in the file" in told
    assert all(
        words in page for words in (orders[0], "STRANGE", "thiếu trong tệp", "wrong rows in the banks&#39; files")
    )
    failed = [case.get("name") for case in ElementTree.fromstring(junit_xml(result)).iter("testcase") if len(case)]
    assert failed == ["files at most 0 rows"]


def test_a_connector_that_does_not_answer_a_file_is_told(stage: Stage) -> None:
    settled(stage, at_vnpay(stage, code(stage, "1")))
    stage.run.target.outage_books(True)
    with Record(stage.plan.record) as record:
        files = read_files(stage, record)
    stage.run.target.outage_books(False)
    assert {each.name: each.held for each in files.objectives()} == {"files": True, "hand in": False}
    assert all(each.failed and not each.said for each in files.handed_in)


def test_files_go_round_while_people_pay_and_fees_go_back(tmp_path: Path) -> None:
    words = ("settlement_day", "--bank", "vnpay", "--bank", "vietinbank", "--rate", "8", "--for", "6s")
    code, told, results = rehearsed(tmp_path, *words, "--payments", "40")
    assert (code, set(fates(results))) == (0, {"settled_once"}), told
    assert {"file", "hand in", "refund"} <= set(results["times"])
    assert {"file", "hand in"} <= set(results["windows"])
    assert sum(window["requests"] for window in results["windows"]["file"]) > 4
    assert sum(window["failures"] for name in ("file", "hand in") for window in results["windows"][name]) == 0
    [refunds] = [each for each in results["refunds"] if each["bank"] == "vnpay"]
    assert refunds["returned_vnd"] == refunds["refunded_vnd"] > 0
    assert (results["files"]["wrong"], results["files"]["payments"] > 20) == ([], True)
    assert {each["said"] for each in results["files"]["handed_in"]} == {"agrees"}
    assert {"files", "hand in"} <= {each["name"] for each in results["objectives"]}
