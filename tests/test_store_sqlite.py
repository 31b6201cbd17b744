"""The SQLite store's own promises: shared commits, all or nothing; patience with other processes; a log that ends."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.payment import Order, Payment
from simulator.store import ById, ByOrder, Change, Sandbox, Stored, StoreError
from simulator.store import sqlite_statements as statements
from simulator.store.grouping import BATCH_MAX
from simulator.store.sqlite import SqliteStore
from simulator.store.sqlite_checkpoint import Checkpointer
from simulator.store.sqlite_file import connect
from simulator.store.sqlite_transactions import transaction

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bank.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, lambda: NOW)
    await store.open()
    await store.put_sandbox(Sandbox(name="default", seed="7", clock_at=NOW))
    yield store
    await store.close()


class Gate:
    """Holds up the store's next commit until it is let go."""

    def __init__(self, store: SqliteStore) -> None:
        self._left = threading.Event()
        self._waiting = store._transactions._thread.submit(self._left.wait, 30)

    def leave(self) -> None:
        self._left.set()
        assert self._waiting.result(30)


async def gated(store: SqliteStore) -> tuple[Gate, "asyncio.Task[None]"]:
    """A commit, of nothing, now waits at the gate: what is asked of the store meanwhile makes one batch."""
    gate = Gate(store)
    task = asyncio.create_task(store.transact("default", None, lambda stored: Change(None)))
    await begun(store)
    return gate, task


async def begun(store: SqliteStore) -> None:
    async with asyncio.timeout(30):
        while not store._writing.in_transaction:  # noqa: ASYNC110 - SQLite tells nobody that a transaction begins
            await asyncio.sleep(0)


async def pay(store: SqliteStore, name: str, description: str = "") -> str:
    def create(stored: Stored) -> Change[str]:
        order = Order(order_ref=name, order_key=name, amount_vnd=1, description=description)
        payment = Payment(
            payment_id=name,
            bank="vnpay",
            merchant_code="DEMO",
            order=order,
            amount_vnd=1,
            bank_ref="",
            created_at=NOW,
        )
        return Change(name, payment=payment)

    return await store.transact("default", None, create)


def fail(stored: Stored) -> Change[None]:
    raise LookupError("no such bill")


def commits(path: Path) -> int:
    """How many commits stand in the write-ahead log: frames that carry the database's size after a commit."""
    log = Path(f"{path}-wal").read_bytes()
    page_size, salts = int.from_bytes(log[8:12], "big"), log[16:24]
    frames = [log[start : start + 24] for start in range(32, len(log), 24 + page_size)]
    return sum(1 for frame in frames if frame[8:16] == salts and any(frame[4:8]))


def files(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


@contextmanager
def overwritten(path: Path, content: bytes) -> Iterator[None]:
    """The file holds `content` and must hold it at the end."""
    path.write_bytes(content)
    yield
    assert path.read_bytes() == content


def damage(path: Path, intact: int) -> None:
    """All but the first pages become rubbish."""
    content = path.read_bytes()
    path.write_bytes(content[: 4096 * intact] + b"\xff" * (len(content) - 4096 * intact))


async def test_what_waits_together_shares_one_commit(path: Path, store: SqliteStore) -> None:
    gate, first = await gated(store)
    before = commits(path)
    tasks = [asyncio.create_task(pay(store, str(number))) for number in range(50)]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(first, *tasks)
    assert commits(path) == before + 1


async def test_a_batch_is_bounded(path: Path, store: SqliteStore) -> None:
    gate, first = await gated(store)
    before = commits(path)
    tasks = [asyncio.create_task(pay(store, str(number))) for number in range(BATCH_MAX + 1)]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(first, *tasks)
    assert commits(path) == before + 2


async def test_a_decision_that_fails_leaves_its_neighbours_in_the_same_commit(path: Path, store: SqliteStore) -> None:
    gate, first = await gated(store)
    before = commits(path)
    tasks = [asyncio.create_task(pay(store, str(number))) for number in range(10)]
    tasks.insert(5, asyncio.create_task(store.transact("default", None, fail)))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    gate.leave()
    outcomes = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(6), LookupError)
    assert outcomes == [None, *map(str, range(10))]
    assert commits(path) == before + 1


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """The disk takes nothing beyond the log's present size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{path}-wal").stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_commit_that_fails_fails_all_of_its_batch(path: Path, store: SqliteStore) -> None:
    gate, first = await gated(store)
    tasks = [asyncio.create_task(pay(store, str(number), "x" * 9000)) for number in range(10)]
    await asyncio.sleep(0)
    with no_room(path):
        gate.leave()
        outcomes = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert outcomes[0] is None
    assert all(isinstance(each, StoreError) and str(path) in str(each) for each in outcomes[1:]), outcomes
    assert await store.payments("default") == []
    await pay(store, "after")
    assert [each.payment_id for each in await store.payments("default")] == ["after"]


async def test_readers_see_only_what_is_committed(store: SqliteStore) -> None:
    gate = Gate(store)
    moving = asyncio.create_task(store.set_clock("default", NOW + timedelta(hours=1)))
    await begun(store)
    assert (await store.sandbox("default")).clock_at == NOW, "moved, but not yet committed"
    assert not moving.done()
    gate.leave()
    await moving
    assert (await store.sandbox("default")).clock_at == NOW + timedelta(hours=1)


async def test_the_file_is_in_wal_mode_and_every_commit_is_synced(path: Path, store: SqliteStore) -> None:
    with closing(connect(path, "rw", 1)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        full = 2
        assert connection.execute("PRAGMA synchronous").fetchone() == (full,)


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("released", flush=True)
"""


