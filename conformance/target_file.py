"""A target file (TOML) read into one value; rule: whatever is wrong is said with its file, table and key."""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from conformance.target import BadTarget, DiscrepancyKind, DossierStatus, check_methods
from conformance.template import BadTemplate, check_expression, placeholders, with_environment

Section = TypeVar("Section", bound=msgspec.Struct)

_TABLES = ("connector", "launch", "banks", "verbs", "status", "discrepancies", "policies")

_GIVEN = frozenset({"base_url", "bank_url"})
"""Placeholders that every template may use."""

_VERB_GIVEN = {
    "open": frozenset({"dossier_code", "amount_vnd", "bank", "method", "payer", "phone"}),
    "status": frozenset({"dossier_code"}),
    "refund": frozenset({"dossier_code", "amount_vnd"}),
    "cancel": frozenset({"dossier_code"}),
    "lock": frozenset({"dossier_code", "locked"}),
    "run_jobs": frozenset({"dossier_code"}),
    "notifications": frozenset({"dossier_code"}),
    "lookup": frozenset({"dossier_code"}),
    "books": frozenset({"after", "prefix"}),
    "outage_books": frozenset({"down"}),
    "outage_receipts": frozenset({"down"}),
    "reconcile": frozenset({"bank", "business_date", "file_name", "content_base64"}),
}
"""The verbs, and what the suite gives each."""

_VERB_ANSWERS = {
    "open": frozenset({"order_ref"}),
    "status": frozenset({"status", "amount_paid_vnd", "receipts"}),
    "notifications": frozenset({"notifications"}),
    "books": frozenset({"dossiers"}),
    "reconcile": frozenset({"discrepancies"}),
}
"""What must be read out of a verb's answers."""

_LAUNCH_GIVEN = frozenset({"bank_url", "port", "workdir", "python"})


class Connector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bank_url` is where a connector that is not launched by the suite expects the banks.

    `bank_timeout_s` = how long it waits for a bank's answer at most; 0 = not told. `units_per_dong` = 100 for one that
    counts in hundredths of a dong, in its requests and its answers.
    """

    name: str = ""
    base_url: str = ""
    bank_url: str = ""
    settle_s: float = 5.0
    timeout_s: float = 30.0
    bank_timeout_s: float = 0.0
    headers: dict[str, str] = {}
    units_per_dong: int = 1


class Launch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the connector is started, and how to see that it is ready. One of `ready_line` and `health_url`.

    `restart` = the same command once more starts it with the same books, at the same address.
    `clock` = further words of the command that set its clock ahead of the machine's by {ahead_s} seconds.
    `side_by_side` = it may be started several times at once, each with a port and books of its own.
    """

    command: tuple[str, ...]
    ready_line: str = ""
    health_url: str = ""
    ready_within_s: float = 30.0
    restart: bool = False
    clock: tuple[str, ...] = ()
    side_by_side: bool = False
    environment: dict[str, str] = {}
    directory: str = ""


class Bank(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`methods` is a list of the suite's words, or a table from them to the connector's own."""

    methods: tuple[str, ...] | dict[str, str]
    callback_url: str = ""
    inquiry_url: str = ""
    merchant_code: str = ""
    name: str = ""
    secrets: dict[str, str] = {}
    options: dict[str, str] = {}

    @property
    def words(self) -> dict[str, str]:
        """The connector's word for each method."""
        if isinstance(self.methods, dict):
            return self.methods
        return {method: method for method in self.methods}


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request of a verb. At most one of `json`, `form` and `text` is its body.

    `file` is the field of a multipart form, with `form`'s fields, in which a bank's file is uploaded.
    `accepts` are the HTTP statuses of success (empty = 2xx). `once` = only when a dossier is opened first.
    """

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    json: Any = None
    form: dict[str, str] | None = None
    text: str | None = None
    file: str | None = None
    accepts: tuple[int, ...] = ()
    once: bool = False
    answer: dict[str, str] = {}


class StatusWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connector's status words and what each means; empty = it uses the suite's own."""

    words: dict[str, DossierStatus] = {}


class DiscrepancyWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connector's words for what a bank's file shows; empty = it uses the suite's own."""

    words: dict[str, DiscrepancyKind] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFile:
    path: Path
    connector: Connector
    launch: Launch | None
    banks: dict[str, Bank]
    verbs: dict[str, tuple[Step, ...]]
    status_words: dict[str, DossierStatus]
    discrepancy_words: dict[str, DiscrepancyKind]
    policies: dict[str, str]


def read_target_file(path: Path) -> TargetFile:
    """Reads and checks the whole file. Raises BadTarget."""
    tables = _tables(path)
    connector = _section(path, "connector", tables["connector"], Connector)
    launch = _section(path, "launch", tables["launch"], Launch) if tables["launch"] else None
    file = TargetFile(
        path=path,
        connector=connector,
        launch=launch,
        banks={code: _section(path, f"banks.{code}", each, Bank) for code, each in tables["banks"].items()},
        verbs={verb: _steps(path, verb, each) for verb, each in tables["verbs"].items()},
        status_words=_section(path, "status", tables["status"], StatusWords).words,
        discrepancy_words=_section(path, "discrepancies", tables["discrepancies"], DiscrepancyWords).words,
        policies=_policies(path, tables["policies"]),
    )
    _check_connector(file)
    _check_banks(file)
    _check_verbs(file)
    return file


def _tables(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as opened:
            document = with_environment(tomllib.load(opened))
    except OSError as error:
        raise BadTarget(f"the target file {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadTarget(f"{path} is not valid TOML: {error}") from error
    except BadTemplate as error:
        raise BadTarget(f"{path}: {error}") from error
    for name, table in document.items():
        if name not in _TABLES:
            raise BadTarget(f"{path}: there is no table [{name}]{_did_you_mean(name, _TABLES)}")
        if not isinstance(table, dict):
            raise BadTarget(f"{path}: {name} must be a table, written [{name}]")
    return {name: document.get(name, {}) for name in _TABLES}


def _section(path: Path, where: str, table: object, kind: type[Section]) -> Section:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise BadTarget(f"{path}, [{where}]: {_explained(str(error), kind)}") from error


def _explained(message: str, kind: type[msgspec.Struct]) -> str:
    """msgspec's sentence with the key instead of a path, and a guess where a key is unknown."""
    unknown = re.search(r"unknown field `(.+?)`", message)
    if unknown:
        return f"there is no key {unknown[1]!r}{_did_you_mean(unknown[1], kind.__struct_fields__)}"
    missing = re.search(r"missing required field `(.+?)`", message)
    if missing:
        return f"the key {missing[1]!r} is missing"
    what, _, place = message.partition(" - at `$.")
    return f"{place.rstrip('`')}: {what}" if place else what


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


