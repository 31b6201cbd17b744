"""A portal that leaks on purpose and keeps count: what an audit must find, exactly.

Rule: whether money leaks is told by its own number, so that a repeated callback meets the same fate.
"""

from dataclasses import dataclass, field
from zlib import crc32

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import BankWord, Outcome


@dataclass(slots=True)
class Leaks:
    """One payment in `one_in` is acknowledged and dropped, another one settled twice; 0 = none."""

    one_in: int = 0
    dropped: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)

    def drops(self, word: BankWord) -> bool:
        return self._leaks(word, 0, self.dropped)

    def doubles(self, word: BankWord) -> bool:
        return self._leaks(word, 1, self.doubled)

    def flaws(self) -> frozenset[Flaw]:
        """What comes with it: what was dropped is never asked about, so it stays lost."""
        return frozenset({Flaw.LOST_CALLBACK_NEVER_POLLED}) if self.one_in else frozenset()

    def _leaks(self, word: BankWord, drawn: int, kept: set[str]) -> bool:
        money = f"{word.bank} {word.money_ref}"
        if not self.one_in or word.outcome is not Outcome.PAID or crc32(money.encode()) % self.one_in != drawn:
            return False
        kept.add(money)
        return True
