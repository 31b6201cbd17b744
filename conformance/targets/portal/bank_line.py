"""The portal's line to the banks. Rule: every answer is bounded in time and size, and no redirect is followed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import httpx

from conformance.targets.portal.dossiers import Rejected
from conformance.targets.portal.protocols.fields import Fields, json_object

Headers = Mapping[str, str]

_PAUSE_S = 1.0
_ANSWER_MAX = 1_000_000
"""Bytes of an answer; a receipt as PDF is the largest."""


class BankSilent(Exception):
    """No answer that can be read: nothing is known of what the bank did."""


class _NotConnected(BankSilent):
    """The bank was never spoken with."""


class BankLine:
    """One pool of connections. `transport` replaces the network in tests.

    What only defects want: not `whole` = each piece of an answer has that time, not all of it together; not `verify` =
    any certificate will do; `tries` = how often a bank is called to which no connection can be made.
    """

    def __init__(
        self,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        whole: bool = True,
        verify: bool = True,
        tries: int = 1,
    ) -> None:
        self._timeout_s = timeout_s
        self._whole = whole
        self._tries = tries
        # Compressed answers are not asked for: a few bytes could unfold to any size.
        self._http = httpx.AsyncClient(
            timeout=timeout_s,
            transport=transport,
            verify=verify,
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity"},
        )

    async def post(self, url: str, message: Mapping[str, object], headers: Headers | None = None) -> Fields:
        """The answer's JSON object. Raises BankSilent."""
        body, _ = await self._ask("POST", url, message, headers=headers)
        return _read(body)

    async def post_for_refusal(self, url: str, message: Mapping[str, object], headers: Headers) -> Fields:
        """The answer's JSON object, also of a bank that says no by its HTTP status. Raises BankSilent."""
        body, _ = await self._ask("POST", url, message, taken=range(200, 500), headers=headers)
        return _read(body)

    async def get(self, url: str, headers: Headers | None = None) -> Fields:
        """The answer's JSON object. Raises BankSilent."""
        body, _ = await self._ask("GET", url, None, headers=headers)
        return _read(body)

    async def post_form(self, url: str, form: Mapping[str, str]) -> bytes:
        """The answer's body, whatever it is. Raises BankSilent."""
        body, _ = await self._ask("POST", url, None, form=form)
        return body

    async def post_for_file(self, url: str, message: Mapping[str, object]) -> tuple[bytes, str]:
        """The answer's body and content type, whatever it is. Raises BankSilent."""
        return await self._ask("POST", url, message)

    async def deliver(self, url: str, message: Mapping[str, object]) -> None:
        """For whoever only takes something: any 2xx will do. Raises BankSilent."""
        await self._ask("POST", url, message, taken=range(200, 300))

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(
        self,
        method: str,
        url: str,
        message: Mapping[str, object] | None,
        taken: range = range(200, 201),
        *,
        form: Mapping[str, str] | None = None,
        headers: Headers | None = None,
    ) -> tuple[bytes, str]:
        for _ in range(1, self._tries):
            with suppress(_NotConnected):
                return await self._ask_once(method, url, message, taken, form, headers)
            await asyncio.sleep(_PAUSE_S)
        return await self._ask_once(method, url, message, taken, form, headers)

    async def _ask_once(
        self,
        method: str,
        url: str,
        message: Mapping[str, object] | None,
        taken: range,
        form: Mapping[str, str] | None,
        headers: Headers | None,
    ) -> tuple[bytes, str]:
        try:
            async with asyncio.timeout(self._timeout_s if self._whole else None):
                async with self._http.stream(method, url, json=message, data=form, headers=headers) as response:
                    _check_head(response, taken)
                    body = await _bounded(response)
        except TimeoutError as error:
            raise BankSilent(f"no whole answer within {self._timeout_s:g} s") from error
        except httpx.ConnectError as error:
            raise _NotConnected(f"{type(error).__name__}: {error}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BankSilent(f"{type(error).__name__}: {error}") from error
        return body, response.headers.get("content-type", "")


def _check_head(response: httpx.Response, taken: range) -> None:
    if response.status_code not in taken:
        raise BankSilent(f"HTTP {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BankSilent("a compressed answer, which was not asked for")


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _ANSWER_MAX:
            raise BankSilent(f"an answer of more than {_ANSWER_MAX} bytes")
    return bytes(body)


def _read(body: bytes) -> Fields:
    try:
        return json_object(body)
    except Rejected as error:
        raise BankSilent("an answer that is no JSON object") from error
