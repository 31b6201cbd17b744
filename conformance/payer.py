"""A robot that pays as a person does: it opens the bank's pages, reads their forms and sends them, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

REDIRECTS_MAX = 10
STEPS_MAX = 20

USERNAME = "nguyenvana"
PASSWORD = "banksim"
OTP = "123456"
ISSUER = "NCB"
CARD = ("9704198526191432198", "NGUYEN VAN A", "07/15")
"""Number, name and date of a domestic test card with money."""
CVC = "123"
"""Of international test cards; a domestic card has none."""
FACE = "match"
"""What the camera finds; or "mismatch"."""


class Stuck(Exception):
    """The page did not offer what the payer wanted to do; the message names page and form."""


@dataclass(slots=True)
class Form:
    """A form as a browser would send it; `offered` are the values of its buttons, choices and radio buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the bank. `stage`, `state` and `outcome` are what its body says of itself.

    `hints` are what it tells testers to type into fields that nobody could know (the letters of a picture).
    """

    url: str
    status: int
    text: str
    stage: str = ""
    state: str = ""
    outcome: str = ""
    refused: str = ""
    forms: tuple[Form, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    def form(self, step: str) -> Form:
        """The form that is sent to that step. Raises Stuck."""
        for form in self.forms:
            if urlsplit(form.action).path.rsplit("/", 1)[-1] == step:
                return form
        raise Stuck(f"{self.url} (HTTP {self.status}, stage {self.stage!r}) has no form for {step!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a walk ended: the last page of the bank, and what the merchant's site answered if the payer went back."""

    page: Page
    returned: httpx.Response | None = None

    @property
    def state(self) -> str:
        return self.page.state

    @property
    def outcome(self) -> str:
        return self.page.outcome

    @property
    def payment_id(self) -> str:
        parts = urlsplit(self.page.url).path.split("/")
        return parts[parts.index("pay") + 1]


