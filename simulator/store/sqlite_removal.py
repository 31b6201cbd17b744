"""What SQLite is told to remove what is old, and to give its pages back, inside a transaction; a round at a time."""

import sqlite3
from datetime import datetime

from simulator.store import Removed, rows
from simulator.store.decisions import Tally
from simulator.store.removing import (
    BELONGINGS,
    REMOVED_EXCHANGES,
    REMOVED_LETTERS,
    REMOVED_PAYMENTS,
    ended,
    following,
    older,
)
from simulator.store.sqlite_statements import add_to_tally, sandbox_id

INCREMENTAL = 2
"""The file's own word for giving pages back when asked to."""


def remove_payments(connection: sqlite3.Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Raises UnknownSandbox. The youngest payment of the file stays: numbers go on from the highest."""
    of = sandbox_id(connection, name)
    found = connection.execute(
        """
        SELECT payment_no, document, EXISTS (
            SELECT 1 FROM delivery WHERE delivery.payment_no = payment.payment_no
                AND (state IN ('waiting', 'claimed') OR due_at >= :before)
        )
        FROM payment
        WHERE sandbox_id = :of AND payment_no > :after AND payment_no < (SELECT max(payment_no) FROM payment)
        ORDER BY payment_no LIMIT :limit
        """,
        {"of": of, "after": after, "limit": limit, "before": rows.micros(before)},
    ).fetchall()
    looked = [(number, rows.payment(content)) for number, content, _ in found]
    telling = {number for number, _, is_telling in found if is_telling}
    gone = [(number,) for number in ended(looked, before) if number not in telling]
    for table in BELONGINGS:
        connection.executemany(f"DELETE FROM {table} WHERE payment_no = ?", gone)
    exchanges = connection.executemany("DELETE FROM exchange WHERE payment_no = ?", gone).rowcount if gone else 0
    connection.executemany("DELETE FROM payment WHERE payment_no = ?", gone)
    _counted(connection, of, {REMOVED_PAYMENTS: len(gone), REMOVED_EXCHANGES: exchanges})
    ages = [(number, payment.created_at) for number, payment in looked]
    return Removed(len(gone), following(ages, before, limit))


def remove_exchanges(connection: sqlite3.Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Those that belong to no payment. Raises UnknownSandbox."""
    of = sandbox_id(connection, name)
    found = connection.execute(
        """
        SELECT exchange_no, document, EXISTS (SELECT 1 FROM payment WHERE payment.payment_no = exchange.payment_no)
        FROM exchange WHERE sandbox_id = ? AND exchange_no > ? ORDER BY exchange_no LIMIT ?
        """,
        (of, after, limit),
    ).fetchall()
    looked = [(number, rows.happened_at(content)) for number, content, _ in found]
    gone = older(looked, before, {number for number, _, is_owned in found if is_owned})
    connection.executemany("DELETE FROM exchange WHERE exchange_no = ?", [(number,) for number in gone])
    _counted(connection, of, {REMOVED_EXCHANGES: len(gone)})
    return Removed(len(gone), following(looked, before, limit))


def remove_letters(connection: sqlite3.Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Raises UnknownSandbox."""
    of = sandbox_id(connection, name)
    found = connection.execute(
        "SELECT letter_no, document FROM letter WHERE sandbox_id = ? AND letter_no > ? ORDER BY letter_no LIMIT ?",
        (of, after, limit),
    ).fetchall()
    looked = [(number, rows.happened_at(content)) for number, content in found]
    gone = older(looked, before, ())
    connection.executemany("DELETE FROM letter WHERE letter_no = ?", [(number,) for number in gone])
    _counted(connection, of, {REMOVED_LETTERS: len(gone)})
    return Removed(len(gone), following(looked, before, limit))


def give_back(connection: sqlite3.Connection, pages: int) -> bool:
    """Whether there is more to give back to the disk."""
    if not gives_back(connection):
        return False
    for _ in range(pages):  # Asked for more at once, the library stops after the first.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return _free_pages(connection) > 0


def gives_back(connection: sqlite3.Connection) -> bool:
    return int(connection.execute("PRAGMA auto_vacuum").fetchone()[0]) == INCREMENTAL


def free_bytes(connection: sqlite3.Connection) -> int:
    return _free_pages(connection) * int(connection.execute("PRAGMA page_size").fetchone()[0])


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _counted(connection: sqlite3.Connection, of: int, removed: dict[str, int]) -> None:
    tally = Tally(int, {(of, counter): amount for counter, amount in removed.items()})
    add_to_tally(connection, tally)
