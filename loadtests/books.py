"""The two books, read row by row: the bank's through the control API, the connector's as its target file says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from conformance.requirement import Capability
from conformance.target import BELIEVED, Refused, Status, Target
from loadtests.audit import BankRow, ConnectorRow
from loadtests.record import Record
from simulator.client import SandboxClient

NOT_FOUND = 404
ASKED_AT_ONCE = 16
"""How many dossiers a connector is asked about side by side."""


def bank_rows(sandbox: SandboxClient) -> Iterator[BankRow]:
    """Every payment of the sandbox, its money, and whether the connector has still to be told. Raises ControlError."""
    for each in sandbox.standings():
        yield BankRow(
            payment_id=each.payment_id,
            bank=each.bank,
            order_ref=each.order_ref,
            debited_vnd=each.debited_vnd,
            returned_vnd=each.returned_vnd,
            telling=each.telling,
        )


def connector_rows(
    target: Target, record: Record, prefix: str, since: float = 0.0, until: float = float("inf")
) -> Iterator[ConnectorRow]:
    """What the connector says of the dossiers that were opened in that time; one that it does not know is left out.

    A connector that tells of many at once is asked for all whose codes begin with `prefix`, and may tell of others too.
    """
    if Capability.BOOKS in target.capabilities:
        return (_row(each.dossier_code, each.status) for each in target.books(prefix))
    return _asked_one_by_one(target, record, since, until)


def _asked_one_by_one(target: Target, record: Record, since: float, until: float) -> Iterator[ConnectorRow]:
    codes = (each.dossier_code for each in record.journeys(since, until))
    with ThreadPoolExecutor(max_workers=ASKED_AT_ONCE) as askers:
        while some := list(islice(codes, ASKED_AT_ONCE * 8)):
            for row in askers.map(lambda code: _asked(target, code), some):
                if row is not None:
                    yield row


def _asked(target: Target, dossier_code: str) -> ConnectorRow | None:
    try:
        return _row(dossier_code, target.status(dossier_code))
    except Refused as refused:
        if refused.status == NOT_FOUND:
            return None
        raise


def _row(dossier_code: str, status: Status) -> ConnectorRow:
    return ConnectorRow(
        dossier_code=dossier_code,
        paid=status.status in BELIEVED,
        booked_vnd=status.amount_paid_vnd,
        receipts=status.receipts,
        due_vnd=status.refund_due_vnd or 0,
        refunded_vnd=status.refunded_vnd,
    )
