"""A node that answers anything at all: every read ends in a value or in one of our own errors.

No real node answers so; load balancers, proxies and half-synchronized nodes behind them have done all of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.chain import erc20, rpc
from common.chain.heads import HeadFollower
from common.chain.node import Node
from common.chain.refusals import refusal_from
from common.chain.wallet import Wallet
from common.chain.writer import TransactionWriter
from common.model.errors import CounterweightError, PeerUnavailable, RequestRefused
from common.storage import Journal

ADDRESS, HASH = "0x" + "11" * 20, "0x" + "22" * 32
CALL = erc20.balance_of(ADDRESS, ADDRESS)
ANSWERS: list[Any] = [
    None, [], {}, "", "0x", "zz", "0xzz", 7, -1, True, 1.5, "0x1", [1], [None], [{}], {"number": "0x1"},
    {"number": "0x1", "hash": 5, "parentHash": HASH, "timestamp": "0x1"}, "0x" + "ff" * 40, {"hash": [HASH]},
    {"number": "0x1", "hash": HASH, "parentHash": HASH, "timestamp": "now"},
]  # fmt: skip
READS: dict[str, Callable[[Node], Awaitable[Any]]] = {
    "head": lambda node: node.head(),
    "block": lambda node: node.block(HASH),
    "logs": lambda node: node.logs(HASH, [ADDRESS]),
    "receipt": lambda node: node.receipt(HASH),
    "nonce": lambda node: node.nonce(ADDRESS),
    "balance": lambda node: node.balance(ADDRESS),
    "code": lambda node: node.code(ADDRESS),
    "chain id": lambda node: node.chain_id(),
    "gas": lambda node: node.estimate_gas(CALL, ADDRESS),
    "send": lambda node: node.send_raw(b"1"),
    "read": lambda node: node.read(CALL),
    "read many": lambda node: node.read_many([CALL, CALL]),
    "read owned": lambda node: node.read_owned([CALL], "latest", ADDRESS),
    "follow": lambda node: HeadFollower(node, [ADDRESS]).poll(),
}


async def with_node(answer: Callable[[dict[str, Any]], Any], work: Callable[[Node], Awaitable[None]]) -> None:
    """A node whose whole answer to each call is `answer(call)`."""

    async def serve(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read())
        told = [answer(each) for each in asked] if isinstance(asked, list) else answer(asked)
        return web.Response(body=msgspec.json.encode(told))

    application = web.Application()
    application.router.add_post("/", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    node = Node(f"http://127.0.0.1:{runner.addresses[0][1]}/", read_attempts=1)
    try:
        await work(node)
    finally:
        await node.close()
        await runner.cleanup()


@pytest.mark.parametrize("name", READS)
def test_a_result_of_any_shape_is_read_or_refused(name: str) -> None:
    present: list[Any] = [None]

    async def work(node: Node) -> None:
        for answer in ANSWERS:
            present[0] = answer
            try:
                await READS[name](node)
            except CounterweightError as error:
                assert not isinstance(error, RequestRefused)

    asyncio.run(with_node(lambda call: {"jsonrpc": "2.0", "id": call["id"], "result": present[0]}, work))


ENVELOPES: list[Callable[[dict[str, Any]], Any]] = [
    lambda _call: None,
    lambda _call: 7,
    lambda _call: "rate limited",
    lambda _call: {},
    lambda _call: [[]],
    lambda call: {"id": [call["id"]], "result": "0x1"},
    lambda call: {"id": {"a": 1}, "result": "0x1"},
    lambda call: {"id": str(call["id"]), "result": "0x1"},
    lambda call: {"id": call["id"] + 1, "result": "0x1"},
    lambda call: {"id": None, "error": {"code": -32700, "message": "parse error"}},
    lambda call: {"id": call["id"], "error": "no"},
    lambda call: {"id": call["id"], "error": None},
    lambda call: {"id": call["id"], "error": []},
    lambda call: {"id": call["id"], "error": {"code": "three", "message": 5, "data": {"a": []}}},
    lambda call: {"id": call["id"], "error": {"code": 3, "message": None, "data": "0x08c379a0ff"}},
    lambda call: {"id": call["id"]},
]


@pytest.mark.parametrize("place", range(len(ENVELOPES)))
def test_an_envelope_of_any_shape_ends_in_our_own_error(place: int) -> None:
    async def work(node: Node) -> None:
        for read in READS.values():
            try:
                await read(node)
            except CounterweightError:
                continue

    asyncio.run(with_node(ENVELOPES[place], work))


TEXTS = st.sampled_from(
    ["", "0x", "0x08c379a0", "0x4e487b71", "0x12345678", "nonce too low", "execution reverted", "\x00"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.dictionaries(st.sampled_from(["code", "message", "data", "other"]), JSON))
def test_any_error_object_becomes_a_refusal(error: dict[str, Any]) -> None:
    assert isinstance(refusal_from(error), RequestRefused)


def test_the_writer_plans_nothing_on_nonsense_and_outlives_it(tmp_path: Path) -> None:
    present: list[Any] = [None]

    async def work(node: Node) -> None:
        journal = Journal(tmp_path / "transactions.db")
        writer = TransactionWriter(node, Wallet(bytes(range(1, 33))), journal, chain_id=31337)
        for answer in ANSWERS:
            present[0] = answer
            with pytest.raises(PeerUnavailable):
                await writer.submit("pay", CALL)
        assert journal.last_sequence == 0 and writer.open() == []
        journal.close()

    asyncio.run(with_node(lambda call: {"jsonrpc": "2.0", "id": call["id"], "result": present[0]}, work))


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ANSWER_BYTES_MAX", 10_000)

    async def work(node: Node) -> None:
        with pytest.raises(PeerUnavailable, match="more than 10000 bytes"):
            await node.code(ADDRESS)

    asyncio.run(with_node(lambda call: {"id": call["id"], "result": "0x" + "00" * 20_000}, work))
