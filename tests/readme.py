"""Writes the generated tables of README.md: `python -m tests.readme`."""

import re
from collections.abc import Callable
from pathlib import Path

from simulator.banks import dialects
from simulator.sources import Confidence, parts

README = Path(__file__).resolve().parent.parent / "README.md"


def banks() -> str:
    rows = [
        "| code | bank | shape | channels | documented | in public code | our assumption |",
        "|---|---|---|---|---|---|---|",
    ]
    for dialect in dialects().values():
        channels = ", ".join(channel.replace("_", " ") for channel in dialect.channels)
        shape = dialect.shape.replace("_", " ")
        sure = parts(dialect)
        cells = [", ".join(sure[confidence]) or "-" for confidence in Confidence]
        rows.append(f"| `{dialect.code}` | {dialect.name} | {shape} | {channels} | {' | '.join(cells)} |")
    return "\n".join(rows)


def assumptions() -> str:
    rows = ["| bank | what | chosen | why | setting |", "|---|---|---|---|---|"]
    for dialect in dialects().values():
        for each in dialect.assumptions:
            cells = (dialect.code, each.key, each.value, each.why, f"`{each.setting}`" if each.setting else "")
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


BLOCKS: dict[str, Callable[[], str]] = {"banks": banks, "assumptions": assumptions}


def written(text: str) -> str:
    """The README with its generated tables made anew."""
    for name, made in BLOCKS.items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda found, made=made: f"{found[1]}\n{made()}\n\n{found[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
