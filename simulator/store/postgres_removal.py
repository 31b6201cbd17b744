"""What PostgreSQL is told to remove what is old, inside a transaction, a round at a time; autovacuum does the rest.

Rule: locks in the order of `postgres_statements`; a payment that somebody works on is left for another day.
"""

from datetime import datetime

from simulator.store import Removed, UnknownSandbox, rows
from simulator.store.decisions import Tally
from simulator.store.postgres_statements import Connection, add_to_tally
from simulator.store.removing import (
    BELONGINGS,
    REMOVED_EXCHANGES,
    REMOVED_LETTERS,
    REMOVED_PAYMENTS,
    ended,
    following,
    older,
)


async def remove_payments(connection: Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Raises UnknownSandbox."""
    of = await _kept_open(connection, name)
    found = await connection.fetch(
        """
        SELECT payment_no, document FROM payment WHERE sandbox_id = $1 AND payment_no > $2
        ORDER BY payment_no LIMIT $3 FOR UPDATE SKIP LOCKED
        """,
        *(of, after, limit),
    )
    looked = [(row["payment_no"], rows.payment(row["document"])) for row in found]
    # Only now that they are locked: a callback that was planned meanwhile must be seen.
    telling = await connection.fetch(
        """
        SELECT payment_no FROM delivery
        WHERE payment_no = ANY($1::bigint[]) AND (state IN ('waiting', 'claimed') OR due_at >= $2)
        """,
        *([number for number, _ in looked], rows.micros(before)),
    )
    spared = {row["payment_no"] for row in telling}
    gone = [number for number in ended(looked, before) if number not in spared]
    exchanges = 0
    if gone:
        for table in BELONGINGS:
            await connection.execute(f"DELETE FROM {table} WHERE payment_no = ANY($1::bigint[])", gone)
        await connection.execute("DELETE FROM payment WHERE payment_no = ANY($1::bigint[])", gone)
        told = await connection.execute(
            "DELETE FROM exchange WHERE payment_no IS NOT NULL AND payment_no = ANY($1::bigint[])", gone
        )
        exchanges = int(told.rpartition(" ")[2])
    await _counted(connection, of, {REMOVED_PAYMENTS: len(gone), REMOVED_EXCHANGES: exchanges})
    ages = [(number, payment.created_at) for number, payment in looked]
    return Removed(len(gone), following(ages, before, limit))


async def remove_exchanges(connection: Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Those that belong to no payment. Raises UnknownSandbox."""
    of = await _kept_open(connection, name)
    found = await connection.fetch(
        """
        SELECT exchange_no, document,
            EXISTS (SELECT 1 FROM payment WHERE payment.payment_no = exchange.payment_no) AS is_owned
        FROM exchange WHERE sandbox_id = $1 AND exchange_no > $2 ORDER BY exchange_no LIMIT $3
        """,
        *(of, after, limit),
    )
    looked = [(row["exchange_no"], rows.happened_at(row["document"])) for row in found]
    gone = older(looked, before, {row["exchange_no"] for row in found if row["is_owned"]})
    count = await _deleted(connection, "DELETE FROM exchange WHERE exchange_no = ANY($1::bigint[])", gone)
    await _counted(connection, of, {REMOVED_EXCHANGES: count})
    return Removed(count, following(looked, before, limit))


async def remove_letters(connection: Connection, name: str, before: datetime, after: int, limit: int) -> Removed:
    """Raises UnknownSandbox."""
    of = await _kept_open(connection, name)
    found = await connection.fetch(
        "SELECT letter_no, document FROM letter WHERE sandbox_id = $1 AND letter_no > $2 ORDER BY letter_no LIMIT $3",
        *(of, after, limit),
    )
    looked = [(row["letter_no"], rows.happened_at(row["document"])) for row in found]
    gone = older(looked, before, ())
    count = await _deleted(connection, "DELETE FROM letter WHERE letter_no = ANY($1::bigint[])", gone)
    await _counted(connection, of, {REMOVED_LETTERS: count})
    return Removed(count, following(looked, before, limit))


async def size_bytes(connection: Connection) -> int:
    """Of the whole database, whoever else is in it."""
    found: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    return found


async def _kept_open(connection: Connection, name: str) -> int:
    """The sandbox's number; until the commit nobody clears it. Raises UnknownSandbox."""
    of: int | None = await connection.fetchval("SELECT sandbox_id FROM sandbox WHERE name = $1 FOR KEY SHARE", name)
    if of is None:
        raise UnknownSandbox(name)
    return of


async def _deleted(connection: Connection, statement: str, numbers: list[int]) -> int:
    """How many of them were still there."""
    return int((await connection.execute(statement, numbers)).rpartition(" ")[2]) if numbers else 0


async def _counted(connection: Connection, of: int, removed: dict[str, int]) -> None:
    tally = Tally(int, {(of, counter): amount for counter, amount in removed.items()})
    await add_to_tally(connection, tally)