class Holder:
    """Another process that keeps the file's write lock until told to let go."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(path)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("locked")

    def release(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        self._expect("released")

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()

    def _expect(self, word: str) -> None:
        assert self._child.stdout is not None
        assert self._child.stdout.readline().strip() == word


async def test_a_write_waits_for_another_process_to_let_go(path: Path, store: SqliteStore) -> None:
    with closing(Holder(path)) as holder:
        task = asyncio.create_task(pay(store, "A"))
        assert await store.payments("default") == [], "readers do not wait"
        assert not task.done()
        await asyncio.to_thread(holder.release)
        assert await task == "A"


async def test_a_write_that_waited_too_long_says_who_is_in_the_way(path: Path, store: SqliteStore) -> None:
    impatient = SqliteStore(path, lambda: NOW, busy_s=0.01)
    await impatient.open()
    with closing(Holder(path)) as holder:
        with pytest.raises(StoreError, match=r"bank\.db: .*locked; another process"):
            await pay(impatient, "A")
        await asyncio.to_thread(holder.release)
        assert await pay(impatient, "B") == "B"
    await impatient.close()
    assert [each.payment_id for each in await store.payments("default")] == ["B"]


async def test_closing_finishes_what_was_asked_before(path: Path, store: SqliteStore) -> None:
    gate, first = await gated(store)
    tasks = [asyncio.create_task(pay(store, str(number))) for number in range(20)]
    closing_store = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(first, *tasks, closing_store)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM payment").fetchone() == (20,)
    assert files(path) == ["bank.db"], "the last to close leaves one file"


@pytest.mark.parametrize("content", [b"order_ref;amount\nHS-1;50000\n" * 100, b"SQLite format 3\x00" + b"\xff" * 8000])
async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    with (
        overwritten(path, content),
        pytest.raises(StoreError, match=r"bank\.db: file is not a database; expected a database of banksim"),
    ):
        await SqliteStore(path, lambda: NOW).open()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/bank\.db: .*check that its folder exists"):
        await SqliteStore(tmp_path / "nowhere" / "bank.db", lambda: NOW).open()


async def test_a_damaged_database_is_a_store_error_when_read(path: Path, store: SqliteStore) -> None:
    with closing(connect(path, "ro", 1)) as connection:
        [(empty,)] = connection.execute("PRAGMA page_count")
    for number in range(50):
        await pay(store, str(number), "x" * 2000)
    await store.close()
    damage(path, intact=empty)
    damaged = SqliteStore(path, lambda: NOW)
    await damaged.open()
    with pytest.raises(StoreError, match=r"bank\.db: .*malformed; the file is damaged: restore it"):
        await damaged.payments("default")
    with pytest.raises(StoreError, match=r"bank\.db: .*malformed; the file is damaged: restore it"):
        await pay(damaged, "A")
    await damaged.close()


Read = Callable[[sqlite3.Connection], object]

READS: dict[str, Read] = {
    "payment_by_id": lambda connection: statements.payment_of(connection, "default", ById("A")),
    "payment_by_order": lambda connection: statements.payment_of(connection, "default", ByOrder("b", "m", "k")),
    "payment_by_order_ref": lambda connection: statements.payments(connection, "default", "HS", "", 9, 0),
    "payment_by_sandbox": lambda connection: statements.payments(connection, "default", "", "", 9, 0),
    "payment_expiring": lambda connection: statements.expiring(connection, 0, 9, None),
    "delivery_by_id": lambda connection: statements.deliveries(connection, "default", "A", 9, 0),
    "delivery_due": lambda connection: statements.claim(connection, 0, 9, 0, "", None),
    "exchange_by_payment": lambda connection: statements.exchanges(connection, "default", "A", 0, 9),
    "exchange_by_sandbox": lambda connection: statements.exchanges(connection, "default", "", 0, 9),
    "ledger_by_id": lambda connection: statements.ledger(connection, "default", "A", 9, 0),
    "ledger_by_sandbox": lambda connection: statements.ledger(connection, "default", "", 9, 0),
}
"""The index that must carry each reading, or it reads all there is."""


@pytest.mark.parametrize("index", READS)
async def test_a_reading_goes_by_its_index(path: Path, store: SqliteStore, index: str) -> None:
    told: list[str] = []
    with closing(connect(path, "rw", 1)) as connection:
        connection.set_trace_callback(told.append)
        READS[index](connection)
        connection.set_trace_callback(None)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {told[-1]}")]
    assert any(f"INDEX {index} " in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN") and "sandbox" not in step]


async def test_a_days_moments_are_searched_by_bank_and_instant(path: Path, store: SqliteStore) -> None:
    given = {"of": 1, "bank": "b", "merchant_code": "m", "since": 1, "until": 2, "after": -1, "limit": 9}
    with closing(connect(path, "ro", 1)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements.MOMENTS}", given)]
    assert plan == [
        "SEARCH moment USING PRIMARY KEY (sandbox_id=? AND bank=? AND (at,payment_no)>(?,?) AND at<?)",
        "SEARCH payment USING INTEGER PRIMARY KEY (rowid=?)",
    ]


def test_the_log_ends_though_the_writer_never_pauses(path: Path) -> None:
    """Whatever the background thread manages, the writer itself brings a log that grew too long to its end."""
    commits_made, log_pages_max = 3000, 100
    with closing(connect(path, "rwc", 1)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE filler (content BLOB)")
        checkpointer = Checkpointer(connect(path, "rw", 1), rows_between=10, log_pages_max=log_pages_max)
        for _ in range(commits_made):
            with transaction(writer, 1):
                writer.execute("INSERT INTO filler VALUES (zeroblob(3000))")
            checkpointer.committed(writer)
        checkpointer.stop()
        pages = Path(f"{path}-wal").stat().st_size // (4096 + 24)
    assert pages < commits_made, f"{pages} pages in the log, {log_pages_max} wanted"
