"""HTTP/1.1 bytes (RFC 9112): requests out, responses in, without any I/O.

Ours because a general client spends more time on an order than the rest of the process; it knows what JSON APIs of
venues use: keep-alive, Content-Length, chunked bodies. Anything else raises MessageInvalid and ends the connection.
"""

from collections.abc import Mapping

import msgspec

from common.model.errors import MessageInvalid

HEAD_BYTES_MAX = 32 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024


class Response(msgspec.Struct, frozen=True):
    """Status, headers (names in lower case) and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """True when the connection may carry the next request."""
        return self.headers.get("connection", "").lower() != "close"


def encode_head(host: str, headers: Mapping[str, str]) -> bytes:
    """Everything of a bodyless request after its target; made once per client."""
    lines = [f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return (" HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n").encode()


def encode_request(method: str, target: str, head: bytes) -> bytes:
    """One bodyless request; `head` is from `encode_head`. A POST without a body must say so (RFC 9110 section 8.6)."""
    ending = b"Content-Length: 0\r\n\r\n" if method == "POST" else b"\r\n"
    return method.encode() + b" " + target.encode() + head + ending


class ResponseReader:
    """Collects the bytes of one response after another. `feed` returns the response that became whole, or None."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._status = 0
        self._headers: dict[str, str] | None = None
        self._body: bytearray | None = None
        self._length = -1

    @property
    def is_idle(self) -> bool:
        """True between two responses."""
        return not self._data and self._headers is None

    def feed(self, data: bytes) -> Response | None:
        """More bytes. Raises MessageInvalid for what is no response that we understand."""
        self._data += data
        while self._headers is None:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                if len(self._data) > HEAD_BYTES_MAX:
                    raise _invalid(f"a head of at most {HEAD_BYTES_MAX} bytes", len(self._data))
                return None
            self._read_head(bytes(self._data[:end]))
            del self._data[: end + 4]
        if self._body is None:
            if len(self._data) < self._length:
                return None
            return self._finish(self._cut(self._length))
        return self._read_chunks(self._body)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        parts = first.split(b" ", 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or len(parts[1]) != 3 or not parts[1].isdigit():
            raise _invalid("a status line", first[:60])
        self._status = int(parts[1])
        if 100 <= self._status < 200:
            return  # An interim response: the real one follows.
        headers = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise _invalid("a header line", line[:60])
            headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        self._headers = headers
        if self._status in (204, 304):
            self._length = 0
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._body = bytearray()
        else:
            self._length = _length(headers.get("content-length", ""), 10)

    def _read_chunks(self, body: bytearray) -> Response | None:
        while (end := self._data.find(b"\r\n")) >= 0:
            size = _length(self._data[:end].partition(b";")[0].decode("latin-1").strip(), 16)
            needed = end + 2 + size + 2
            if len(self._data) < needed:
                return None
            if self._data[needed - 2 : needed] != b"\r\n":
                raise _invalid("a chunk that ends with a line break", bytes(self._data[needed - 2 : needed]))
            body += self._data[end + 2 : needed - 2]
            del self._data[:needed]
            if not size:
                return self._finish(bytes(body))
            if len(body) > BODY_BYTES_MAX:
                raise _invalid(f"a body of at most {BODY_BYTES_MAX} bytes", len(body))
        if len(self._data) > HEAD_BYTES_MAX:
            raise _invalid("a chunk size", bytes(self._data[:60]))
        return None

    def _cut(self, length: int) -> bytes:
        body = bytes(self._data[:length])
        del self._data[:length]
        return body

    def _finish(self, body: bytes) -> Response:
        assert self._headers is not None
        response = Response(self._status, self._headers, body)
        self._headers, self._body, self._length = None, None, -1
        return response


def _length(text: str, base: int) -> int:
    # int() alone would also take signs, blanks and underscores.
    if not (text.isascii() and text.isalnum() and len(text) <= 10):
        raise _invalid("a length", text[:60])
    try:
        length = int(text, base)
    except ValueError:
        raise _invalid("a length", text[:60]) from None
    if length > BODY_BYTES_MAX:
        raise _invalid(f"a body of at most {BODY_BYTES_MAX} bytes", length)
    return length


def _invalid(expected: str, got: object) -> MessageInvalid:
    return MessageInvalid("HTTP response", "venue connection", expected, got)
