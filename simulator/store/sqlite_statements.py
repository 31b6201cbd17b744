"""What SQLite is told: every statement of the store, as functions over a connection that is inside a transaction."""

import sqlite3
from collections import Counter, defaultdict
from itertools import count

from simulator.faults import Fault
from simulator.letter import Letter
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Payment
from simulator.purse import Purse
from simulator.store import (
    ById,
    Claimed,
    Entry,
    Exchange,
    Figures,
    ImpossibleChange,
    Key,
    Moment,
    Name,
    Outdated,
    Sandbox,
    Standing,
    UnknownSandbox,
    expiry_of,
    rows,
)
from simulator.store.decisions import Decisions, Held, PurseRef, Tally, Tenant, bank_counter, delivery_counter

# The partial index is used only by statements that repeat its condition literally.
_OPEN = "state IN ('waiting', 'claimed')"

_IN_SANDBOX = "sandbox_id = :of"

_SANDBOX = "SELECT name, clock_at, faults, settings, version FROM sandbox"

# Without the sandbox beside it: of two indexes SQLite would take the wrong one, and read the whole sandbox.
_OF_PAYMENT = "payment_no = (SELECT payment_no FROM payment WHERE sandbox_id = :of AND payment_id = :payment_id)"

_DUE = f"""
    SELECT due.delivery_no, due.payment_no, due.sandbox_id, due.state, sandbox.name, due.document, payment.document
    FROM sandbox
    JOIN delivery AS due ON due.delivery_no IN (
        SELECT delivery_no FROM delivery
        WHERE sandbox_id = sandbox.sandbox_id AND {_OPEN} AND due_at <= :now
        ORDER BY due_at, delivery_id LIMIT :limit
    )
    JOIN payment ON payment.payment_no = due.payment_no
    WHERE {{scope}}
    ORDER BY due.due_at, due.delivery_id LIMIT :limit
"""


_ENTER_MOMENT = "INSERT INTO moment (sandbox_id, bank, at, payment_no) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"

MOMENTS = """
    SELECT moment.at, moment.payment_no, payment.document FROM moment
    JOIN payment ON payment.payment_no = moment.payment_no
    WHERE moment.sandbox_id = :of AND moment.bank = :bank AND moment.at < :until
        AND (moment.at, moment.payment_no) > (:since, :after) AND payment.merchant_code = :merchant_code
    ORDER BY moment.at, moment.payment_no LIMIT :limit
"""


