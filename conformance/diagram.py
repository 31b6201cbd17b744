"""What crossed the wire as a sequence diagram: inline SVG of payer, connector and bank, read from top to bottom.

Rule: everything in it came from a connector or a bank and is escaped; styles stand in the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from conformance.results import Exchange

PAYER, CONNECTOR, BANK = 66, 230, 550
WIDTH = 622
HEAD = 46
ROW = 40
"""Height of one arrow with its words above it."""

LABEL_CHARS = 44
CRAFTED = "crafted"
"""How the simulator's journal calls a message that the suite made and had sent."""

SHOWN_MAX = 16
"""A longer history shows its beginning and its end."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message from lifeline to lifeline; an answer is dashed, a lost one crossed out."""

    start: int
    end: int
    label: str
    title: str
    answer: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Exchanges left out."""

    count: int


def sequence_svg(exchanges: tuple[Exchange, ...], labels: tuple[str, str, str]) -> Markup:
    """The diagram; `labels` name payer, connector and bank. Empty when nothing crossed the wire."""
    if not exchanges:
        return Markup("")
    rows = _rows(exchanges)
    height = HEAD + ROW * len(rows) + 16
    parts = [_lifelines(labels, height)]
    for number, row in enumerate(rows):
        y = HEAD + ROW * (number + 1) - 6
        parts.append(_gap(row, y) if isinstance(row, Gap) else _arrow(row, y))
    return Markup('<svg class="sequence" viewBox="0 0 {} {}" role="img">{}</svg>').format(
        WIDTH, height, Markup("").join(parts)
    )


def arrows(exchange: Exchange) -> tuple[Arrow, Arrow]:
    """The request and its answer. A payer's browser opens a bank's page by GET; else the two servers talk."""
    start, end = _ends(exchange)
    asked = Arrow(
        start,
        end,
        _words(exchange),
        f"{exchange.at}  {exchange.method} {exchange.url}",
    )
    lost = exchange.status == 0
    told = "no answer" if lost else f"{exchange.status} {exchange.response_body}".strip()
    return asked, Arrow(end, start, told, told, answer=True, lost=lost)


def _words(exchange: Exchange) -> str:
    """What a request is: its note where the suite made it up, else the operation and the place it went to."""
    if exchange.note and exchange.operation in ("", CRAFTED):
        return exchange.note
    place = urlsplit(exchange.url).path.rpartition("/")[2] or exchange.url
    return f"{exchange.operation}: {exchange.note or f'{exchange.method} …/{place}'}"


def _ends(exchange: Exchange) -> tuple[int, int]:
    if exchange.direction == "out":
        return BANK, CONNECTOR
    if exchange.operation == "create" and exchange.method == "GET":
        return PAYER, BANK
    return CONNECTOR, BANK


def _rows(exchanges: tuple[Exchange, ...]) -> list[Arrow | Gap]:
    if len(exchanges) <= SHOWN_MAX:
        return _all_arrows(exchanges)
    half = SHOWN_MAX // 2
    left_out = len(exchanges) - 2 * half
    return [*_all_arrows(exchanges[:half]), Gap(left_out), *_all_arrows(exchanges[-half:])]


def _all_arrows(exchanges: Iterable[Exchange]) -> list[Arrow | Gap]:
    return [arrow for exchange in exchanges for arrow in arrows(exchange)]


def _lifelines(labels: tuple[str, str, str], height: int) -> Markup:
    parts = [
        Markup(
            '<rect x="{}" y="2" width="128" height="28" rx="6"/><text x="{}" y="21" class="who">{}</text>'
            '<line class="life" x1="{}" y1="30" x2="{}" y2="{}"/>'
        ).format(x - 64, x, label, x, x, height)
        for x, label in zip((PAYER, CONNECTOR, BANK), labels, strict=True)
    ]
    return Markup("").join(parts)


def _arrow(arrow: Arrow, y: int) -> Markup:
    kind = "lost" if arrow.lost else "answer" if arrow.answer else "ask"
    towards = 1 if arrow.end > arrow.start else -1
    tip = arrow.end - 2 * towards
    head = f"M{tip - 9 * towards} {y - 5} L{tip} {y} L{tip - 9 * towards} {y + 5}"
    middle = (arrow.start + arrow.end) // 2
    return Markup(
        '<g class="{}"><title>{}</title><line x1="{}" y1="{}" x2="{}" y2="{}"/>{}<text x="{}" y="{}">{}</text></g>'
    ).format(
        kind,
        arrow.title[:400],
        arrow.start + 2 * towards,
        y,
        tip,
        y,
        _cross(middle, y) if arrow.lost else Markup('<path d="{}"/>').format(head),
        _label_x(arrow, middle),
        y - 7,
        _short(arrow.label, LABEL_CHARS),
    )


def _label_x(arrow: Arrow, middle: int) -> int:
    """A long arrow passes the connector's lifeline; its words stand beside that."""
    return middle if CONNECTOR in (arrow.start, arrow.end) else (CONNECTOR + BANK) // 2


def _cross(x: int, y: int) -> Markup:
    return Markup('<path d="M{} {} l10 10 m0 -10 l-10 10"/>').format(x - 5, y - 5)


def _gap(gap: Gap, y: int) -> Markup:
    x = (CONNECTOR + BANK) // 2
    return Markup('<text class="gap" x="{}" y="{}">… {} …</text>').format(x, y - 7, gap.count)


def _short(text: str, chars: int) -> Markup:
    one_line = " ".join(text.split())
    return escape(one_line if len(one_line) <= chars else f"{one_line[: chars - 1]}…")
