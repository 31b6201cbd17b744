"""What PostgreSQL is told: every statement of the store; whole batches as arrays, one round trip a table.

Rule: locks are taken in one order everywhere (sandboxes, payments, purses, deliveries, counters; each by key), so
that no two transactions wait for each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from simulator.faults import Fault
from simulator.letter import Letter
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Payment
from simulator.purse import Purse
from simulator.store import (
    ById,
    ByOrder,
    Claimed,
    Entry,
    Exchange,
    Figures,
    Key,
    Moment,
    Name,
    Outdated,
    Sandbox,
    Standing,
    UnknownSandbox,
    rows,
)
from simulator.store.decisions import (
    Decisions,
    Finish,
    Held,
    PurseRef,
    Ref,
    Tally,
    Tenant,
    Transact,
    bank_counter,
    delivery_counter,
    order_of,
)
from simulator.store.migrations import APPLICATION, BANK_COUNTERS, MOMENTS, Found, Migration, owed

Connection = asyncpg.Connection | PoolConnectionProxy

CLEARING_S = 600.0
"""How long removing one table's rows of a sandbox may take: there may be millions."""

MIGRATING = 0x62616E6B
"""The advisory lock of whoever migrates."""

_SANDBOX = "SELECT name, clock_at, faults, settings, version FROM sandbox"

_TENANTS = "SELECT name, sandbox_id, clock_at, faults FROM sandbox WHERE name = ANY($1) ORDER BY name"

# An array, looked up before any row is locked: a join is looked at again for rows that had to be waited for, and loses
# them.
_LOCK_PAYMENTS = """
    SELECT sandbox_id, payment_no, document FROM payment
    WHERE payment_no = ANY (ARRAY(
        SELECT payment_no FROM unnest($1::bigint[], $2::text[]) AS wanted (sandbox_id, payment_id)
        JOIN payment USING (sandbox_id, payment_id)
        UNION ALL
        SELECT payment_no
        FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[])
            AS wanted (sandbox_id, order_key, merchant_code, bank)
        JOIN payment USING (sandbox_id, order_key, merchant_code, bank)
    ))
    ORDER BY payment_no FOR NO KEY UPDATE
"""

_LOCK_PURSES = """
    SELECT sandbox_id, account, document FROM purse
    WHERE purse_no = ANY (ARRAY(
        SELECT purse_no FROM unnest($1::bigint[], $2::text[]) AS wanted (sandbox_id, account)
        JOIN purse USING (sandbox_id, account)
    ))
    ORDER BY purse_no FOR NO KEY UPDATE
"""

_CREATE_PAYMENTS = """
    INSERT INTO payment (sandbox_id, payment_id, bank, merchant_code, order_key, order_ref, document)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
    RETURNING sandbox_id, payment_id, payment_no
"""

_CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT each.*, sandbox.name
        FROM sandbox CROSS JOIN LATERAL (
            SELECT payment_no, delivery_id, sandbox_id, state, due_at, document FROM delivery
            WHERE sandbox_id = sandbox.sandbox_id AND state IN ('waiting', 'claimed') AND due_at <= $1
            ORDER BY due_at, delivery_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        ) AS each
        WHERE {scope}
        ORDER BY each.due_at, each.delivery_id LIMIT $2
    ), moved AS (
        UPDATE delivery SET state = 'claimed', due_at = $3, lease = $4
        FROM due WHERE delivery.payment_no = due.payment_no AND delivery.delivery_id = due.delivery_id
    ), counted AS (
        INSERT INTO tally (sandbox_id, counter, amount)
        SELECT sandbox_id, counter, sum(difference) FROM due
        CROSS JOIN LATERAL (VALUES ('deliveries:claimed', 1), ('deliveries:waiting', -1)) AS move (counter, difference)
        WHERE state = 'waiting' GROUP BY sandbox_id, counter ORDER BY sandbox_id, counter
        ON CONFLICT (sandbox_id, counter) DO UPDATE SET amount = tally.amount + excluded.amount
    )
    SELECT payment_no, name, due.document, payment.document AS payment
    FROM due JOIN payment USING (payment_no) ORDER BY due_at, delivery_id
