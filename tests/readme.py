"""Writes the generated tables of README.md: `python -m tests.readme`."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from simulator.banks import dialects
from simulator.dialect import Assumption
from simulator.payer import ASSUMPTIONS, PAYER
from simulator.reconciling import ASSUMPTIONS as OF_DAYS
from simulator.reconciling import SETTLEMENT
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
    """A table of the payers' banks and one a bank, folded away until they are wanted."""
    by_bank = {PAYER: ASSUMPTIONS, SETTLEMENT: OF_DAYS} | {
        code: dialect.assumptions for code, dialect in dialects().items()
    }
    return "\n\n".join(_folded(code, assumed) for code, assumed in by_bank.items())


def _folded(code: str, assumed: Sequence[Assumption]) -> str:
    rows = ["| what | chosen | why | setting |", "|---|---|---|---|"]
    for each in assumed:
        what = each.key.removeprefix(f"{code}.")
        cells = (what, each.value, each.why, f"`{each.setting}`" if each.setting else "")
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    head = f"<details><summary><code>{code}</code>: {len(assumed)}</summary>"
    return "\n".join((head, "", *rows, "", "</details>"))


BLOCKS: dict[str, Callable[[], str]] = {"banks": banks, "assumptions": assumptions}


def written(text: str) -> str:
    """The README with its generated tables made anew."""
    for name, made in BLOCKS.items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda found, made=made: f"{found[1]}\n{made()}\n\n{found[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