def _steps(path: Path, verb: str, table: object) -> tuple[Step, ...]:
    where = f"verbs.{verb}"
    if verb not in _VERB_GIVEN:
        raise BadTarget(f"{path}: there is no verb [{where}]{_did_you_mean(verb, tuple(_VERB_GIVEN))}")
    steps = table if isinstance(table, list) else [table]
    named = [(where, steps[0])] if len(steps) == 1 else _numbered(where, steps)
    return tuple(_section(path, place, step, Step) for place, step in named)


def _numbered(where: str, steps: list[Any]) -> list[tuple[str, Any]]:
    return [(f"{where} step {number}", step) for number, step in enumerate(steps, start=1)]


def _policies(path: Path, table: dict[str, Any]) -> dict[str, str]:
    for name, value in table.items():
        if not isinstance(value, str):
            raise BadTarget(f'{path}, [policies]: {name} must be text, written {name} = "..."')
    return table


def _check_connector(file: TargetFile) -> None:
    launch = file.launch
    if launch is None:
        if not file.connector.base_url:
            raise BadTarget(
                f"{file.path}, [connector]: base_url is missing (where the connector listens),"
                " and there is no [launch] that starts it"
            )
        if not file.connector.bank_url:
            raise BadTarget(
                f"{file.path}, [connector]: bank_url is missing. A connector that the suite does not launch"
                " must be configured with an address for the banks; write the same one here, for example"
                ' bank_url = "http://127.0.0.1:8080/s/check"'
            )
        return
    _check_placeholders(file, "launch", [list(launch.command), launch.environment], _LAUNCH_GIVEN)
    _check_placeholders(file, "launch", list(launch.clock), _LAUNCH_GIVEN | {"ahead_s"})
    if launch.clock and "{ahead_s}" not in " ".join(launch.clock):
        raise BadTarget(f"{file.path}, [launch]: {{ahead_s}} must stand in clock, by how much it is set ahead")
    if not launch.command:
        raise BadTarget(f"{file.path}, [launch]: command is empty")
    if bool(launch.ready_line) == bool(launch.health_url):
        raise BadTarget(
            f"{file.path}, [launch]: give either ready_line (a regular expression for a line on its output)"
            " or health_url (an address that answers 2xx once it is ready)"
        )
    _check_ready_line(file, launch)
    _check_restart(file, launch)
    _check_side_by_side(file, launch)


