"""What pages say, one file a language (vi.toml, en.toml), and how money and instants are written in each."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files

from simulator.clock import VIETNAM

DEFAULT = "vi"
LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. `texts(key, **values)` fills the placeholders; an unknown key is a bug and raises KeyError."""

    code: str
    sentences: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        sentence = self.sentences[key]
        return sentence.format(**values) if values else sentence

    def has(self, key: str) -> bool:
        return key in self.sentences

    def vnd(self, amount_vnd: int) -> str:
        """1200000 -> "1.200.000 đ" or "1,200,000 VND"."""
        return f"{amount_vnd:,} VND" if self.code == "en" else f"{amount_vnd:,} đ".replace(",", ".")

    def instant(self, at: datetime | None) -> str:
        """In Vietnam's time: "10:15:00 22/11/2026"; "–" for none."""
        if at is None:
            return "–"
        local = at.astimezone(VIETNAM)
        return f"{local:%H:%M:%S %d %b %Y}" if self.code == "en" else f"{local:%H:%M:%S %d/%m/%Y}"

    def day(self, day: date) -> str:
        """A business date: "22/11/2026" or "22 Nov 2026"."""
        return f"{day:%d %b %Y}" if self.code == "en" else f"{day:%d/%m/%Y}"

    def duration(self, seconds: int) -> str:
        """754 -> "12:34"; hours in front where there are any."""
        minutes, left = divmod(max(seconds, 0), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes:02d}:{left:02d}"


def read_texts() -> dict[str, Texts]:
    """All languages by code."""
    return {code: Texts(code, _sentences(code)) for code in LANGUAGES}


def _sentences(code: str) -> dict[str, str]:
    """Sections and keys joined by a dot: `[otp] title` is "otp.title"."""
    read = tomllib.loads(files(__package__).joinpath(f"{code}.toml").read_text("utf-8"))
    return {f"{section}.{key}": sentence for section, table in read.items() for key, sentence in table.items()}
