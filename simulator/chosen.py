"""What no document says of banks that fail, and what was chosen: the assumptions about faults, alike for all banks."""

from simulator.banks import dialects
from simulator.dialect import Assumption, assumed

FAULTS = "faults"


def assumptions() -> tuple[Assumption, ...]:
    limited = ", ".join(code for code, dialect in dialects().items() if dialect.query_interval_s)
    others = ", ".join(
        code for code, dialect in dialects().items() if dialect.endpoints and not dialect.query_interval_s
    )
    return assumed(
        FAULTS,
        (
            (
                "limit",
                f"HTTP 429 with Retry-After; queries at {limited} by the bank's own code",
                f"no document of these tells how it refuses too many requests: {others}",
                "",
            ),
            (
                "maintenance",
                "the bank's own refusal, or HTTP 503 of its gateway where that refusal is its general error",
                "few documents have a code for it; what stands before a bank that is down answers in its place",
                "",
            ),
            (
                "gateway",
                "an HTML page of a few lines with the status and its usual title",
                "real gateways' pages differ in their words; none of them is the JSON or XML that was agreed on",
                "",
            ),
            (
                "hold",
                "where a clock stands still a fault waits 2 real seconds at most, elsewhere 600",
                "the sandbox's time does not move while a connector waits; tests want to be quick",
                "serve --fault-hold-s",
            ),
            (
                "amounts",
                "the last three digits 9NN of an amount ask for fault NN",
                "a choice of this project, for testers who reach no control API; off unless asked for",
                "serve --faults-by-amount",
            ),
        ),
    )