class Payer:
    """One payer with one browser. All methods raise Stuck if the pages offer no way on, and httpx's errors."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def pay(
        self,
        url: str,
        *,
        channel: str = "internet_banking",
        issuer: str = ISSUER,
        username: str = USERNAME,
        password: str = PASSWORD,
        otp: str = OTP,
        card: tuple[str, str, str] = CARD,
        cvc: str = CVC,
        face: str = FACE,
        host: str = "",
        paid_with: str = "cash",
        follow_return: bool = False,
    ) -> Walk:
        """Walks from the address that the connector named to the result; with `follow_return` back to the merchant.

        At a terminal `host` is how the host answers ("51", "silent", "late", "lost"; "" = as the card says), at a
        counter `paid_with` is "cash" or "account".
        Wrong details are sent again as they are until the bank ends the payment.
        """
        number, holder, date = card
        answers = {
            "choose": {"channel": channel, "issuer": issuer},
            "login": {"username": username, "password": password},
            "card": {"card_number": number, "card_holder": holder, "card_date": date, "card_cvc": cvc},
            "otp": {"otp": otp},
            "biometrics": {"face": face},
            "challenge": {"otp": otp},
            "qr": {"username": username},
            "confirm": {"card_number": number, "host": host, "paid_with": paid_with, "username": username},
        }
        page = self.open(url)
        for _ in range(STEPS_MAX):
            if page.stage == "done":
                return self._ended(page, follow_return)
            if page.stage not in answers:
                raise Stuck(f"{page.url} (HTTP {page.status}) is no page on which a payer can do anything")
            page = self._answer(page, answers[page.stage])
        raise Stuck(f"{page.url} still wants {page.stage!r} after {STEPS_MAX} steps")

    def scan(self, url: str, *, username: str = USERNAME, follow_return: bool = False) -> Walk:
        """Shows the QR code, scans it with the simulated phone, and pays there."""
        return self.pay(url, channel="qr", username=username, follow_return=follow_return)

    def scan_code(self, base_url: str, text: str, *, username: str = USERNAME) -> Walk:
        """Scans a code that stands on the connector's own page, by its text. `base_url` is the sandbox's."""
        page = self.send(self.open(f"{base_url}/phone"), "phone", {"qr": text})
        if page.refused:
            raise Stuck(f"no payment of {base_url} waits for the code {text!r}")
        paid = self.send(page, "scan", {"username": username})
        if paid.stage == "biometrics":
            paid = self.send(paid, "biometrics", {"face": FACE})
        return self._ended(paid, follow_return=False)

    def cancel(self, url: str, *, follow_return: bool = False) -> Walk:
        """Opens the page and gives up there."""
        return self._ended(self.send(self.open(url), "cancel", {}), follow_return)

    def pay_bill(
        self,
        base_url: str,
        bank: str,
        bill_code: str,
        channel: str = "counter",
        *,
        merchant_code: str = "",
        username: str = USERNAME,
        password: str = PASSWORD,
        otp: str = OTP,
        card: tuple[str, str, str] = CARD,
        cvc: str = CVC,
        host: str = "",
        paid_with: str = "cash",
    ) -> Walk:
        """Names a bill code at the bank and pays it there. `base_url` is the sandbox's ("http://host/s/ci").

        If the bank refuses (no such bill, already paid), the walk ends on the bill page: `page.refused` says why.
        """
        page = self.inquire_bill(base_url, bank, bill_code, channel, merchant_code=merchant_code)
        if page.refused:
            return Walk(page=page)
        return self.pay(
            page.url,
            username=username,
            password=password,
            otp=otp,
            card=card,
            cvc=cvc,
            host=host,
            paid_with=paid_with,
        )

    def inquire_bill(
        self, base_url: str, bank: str, bill_code: str, channel: str = "counter", *, merchant_code: str = ""
    ) -> Page:
        """The page after a bill code was named: the payment's first step, or the bill page with `refused` set."""
        page = self.open(f"{base_url}/bill/{bank}")
        wanted = {"bill_code": bill_code, "channel": channel}
        return self.send(page, bank, wanted | ({"merchant_code": merchant_code} if merchant_code else {}))

    def go_back(self, page: Page) -> httpx.Response | None:
        """Follows the result page's link to the merchant; the merchant's answer, None if there is no such link.

        The bank answers with a redirect, or with a page whose only form is posted to the merchant.
        """
        link = page.links.get("return")
        if link is None:
            return None
        away = self._client.get(urljoin(page.url, link), follow_redirects=False)
        if away.has_redirect_location:
            return self._client.get(urljoin(str(away.url), away.headers["location"]), follow_redirects=True)
        offered = read_page(str(away.url), away.status_code, away.text)
        if offered.stage != "return" or len(offered.forms) != 1:
            raise Stuck(f"{link} answered HTTP {away.status_code} and not the way back to the merchant")
        form = offered.forms[0]
        return self._client.post(urljoin(offered.url, form.action), data=form.fields, follow_redirects=True)

    # --- a browser's own work ---------------------------------------------------------------------------------

    def open(self, url: str) -> Page:
        """The page at that address, redirects followed."""
        return self._followed(self._client.get(url, follow_redirects=False))

    def send(self, page: Page, step: str, values: Mapping[str, str]) -> Page:
        """Sends the page's form for that step with these values; what the page offers no field for is left out.

        Raises Stuck for a value that is not among those that the page offers.
        """
        form = page.form(step)
        filled = form.fields | {name: hint for name, hint in page.hints.items() if name in form.fields}
        for name, value in values.items():
            if name in form.offered and value not in form.offered[name]:
                raise Stuck(f"{page.url} offers no {name} {value!r}, only {', '.join(form.offered[name])}")
            if name in form.fields or name in form.offered:
                filled[name] = value
        answer = self._client.post(urljoin(page.url, form.action), data=filled, follow_redirects=False)
        return self._followed(answer)

    def _answer(self, page: Page, values: Mapping[str, str]) -> Page:
        if page.stage == "qr":
            phone = self.open(urljoin(page.url, page.links["phone"]))
            return self.send(phone, "scan", values)
        if page.stage == "choose":
            return self._chosen(page, values)
        return self.send(page, page.stage, values)

    def _chosen(self, page: Page, values: Mapping[str, str]) -> Page:
        """Each way to pay is a form of its own."""
        ways = [form for form in page.forms if form.fields.get("channel") == values["channel"]]
        if not ways:
            offered = [form.fields["channel"] for form in page.forms if "channel" in form.fields]
            raise Stuck(f"{page.url} offers no channel {values['channel']!r}, only {', '.join(offered)}")
        only = Page(url=page.url, status=page.status, text=page.text, stage=page.stage, forms=(ways[0],))
        return self.send(only, "choose", values)

    def _ended(self, page: Page, follow_return: bool) -> Walk:
        return Walk(page=page, returned=self.go_back(page) if follow_return else None)

    def _followed(self, response: httpx.Response) -> Page:
        for _ in range(REDIRECTS_MAX):
            if not response.has_redirect_location:
                return read_page(str(response.url), response.status_code, response.text)
            target = urljoin(str(response.url), response.headers["location"])
            response = self._client.get(target, follow_redirects=False)
        raise Stuck(f"{response.url}: more than {REDIRECTS_MAX} redirects")


def read_page(url: str, status: int, text: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    body = reader.body
    return Page(
        url=url,
        status=status,
        text=text,
        stage=body.get("data-stage", ""),
        state=body.get("data-state", ""),
        outcome=body.get("data-outcome", ""),
        refused=body.get("data-refused", ""),
        forms=tuple(reader.forms),
        links=reader.links,
        hints=reader.hints,
    )


class _Reader(HTMLParser):
    """Collects the body's attributes, the forms with what they would send, the links that have an id, and the hints."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.body: dict[str, str] = {}
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.hints: dict[str, str] = {}
        self._inside: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "data-hint" in given:
            self.hints[given["data-hint"]] = given.get("data-value", "")
        if tag == "body":
            self.body = given
        elif tag == "a" and "id" in given:
            self.links[given["id"]] = given.get("href", "")
        elif tag == "form":
            self._inside = Form(given.get("action", ""))
            self.forms.append(self._inside)
        elif self._inside is not None:
            self._control(self._inside, tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag == "select":
            self._select = ""

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            form.offered.setdefault(self._select, []).append(value)
            if "selected" in given or self._select not in form.fields:
                form.fields[self._select] = value
        elif tag == "button" and name:
            form.offered.setdefault(name, []).append(value)
        elif tag == "input" and name and given.get("type") == "radio":
            form.offered.setdefault(name, []).append(value)
            if "checked" in given:
                form.fields[name] = value
        elif tag in ("input", "textarea") and name:
            form.fields[name] = value