"""


_ENTER_MOMENTS = """
    INSERT INTO moment (sandbox_id, bank, at, payment_no)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) ON CONFLICT DO NOTHING
"""

_KEPT = """
    SELECT payment.sandbox_id, payment_no, bank, ledger.document AS booked, payment.document AS paid
    FROM ledger JOIN payment USING (payment_no)
"""

# Planned while the tables were empty, it would look for payments by the merchant's code alone: no index is to fit it.
MOMENTS_READ = """
    SELECT moment.at, moment.payment_no, payment.document,
        ARRAY(SELECT document FROM ledger WHERE ledger.payment_no = moment.payment_no ORDER BY entry_no) AS entries
    FROM moment JOIN payment ON payment.payment_no = moment.payment_no
    WHERE moment.sandbox_id = $1 AND moment.bank = $2 AND payment.merchant_code || '' = $3
        AND (moment.at, moment.payment_no) > ($4, $5) AND moment.at < $6
    ORDER BY moment.at, moment.payment_no LIMIT $7
"""


async def migrate(connection: Connection, place: str, known: tuple[Migration, ...]) -> None:
    """Raises StoreError for a database that is not ours, or newer than `known`."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
    steps = owed(place, await _found(connection), known)
    for step in steps:
        await connection.execute(step.script)
        if step.version == MOMENTS:
            await _enter_moments(connection)
        if step.version == BANK_COUNTERS:
            await _count_by_bank(connection)
    if steps:
        await connection.execute("DELETE FROM schema_version")
        await connection.execute("INSERT INTO schema_version VALUES ($1, $2)", APPLICATION, steps[-1].version)


