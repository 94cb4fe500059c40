"""JSON-RPC over HTTP: one connection pool, typed errors, retries for reads only.

What may have reached the node and what cannot have are never confused: a refused connection is PeerUnavailable
(nothing was sent), a lost answer to a write is OutcomeUnknown, an error answer is RequestRefused with a stable code.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec

from common.chain.refusals import refusal_from
from common.model.errors import InputInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused

READ_PREFIXES = ("eth_get", "eth_call", "eth_blockNumber", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "net_")
BACKOFF_S = 0.1
HTTP_TOO_MANY_REQUESTS = 429

# Hundreds of blocks' worth of logs; more than that is no answer to anything that is asked here.
ANSWER_BYTES_MAX = 32 << 20

Request = tuple[str, list[Any]]
T = TypeVar("T")


class _Transient(Exception):
    """The node may or may not have seen the request."""


class RpcClient:
    """One node. `read_attempts` bounds how often a read is tried; a write (anything not a known read) goes out once."""

    def __init__(self, url: str, *, timeout_s: float = 2.0, read_attempts: int = 3) -> None:
        self.url, self._read_attempts = url, read_attempts
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._request_id = 0

    async def close(self) -> None:
        """Give the connections back. The client may be used again afterwards."""
        if self._session:
            await self._session.close()
            self._session = None

    def understand(self, method: str, parse: Callable[[Any], T], answer: Any) -> T:
        """An answer as a value. One that cannot be read is worth no more than silence: PeerUnavailable."""
        try:
            return parse(answer)
        except (TypeError, KeyError, ValueError, AttributeError, IndexError, InputInvalid):
            raise PeerUnavailable(f"the node at {self.url} answers {method} with {str(answer)[:100]!r}") from None

    async def request(self, method: str, *params: Any) -> Any:
        """The `result` of one call. Raises PeerUnavailable, OutcomeUnknown (writes only) or RequestRefused."""
        return (await self.batch([(method, list(params))]))[0]

    async def batch(self, requests: Sequence[Request]) -> list[Any]:
        """Results of several calls in one round trip; the first refusal is raised."""
        outcomes = await self.batch_outcomes(requests)
        for outcome in outcomes:
            if isinstance(outcome, RequestRefused):
                raise outcome
        return outcomes

    async def batch_outcomes(self, requests: Sequence[Request]) -> list[Any]:
        """As `batch`, but a refusal stands in the list in place of its result."""
        if not requests:
            return []
        is_read = all(method.startswith(READ_PREFIXES) for method, _ in requests)
        for attempt in range(1, (self._read_attempts if is_read else 1) + 1):
            try:
                return await self._round_trip(requests)
            except _Transient as error:
                last = error
            if is_read and attempt < self._read_attempts:
                await asyncio.sleep(BACKOFF_S * 2 ** (attempt - 1))
        names = ",".join(method for method, _ in requests[:3])
        if is_read:
            raise PeerUnavailable(f"the node at {self.url} does not answer {names}: {last}")
        raise OutcomeUnknown(f"{names} left for {self.url}, but no answer came: {last}")

    async def _round_trip(self, requests: Sequence[Request]) -> list[Any]:
        bodies = [self._body(method, params) for method, params in requests]
        answer = await self._post(msgspec.json.encode(bodies if len(bodies) > 1 else bodies[0]))
        answers = answer if isinstance(answer, list) else [answer]
        by_id = {item["id"]: item for item in answers if isinstance(item, dict) and isinstance(item.get("id"), int)}
        return [_outcome(by_id.get(body["id"]), body["method"]) for body in bodies]

    def _body(self, method: str, params: list[Any]) -> dict[str, Any]:
        self._request_id += 1
        return {"jsonrpc": "2.0", "id": self._request_id, "method": method, "params": params}

    async def _post(self, body: bytes) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, headers={"Content-Type": "application/json"}, trust_env=False
            )
        try:
            async with self._session.post(self.url, data=body) as response:
                if response.status == HTTP_TOO_MANY_REQUESTS:
                    raise PeerUnavailable(f"the node at {self.url} refuses more requests for now (HTTP 429)")
                if response.status >= 500:
                    raise _Transient(f"HTTP {response.status}")
                return msgspec.json.decode(await _body_of(response))
        except aiohttp.ClientConnectorError as error:
            raise PeerUnavailable(f"no node at {self.url}: {error.strerror}") from None
        except msgspec.DecodeError as error:
            raise _Transient(f"an answer that is no JSON ({error})") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Transient(type(error).__name__) from None


async def _body_of(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise _Transient(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _outcome(answer: dict[str, Any] | None, method: str) -> Any:
    if answer is None:
        # An error about the whole request has no id, and a broken proxy may answer anything: the node may have acted.
        raise _Transient(f"no answer to {method} in the reply")
    if "error" in answer:
        error = answer["error"]
        return refusal_from(error if isinstance(error, dict) else {"message": str(error)[:200]})
    return answer.get("result")
