"""HTTP bytes, and the client against servers that misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.errors import InputInvalid, MessageInvalid, OutcomeUnknown, PeerUnavailable
from common.venues.http_wire import Response, ResponseReader, encode_head, encode_request
from common.venues.rest import RestClient

PLAIN = b"HTTP/1.1 200 OK\r\nX-Mbx-Used: 7\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 418 Tea\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN


def test_request_bytes() -> None:
    head = encode_head("h:1", {"X-MBX-APIKEY": "k"})
    assert encode_request("GET", "/a?b=c", head) == b"GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nX-MBX-APIKEY: k\r\n\r\n"
    assert encode_request("POST", "/", head).endswith(b"\r\nContent-Length: 0\r\n\r\n")


@given(st.sampled_from([PLAIN, CHUNKED, INTERIM]), st.lists(st.integers(0, 90), max_size=6))
def test_responses_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    reader, bounds = ResponseReader(), sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    responses = [reader.feed(data[start:end]) for start, end in pairwise(bounds)]
    whole = responses[-1]
    assert whole is not None and whole.body == b"hello" and responses[:-1] == [None] * (len(responses) - 1)
    assert reader.is_idle


@given(st.binary(max_size=300))
def test_garbage_never_crashes(data: bytes) -> None:
    for prefix in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        try:
            ResponseReader().feed(prefix + data)
        except MessageInvalid:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"x" * 40_000,
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(MessageInvalid):
        ResponseReader().feed(data)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def converse(handler: Handler, story: Callable[[RestClient], Awaitable[None]], timeout_s: float = 0.2) -> None:
    async def run() -> None:
        serving: list[asyncio.Task[None] | None] = []
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.append(asyncio.current_task())
            writers.append(writer)
            try:
                await handler(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # The client dropped the connection, as some tests want.

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = RestClient(f"http://127.0.0.1:{port}", {}, timeout_s)
        try:
            await story(client)
        finally:
            client.close()
            await asyncio.gather(*serving)
            server.close()
            for writer in writers:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    asyncio.run(run())


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line == b"\r\n":
            writer.write(PLAIN)
    writer.close()


def test_connections_are_reused() -> None:
    connections = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await answer_all(reader, writer)

    async def story(client: RestClient) -> None:
        await client.warm_up(2)
        for _ in range(5):
            response = await client.request("GET", "/")
            assert response == Response(200, {"x-mbx-used": "7", "content-length": "5"}, b"hello")
        await asyncio.gather(*(client.request("GET", "/") for _ in range(60)))
        assert client.has_idle and len(connections) <= 16
        assert (await client.send("GET", "/")).status == 200

    converse(handler, story, timeout_s=5.0)


def test_nothing_left_is_told_from_no_answer() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def story(client: RestClient) -> None:
        for _ in range(2):
            # As many as there may be connections: each that is given up must make room for another.
            asked = await asyncio.gather(*(client.request("GET", "/") for _ in range(16)), return_exceptions=True)
            assert {type(answer) for answer in asked} == {OutcomeUnknown} and "no answer" in str(asked[0])
        assert not client.has_idle

    converse(silent, story)

    async def nobody() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(PeerUnavailable):
            await RestClient(f"http://127.0.0.1:{port}", {}, 0.5).request("GET", "/")

    asyncio.run(nobody())


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", b"garbage\r\n\r\n"])
def test_broken_answers_are_unknown(answer: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def story(client: RestClient) -> None:
        with pytest.raises(OutcomeUnknown):
            await client.request("GET", "/")

    converse(handler, story)


def test_late_answer_is_not_taken_for_the_next() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        await asyncio.sleep(0.15 if target == b"/slow" else 0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + target.ljust(5))
        await answer_all(reader, writer)

    async def story(client: RestClient) -> None:
        with pytest.raises(OutcomeUnknown):
            await client.request("GET", "/slow")
        assert (await client.request("GET", "/fast")).body == b"/fast"
        await asyncio.sleep(0.1)
        assert (await client.request("GET", "/")).body == b"hello"

    converse(handler, story, timeout_s=0.1)


def test_target_that_refuses_sends_nothing() -> None:
    async def story(client: RestClient) -> None:
        def refuse() -> str:
            raise ValueError("too late")

        with pytest.raises(ValueError, match="too late"):
            await client.request("POST", refuse)
        assert client.has_idle
        assert (await client.request("GET", "/")).status == 200

    converse(answer_all, story)


def test_url_must_be_one() -> None:
    with pytest.raises(InputInvalid):
        RestClient("ftp://x", {}, 1.0)
