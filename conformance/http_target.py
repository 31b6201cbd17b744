"""A connector of any language, driven over HTTP as its target file says."""

import base64
import binascii
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from conformance.child import Child, free_port, start_child
from conformance.requirement import Capability
from conformance.target import (
    PAYER,
    BadTarget,
    BankSetup,
    Booked,
    Checkout,
    CheckoutKind,
    Discrepancy,
    DiscrepancyKind,
    DossierStatus,
    Notification,
    Refused,
    Report,
    Status,
    Unreachable,
    kind_by_what_came,
    phone_of,
)
from conformance.target_file import Launch, Step, TargetFile, is_paged
from conformance.template import BadTemplate, Reply, as_word, fill, fill_path, read

_SHOWN_CHARS = 300
_WROTE_CHARS = 20_000
_PAGES_MAX = 100_000
_CLIENT_ERRORS, _SERVER_ERRORS = 400, 500

_UPLOAD = "a bank's file"
"""Beside what templates are given: (name, bytes), for a step that uploads it."""

_VERB_CAPABILITIES = {
    "refund": Capability.REFUND,
    "cancel": Capability.CANCEL,
    "lock": Capability.LOCK,
    "run_jobs": Capability.RUN_JOBS,
    "notifications": Capability.NOTIFICATIONS,
    "lookup": Capability.LOOKUP,
    "books": Capability.BOOKS,
    "reconcile": Capability.RECONCILE,
    "outage_books": Capability.OUTAGE_BOOKS,
    "outage_receipts": Capability.OUTAGE_RECEIPTS,
}


