"""How the log is written: as text, or as one JSON object a line, with what each line is about.

Rule: what is said of a line's subject is listed here, and card numbers in any of it are masked.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from simulator.cards import mask_pans

ABOUT = ("sandbox", "bank", "order_ref", "payment_id", "delivery_id", "attempt", "fault")
"""What a line may be about: given as `extra` by whoever logs, left out where it is not known."""

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

VALUE_MAX = 200
"""Characters of a connector's own text that a line repeats."""


class TextFormatter(logging.Formatter):
    """WARNING simulator.watch: a callback is given up [sandbox=default bank=vnpay]."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        told = " ".join(f"{name}={value}" for name, value in about(record).items())
        return _masked(super().formatMessage(record)) + (f" [{told}]" if told else "")

    def formatException(self, ei: "logging._SysExcInfoType | tuple[None, None, None]") -> str:
        return _masked(super().formatException(ei))


class JsonFormatter(logging.Formatter):
    """{"time": "2026-11-22T03:00:00.123+00:00", "level": "WARNING", "logger": "simulator.watch", ...}."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _masked(record.getMessage()),
            **about(record),
        }
        if record.exc_info:
            line["exception"] = _masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def about(record: logging.LogRecord) -> dict[str, object]:
    """What the line is about, as far as it is known."""
    given = ((name, getattr(record, name, None)) for name in ABOUT)
    return {
        name: value if isinstance(value, int) else _masked(str(value))[:VALUE_MAX] for name, value in given if value
    }


def start(log_format: str = "text", level: str = "warning") -> None:
    """Everything goes to stderr. Of other people's packages only warnings: some of them log whole messages."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("simulator").setLevel(level.upper())


def _masked(text: str) -> str:
    return mask_pans(text.encode("utf-8", "backslashreplace")).decode()
