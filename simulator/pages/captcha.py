"""The picture of letters that some banks put beside their log-in, drawn as bent strokes.

Rule: the same payment of the same seed sees the same pictures, one after another. They keep nobody out: the page tells
testers the answer, as it tells the one-time password.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import sin
from random import Random

from simulator.payment import Payment
from simulator.signing import same
from simulator.world import World

LETTERS = 5
DIGITS_MAX = 3
WIDTH, HEIGHT = 220, 72
_CELL = 38

# Strokes on a grid of 4 by 6, from the top left. Letters and digits that look alike are left out.
_STROKES = {
    "A": "06 20 46|14 34",
    "C": "41 30 10 01 05 16 36 45",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "H": "00 06|40 46|03 43",
    "K": "00 06|40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "P": "06 00 30 41 42 33 03",
    "R": "06 00 30 41 42 33 03|23 46",
    "T": "00 40|20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 44 45 36 16 05|13 33",
    "4": "36 30 04 44",
    "7": "00 40 16",
}


@dataclass(frozen=True, slots=True)
class Captcha:
    """`picture` is SVG with nothing in it but paths; `answer` is what it shows. `number` tells it from the next one."""

    number: int
    answer: str
    picture: str


def drawn(world: World, payment: Payment, given: Mapping[str, str]) -> Captcha:
    """The picture of the number that a form or an address names as `picture`; a wrong password brings another one."""
    named = given.get("picture", "")
    number = int(named) if named.isascii() and named.isdigit() and len(named) <= DIGITS_MAX else 0
    rng = world.rng_for("captcha", payment.payment_id, str(payment.otp_tries), str(number))
    answer = "".join(rng.choice("".join(_STROKES)) for _ in range(LETTERS))
    return Captcha(number, answer, _picture(answer, rng))


def solved(captcha: Captcha, typed: str) -> bool:
    """Letters in any case, blanks aside."""
    return same("".join(typed.split()).upper(), captcha.answer)


def _picture(answer: str, rng: Random) -> str:
    wave, phase = rng.uniform(2, 4), rng.uniform(0, 6)
    strokes = [_path(_letter(each, place, rng), wave, phase) for place, each in enumerate(answer)]
    noise = [_path(_scratch(rng), wave, phase) for _ in range(4)]
    return (
        f'<svg class="captcha" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">'
        f'<path class="letters" d="{"".join(strokes)}"/><path class="scratches" d="{"".join(noise)}"/></svg>'
    )


Line = list[tuple[float, float]]


def _letter(letter: str, place: int, rng: Random) -> list[Line]:
    """Its strokes, leaning, larger or smaller, and off the line, as it comes."""
    size, lean = rng.uniform(5.6, 7.2), rng.uniform(-0.28, 0.28)
    left, top = 18 + place * _CELL + rng.uniform(-3, 3), rng.uniform(10, 20)
    lines = [[(int(point[0]), int(point[1])) for point in stroke.split()] for stroke in _STROKES[letter].split("|")]
    return [[(left + size * (x + lean * (6 - y)), top + size * y) for x, y in _finer(line)] for line in lines]


def _scratch(rng: Random) -> list[Line]:
    ends = [(rng.uniform(0, 30), rng.uniform(8, 64)), (rng.uniform(190, 220), rng.uniform(8, 64))]
    return [_finer(ends, 12)]


def _finer(line: list[tuple[int, int]] | Line, parts: int = 3) -> Line:
    """The same line with points between its corners, so that a wave can bend it."""
    points = [
        (x + (next_x - x) * part / parts, y + (next_y - y) * part / parts)
        for (x, y), (next_x, next_y) in pairwise(line)
        for part in range(parts)
    ]
    return [*points, line[-1]]


def _path(lines: list[Line], wave: float, phase: float) -> str:
    bent = [[(x, y + wave * sin(x / 17 + phase)) for x, y in line] for line in lines]
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in bent)
