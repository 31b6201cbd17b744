"""What a payer does at the bank, over Locust's fast client: comes to the bank's page, pays there, and is sent back.

Rule: the page is fetched as a browser does; the payer's decision goes through the control API, because no payer's
clicking is what is measured here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locust.contrib.fasthttp import FastHttpSession

from conformance.target import Checkout, CheckoutKind
from loadtests.door import NotServed, browse
from loadtests.payers import Payer
from loadtests.plan import Plan


@dataclass(frozen=True, slots=True)
class BankSide:
    """One payer's view of the bank."""

    plan: Plan
    http: FastHttpSession

    def arrive(self, payer: Payer, checkout: Checkout) -> str:
        """The payer comes to the bank, which then knows the payment; its id. Raises NotServed."""
        shape, bank = self.plan.banks.shapes[payer.way.bank], payer.way.bank
        merchant = {"merchant_code": self.plan.banks.merchants[bank]}
        if shape == "bill":
            bill = {"bank": bank, "bill_code": checkout.bill_code or checkout.order_ref}
            return self._id(self._call("POST", "/bills", "bill", bill | merchant))
        if shape == "advice" and checkout.payload:
            scanned = {"code": checkout.payload, "amount_vnd": payer.amount_vnd}
            return self._id(self._call("POST", "/transfers/scanned", "scan", scanned))
        if shape == "advice":
            transfer = {"bank": bank, "content": checkout.order_ref, "amount_vnd": payer.amount_vnd}
            return self._id(self._call("POST", "/transfers", "transfer", transfer | merchant))
        if checkout.kind in (CheckoutKind.FORM, CheckoutKind.REDIRECT):
            browse(self.http, "page", checkout.url, checkout.fields)
        wanted = {"order_ref": checkout.order_ref, "bank": bank, "limit": "1"}
        found = self._call("GET", "/payments", "find", params=wanted)
        if not found:
            raise NotServed(f"{bank} knows no payment {checkout.order_ref}")
        return self._id(found[0])

    def pay(self, payment_id: str) -> None:
        """The money is the bank's from here on, and it owes the connector a callback. Raises NotServed."""
        self._call("POST", f"/payments/{payment_id}/events", "pay", {"event": "approve"})

    def way_back(self, payment_id: str) -> tuple[str, Mapping[str, str]]:
        """Where the payer's browser is sent ("" = nowhere), and what a form posts there. Raises NotServed."""
        found = self._call("POST", f"/payments/{payment_id}/return", "way back")
        return found["url"], found["fields"]

    def _id(self, found: Mapping[str, Any]) -> str:
        return str(found["payment_id"])

    def _call(
        self,
        method: str,
        path: str,
        name: str,
        json: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.plan.banks.token}"} if self.plan.banks.token else {}
        with self.http.request(
            method,
            self.plan.banks.control_url + path,
            name=f"bank: {name}",
            json=json,
            params=params,
            headers=headers,
            catch_response=True,
        ) as answer:
            if not 200 <= answer.status_code < 300:
                said = (answer.text or "")[:200]
                answer.failure(f"{answer.status_code} {said}")
                raise NotServed(f"bank, {name}: {answer.status_code} {said}")
            answer.success()
            return answer.json()
