"""Instants: aware and UTC inside, GMT+7 on the wire and for a business day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from conformance.targets.portal.defects import Flaw

VIETNAM = timezone(timedelta(hours=7), "GMT+7")

Clock = Callable[[], datetime]


def machine_clock() -> datetime:
    return datetime.now(UTC)


def set_off(seconds: int) -> Clock:
    """The machine's clock, that far ahead (or behind, if negative)."""
    return lambda: machine_clock() + timedelta(seconds=seconds)


def compact(instant: datetime) -> str:
    """yyyyMMddHHmmss in GMT+7, on a 24-hour clock."""
    return instant.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


def order_time(instant: datetime, flaws: frozenset[Flaw]) -> str:
    """An order's time, in the order itself and in every question about it."""
    if Flaw.ORDER_TIME_IN_UTC in flaws:
        return f"{instant:%Y%m%d%H%M%S}"
    if Flaw.ORDER_TIME_IN_12_HOURS in flaws:
        return f"{instant.astimezone(VIETNAM):%Y%m%d%I%M%S}"
    return compact(instant)


def bank_time(text: str) -> datetime | None:
    """The instant, in UTC, of a bank's yyyyMMddHHmmss in GMT+7; None for anything else."""
    if len(text) != 14 or not (text.isascii() and text.isdigit()) or not _is_time(text, "%Y%m%d%H%M%S"):
        return None
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM).astimezone(UTC)


def is_compact(text: str) -> bool:
    """Whether `text` is a time as yyyyMMddHHmmss or MMddyyyyHHmmss, in this century."""
    # onefin-bank#records: one published inquiry has the month first.
    if len(text) != 14 or not (text.isascii() and text.isdigit()):
        return False
    return _is_time(text, "%Y%m%d%H%M%S") or _is_time(text, "%m%d%Y%H%M%S")


def _is_time(text: str, form: str) -> bool:
    try:
        found = datetime.strptime(text, form).replace(tzinfo=VIETNAM)
    except ValueError:
        return False
    return 2000 <= found.year < 2100


def spoken(instant: datetime) -> str:
    """dd/MM/yyyy HH:mm in GMT+7, as people in Vietnam write it."""
    return instant.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
