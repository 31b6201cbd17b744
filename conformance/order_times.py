"""The times that a connector writes into its messages, and how far they are from the bank's clock. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote_plus

VIETNAM = timezone(timedelta(hours=7))
NEAR_S = 120
FAR = timedelta(hours=36)
"""What is further from the bank's clock is no time of this order."""

_COMPACT = re.compile(r"(?<!\d)(20\d{12})(?!\d)")
_ISO = re.compile(r"(?<!\d)(20\d\d-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_SLASHED = re.compile(r"(?<!\d)(\d\d/\d\d/20\d\d) (\d\d:\d\d:\d\d)")
_EPOCH = re.compile(r"(?<!\d)(1\d{9})(?:\d{3})?(?!\d)")


# A field that tells when an order ends, not when it was made.
_ENDS = re.compile(r"(?i)[\w-]*(?:expir|het_?han|timeout|valid|deadline|due)[\w-]*[\"'\]>]*\s*[:=]?\s*[\"']?$")
_NAME_CHARS = 60


def times_in(message: str) -> Iterator[datetime]:
    """Every instant that stands in a URL or a body, ends of orders left out; one without a zone is Vietnam's time."""
    text = unquote_plus(message)
    for pattern in (_COMPACT, _SLASHED, _ISO, _EPOCH):
        for found in pattern.finditer(text):
            if not _ENDS.search(text[max(0, found.start() - _NAME_CHARS) : found.start()]):
                yield from _read(pattern, found)


def _read(pattern: re.Pattern[str], found: re.Match[str]) -> Iterator[datetime]:
    if pattern is _EPOCH:
        yield datetime.fromtimestamp(int(found[1]), UTC)
    elif pattern is _COMPACT:
        yield from _local(found[1], "%Y%m%d%H%M%S")
    elif pattern is _SLASHED:
        yield from _local(f"{found[1]} {found[2]}", "%d/%m/%Y %H:%M:%S")
    else:
        yield from _local(f"{found[1]} {found[2]}{found[3] or '+07:00'}", "%Y-%m-%d %H:%M:%S%z")


def wrong_time(messages: list[str], now: datetime) -> str:
    """What is wrong with the order's time, as the end of a sentence; "" if it is right or there is none.

    Of several times the earliest is when the order was made.
    """
    found = [each for message in messages for each in times_in(message) if abs(each - now) < FAR]
    if not found or any(_is_near(each - now) for each in found):
        return ""
    made = min(found)
    away = made - now
    told = f"{made.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}, and the bank's clock {now.astimezone(VIETNAM):%H:%M:%S}"
    for hours, what in _KINDS.items():
        if _is_near(away - timedelta(hours=hours)):
            return f"says {told} in Vietnam: {what}"
    minutes = round(abs(away.total_seconds()) / 60)
    return (
        f"says {told} in Vietnam: the connector's clock is {minutes} minutes {'fast' if away > timedelta() else 'slow'}"
    )


_KINDS = {
    -7: "it is 7 hours slow, UTC where Vietnam's time (GMT+7) is wanted",
    7: "it is 7 hours fast, Vietnam's time to which 7 hours were added once more",
    -12: "it is 12 hours slow, the hour of a 12-hour clock",
    12: "it is 12 hours fast, the hour of a 12-hour clock",
}


def _is_near(away: timedelta) -> bool:
    return abs(away.total_seconds()) <= NEAR_S


def _local(text: str, form: str) -> Iterator[datetime]:
    try:
        found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is given in the next line, if it has none
    except ValueError:
        return
    yield found.replace(tzinfo=found.tzinfo or VIETNAM).astimezone(UTC)