def _check_side_by_side(file: TargetFile, launch: Launch) -> None:
    words = " ".join((*launch.command, *launch.environment.values()))
    lacking = [each for each in ("{port}", "{workdir}") if each not in words]
    if launch.side_by_side and (lacking or file.connector.bank_url):
        why = f"{' and '.join(lacking)} must stand in its command" if lacking else "[connector] bank_url must go"
        raise BadTarget(f"{file.path}, [launch]: side_by_side = true needs a port and books for each: {why}")


def _check_restart(file: TargetFile, launch: Launch) -> None:
    """Started anew it must listen where it did: the port is given to it, or its address is written down."""
    given = any("{port}" in word for word in (*launch.command, *launch.environment.values()))
    if launch.restart and not given and not file.connector.base_url:
        raise BadTarget(
            f"{file.path}, [launch]: restart = true needs an address that stays the same. Give the command {{port}},"
            " or write down [connector] base_url"
        )


def _check_ready_line(file: TargetFile, launch: Launch) -> None:
    try:
        groups = re.compile(launch.ready_line).groupindex
    except re.error as error:
        raise BadTarget(f"{file.path}, [launch]: ready_line is no regular expression: {error}") from error
    if not file.connector.base_url and "base_url" not in groups:
        raise BadTarget(
            f"{file.path}, [launch]: nothing tells where the launched connector listens. Give [connector]"
            " base_url (it may use {port}), or a group (?P<base_url>...) in ready_line"
        )


def _check_banks(file: TargetFile) -> None:
    if not file.banks:
        raise BadTarget(f"{file.path}: no bank is declared; write a table [banks.vnpay] or another")
    for code, bank in file.banks.items():
        check_methods(f"{file.path}, [banks.{code}]: methods", tuple(bank.words))
        texts = [bank.callback_url, bank.inquiry_url, *bank.options.values()]
        _check_placeholders(file, f"banks.{code}", texts, frozenset())


def _check_verbs(file: TargetFile) -> None:
    missing = [verb for verb in ("open", "status") if verb not in file.verbs]
    if missing:
        raise BadTarget(f"{file.path}: [verbs.{missing[0]}] is missing; open and status are always needed")
    for verb, steps in file.verbs.items():
        _check_steps(file, verb, steps)


def _check_steps(file: TargetFile, verb: str, steps: tuple[Step, ...]) -> None:
    where = f"verbs.{verb}"
    known = _VERB_GIVEN[verb]
    for step in steps:
        _check_step(file, where, step, known)
        known |= frozenset(step.answer)
    answered = frozenset().union(*(step.answer for step in steps))
    if "next" in answered and verb == "books" and not is_paged(steps):
        raise BadTarget(f"{file.path}, [{where}]: its answer gives 'next', so {{after}} must stand in the request")
    for name in sorted(_VERB_ANSWERS.get(verb, frozenset()) - answered):
        raise BadTarget(f'{file.path}, [{where}]: its answer must give {name!r}, for example {name} = "..."')


def is_paged(steps: tuple[Step, ...]) -> bool:
    """Whether [verbs.books] asks for one page after another."""
    return any("after" in placeholders(_templates(step)) for step in steps)


def _templates(step: Step) -> list[object]:
    return [step.path, step.query, step.headers, step.json, step.form, step.text]


def _check_step(file: TargetFile, where: str, step: Step, known: frozenset[str]) -> None:
    bodies = [name for name in ("json", "form", "text") if getattr(step, name) is not None]
    if len(bodies) > 1:
        raise BadTarget(f"{file.path}, [{where}]: {' and '.join(bodies)} cannot both be the body")
    _check_file(file, where, step)
    if not step.path.startswith(("/", "http://", "https://")):
        raise BadTarget(f'{file.path}, [{where}]: path must begin with "/"; found {step.path!r}')
    _check_placeholders(file, where, _templates(step), known)
    for name, expression in step.answer.items():
        try:
            check_expression(expression)
        except BadTemplate as error:
            raise BadTarget(f"{file.path}, [{where}]: answer.{name}: {error}") from error


def _check_file(file: TargetFile, where: str, step: Step) -> None:
    if step.file is None:
        return
    if where != "verbs.reconcile":
        raise BadTarget(f"{file.path}, [{where}]: only [verbs.reconcile] has a file to upload")
    if step.json is not None or step.text is not None:
        raise BadTarget(f"{file.path}, [{where}]: file is uploaded in a form: use form beside it, not json or text")


def _check_placeholders(file: TargetFile, where: str, template: object, known: frozenset[str]) -> None:
    unknown = sorted(placeholders(template) - known - _GIVEN)
    if unknown:
        choices = ", ".join(f"{{{name}}}" for name in sorted(known | _GIVEN))
        raise BadTarget(f"{file.path}, [{where}]: nothing is known as {{{unknown[0]}}}; use {choices}")
