"""Work whose caller waits: it is answered once, and only after the commit that holds it."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

W = TypeVar("W")


class Pending(Generic[W]):
    """`with pending:` around its work makes an error of that work its caller's alone."""

    __slots__ = ("error", "future", "reply", "work")

    def __init__(self, work: W, future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.reply: Any = None
        self.error: Exception | None = None

    def __enter__(self) -> None:
        self.reply = self.error = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False

    def settle(self) -> None:
        """Hands the outcome to the caller, in the caller's loop; a caller that was cancelled is gone."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.reply)
        else:
            self.future.set_exception(self.error)


class Shared(Generic[W]):
    """`with Shared(batch):` around what a batch has in common: an error of that is the error of each caller."""

    __slots__ = ("_batch",)

    def __init__(self, batch: Sequence[Pending[W]]) -> None:
        self._batch = batch

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        for pending in self._batch:
            pending.error = error
        return True


def settle_all(batch: Sequence[Pending[W]]) -> None:
    for pending in batch:
        pending.settle()
