"""The connector as its target file describes it, over Locust's fast client.

Rule: every request is told to Locust under the verb's name, whatever the dossier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from locust.contrib.fasthttp import FastHttpSession

from conformance.target import Checkout, CheckoutKind, kind_by_what_came, phone_of
from conformance.target_file import Step
from conformance.template import BadTemplate, Reply, as_word, fill, fill_path, read
from loadtests.payers import Payer
from loadtests.plan import Plan

CLIENT_ERRORS, SERVER_ERRORS = 400, 500
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NotServed(Exception):
    """Somebody did not do what was asked: the payer goes home. Locust has counted the failure."""


@dataclass(frozen=True, slots=True)
class Portal:
    """One payer's view of the connector."""

    plan: Plan
    http: FastHttpSession

    def open(self, payer: Payer) -> Checkout:
        """Raises NotServed."""
        door, way = self.plan.door, payer.way
        given = {
            "dossier_code": payer.dossier_code,
            "amount_vnd": payer.amount_vnd * door.units_per_dong,
            "bank": door.bank_words[way.bank],
            "method": door.method_words[way.bank][way.method],
            "payer": payer.name,
            "phone": phone_of(payer.dossier_code),
        }
        found = self._run("open", door.open, given)
        if not found.get("order_ref"):
            raise NotServed("the connector's answer has no order_ref")
        kind = found.get("kind") or kind_by_what_came(found)
        if kind is None:
            raise NotServed("the connector's answer has no url, payload or bill_code")
        return Checkout(
            kind=CheckoutKind(kind),
            order_ref=as_word(found["order_ref"]),
            url=as_word(found.get("url")),
            fields={name: as_word(value) for name, value in (found.get("fields") or {}).items()},
            payload=as_word(found.get("payload")),
            bill_code=as_word(found.get("bill_code")),
        )

    def status(self, payer: Payer) -> str:
        """The dossier's status in the suite's own words. Raises NotServed."""
        found = self._run("status", self.plan.door.status, {"dossier_code": payer.dossier_code})
        word = as_word(found["status"])
        return self.plan.door.status_words.get(word, word)

    def refund(self, payer: Payer) -> None:
        """The office gives the whole fee back; that it will not is an answer too. Raises NotServed."""
        given = {"dossier_code": payer.dossier_code, "amount_vnd": None}
        self._run("refund", self.plan.door.refund, given, may_refuse=True)

    def come_back(self, url: str, fields: Mapping[str, str]) -> None:
        """The payer's browser goes where the bank sends it. Raises NotServed."""
        browse(self.http, "return", url, fields)

    def _run(
        self, verb: str, steps: tuple[Step, ...], given: Mapping[str, object], *, may_refuse: bool = False
    ) -> dict[str, Any]:
        """`may_refuse` = a 4xx ends it and is no failure."""
        found: dict[str, Any] = {}
        for number, step in enumerate(steps, start=1):
            name = verb if len(steps) == 1 else f"{verb} {number}"
            reply = self._send(name, step, {"base_url": self.plan.door.url, **given, **found}, may_refuse)
            if may_refuse and reply.status >= CLIENT_ERRORS:
                return found
            for what, expression in step.answer.items():
                try:
                    found[what] = read(expression, reply)
                except BadTemplate as error:
                    raise NotServed(f"{verb}: {error}") from error
        return found

    def _send(self, name: str, step: Step, values: Mapping[str, object], may_refuse: bool) -> Reply:
        values = {"bank_url": self.plan.banks.url, **values}
        path = fill_path(step.path, values)
        url = path if path.startswith("http") else self.plan.door.url + path
        headers = fill({**self.plan.door.headers, **step.headers}, values)
        body = None if step.text is None else as_word(fill(step.text, values))
        if step.form is not None:
            body = urlencode({key: as_word(value) for key, value in fill(step.form, values).items()})
            headers = FORM | headers
        with self.http.request(
            step.method,
            url,
            name=name,
            headers={key: as_word(value) for key, value in headers.items()},
            params={key: as_word(value) for key, value in fill(step.query, values).items()} or None,
            json=fill(step.json, values),
            data=body,
            catch_response=True,
        ) as answer:
            status = answer.status_code
            accepted = status in step.accepts if step.accepts else 200 <= status < 300
            if not accepted and not (may_refuse and CLIENT_ERRORS <= status < SERVER_ERRORS):
                said = (answer.text or "")[:200]
                answer.failure(f"{status} {said}")
                raise NotServed(f"{name}: {status} {said}")
            answer.success()
            return Reply(status, {key.lower(): value for key, value in answer.headers.items()}, answer.text or "")


def browse(http: FastHttpSession, name: str, url: str, fields: Mapping[str, str]) -> None:
    """A browser goes there and follows redirects; with fields it posts a form. Raises NotServed."""
    if fields:
        answer = http.request("POST", url, name=name, data=urlencode(fields), headers=FORM)
    else:
        answer = http.request("GET", url, name=name)
    if not 200 <= answer.status_code < 400:
        raise NotServed(f"{name}: {answer.status_code}")