class HttpTarget:
    """Fills conformance.target.Target from a target file. `launch_args` are added to the launch command."""

    def __init__(self, file: TargetFile, launch_args: tuple[str, ...] = ()) -> None:
        self.name = file.connector.name or file.path.stem
        self.bank_url = file.connector.bank_url
        self.settle_s = file.connector.settle_s
        self.bank_timeout_s = file.connector.bank_timeout_s
        self.policies: Mapping[str, str] = file.policies
        self.banks: Mapping[str, BankSetup] = {
            code: BankSetup(
                methods=tuple(bank.words),
                merchant_code=bank.merchant_code,
                secrets=bank.secrets,
                options=bank.options,
            )
            for code, bank in file.banks.items()
        }
        self.capabilities = _capabilities(file)
        self.starts_side_by_side = file.launch is not None and file.launch.side_by_side
        self._file = file
        self._launch_args = launch_args
        self._base_url = file.connector.base_url
        self._banks_at = ""
        self._workdir = Path()
        self._port = 0
        self._child: Child | None = None
        self._raw = ""
        self._opened: set[str] = set()
        self._http = httpx.Client(timeout=file.connector.timeout_s, trust_env=False)

    def start(self, bank_url: str, workdir: Path) -> None:
        self._banks_at = bank_url
        self._workdir = workdir
        if self._file.launch is not None:
            self._port = free_port()
            self._launch(self._file.launch)
        self.banks = {code: self._addressed(setup) for code, setup in self.banks.items()}

    @property
    def base_url(self) -> str:
        """Where the connector listens; known once it was started."""
        return self._base_url.rstrip("/")

    def wrote(self) -> str:
        """What a launched connector has written to its output, the end of it."""
        return "" if self._child is None else self._child.written()[-_WROTE_CHARS:]

    def stop(self) -> None:
        self._http.close()
        if self._child is not None:
            self._child.stop()

    def restart(self) -> None:
        self.kill()
        self.start_again()

    def kill(self) -> None:
        if self._child is None:
            raise BadTarget(f"{self._file.path}: only a launched connector can be killed")
        self._child.kill()

    def start_again(self) -> None:
        if self._file.launch is None:
            raise BadTarget(f"{self._file.path}: only a launched connector can be started again")
        self._launch(self._file.launch)

    def start_with_banks_at(self, bank_url: str) -> None:
        if self._file.launch is None:
            raise BadTarget(f"{self._file.path}: only a launched connector can be told of other banks")
        self._launch(self._file.launch, bank_url)

    def start_with_clock_ahead(self, ahead_s: int) -> None:
        if self._file.launch is None or not self._file.launch.clock:
            raise BadTarget(f"{self._file.path}, [launch]: nothing says how its clock is set (clock = [...])")
        self._launch(self._file.launch, ahead_s=ahead_s)

    def open(self, dossier_code: str, amount_vnd: int, bank: str, method: str, payer: str = PAYER) -> Checkout:
        given = {
            "dossier_code": dossier_code,
            "amount_vnd": amount_vnd * self._file.connector.units_per_dong,
            "bank": self._file.banks[bank].name or bank,
            "method": self._file.banks[bank].words[method],
            "payer": payer,
            "phone": phone_of(dossier_code),
        }
        known = dossier_code in self._opened
        self._opened.add(dossier_code)
        found = self._run("open", given, f"open dossier {dossier_code} by {bank}, {method}", known)
        return self._checkout(found)

    def status(self, dossier_code: str) -> Status:
        doing = f"tell the status of dossier {dossier_code}"
        found = self._run("status", {"dossier_code": dossier_code}, doing)
        return self._status("status", dossier_code, found, as_word(found["raw"]))

    def books(self, prefix: str) -> Iterator[Booked]:
        paged = is_paged(self._file.verbs["books"])
        after: object = ""
        for _ in range(_PAGES_MAX):
            given = {"after": after, "prefix": prefix}
            found = self._run("books", given, f"tell its books after {as_word(after) or 'the beginning'}")
            code = ""
            for each in self._listed("books", "dossiers", found["dossiers"]):
                code = as_word(each.get("dossier_code"))
                if not code:
                    raise self._wrong("books", "dossiers", "a dossier_code in each", each)
                yield Booked(code, self._status("books", code, each))
            follows = found.get("next", code)
            if not paged or not follows:
                return
            if follows == after:
                raise BadTarget(f"{self._file.path}, [verbs.books]: after {as_word(after)!r} comes the same page again")
            after = follows
        raise BadTarget(f"{self._file.path}, [verbs.books]: more than {_PAGES_MAX:,} pages")

    def _listed(self, verb: str, name: str, found: object) -> list[dict[str, Any]]:
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._wrong(verb, name, "a list of tables", found)
        return found

    def _status(self, verb: str, dossier_code: str, found: Mapping[str, Any], raw: str = "") -> Status:
        """What one answer, or one of many in it, says of a dossier."""
        due, back = found.get("refund_due_vnd"), found.get("refunded_vnd")
        return Status(
            status=self._status_word(found.get("status"), dossier_code),
            amount_paid_vnd=self._dong(verb, "amount_paid_vnd", found.get("amount_paid_vnd")),
            receipts=self._whole_number(verb, "receipts", found.get("receipts")),
            refund_due_vnd=None if due is None else self._dong(verb, "refund_due_vnd", due),
            refunded_vnd=None if back is None else self._dong(verb, "refunded_vnd", back),
            raw=raw,
        )

    def callback_url(self, bank: str) -> str:
        return self._address(self._file.banks[bank].callback_url)

    def inquiry_url(self, bank: str) -> str:
        return self._address(self._file.banks[bank].inquiry_url)

    def refund(self, dossier_code: str, amount_vnd: int | None) -> None:
        doing = f"refund {'all' if amount_vnd is None else amount_vnd} of dossier {dossier_code}"
        units = None if amount_vnd is None else amount_vnd * self._file.connector.units_per_dong
        self._run("refund", {"dossier_code": dossier_code, "amount_vnd": units}, doing)

    def reconcile(self, bank: str, business_date: date, file_name: str, content: bytes) -> Report:
        given = {
            "bank": self._file.banks[bank].name or bank,
            "business_date": business_date.isoformat(),
            "file_name": file_name,
            "content_base64": base64.b64encode(content).decode(),
            _UPLOAD: (file_name, content),
        }
        try:
            found = self._run("reconcile", given, f"compare the file {file_name} of {bank}")
        except Refused as refused:
            if not _CLIENT_ERRORS <= refused.status < _SERVER_ERRORS:
                raise
            return Report(refused=refused.text or str(refused.status))
        return self._report(found)

    def cancel(self, dossier_code: str) -> None:
        self._run("cancel", {"dossier_code": dossier_code}, f"cancel dossier {dossier_code}")

    def lock(self, dossier_code: str, locked: bool) -> None:
        given = {"dossier_code": dossier_code, "locked": locked}
        self._run("lock", given, f"{'lock' if locked else 'unlock'} dossier {dossier_code}")

    def run_jobs(self, dossier_code: str = "") -> None:
        self._run("run_jobs", {"dossier_code": dossier_code}, "run its jobs")

    def notifications(self, dossier_code: str) -> tuple[Notification, ...]:
        doing = f"tell what the payer of dossier {dossier_code} was sent"
        found = self._run("notifications", {"dossier_code": dossier_code}, doing)["notifications"]
        if not isinstance(found, list):
            raise self._wrong("notifications", "notifications", "a list", found)
        return tuple(self._notification(each) for each in found)

    def outage_books(self, down: bool) -> None:
        self._outage("outage_books", down, f"{'break' if down else 'mend'} its books")

    def outage_receipts(self, down: bool) -> None:
        self._outage("outage_receipts", down, f"{'break' if down else 'mend'} what issues its receipts")

    def _outage(self, verb: str, down: bool, doing: str) -> None:
        """Asked once more where the connector hung up: what is broken closes connections, and must be mended."""
        try:
            self._run(verb, {"down": down}, doing)
        except Unreachable:
            self._run(verb, {"down": down}, doing)

    def lookup(self, dossier_code: str) -> str:
        doing = f"let anyone look up dossier {dossier_code}"
        try:
            return as_word(self._run("lookup", {"dossier_code": dossier_code}, doing)["raw"])
        except Refused as refused:
            return refused.text

    def _launch(self, launch: Launch, bank_url: str = "", ahead_s: int = 0) -> None:
        words = [*launch.command, *(launch.clock if ahead_s else ())]
        values = {
            "ahead_s": ahead_s,
            "bank_url": bank_url or self._banks_at,
            "port": self._port,
            "workdir": str(self._workdir),
            "python": sys.executable,
        }
        log = self._workdir / "connector.log"
        log.write_bytes(b"")
        self._child = start_child(
            "the connector",
            [as_word(fill(word, values)) for word in words] + list(self._launch_args),
            log,
            directory=self._file.path.parent / launch.directory if launch.directory else None,
            environment={name: as_word(fill(each, values)) for name, each in launch.environment.items()},
        )
        self._base_url = as_word(fill(self._file.connector.base_url, values))
        try:
            self._wait(launch, values, self._child)
        except BaseException:
            self._child.stop()
            raise

    def _wait(self, launch: Launch, values: Mapping[str, object], child: Child) -> None:
        if launch.health_url:
            address = as_word(fill(launch.health_url, {**values, "base_url": self._base_url}))
            child.wait_for_health(address, launch.ready_within_s)
            return
        match = child.wait_for_line(re.compile(launch.ready_line), launch.ready_within_s)
        self._base_url = match.groupdict().get("base_url") or self._base_url

    def _addressed(self, setup: BankSetup) -> BankSetup:
        """With the connector's addresses in the options of its contract, now that it listens."""
        return replace(setup, options={name: self._address(value) for name, value in setup.options.items()})

    def _address(self, template: str) -> str:
        return as_word(fill(template, {"base_url": self._base_url.rstrip("/"), "bank_url": self._banks_at}))

    def _run(self, verb: str, given: Mapping[str, object], doing: str, known_dossier: bool = False) -> dict[str, Any]:
        """All that the verb's steps answered, with "raw", the last answer's text. Raises Refused, Unreachable."""
        found: dict[str, Any] = {}
        for step in self._file.verbs[verb]:
            if step.once and known_dossier:
                continue
            values = {"base_url": self._base_url, "bank_url": self._banks_at, **given, **found}
            reply = self._send(step, values, doing)
            self._raw = reply.text
            found |= self._read(verb, step, reply) | {"raw": reply.text}
        return found

    def _send(self, step: Step, values: Mapping[str, object], doing: str) -> Reply:
        headers = fill({**self._file.connector.headers, **step.headers}, values)
        try:
            response = self._http.request(
                step.method,
                self._step_url(step, values),
                params=_texts(fill(step.query, values)) or None,
                headers=_texts(headers),
                json=fill(step.json, values),
                data=None if step.form is None else _texts(fill(step.form, values)),
                content=None if step.text is None else as_word(fill(step.text, values)),
                files=_upload(step, values),
            )
        except httpx.RequestError as error:
            raise Unreachable(doing, f"{type(error).__name__} at {self._base_url}: {error}") from error
        accepted = response.status_code in step.accepts if step.accepts else response.is_success
        if not accepted:
            raise Refused(doing, response.status_code, response.text[:_SHOWN_CHARS])
        return Reply(response.status_code, response.headers, response.text)

    def _step_url(self, step: Step, values: Mapping[str, object]) -> str:
        path = fill_path(step.path, values)
        return path if path.startswith("http") else self._base_url.rstrip("/") + path

    def _read(self, verb: str, step: Step, reply: Reply) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, expression in step.answer.items():
            try:
                found[name] = read(expression, reply)
            except BadTemplate as error:
                raise BadTarget(f"{self._file.path}, [verbs.{verb}]: answer.{name}: {error}") from error
        return found

    def _checkout(self, found: Mapping[str, Any]) -> Checkout:
        kind = found.get("kind") or kind_by_what_came(found)
        if kind not in set(CheckoutKind):
            raise self._wrong("open", "kind", f"one of {', '.join(CheckoutKind)}", kind)
        if not found.get("order_ref"):
            raise self._wrong("open", "order_ref", "the number under which the bank knows it", None)
        needed = _NEEDED_OF_KIND[CheckoutKind(kind)]
        if not any(found.get(name) for name in needed):
            raise self._wrong("open", needed[0], f"something, because kind is {kind!r}", None)
        return Checkout(
            kind=CheckoutKind(kind),
            order_ref=as_word(found["order_ref"]),
            url=as_word(found.get("url")),
            fields=_texts(found.get("fields") or {}),
            payload=as_word(found.get("payload")),
            bill_code=as_word(found.get("bill_code")),
        )

    def _report(self, found: Mapping[str, Any]) -> Report:
        refused = as_word(found.get("refused"))
        listed = [] if refused else found["discrepancies"]
        if not isinstance(listed, list):
            raise self._wrong("reconcile", "discrepancies", "a list, [] when all agrees", listed)
        return Report(
            refused=refused,
            discrepancies=tuple(self._discrepancy(each) for each in listed),
            reply=self._bytes(as_word(found.get("reply_base64"))) or None,
        )

    def _bytes(self, encoded: str) -> bytes:
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise self._wrong("reconcile", "reply_base64", "Base64", encoded[:_SHOWN_CHARS]) from error

    def _discrepancy(self, found: object) -> Discrepancy:
        """A table of kind, order_ref, bank_ref and amount_vnd."""
        if not isinstance(found, dict):
            raise self._wrong("reconcile", "discrepancies", "tables of kind, order_ref, bank_ref, amount_vnd", found)
        amount = found.get("amount_vnd")
        return Discrepancy(
            kind=self._discrepancy_word(found.get("kind")),
            order_ref=as_word(found.get("order_ref")),
            bank_ref=as_word(found.get("bank_ref")),
            amount_vnd=None if amount is None else self._whole_number("reconcile", "discrepancies", amount),
        )

    def _discrepancy_word(self, found: object) -> DiscrepancyKind:
        word = as_word(found)
        words = self._file.discrepancy_words or {each.value: each for each in DiscrepancyKind}
        if word not in words:
            raise BadTarget(
                f"{self._file.path}, [discrepancies.words]: the connector reports {word!r}, and the file does not say"
                f" what that means. Add {word!r} = one of {', '.join(DiscrepancyKind)}"
            )
        return words[word]

    def _notification(self, found: object) -> Notification:
        if not isinstance(found, dict):
            return Notification(text=as_word(found))
        amount = found.get("amount_vnd")
        return Notification(
            text=as_word(found.get("text")),
            amount_vnd=None if amount is None else self._dong("notifications", "amount_vnd", amount),
        )

    def _status_word(self, found: object, dossier_code: str) -> DossierStatus:
        word = as_word(found)
        words = self._file.status_words or {each.value: each for each in DossierStatus}
        if word not in words:
            raise BadTarget(
                f"{self._file.path}, [status.words]: the connector calls dossier {dossier_code} {word!r}, and"
                f" the file does not say what that means. Add {word!r} = one of {', '.join(DossierStatus)}"
            )
        return words[word]

    def _whole_number(self, verb: str, name: str, found: object) -> int:
        """A count or an amount: a whole number, also as text ("50000", "50000.00")."""
        if isinstance(found, str) and re.fullmatch(r"-?\d+(\.0+)?", found):
            return int(found.partition(".")[0])
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, float) and found.is_integer():
            return int(found)
        raise self._wrong(verb, name, "a whole number", found)

    def _dong(self, verb: str, name: str, found: object) -> int:
        """An amount that the connector tells in its own units."""
        return self._whole_number(verb, name, found) // self._file.connector.units_per_dong

    def _wrong(self, verb: str, name: str, expected: str, found: object) -> BadTarget:
        looked = next((step.answer[name] for step in self._file.verbs[verb] if name in step.answer), "")
        where = f" with {looked!r} in {self._raw[:_SHOWN_CHARS]!r}" if looked else ""
        return BadTarget(
            f"{self._file.path}, [verbs.{verb}]: answer.{name} should find {expected}, but found {found!r}{where}"
        )


_NEEDED_OF_KIND = {
    CheckoutKind.REDIRECT: ("url",),
    CheckoutKind.FORM: ("url",),
    CheckoutKind.QR: ("payload", "url"),
    CheckoutKind.BILL: ("bill_code",),
}


def _capabilities(file: TargetFile) -> frozenset[Capability]:
    declared = {_VERB_CAPABILITIES[verb] for verb in file.verbs if verb in _VERB_CAPABILITIES}
    if file.launch is not None and file.launch.restart:
        declared |= {Capability.RESTART, Capability.KILL}
        if any("{bank_url}" in word for word in (*file.launch.command, *file.launch.environment.values())):
            declared.add(Capability.START_WITH_BANKS_AT)
        if file.launch.clock:
            declared.add(Capability.START_WITH_CLOCK_AHEAD)
    return frozenset(declared)


def _upload(step: Step, values: Mapping[str, object]) -> dict[str, tuple[str, bytes]] | None:
    file = values.get(_UPLOAD)
    return {step.file: file} if step.file is not None and isinstance(file, tuple) else None


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: as_word(value) for name, value in values.items()}