async def _found(connection: Connection) -> Found:
    columns = await connection.fetch(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() ORDER BY ordinal_position
        """
    )
    version = [row["column_name"] for row in columns if row["table_name"] == "schema_version"]
    if version != ["application", "version"]:
        return Found(has_tables=bool(columns))
    row = await connection.fetchrow("SELECT application, version FROM schema_version")
    return Found(True, *row) if row else Found(has_tables=True)


async def tenants(connection: Connection, names: Iterable[str]) -> dict[str, Tenant]:
    """Those that exist, kept from being cleared or dropped until the commit; where faults are planned, ours alone."""
    found = await connection.fetch(f"{_TENANTS} FOR KEY SHARE", list(set(names)))
    faulty = [row["name"] for row in found if row["faults"] != rows.NO_FAULTS]
    if faulty:
        alone = await connection.fetch(f"{_TENANTS} FOR NO KEY UPDATE", faulty)
        found = [row for row in found if row["name"] not in faulty] + alone
    return {
        row["name"]: Tenant(row["sandbox_id"], rows.instant_or_none(row["clock_at"]), rows.faults(row["faults"]))
        for row in found
    }


async def load(connection: Connection, decisions: Decisions, keys: set[tuple[str, Key]]) -> None:
    """Locks the payments that `keys` name, as (sandbox, key), and loads them."""
    wanted = [(decisions.tenants[name], key) for name, key in keys]
    by_id = [(tenant.sandbox_id, key.payment_id) for tenant, key in wanted if isinstance(key, ById)]
    by_order = [
        (tenant.sandbox_id, key.order_key, key.merchant_code, key.bank)
        for tenant, key in wanted
        if isinstance(key, ByOrder)
    ]
    found: dict[tuple[int, Key], Held] = {}
    for of, number, content in await connection.fetch(_LOCK_PAYMENTS, *_columns(by_id, 2), *_columns(by_order, 4)):
        payment = rows.payment(content)
        found[of, ById(payment.payment_id)] = found[of, order_of(payment)] = (number, payment)
    for tenant, key in wanted:
        decisions.load(tenant, key, found.get((tenant.sandbox_id, key)))


async def load_purses(connection: Connection, decisions: Decisions, asking: Sequence[Transact]) -> None:
    """Locks the purses that these ask for, as far as it is not done yet, and loads them."""
    known = [(decisions.tenants[work.sandbox], work) for work in asking if work.sandbox in decisions.tenants]
    missing = {decisions.missing_purse(tenant, work.key, work.account) for tenant, work in known}
    wanted = sorted(ref for ref in missing if ref is not None)
    if not wanted:
        return
    found = await _locked_purses(connection, wanted)
    new = [ref for ref in wanted if ref not in found]
    if new:
        # What is not there cannot be locked: a row for each, unless another process was faster with it.
        await connection.execute(
            """
            INSERT INTO purse (sandbox_id, account, document)
            SELECT sandbox_id, account, $3 FROM unnest($1::bigint[], $2::text[]) AS new (sandbox_id, account)
            ON CONFLICT DO NOTHING
            """,
            *_columns(new, 2),
            rows.NO_PURSE,
        )
        found |= await _locked_purses(connection, new)
    for ref, content in found.items():
        decisions.load_purse(ref, None if content == rows.NO_PURSE else rows.purse(content))


async def _locked_purses(connection: Connection, refs: Sequence[PurseRef]) -> dict[PurseRef, bytes]:
    """The documents of those that exist."""
    found = await connection.fetch(_LOCK_PURSES, *_columns(refs, 2))
    return {(of, account): content for of, account, content in found}


async def write(connection: Connection, decisions: Decisions) -> None:
    """Raises UniqueViolationError if another process was faster with an order, or a decision books an entry twice."""
    await _create_payments(connection, decisions)
    await _find_numbers(connection, decisions)
    entries = [
        (of, decisions.number_of((of, payment_id)), entry_id, rows.document(entry))
        for (of, payment_id, entry_id), entry in decisions.entries.items()
    ]
    if entries:
        await connection.execute(
            """
            INSERT INTO ledger (sandbox_id, payment_no, entry_id, document)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[])
            """,
            *_columns(entries, 4),
        )
    changed = [(decisions.numbers[ref], rows.document(payment)) for ref, payment in decisions.changed.items()]
    if changed:
        await connection.execute(
            """
            UPDATE payment SET document = after.document
            FROM unnest($1::bigint[], $2::bytea[]) AS after (payment_no, document)
            WHERE payment.payment_no = after.payment_no
            """,
            *_columns(changed, 2),
        )
    await _write_moments(connection, decisions)
    await _write_names(connection, decisions)
    await _write_expiries(connection, decisions)
    for of, faults in decisions.faults.items():
        await set_faults(connection, of, faults)
    await _write_purses(connection, decisions)
    await _put_deliveries(connection, decisions)
    # The counters are locked until the commit, so exchanges of one sandbox are numbered in the order of their commits:
    # who reads on from the last number misses none.
    await add_to_tally(connection, decisions.tally)
    exchanges = [
        (of, decisions.numbers.get((of, exchange.payment_id)), rows.document(exchange))
        for of, exchange in decisions.exchanges
    ]
    if exchanges:
        await connection.execute(
            """
            INSERT INTO exchange (sandbox_id, payment_no, document)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
            """,
            *_columns(exchanges, 3),
        )


async def finish(connection: Connection, decisions: Decisions, batch: Sequence[Finish]) -> list[bool]:
    """Which of them still had their lease. Their results are written, their exchanges only handed to `decisions`."""
    refs = [_leased(finish.claimed) for finish in batch]
    after = [(*ref, *_delivery(finish.after)) for ref, finish in zip(refs, batch, strict=True)]
    written = await connection.fetch(
        """
        UPDATE delivery SET state = after.state, due_at = after.due_at, lease = '', document = after.document
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
            AS after (payment_no, delivery_id, lease, state, due_at, document)
        WHERE delivery.payment_no = after.payment_no AND delivery.delivery_id = after.delivery_id
            AND delivery.lease = after.lease AND delivery.state = 'claimed'
        RETURNING delivery.payment_no, delivery.delivery_id, after.lease
        """,
        *_columns(after, 6),
    )
    held = {tuple(row) for row in written}
    won = []
    for ref, finish in zip(refs, batch, strict=True):
        is_mine = ref in held
        held.discard(ref)
        tenant = decisions.tenants.get(finish.claimed.sandbox)
        if tenant is not None:
            decisions.finished(tenant, finish, ref[0] if is_mine else None)
        won.append(is_mine)
    return won


def _leased(claimed: Claimed) -> tuple[int, str, str]:
    """(payment's number, delivery_id, token)."""
    number, _, token = claimed.lease.partition(":")
    return int(number), claimed.delivery.delivery_id, token


async def claim(
    connection: Connection, now: int, limit: int, until: int, token: str, name: str | None
) -> list[Claimed]:
    """`now` and `until` in microseconds. `name` None: every sandbox on the system clock. Raises UnknownSandbox.

    The lease that the caller gets names the payment's row beside the token, so that `finish` need not look for it.
    """
    if name is None:
        due = await connection.fetch(_CLAIM.format(scope="sandbox.clock_at IS NULL"), now, limit, until, token)
    else:
        of = await sandbox_id(connection, name)
        due = await connection.fetch(_CLAIM.format(scope="sandbox.sandbox_id = $5"), now, limit, until, token, of)
    return [
        rows.claimed(name, content, paid, until, f"{payment_no}:{token}") for payment_no, name, content, paid in due
    ]


async def sandbox_id(connection: Connection, name: str) -> int:
    """Raises UnknownSandbox."""
    found: int | None = await connection.fetchval("SELECT sandbox_id FROM sandbox WHERE name = $1", name)
    if found is None:
        raise UnknownSandbox(name)
    return found


_ADD_SANDBOX = "INSERT INTO sandbox (name, clock_at, faults, settings, version) VALUES ($1, $2, $3, $4, $5)"


async def put_sandbox(connection: Connection, sandbox: Sandbox) -> str:
    """Its new version."""
    columns = rows.new_sandbox(sandbox)
    await connection.execute(
        f"""
        {_ADD_SANDBOX} ON CONFLICT (name) DO UPDATE SET
            clock_at = excluded.clock_at, faults = excluded.faults, settings = excluded.settings,
            version = excluded.version
        """,
        *columns,
    )
    return columns[-1]


async def add_sandbox(connection: Connection, sandbox: Sandbox) -> None:
    await connection.execute(f"{_ADD_SANDBOX} ON CONFLICT (name) DO NOTHING", *rows.new_sandbox(sandbox))


async def set_settings(connection: Connection, sandbox: Sandbox) -> str:
    """Their new version. Raises UnknownSandbox, Outdated."""
    of, new = await sandbox_id(connection, sandbox.name), rows.new_version()
    written = await connection.fetchval(
        "UPDATE sandbox SET settings = $1, version = $2 WHERE sandbox_id = $3 AND version = $4 RETURNING true",
        *(rows.settings(sandbox), new, of, sandbox.version),
    )
    if not written:
        raise Outdated(sandbox.name)
    return new


async def version(connection: Connection, name: str) -> str:
    """Raises UnknownSandbox."""
    found: str | None = await connection.fetchval("SELECT version FROM sandbox WHERE name = $1", name)
    if found is None:
        raise UnknownSandbox(name)
    return found


async def sandbox(connection: Connection, name: str) -> Sandbox:
    """Raises UnknownSandbox."""
    row = await connection.fetchrow(f"{_SANDBOX} WHERE name = $1", name)
    if row is None:
        raise UnknownSandbox(name)
    return rows.sandbox(*row)


async def sandboxes(connection: Connection) -> list[Sandbox]:
    found = await connection.fetch(f"{_SANDBOX} ORDER BY name")
    return [rows.sandbox(*row) for row in found]


async def clear_sandbox(connection: Connection, name: str) -> int:
    """The sandbox's number. Waits for the transactions under way in it, and keeps others out until the commit."""
    of: int | None = await connection.fetchval("SELECT sandbox_id FROM sandbox WHERE name = $1 FOR UPDATE", name)
    if of is None:
        raise UnknownSandbox(name)
    for table in ("payment", "name", "letter", "expiry", "ledger", "moment", "delivery", "tally", "exchange", "purse"):
        await connection.execute(f"DELETE FROM {table} WHERE sandbox_id = $1", of, timeout=CLEARING_S)
    return of


async def drop_sandbox(connection: Connection, name: str) -> None:
    of = await clear_sandbox(connection, name)
    await connection.execute("DELETE FROM sandbox WHERE sandbox_id = $1", of)


async def set_clock(connection: Connection, name: str, at: int) -> None:
    """Raises UnknownSandbox, and ValueError for a sandbox on the system clock."""
    of = await sandbox_id(connection, name)
    moved = await connection.fetchval(
        """
        UPDATE sandbox SET clock_at = greatest(clock_at, $1)
        WHERE sandbox_id = $2 AND clock_at IS NOT NULL RETURNING true
        """,
        *(at, of),
    )
    if not moved:
        raise ValueError(f"sandbox {name} is on the system clock, which nobody moves")


async def set_faults(connection: Connection, of: int, faults: tuple[Fault, ...]) -> None:
    await connection.execute("UPDATE sandbox SET faults = $1 WHERE sandbox_id = $2", rows.document(faults), of)


async def next_due(connection: Connection, name: str | None) -> int | None:
    """In microseconds. Raises UnknownSandbox."""
    if name is not None:
        return await _number(
            connection,
            "SELECT min(due_at) FROM delivery WHERE sandbox_id = $1 AND state IN ('waiting', 'claimed')",
            await sandbox_id(connection, name),
        )
    return await _number(
        connection,
        """
        SELECT min((
            SELECT min(due_at) FROM delivery
            WHERE sandbox_id = sandbox.sandbox_id AND state IN ('waiting', 'claimed')
        ))
        FROM sandbox WHERE clock_at IS NULL
        """,
    )


async def next_expiry(connection: Connection, name: str, after: int) -> int | None:
    return await _number(
        connection,
        "SELECT min(expires_at) FROM expiry WHERE sandbox_id = $1 AND expires_at > $2",
        await sandbox_id(connection, name),
        after,
    )


async def expiring(connection: Connection, now: int, limit: int, name: str | None) -> list[tuple[str, str]]:
    scope, given = "sandbox.clock_at IS NULL", []
    if name is not None:
        scope, given = "sandbox.sandbox_id = $3", [await sandbox_id(connection, name)]
    found = await connection.fetch(
        f"""
        SELECT sandbox.name, payment.payment_id FROM sandbox CROSS JOIN LATERAL (
            SELECT payment_no, expires_at FROM expiry
            WHERE sandbox_id = sandbox.sandbox_id AND expires_at <= $1 ORDER BY expires_at, payment_no LIMIT $2
        ) AS each
        JOIN payment USING (payment_no)
        WHERE {scope} ORDER BY each.expires_at, payment_no LIMIT $2
        """,
        now,
        limit,
        *given,
    )
    return [(row["name"], row["payment_id"]) for row in found]


async def payment(connection: Connection, name: str, key: Key) -> Payment | None:
    of = await sandbox_id(connection, name)
    if isinstance(key, ById):
        content = await connection.fetchval(
            "SELECT document FROM payment WHERE sandbox_id = $1 AND payment_id = $2", of, key.payment_id
        )
    else:
        content = await connection.fetchval(
            """
            SELECT document FROM payment
            WHERE sandbox_id = $1 AND order_key = $2 AND merchant_code = $3 AND bank = $4
            """,
            of,
            key.order_key,
            key.merchant_code,
            key.bank,
        )
    return None if content is None else rows.payment(content)


async def named(connection: Connection, sandbox: str, name: Name) -> str | None:
    found: str | None = await connection.fetchval(
        """
        SELECT payment_id FROM payment WHERE payment_no = (
            SELECT payment_no FROM name WHERE sandbox_id = $1 AND name = $2 AND merchant_code = $3 AND bank = $4
        )
        """,
        await sandbox_id(connection, sandbox),
        name.name,
        name.merchant_code,
        name.bank,
    )
    return found


async def payments(
    connection: Connection, name: str, order_ref: str, bank: str, limit: int, offset: int
) -> list[Payment]:
    wanted = [(column, value) for column, value in (("order_ref", order_ref), ("bank", bank)) if value]
    where = "".join(f" AND {column} = ${position}" for position, (column, _) in enumerate(wanted, 4))
    found = await _rows(
        connection,
        f"SELECT document FROM payment WHERE sandbox_id = $1{where} ORDER BY payment_no DESC LIMIT $2 OFFSET $3",
        name,
        limit,
        offset,
        *(value for _, value in wanted),
    )
    return [rows.payment(row["document"]) for row in found]


async def deliveries(connection: Connection, name: str, payment_id: str, limit: int, offset: int) -> list[Delivery]:
    found = await _rows_of(
        connection,
        "SELECT document, state, due_at FROM delivery WHERE {of} ORDER BY due_at, delivery_id LIMIT $2 OFFSET $3",
        payment_id,
        name,
        limit,
        offset,
    )
    return [rows.delivery(*row) for row in found]


async def exchanges(
    connection: Connection, name: str, payment_id: str, after_id: int, limit: int
) -> list[tuple[int, Exchange]]:
    found = await _rows_of(
        connection,
        "SELECT exchange_no, document FROM exchange WHERE {of} AND exchange_no > $2 ORDER BY exchange_no LIMIT $3",
        payment_id,
        name,
        after_id,
        limit,
    )
    return [(number, rows.exchange(content)) for number, content in found]


async def ledger(connection: Connection, name: str, payment_id: str, limit: int, offset: int) -> list[Entry]:
    found = await _rows_of(
        connection,
        "SELECT document FROM ledger WHERE {of} ORDER BY entry_no LIMIT $2 OFFSET $3",
        payment_id,
        name,
        limit,
        offset,
    )
    return [rows.entry(row["document"]) for row in found]


async def purses(connection: Connection, name: str) -> list[Purse]:
    found = await _rows(
        connection,
        "SELECT document FROM purse WHERE sandbox_id = $1 AND document <> $2 ORDER BY account",
        name,
        rows.NO_PURSE,
    )
    return [rows.purse(row["document"]) for row in found]


async def moments(
    connection: Connection, name: str, bank: str, merchant_code: str, since: int, until: int, after: int, limit: int
) -> list[Moment]:
    """`since` and `until` in microseconds."""
    found = await _rows(connection, MOMENTS_READ, name, bank, merchant_code, since, after, until, limit)
    return [
        Moment(rows.instant(at), number, rows.payment(content), tuple(rows.entry(each) for each in entries))
        for at, number, content, entries in found
    ]


async def standings(connection: Connection, name: str, after: int, limit: int) -> list[Standing]:
    found = await _rows(
        connection,
        """
        SELECT payment_no, document, EXISTS (
            SELECT 1 FROM delivery
            WHERE delivery.payment_no = payment.payment_no AND state IN ('waiting', 'claimed')
        ) AS telling,
            ARRAY(SELECT document FROM ledger WHERE ledger.payment_no = payment.payment_no ORDER BY entry_no) AS entries
        FROM payment WHERE sandbox_id = $1 AND payment_no > $2 ORDER BY payment_no LIMIT $3
        """,
        name,
        after,
        limit,
    )
    return [
        Standing(number, rows.payment(content), tuple(rows.entry(each) for each in entries), telling)
        for number, content, telling, entries in found
    ]


async def put_letter(connection: Connection, name: str, letter: Letter) -> int:
    """Raises UnknownSandbox."""
    number: int = await connection.fetchval(
        "INSERT INTO letter (sandbox_id, recipient, document) VALUES ($1, $2, $3) RETURNING letter_no",
        await sandbox_id(connection, name),
        letter.recipient,
        rows.document(letter),
    )
    return number


async def letters(
    connection: Connection, name: str, recipient: str, after_id: int, limit: int
) -> list[tuple[int, Letter]]:
    given = [recipient] if recipient else []
    where = " AND recipient = $4" if recipient else ""
    found = await _rows(
        connection,
        f"""
        SELECT letter_no, document FROM letter WHERE sandbox_id = $1{where} AND letter_no > $2
        ORDER BY letter_no LIMIT $3
        """,
        name,
        after_id,
        limit,
        *given,
    )
    return [(row["letter_no"], rows.letter(row["document"])) for row in found]


async def counters(connection: Connection, name: str) -> dict[str, int]:
    found = await _rows(connection, "SELECT counter, amount FROM tally WHERE sandbox_id = $1", name)
    return {row["counter"]: row["amount"] for row in found}


async def figures(connection: Connection) -> list[Figures]:
    counted: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for of, counter, amount in await connection.fetch("SELECT sandbox_id, counter, amount FROM tally"):
        counted[of][counter] = amount
    found = await connection.fetch(
        """
        SELECT sandbox_id, name, clock_at, (
            SELECT min(due_at) FROM delivery
            WHERE sandbox_id = sandbox.sandbox_id AND state IN ('waiting', 'claimed')
        ) AS due_at
        FROM sandbox ORDER BY sandbox_id
        """
    )
    return [rows.figures(name, clock_at, due_at, counted[of]) for of, name, clock_at, due_at in found]


async def _create_payments(connection: Connection, decisions: Decisions) -> None:
    """In the order of their keys: two processes that create the same orders wait for each other only one way."""
    created = sorted(decisions.created.items(), key=lambda item: (item[0][0], order_of(item[1]).order_key, item[0][1]))
    if created:
        columns = _columns([rows.new_payment(of, payment) for (of, _), payment in created], 7)
        for of, payment_id, number in await connection.fetch(_CREATE_PAYMENTS, *columns):
            decisions.numbers[of, payment_id] = number


async def _write_names(connection: Connection, decisions: Decisions) -> None:
    """In the order of the names: two processes that write the same ones wait for each other only one way."""
    given = sorted(
        (of, name.name, name.merchant_code, name.bank, decisions.number_of(ref))
        for (of, name), ref in decisions.names.items()
    )
    if given:
        await connection.execute(
            """
            INSERT INTO name (sandbox_id, name, merchant_code, bank, payment_no)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            ON CONFLICT DO NOTHING
            """,
            *_columns(given, 5),
        )


async def _write_moments(connection: Connection, decisions: Decisions) -> None:
    found = decisions.moments()
    if found:
        await connection.execute(
            _ENTER_MOMENTS, *_columns([(of, bank, rows.micros(at), number) for of, bank, at, number in found], 4)
        )


async def _enter_moments(connection: Connection) -> None:
    """Of all payments whose money has moved, as an earlier schema kept them."""
    async for of, number, bank, booked, paid in connection.cursor(_KEPT):
        moments = [(of, bank, at, number) for bank, at in rows.kept_moments(bank, booked, paid)]
        await connection.execute(_ENTER_MOMENTS, *_columns(moments, 4))


async def _count_by_bank(connection: Connection) -> None:
    """All payments, anew."""
    counted: defaultdict[tuple[int, str], int] = defaultdict(int)
    async for of, bank, content in connection.cursor("SELECT sandbox_id, bank, document FROM payment"):
        counted[of, bank_counter(bank, rows.state(content))] += 1
    await connection.execute("DELETE FROM tally WHERE counter LIKE 'payments:%'")
    await add_to_tally(connection, counted)


async def _write_expiries(connection: Connection, decisions: Decisions) -> None:
    ended, begun = decisions.expiries()
    if ended:
        await connection.execute(
            """
            DELETE FROM expiry USING unnest($1::bigint[], $2::bigint[], $3::bigint[])
                AS ended (sandbox_id, expires_at, payment_no)
            WHERE expiry.sandbox_id = ended.sandbox_id AND expiry.expires_at = ended.expires_at
                AND expiry.payment_no = ended.payment_no
            """,
            *_columns([(of, rows.micros(at), number) for of, at, number in ended], 3),
        )
    if begun:
        await connection.execute(
            "INSERT INTO expiry SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])",
            *_columns([(of, rows.micros(at), number) for of, at, number in begun], 3),
        )


async def _write_purses(connection: Connection, decisions: Decisions) -> None:
    """They were locked when they were loaded, so each has its row."""
    if decisions.purses:
        await connection.execute(
            """
            UPDATE purse SET document = after.document
            FROM unnest($1::bigint[], $2::text[], $3::bytea[]) AS after (sandbox_id, account, document)
            WHERE purse.sandbox_id = after.sandbox_id AND purse.account = after.account
            """,
            *_columns([(*ref, rows.document(purse)) for ref, purse in decisions.purses.items()], 3),
        )


async def _find_numbers(connection: Connection, decisions: Decisions) -> None:
    wanted: list[Ref] = sorted(decisions.unnumbered())
    if wanted:
        found = await connection.fetch(
            """
            SELECT sandbox_id, payment_id, payment_no
            FROM unnest($1::bigint[], $2::text[]) AS wanted (sandbox_id, payment_id)
            JOIN payment USING (sandbox_id, payment_id)
            """,
            *_columns(wanted, 2),
        )
        for of, payment_id, number in found:
            decisions.numbers[of, payment_id] = number


async def _put_deliveries(connection: Connection, decisions: Decisions) -> None:
    if not decisions.deliveries:
        return
    put = {
        (decisions.number_of((of, payment_id)), delivery_id): (of, delivery)
        for (of, payment_id, delivery_id), delivery in sorted(decisions.deliveries.items(), key=lambda item: item[0])
    }
    made = await connection.fetch(
        """
        INSERT INTO delivery (sandbox_id, payment_no, delivery_id, state, due_at, lease, document)
        SELECT sandbox_id, payment_no, delivery_id, state, due_at, '', document
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
            AS put (sandbox_id, payment_no, delivery_id, state, due_at, document)
        ON CONFLICT DO NOTHING RETURNING payment_no, delivery_id
        """,
        *_columns([(of, *ref, *_delivery(delivery)) for ref, (of, delivery) in put.items()], 6),
    )
    new = {(number, delivery_id) for number, delivery_id in made}
    for ref, (of, delivery) in put.items():
        if ref not in new:
            replaced = await connection.fetchval(
                """
                UPDATE delivery SET state = $3, due_at = $4, document = $5
                WHERE payment_no = $1 AND delivery_id = $2 AND state = 'waiting' RETURNING true
                """,
                *ref,
                *_delivery(delivery),
            )
            if not replaced:
                continue
            decisions.tally[of, delivery_counter(DeliveryState.WAITING)] -= 1
        decisions.tally[of, delivery_counter(delivery.state)] += 1


def _delivery(delivery: Delivery) -> tuple[str, int, bytes]:
    return delivery.state, rows.micros(delivery.due_at), rows.document(delivery)


async def add_to_tally(connection: Connection, tally: Tally) -> None:
    moved = sorted((*which, amount) for which, amount in tally.items() if amount)
    if moved:
        await connection.execute(
            """
            INSERT INTO tally (sandbox_id, counter, amount)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])
            ON CONFLICT (sandbox_id, counter) DO UPDATE SET amount = tally.amount + excluded.amount
            """,
            *_columns(moved, 3),
        )


async def _number(connection: Connection, statement: str, *given: object) -> int | None:
    found: int | None = await connection.fetchval(statement, *given)
    return found


async def _rows(connection: Connection, statement: str, name: str, *given: object) -> list[Record]:
    """The rows of a statement whose first parameter is the sandbox."""
    return await connection.fetch(statement, await sandbox_id(connection, name), *given)


async def _rows_of(connection: Connection, statement: str, payment_id: str, name: str, *given: object) -> list[Record]:
    """The same, where `{of}` becomes the sandbox, or the payment if one is named."""
    if not payment_id:
        return await _rows(connection, statement.format(of="sandbox_id = $1"), name, *given)
    position = len(given) + 2
    of = f"payment_no = (SELECT payment_no FROM payment WHERE sandbox_id = $1 AND payment_id = ${position})"
    return await _rows(connection, statement.format(of=of), name, *given, payment_id)


def _columns(table: Sequence[Sequence[Any]], width: int) -> list[Any]:
    """Rows turned into the arrays that `unnest` takes."""
    return list(zip(*table, strict=True)) if table else [()] * width