def sandbox_id(connection: sqlite3.Connection, name: str) -> int:
    """Raises UnknownSandbox."""
    row = connection.execute("SELECT sandbox_id FROM sandbox WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise UnknownSandbox(name)
    return int(row[0])


def tenant(connection: sqlite3.Connection, name: str) -> Tenant | None:
    row = connection.execute("SELECT sandbox_id, clock_at, faults FROM sandbox WHERE name = ?", (name,)).fetchone()
    return None if row is None else Tenant(row[0], rows.instant_or_none(row[1]), rows.faults(row[2]))


def payment(connection: sqlite3.Connection, sandbox_id: int, key: Key) -> Held | None:
    if isinstance(key, ById):
        found = connection.execute(
            "SELECT payment_no, document FROM payment WHERE sandbox_id = ? AND payment_id = ?",
            (sandbox_id, key.payment_id),
        )
    else:
        found = connection.execute(
            """
            SELECT payment_no, document FROM payment
            WHERE sandbox_id = ? AND order_key = ? AND merchant_code = ? AND bank = ?
            """,
            (sandbox_id, key.order_key, key.merchant_code, key.bank),
        )
    row = found.fetchone()
    return None if row is None else (row[0], rows.payment(row[1]))


def payment_of(connection: sqlite3.Connection, name: str, key: Key) -> Payment | None:
    held = payment(connection, sandbox_id(connection, name), key)
    return held[1] if held else None


def named(connection: sqlite3.Connection, sandbox: str, name: Name) -> str | None:
    row = connection.execute(
        """
        SELECT payment_id FROM payment WHERE payment_no = (
            SELECT payment_no FROM name WHERE sandbox_id = ? AND name = ? AND merchant_code = ? AND bank = ?
        )
        """,
        (sandbox_id(connection, sandbox), name.name, name.merchant_code, name.bank),
    ).fetchone()
    return row[0] if row else None


def purse(connection: sqlite3.Connection, ref: PurseRef) -> Purse | None:
    row = connection.execute("SELECT document FROM purse WHERE sandbox_id = ? AND account = ?", ref).fetchone()
    return None if row is None else rows.purse(row[0])


def purses(connection: sqlite3.Connection, name: str) -> list[Purse]:
    of = (sandbox_id(connection, name),)
    found = connection.execute("SELECT document FROM purse WHERE sandbox_id = ? ORDER BY account", of)
    return [rows.purse(content) for (content,) in found]


_ADD_SANDBOX = "INSERT INTO sandbox (name, clock_at, faults, settings, version) VALUES (?, ?, ?, ?, ?)"


def put_sandbox(connection: sqlite3.Connection, sandbox: Sandbox) -> str:
    """Its new version."""
    columns = rows.new_sandbox(sandbox)
    connection.execute(
        f"""
        {_ADD_SANDBOX} ON CONFLICT (name) DO UPDATE SET
            clock_at = excluded.clock_at, faults = excluded.faults, settings = excluded.settings,
            version = excluded.version
        """,
        columns,
    )
    return columns[-1]


def add_sandbox(connection: sqlite3.Connection, sandbox: Sandbox) -> None:
    connection.execute(f"{_ADD_SANDBOX} ON CONFLICT (name) DO NOTHING", rows.new_sandbox(sandbox))


def set_settings(connection: sqlite3.Connection, sandbox: Sandbox) -> str:
    """Their new version. Raises UnknownSandbox, Outdated."""
    of, new = sandbox_id(connection, sandbox.name), rows.new_version()
    written = connection.execute(
        "UPDATE sandbox SET settings = ?, version = ? WHERE sandbox_id = ? AND version = ?",
        (rows.settings(sandbox), new, of, sandbox.version),
    )
    if written.rowcount == 0:
        raise Outdated(sandbox.name)
    return new


def version(connection: sqlite3.Connection, name: str) -> str:
    """Raises UnknownSandbox."""
    row = connection.execute("SELECT version FROM sandbox WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise UnknownSandbox(name)
    return str(row[0])


def sandbox(connection: sqlite3.Connection, name: str) -> Sandbox:
    """Raises UnknownSandbox."""
    row = connection.execute(f"{_SANDBOX} WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise UnknownSandbox(name)
    return rows.sandbox(*row)


def sandboxes(connection: sqlite3.Connection) -> list[Sandbox]:
    found = connection.execute(f"{_SANDBOX} ORDER BY name")
    return [rows.sandbox(*row) for row in found]


def clear_sandbox(connection: sqlite3.Connection, name: str) -> None:
    of = (sandbox_id(connection, name),)
    for table in ("payment", "name", "letter", "ledger", "moment", "delivery", "exchange", "tally", "purse"):
        connection.execute(f"DELETE FROM {table} WHERE sandbox_id = ?", of)


def drop_sandbox(connection: sqlite3.Connection, name: str) -> None:
    clear_sandbox(connection, name)
    connection.execute("DELETE FROM sandbox WHERE name = ?", (name,))


def set_clock(connection: sqlite3.Connection, name: str, at: int) -> None:
    """Raises ValueError for a sandbox on the system clock."""
    of = sandbox_id(connection, name)
    moved = connection.execute(
        "UPDATE sandbox SET clock_at = max(clock_at, ?) WHERE sandbox_id = ? AND clock_at IS NOT NULL", (at, of)
    )
    if moved.rowcount == 0:
        raise ValueError(f"sandbox {name} is on the system clock, which nobody moves")


def set_faults(connection: sqlite3.Connection, of: int, faults: tuple[Fault, ...]) -> None:
    connection.execute("UPDATE sandbox SET faults = ? WHERE sandbox_id = ?", (rows.document(faults), of))


def write(connection: sqlite3.Connection, decisions: Decisions) -> None:
    """Raises ImpossibleChange, and then the transaction must be undone."""
    try:
        _create_payments(connection, decisions)
        _find_numbers(connection, decisions)
        connection.executemany(
            "INSERT INTO ledger (sandbox_id, payment_no, entry_id, document) VALUES (?, ?, ?, ?)",
            [
                (of, decisions.number_of((of, payment_id)), entry_id, rows.document(entry))
                for (of, payment_id, entry_id), entry in decisions.entries.items()
            ],
        )
    except sqlite3.IntegrityError as error:
        raise ImpossibleChange(f"a payment or a ledger entry exists already: {error}") from error
    connection.executemany(
        "UPDATE payment SET expires_at = ?, document = ? WHERE payment_no = ?",
        [
            (rows.micros_or_none(expiry_of(payment)), rows.document(payment), decisions.numbers[ref])
            for ref, payment in decisions.changed.items()
        ],
    )
    found = decisions.moments()
    if found:
        connection.executemany(_ENTER_MOMENT, [(of, bank, rows.micros(at), number) for of, bank, at, number in found])
    if decisions.names:
        _write_names(connection, decisions)
    for of, faults in decisions.faults.items():
        set_faults(connection, of, faults)
    if decisions.purses:
        connection.executemany(
            """
            INSERT INTO purse (sandbox_id, account, document) VALUES (?, ?, ?)
            ON CONFLICT (sandbox_id, account) DO UPDATE SET document = excluded.document
            """,
            [(*ref, rows.document(purse)) for ref, purse in decisions.purses.items()],
        )
    for (of, payment_id, _), delivery in decisions.deliveries.items():
        _put_delivery(connection, of, decisions.number_of((of, payment_id)), delivery, decisions.tally)
    connection.executemany(
        "INSERT INTO exchange (sandbox_id, payment_no, document) VALUES (?, ?, ?)",
        [
            (of, decisions.numbers.get((of, exchange.payment_id)), rows.document(exchange))
            for of, exchange in decisions.exchanges
        ],
    )
    add_to_tally(connection, decisions.tally)


def claim(
    connection: sqlite3.Connection, now: int, limit: int, until: int, token: str, name: str | None
) -> list[Claimed]:
    """`now` and `until` in microseconds. `name` None: every sandbox on the system clock. Raises UnknownSandbox.

    The lease that the caller gets names the rows beside the token, so that `finish` need not look for them.
    """
    if name is not None:
        sandbox_id(connection, name)
    scope = "sandbox.clock_at IS NULL" if name is None else "sandbox.name = :name"
    due = connection.execute(_DUE.format(scope=scope), {"now": now, "limit": limit, "name": name}).fetchall()
    connection.executemany(
        "UPDATE delivery SET state = 'claimed', due_at = ?, lease = ? WHERE delivery_no = ?",
        [(until, token, number) for number, *_ in due],
    )
    tally: Tally = defaultdict(int)
    for _, _, of, state, *_ in due:
        tally[of, delivery_counter(state)] -= 1
        tally[of, delivery_counter(DeliveryState.CLAIMED)] += 1
    add_to_tally(connection, tally)
    return [
        rows.claimed(name, content, paid, until, f"{number}:{payment_no}:{token}")
        for number, payment_no, _, _, name, content, paid in due
    ]


def finish(connection: sqlite3.Connection, claimed: Claimed, after: Delivery) -> int | None:
    """The payment's number; None if the lease was lost."""
    number, payment_no, token = claimed.lease.split(":", 2)
    written = connection.execute(
        """
        UPDATE delivery SET state = ?, due_at = ?, lease = '', document = ?
        WHERE delivery_no = ? AND lease = ? AND state = 'claimed'
        """,
        (after.state.value, rows.micros(after.due_at), rows.document(after), int(number), token),
    )
    return int(payment_no) if written.rowcount else None


def next_due(connection: sqlite3.Connection, name: str | None) -> int | None:
    """In microseconds. Raises UnknownSandbox."""
    if name is not None:
        earliest = f"SELECT min(due_at) FROM delivery WHERE sandbox_id = ? AND {_OPEN}"
        return _one(connection, earliest, sandbox_id(connection, name))
    return _one(
        connection,
        f"""
        SELECT min((SELECT min(due_at) FROM delivery WHERE sandbox_id = sandbox.sandbox_id AND {_OPEN}))
        FROM sandbox WHERE clock_at IS NULL
        """,
    )


def next_expiry(connection: sqlite3.Connection, name: str, after: int) -> int | None:
    return _one(
        connection,
        "SELECT min(expires_at) FROM payment WHERE sandbox_id = ? AND expires_at > ?",
        sandbox_id(connection, name),
        after,
    )


def expiring(connection: sqlite3.Connection, now: int, limit: int, name: str | None) -> list[tuple[str, str]]:
    if name is not None:
        sandbox_id(connection, name)
    scope = "sandbox.clock_at IS NULL" if name is None else "sandbox.name = :name"
    return connection.execute(
        f"""
        SELECT sandbox.name, payment.payment_id FROM sandbox
        JOIN payment ON payment.payment_no IN (
            SELECT payment_no FROM payment
            WHERE sandbox_id = sandbox.sandbox_id AND expires_at <= :now
            ORDER BY expires_at, payment_no LIMIT :limit
        )
        WHERE {scope} ORDER BY payment.expires_at, payment.payment_no LIMIT :limit
        """,
        {"now": now, "limit": limit, "name": name},
    ).fetchall()


def payments(
    connection: sqlite3.Connection, name: str, order_ref: str, bank: str, limit: int, offset: int
) -> list[Payment]:
    wanted = {"order_ref": order_ref, "bank": bank}
    where = "".join(f" AND {column} = :{column}" for column, value in wanted.items() if value)
    found = connection.execute(
        f"""
        SELECT document FROM payment WHERE sandbox_id = :of{where}
        ORDER BY payment_no DESC LIMIT :limit OFFSET :offset
        """,
        {"of": sandbox_id(connection, name), "limit": limit, "offset": offset, **wanted},
    )
    return [rows.payment(content) for (content,) in found]


def deliveries(connection: sqlite3.Connection, name: str, payment_id: str, limit: int, offset: int) -> list[Delivery]:
    where = _OF_PAYMENT if payment_id else _IN_SANDBOX
    found = connection.execute(
        f"""
        SELECT document, state, due_at FROM delivery WHERE {where}
        ORDER BY due_at, delivery_id LIMIT :limit OFFSET :offset
        """,
        {"of": sandbox_id(connection, name), "payment_id": payment_id, "limit": limit, "offset": offset},
    )
    return [rows.delivery(*row) for row in found]


def exchanges(
    connection: sqlite3.Connection, name: str, payment_id: str, after_id: int, limit: int
) -> list[tuple[int, Exchange]]:
    where = _OF_PAYMENT if payment_id else _IN_SANDBOX
    found = connection.execute(
        f"""
        SELECT exchange_no, document FROM exchange WHERE {where} AND exchange_no > :after_id
        ORDER BY exchange_no LIMIT :limit
        """,
        {"of": sandbox_id(connection, name), "payment_id": payment_id, "after_id": after_id, "limit": limit},
    )
    return [(number, rows.exchange(content)) for number, content in found]


def ledger(connection: sqlite3.Connection, name: str, payment_id: str, limit: int, offset: int) -> list[Entry]:
    where = _OF_PAYMENT if payment_id else _IN_SANDBOX
    found = connection.execute(
        f"""
        SELECT document FROM ledger WHERE {where}
        ORDER BY entry_no LIMIT :limit OFFSET :offset
        """,
        {"of": sandbox_id(connection, name), "payment_id": payment_id, "limit": limit, "offset": offset},
    )
    return [rows.entry(content) for (content,) in found]


def moments(
    connection: sqlite3.Connection,
    name: str,
    bank: str,
    merchant_code: str,
    since: int,
    until: int,
    after: int,
    limit: int,
) -> list[Moment]:
    """`since` and `until` in microseconds."""
    wanted = {"of": sandbox_id(connection, name), "bank": bank, "merchant_code": merchant_code}
    span = {"since": since, "until": until, "after": after, "limit": limit}
    found = connection.execute(MOMENTS, {**wanted, **span}).fetchall()
    return [
        Moment(rows.instant(at), number, rows.payment(content), _entries(connection, number))
        for at, number, content in found
    ]


def standings(connection: sqlite3.Connection, name: str, after: int, limit: int) -> list[Standing]:
    found = connection.execute(
        f"""
        SELECT payment_no, document, EXISTS (
            SELECT 1 FROM delivery
            WHERE delivery.payment_no = payment.payment_no AND state IN ('waiting', 'claimed')
        )
        FROM payment WHERE {_IN_SANDBOX} AND payment_no > :after ORDER BY payment_no LIMIT :limit
        """,
        {"of": sandbox_id(connection, name), "after": after, "limit": limit},
    ).fetchall()
    return [
        Standing(number, rows.payment(content), _entries(connection, number), bool(telling))
        for number, content, telling in found
    ]


def _entries(connection: sqlite3.Connection, payment_no: int) -> tuple[Entry, ...]:
    found = connection.execute("SELECT document FROM ledger WHERE payment_no = ? ORDER BY entry_no", (payment_no,))
    return tuple(rows.entry(content) for (content,) in found)


def enter_moments(connection: sqlite3.Connection) -> None:
    """Of all payments whose money has moved."""
    kept = connection.execute(
        """
        SELECT payment.sandbox_id, payment_no, bank, ledger.document, payment.document
        FROM ledger JOIN payment USING (payment_no)
        """
    )
    for of, number, bank, booked, paid in kept:
        moments = rows.kept_moments(bank, booked, paid)
        connection.executemany(_ENTER_MOMENT, [(of, bank, at, number) for bank, at in moments])


def put_letter(connection: sqlite3.Connection, name: str, letter: Letter) -> int:
    """Raises UnknownSandbox."""
    row = (sandbox_id(connection, name), letter.recipient, rows.document(letter))
    written = connection.execute("INSERT INTO letter (sandbox_id, recipient, document) VALUES (?, ?, ?)", row)
    return int(written.lastrowid or 0)


def letters(
    connection: sqlite3.Connection, name: str, recipient: str, after_id: int, limit: int
) -> list[tuple[int, Letter]]:
    where = " AND recipient = :recipient" if recipient else ""
    found = connection.execute(
        f"""
        SELECT letter_no, document FROM letter WHERE {_IN_SANDBOX}{where} AND letter_no > :after_id
        ORDER BY letter_no LIMIT :limit
        """,
        {"of": sandbox_id(connection, name), "recipient": recipient, "after_id": after_id, "limit": limit},
    )
    return [(number, rows.letter(content)) for number, content in found]


def counters(connection: sqlite3.Connection, name: str) -> dict[str, int]:
    of = (sandbox_id(connection, name),)
    return dict(connection.execute("SELECT counter, amount FROM tally WHERE sandbox_id = ?", of))


def figures(connection: sqlite3.Connection) -> list[Figures]:
    counted: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for of, counter, amount in connection.execute("SELECT sandbox_id, counter, amount FROM tally"):
        counted[of][counter] = amount
    due = f"(SELECT min(due_at) FROM delivery WHERE sandbox_id = sandbox.sandbox_id AND {_OPEN})"
    found = connection.execute(f"SELECT sandbox_id, name, clock_at, {due} FROM sandbox ORDER BY sandbox_id")
    return [rows.figures(name, clock_at, due_at, counted[of]) for of, name, clock_at, due_at in found]


def count_by_bank(connection: sqlite3.Connection) -> None:
    """All payments, anew."""
    counted = Counter(
        (of, bank_counter(bank, rows.state(content)))
        for of, bank, content in connection.execute("SELECT sandbox_id, bank, document FROM payment")
    )
    connection.execute("DELETE FROM tally WHERE counter LIKE 'payments:%'")
    add_to_tally(connection, defaultdict(int, counted))


def _create_payments(connection: sqlite3.Connection, decisions: Decisions) -> None:
    if not decisions.created:
        return
    (last,) = connection.execute("SELECT coalesce(max(payment_no), 0) FROM payment").fetchone()
    decisions.numbers.update(zip(decisions.created, count(last + 1)))
    connection.executemany(
        """
        INSERT INTO payment (payment_no, sandbox_id, payment_id, bank, merchant_code, order_key, order_ref,
                             document, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (decisions.numbers[ref], *rows.new_payment(ref[0], payment), rows.micros_or_none(expiry_of(payment)))
            for ref, payment in decisions.created.items()
        ],
    )


def _write_names(connection: sqlite3.Connection, decisions: Decisions) -> None:
    connection.executemany(
        """
        INSERT INTO name (sandbox_id, name, merchant_code, bank, payment_no) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """,
        [
            (of, name.name, name.merchant_code, name.bank, decisions.number_of(ref))
            for (of, name), ref in decisions.names.items()
        ],
    )


def _find_numbers(connection: sqlite3.Connection, decisions: Decisions) -> None:
    for ref in decisions.unnumbered():
        row = connection.execute(
            "SELECT payment_no FROM payment WHERE sandbox_id = ? AND payment_id = ?", ref
        ).fetchone()
        if row is not None:
            decisions.numbers[ref] = row[0]


def _put_delivery(connection: sqlite3.Connection, of: int, payment_no: int, delivery: Delivery, tally: Tally) -> None:
    row = (delivery.state.value, rows.micros(delivery.due_at), rows.document(delivery))
    ref = (payment_no, delivery.delivery_id)
    is_new = connection.execute(
        """
        INSERT INTO delivery (state, due_at, document, payment_no, delivery_id, sandbox_id, lease)
        VALUES (?, ?, ?, ?, ?, ?, '') ON CONFLICT DO NOTHING
        """,
        (*row, *ref, of),
    ).rowcount
    which = "WHERE payment_no = ? AND delivery_id = ? AND state = 'waiting'"
    if not is_new:
        replaced = connection.execute(f"UPDATE delivery SET state = ?, due_at = ?, document = ? {which}", (*row, *ref))
        if replaced.rowcount == 0:
            return
        tally[of, delivery_counter(DeliveryState.WAITING)] -= 1
    tally[of, delivery_counter(delivery.state)] += 1


def add_to_tally(connection: sqlite3.Connection, tally: Tally) -> None:
    connection.executemany(
        """
        INSERT INTO tally (sandbox_id, counter, amount) VALUES (?, ?, ?)
        ON CONFLICT (sandbox_id, counter) DO UPDATE SET amount = amount + excluded.amount
        """,
        [(*which, amount) for which, amount in tally.items() if amount],
    )


def _one(connection: sqlite3.Connection, statement: str, *given: object) -> int | None:
    row = connection.execute(statement, given).fetchone()
    return row[0] if row else None
