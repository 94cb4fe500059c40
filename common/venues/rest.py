"""A lean keep-alive HTTP client for the requests that matter: one write per request, a few warm connections.

What a caller must know after a failure is whether bytes left. PeerUnavailable: nothing was sent. OutcomeUnknown: the
request left (or may have) and no whole answer came.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from common.model.errors import InputInvalid, MessageInvalid, OutcomeUnknown, PeerUnavailable
from common.venues.http_wire import Response, ResponseReader, encode_head, encode_request

CONNECTIONS_MAX = 16
WAITING_MAX = 256


class _Connection(asyncio.Protocol):
    """One TCP connection: at most one request under way."""

    def __init__(self, on_free: Callable[["_Connection"], None], on_lost: Callable[["_Connection"], None]) -> None:
        self._on_free, self._on_lost = on_free, on_lost
        self._reader = ResponseReader()
        self._answer: asyncio.Future[Response] | None = None
        self._transport: asyncio.Transport | None = None

    def send(self, data: bytes, answer: "asyncio.Future[Response]") -> None:
        """Write one whole request; `answer` gets the response, or OutcomeUnknown."""
        assert self._transport is not None and self._answer is None
        self._answer = answer
        answer.add_done_callback(self._on_answer_done)
        self._transport.write(data)

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            response = self._reader.feed(data)
        except MessageInvalid as error:
            self._fail(str(error))
            return
        if response is None:
            return
        answer, self._answer = self._answer, None
        if answer is None or answer.done() or not self._reader.is_idle or not response.keeps_alive:
            # Bytes that nobody asked for would be taken for the next answer: this connection has no future.
            self.close()
        else:
            self._on_free(self)
        if answer is not None and not answer.done():
            answer.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self)
        self._fail(f"connection lost: {exc or 'closed by the venue'}")

    def _on_answer_done(self, answer: "asyncio.Future[Response]") -> None:
        if answer is self._answer:
            # Nobody waits any more: a late answer must not be taken for the next request's.
            self._answer = None
            self.close()

    def _fail(self, why: str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(OutcomeUnknown(why))
        self.close()


class RestClient:
    """Requests to one host. Connections are kept and reused, the most recently used first."""

    def __init__(self, base_url: str, headers: dict[str, str], timeout_s: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputInvalid("URL", "rest_url", "http(s)://host[:port]", base_url)
        self._host, self._timeout_s = parts.hostname, timeout_s
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._ssl else 80)
        self._head = encode_head(parts.netloc, {"User-Agent": "counterweight", "Accept": "application/json"} | headers)
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[_Connection]] = deque()
        self._is_closed = False

    @property
    def has_idle(self) -> bool:
        """True if a request could leave now."""
        return bool(self._idle)

    def send(self, method: str, target: str) -> "asyncio.Future[Response]":
        """The hot path: write on an idle connection (`has_idle`) now and return the answer to come.

        The future raises OutcomeUnknown when the connection breaks or nothing comes within `timeout_s`.
        """
        return self._send_on(self._idle.pop(), method, target)

    async def request(self, method: str, target: str | Callable[[], str]) -> Response:
        """Send, if need be over a new connection. Raises PeerUnavailable (nothing was sent) or OutcomeUnknown.

        A `target` that is a function is asked when the bytes are about to leave: signatures carry the time. It may
        raise, and then nothing is sent.
        """
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            text = target() if callable(target) else target
        except BaseException:
            self._free(connection)
            raise
        return await self._send_on(connection, method, text)

    async def warm_up(self, count: int) -> None:
        """Have at least `count` connections open. Raises PeerUnavailable."""
        while len(self._all) < min(count, CONNECTIONS_MAX):
            self._free(await self._open())

    def close(self) -> None:
        """Drop every connection; requests under way end with OutcomeUnknown."""
        self._is_closed = True
        for connection in list(self._all):
            connection.close()

    def _send_on(self, connection: _Connection, method: str, target: str) -> "asyncio.Future[Response]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        connection.send(encode_request(method, target, self._head), answer)
        timer = loop.call_later(self._timeout_s, _expire, answer, self._timeout_s)
        answer.add_done_callback(partial(_cancel, timer))
        return answer

    async def _connect(self) -> _Connection:
        if len(self._all) + self._opening < CONNECTIONS_MAX:
            return await self._open()
        if len(self._waiting) >= WAITING_MAX:
            raise PeerUnavailable(f"{WAITING_MAX} requests to {self._host} wait already")
        turn: asyncio.Future[_Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait((turn,), timeout=self._timeout_s)
        except asyncio.CancelledError:
            if not turn.cancel() and turn.exception() is None:
                self._free(turn.result())
            raise
        if not turn.done():
            turn.cancel()
            raise PeerUnavailable(f"no connection to {self._host} became free in {self._timeout_s} s")
        return turn.result()

    async def _open(self) -> _Connection:
        if self._is_closed:
            raise PeerUnavailable(f"the client of {self._host} is closed")
        loop = asyncio.get_running_loop()
        self._opening += 1
        try:
            opening = loop.create_connection(self._make, self._host, self._port, ssl=self._ssl)
            _transport, connection = await asyncio.wait_for(opening, self._timeout_s)
        except (OSError, TimeoutError) as error:
            raise PeerUnavailable(f"{self._host}:{self._port}: {error or type(error).__name__}") from None
        finally:
            self._opening -= 1
        self._all.add(connection)
        return connection

    def _make(self) -> _Connection:
        return _Connection(self._free, self._lose)

    def _free(self, connection: _Connection) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)

    def _lose(self, connection: _Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        while self._waiting and not self._all:
            # No connection is left that could become free for them.
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(PeerUnavailable(f"all connections to {self._host} were lost"))


def _expire(answer: "asyncio.Future[Response]", timeout_s: float) -> None:
    if not answer.done():
        answer.set_exception(OutcomeUnknown(f"no answer within {timeout_s} s"))


def _cancel(timer: asyncio.TimerHandle, answer: "asyncio.Future[Response]") -> None:
    timer.cancel()
    if not answer.cancelled():
        answer.exception()  # Marks it as seen: a caller that was cancelled leaves nobody to look.
