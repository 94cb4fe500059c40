"""The exchange over the real bus: commands, questions, events, and nothing that is said wrongly does any harm."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from common.bus import Bus
from common.exchange.intake import COMMANDS
from common.exchange.margin.funding import SAMPLE_NS
from common.exchange.terms import terms_of
from common.messages import (
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    Header,
    Message,
    QueryExchange,
    Rejected,
    decode,
    encode,
)
from common.runtime import load_fleet
from services.console.journals import replay_venue
from tests.conftest import until
from tests.integration.paper_exchange.still_venue import PROCESS, VenueProcess

PERP, SPOT = "ETH-USDT-PERP", "ETH-USDT"
TIMEOUT_S = 10.0
ROUNDS = 1_500


class Caller:
    """Speaks to a venue's process over the bus."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def ask(self, query: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a question."""
        reply = await self.bus.request(PROCESS, QueryExchange(query=query, arguments=arguments), TIMEOUT_S)
        assert isinstance(reply, ExchangeReported), reply
        return reply.answer

    async def say(self, kind: str, admin: bool = False, **fields: Any) -> Message:
        """What a command is answered with."""
        command = ExecuteExchangeCommand(kind=kind, fields=fields, admin=admin)
        return await self.bus.request(PROCESS, command, TIMEOUT_S)

    async def do(self, kind: str, admin: bool = False, **fields: Any) -> list[dict[str, Any]]:
        """The events of a command that must be carried out."""
        reply = await self.say(kind, admin, **fields)
        assert isinstance(reply, ExchangeCommandExecuted), reply
        return reply.events

    async def refused(self, kind: str, admin: bool = False, **fields: Any) -> Rejected:
        """Why a command is refused; the state must be as before."""
        before = await self.ask("state_hash")
        reply = await self.say(kind, admin, **fields)
        assert isinstance(reply, Rejected), reply
        assert (await self.ask("state_hash"))["state_hash"] == before["state_hash"]
        return reply

    async def open_accounts(self) -> None:
        """alice and bob with money in margin, and a mark."""
        await self.do("SetMark", True, symbol=PERP, price_ticks=250_000)
        for account in ("alice", "bob"):
            await self.do("Deposit", account=account, asset="USDT", units=10**13)
            await self.do("MoveCollateral", account=account, asset="USDT", units=5 * 10**12)


@asynccontextmanager
async def caller(process: VenueProcess) -> AsyncIterator[Caller]:
    bus = Bus("console", time.time_ns(), load_fleet(process.configs).endpoints(), time.time_ns)
    try:
        yield Caller(bus)
    finally:
        bus.close()


@pytest.fixture
def process(tmp_path: Path) -> Any:
    venue = VenueProcess(tmp_path)
    venue.start()
    try:
        yield venue
    finally:
        assert venue.end() == 0, venue.log.read_text()


def order(name: str, side: str, price: int, lots: int, **terms: Any) -> dict[str, Any]:
    return {"symbol": PERP, "client_order_id": name, "side": side, "price_ticks": price, "quantity_lots": lots} | terms


def test_accounts_trade_on_margin_over_the_bus(process: VenueProcess):
    async def scenario() -> None:
        async with caller(process) as venue:
            await venue.open_accounts()
            await venue.do("SetLeverage", account="alice", symbol=PERP, leverage=5)
            (placed,) = await venue.do("PlaceOrder", account="bob", **order("b1", "sell", 250_100, 2_000))
            assert placed["type"] == "OrderPlaced" and placed["terms"]["account"] == "bob"
            events = await venue.do("PlaceOrder", account="alice", **order("a1", "buy", 250_100, 3_000))
            assert [each["type"] for each in events] == ["OrderPlaced", "TradeExecuted"]
            (position,) = (await venue.ask("positions", account="alice"))["items"]
            assert (position["lots"], position["entry_price"], position["leverage"]) == (2_000, "2501", 5)
            assert [each["open_lots"] for each in (await venue.ask("orders", account="alice"))["items"]] == [1_000]
            market = next(each for each in (await venue.ask("markets"))["items"] if each["symbol"] == PERP)
            assert market["open_interest_lots"] == 2_000 and market["last_ticks"] == 250_100
            items = [
                {"type": "PlaceOrder", "account": "alice"} | order("a2", "buy", 249_000, 10),
                {"type": "CancelOrder", "account": "alice", "symbol": PERP, "client_order_id": "a1"},
            ]
            told = [each["type"] for each in await venue.do("Batch", items=items, atomic=True)]
            assert told == ["BatchItemStarted", "OrderPlaced", "BatchItemStarted", "OrderCanceled"]
            holdings = {each["asset"]: each["total_units"] for each in (await venue.ask("holdings"))["items"]}
            assert holdings == {"ETH": 1_000 * 10**8, "USDT": 3_000_000 * 10**8 + 2 * 10**13}

    asyncio.run(scenario())


def test_what_may_not_be_is_refused_and_changes_nothing(process: VenueProcess):
    async def scenario() -> None:
        async with caller(process) as venue:
            await venue.open_accounts()
            (placed,) = await venue.do("PlaceOrder", account="alice", nonce=5, **order("a", "buy", 249_000, 10))
            number = placed["order_id"]
            assert (await venue.ask("nonce", account="alice"))["nonce"] == 5
            cases: list[tuple[str, str, dict[str, Any]]] = [
                ("invalid", "Deposit", {"account": "alice", "asset": "USDT", "units": float("nan")}),
                ("invalid", "Deposit", {"account": "alice", "asset": "USDT", "units": "1"}),
                ("invalid", "Frobnicate", {}),
                ("invalid", "SetLeverage", {"account": "alice", "symbol": PERP}),
                ("invalid", "SetLeverage", {"account": "alice", "symbol": PERP, "leverage": 5, "time_ns": 1}),
                ("amount_invalid", "Deposit", {"account": "alice", "asset": "USDT", "units": -1}),
                ("amount_invalid", "Deposit", {"account": "alice", "asset": "USDT", "units": 0}),
                ("amount_invalid", "Deposit", {"account": "alice", "asset": "USDT", "units": 2**64 - 1}),
                ("amount_invalid", "Deposit", {"account": "alice", "asset": "SHELLS", "units": 1}),
                ("unknown_account", "Deposit", {"account": "insurance", "asset": "USDT", "units": 1}),
                ("insufficient_balance", "Withdraw", {"account": "alice", "asset": "USDT", "units": 10**13}),
                ("leverage_invalid", "SetLeverage", {"account": "alice", "symbol": PERP, "leverage": 21}),
                ("unknown_market", "SetLeverage", {"account": "alice", "symbol": "X", "leverage": 5}),
                ("not_a_perpetual", "SetLeverage", {"account": "alice", "symbol": SPOT, "leverage": 5}),
                ("position_open", "SetMarginMode", {"account": "alice", "symbol": PERP, "isolated": True}),
                ("wrong_owner", "CancelOrder", {"account": "bob", "symbol": PERP, "order_id": number}),
                ("not_authorised", "CancelOrder", {"account": "alice", "by": "bob", "symbol": PERP}),
                ("stale_nonce", "CancelOrder", {"account": "alice", "nonce": 5, "symbol": PERP, "order_id": number}),
                ("price_invalid", "PlaceOrder", {"account": "alice", **order("b", "buy", -5, 10)}),
                ("quantity_invalid", "PlaceOrder", {"account": "alice", **order("b", "buy", 5, 2**63)}),
                ("duplicate_client_order_id", "PlaceOrder", {"account": "alice", **order("a", "buy", 249_000, 10)}),
                ("batch_invalid", "Batch", {"items": []}),
                ("admin_only", "SetMark", {"symbol": PERP, "price_ticks": 1}),
                ("admin_only", "ExpireOpenOrders", {"reason": "x"}),
            ]  # fmt: skip
            for code, kind, fields in cases:
                assert (await venue.refused(kind, **fields)).code == code, (kind, fields)
            assert (await venue.refused("SetMark", True, symbol=PERP, price_ticks=0)).code == "invalid"
            assert "order_id=1" in (await venue.refused("CancelOrder", account="bob", symbol=PERP, order_id=1)).detail
            late = ExecuteExchangeCommand(kind="Deposit", fields={}, expires_at_ns=1)
            reply = await venue.bus.request(PROCESS, late, TIMEOUT_S)
            assert isinstance(reply, Rejected) and reply.code == "expired"
            assert (await venue.ask("orders", account="alice"))["items"][0]["order_id"] == number

    asyncio.run(scenario())


def test_kill_9_loses_no_command_that_was_answered(process: VenueProcess):
    async def scenario() -> None:
        async with caller(process) as venue:
            await venue.do("SetMark", True, symbol=PERP, price_ticks=250_000)
            paid, replies = 0, [venue.say("Deposit", account="alice", asset="USDT", units=1 + n) for n in range(50)]
            for reply in asyncio.as_completed(replies):
                answered = await reply
                assert isinstance(answered, ExchangeCommandExecuted)
                paid += answered.events[0]["units"]
                if paid > 600:
                    break
            process.end(signal.SIGKILL)
        exchange = replay_venue(process.var / f"{PROCESS}.db")
        assert exchange is not None and exchange.ledger.accounts.free("alice", "USDT") >= paid
        process.start()
        async with caller(process) as venue:
            before = (await venue.ask("balances", account="alice"))["items"][0]["free_units"]
            assert before == exchange.ledger.accounts.free("alice", "USDT")

    asyncio.run(scenario())


def test_events_of_rooms_are_facts_on_the_bus(process: VenueProcess):
    async def scenario() -> None:
        async with caller(process) as venue:
            await venue.do("Deposit", account="alice", asset="USDT", units=10**12)
            heard: list[ExchangeEventOccurred] = []
            kept: list[list[Message]] = []

            def hear(message: Message, _header: Header) -> None:
                assert isinstance(message, ExchangeEventOccurred)
                heard.append(message)

            follower = venue.bus.follow(PROCESS, ["exchange.binance|"], hear, kept.append)
            await until(lambda: follower.live)
            (deposited,) = [each for each in kept[0] if isinstance(each, ExchangeEventOccurred)]
            assert deposited.kind == "Deposited"
            assert deposited.fields == {"account": "alice", "asset": "USDT", "units": 10**12}
            reply = await venue.say("MoveCollateral", account="alice", asset="USDT", units=10**11)
            assert isinstance(reply, ExchangeCommandExecuted)
            await venue.refused("SetLeverage", account="alice", symbol=PERP, leverage=99)
            await venue.do("SetMark", True, symbol=PERP, price_ticks=250_000)
            await venue.do("PlaceOrder", account="alice", **order("a", "buy", 249_000, 10))
            await venue.do("SetLeverage", account="alice", symbol=PERP, leverage=9)
            await until(lambda: len(heard) == 2)
            assert [each.kind for each in heard] == ["CollateralMoved", "LeverageSet"]
            assert (heard[0].command, heard[0].index, heard[0].venue) == (reply.command, 0, "binance")
            assert heard[0].command > deposited.command and heard[0].time_ns == reply.time_ns

    asyncio.run(scenario())


class RawPeer:
    """Sends any bytes as a request and waits for the reply."""

    def __init__(self, process: VenueProcess) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(load_fleet(process.configs).endpoints()[PROCESS].respond)
        self._header = encode(Header(1, "raw", 1, 0, time.time_ns()))

    def ask(self, payload: bytes) -> Message:
        """Every request has an answer."""
        self._socket.send_multipart((b"01234567", self._header, payload))
        assert self._socket.poll(TIMEOUT_S * 1_000), f"no answer to {payload!r}"
        return decode(self._socket.recv_multipart()[2])

    def close(self) -> None:
        self._socket.close()
        self._context.term()


class Money:
    """What came in and went out, as the events say."""

    def __init__(self, holdings: dict[str, Any]) -> None:
        self.units = {each["asset"]: each["total_units"] for each in holdings["items"]}

    def count(self, reply: Message) -> None:
        for event in reply.events if isinstance(reply, ExchangeCommandExecuted) else ():
            if event["type"] in ("Deposited", "Withdrawn", "InsuranceFunded"):
                self.units[event["asset"]] += event["units"] * (-1 if event["type"] == "Withdrawn" else 1)


def values(rng: random.Random) -> Any:
    """Something that may be anywhere in a map."""
    return rng.choice([
        None, True, -1, 0, 1, 5, 250_000, 2**31, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 0.5, float("nan"),
        float("inf"), "", "alice", "bob", "fees", "market", "vault/x", PERP, SPOT, "USDT", "ETH", "buy", "x" * 300,
        "\x00", b"\xff", [], [1], [[1, 2]], [[-1, 5], [2**63, 2**63]], {}, {"type": "PlaceOrder"}, {"kind": "trailing"},
        msgpack.Timestamp(1), msgpack.ExtType(5, b"x"),
    ])  # fmt: skip


def mutated_map(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """A command whose fields are mostly of the right name; none that acts again later, when others are looked at."""
    kind = rng.choice([*(each for each in COMMANDS if each != "CancelAllAfter"), "Nothing"])
    names = [*terms_of(COMMANDS[kind]), "colour"] if kind in COMMANDS else ["colour"]
    names = [name for name in names if name != "time_ns" or rng.random() < 0.05]
    chosen: dict[str, Any] = {}
    for name in names:
        if rng.random() < 0.8 and not (name == "colour" and rng.random() < 0.9):
            likely = {"account": "alice", "symbol": PERP, "asset": "USDT", "by": "", "nonce": 0, "side": "buy"}
            chosen[name] = likely[name] if name in likely and rng.random() < 0.7 else values(rng)
    return kind, chosen


def test_fuzzed_maps_and_bytes_do_no_harm(process: VenueProcess):
    """Each refusal leaves the state as it was; whatever was carried out conserves money; the process lives."""

    async def scenario() -> None:
        rng, raw = random.Random(17), RawPeer(process)
        async with caller(process) as venue:
            await venue.open_accounts()
            money, refused, carried_out = Money(await venue.ask("holdings")), 0, 0
            before = await venue.ask("state_hash")
            for _ in range(ROUNDS):
                kind, fields = mutated_map(rng)
                request = {
                    "type": "ExecuteExchangeCommand",
                    "kind": kind,
                    "fields": fields,
                    "admin": rng.random() < 0.5,
                }
                reply = raw.ask(msgpack.packb(request))
                after = await venue.ask("state_hash")
                if isinstance(reply, Rejected):
                    refused += 1
                    assert reply.code and only_time_passed(before, after), request
                else:
                    assert isinstance(reply, ExchangeCommandExecuted), request
                    carried_out += 1
                money.count(reply)
                before = after
            assert refused > ROUNDS / 2 and carried_out > ROUNDS / 200, (refused, carried_out)
            for _ in range(ROUNDS):
                money.count(raw.ask(mutated_bytes(rng)))
            assert Money(await venue.ask("holdings")).units == money.units
            state = await venue.ask("state_hash")
        raw.close()
        process.end(signal.SIGKILL)
        exchange = replay_venue(process.var / f"{PROCESS}.db")
        assert exchange is not None and exchange.state_hash() == state["state_hash"], "replay comes to another state"
        process.start()
        async with caller(process) as venue:
            await venue.ask("features")

    asyncio.run(scenario())


def only_time_passed(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """True when the state is the same, but for samples of funding whose time has come with a command."""
    came = before["time_ns"] // SAMPLE_NS != after["time_ns"] // SAMPLE_NS
    return before["state_hash"] == after["state_hash"] or came


def mutated_bytes(rng: random.Random) -> bytes:
    """A sound request with some bytes changed or its end cut off."""
    frame = bytearray(rng.choice(FRAMES))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(frame))
        frame[place] = rng.randrange(256)
        if rng.random() < 0.2:
            del frame[place + 1 :]
    return bytes(frame)


FRAMES = [
    encode(ExecuteExchangeCommand(kind="SetLeverage", fields={"account": "alice", "symbol": PERP, "leverage": 5})),
    encode(ExecuteExchangeCommand(kind="PlaceOrder", fields={"account": "bob"} | order("z", "sell", 251_000, 10))),
    encode(ExecuteExchangeCommand(kind="SetLevels", admin=True, fields={"symbol": SPOT, "bids": [[5, 5]], "asks": []})),
    encode(ExecuteExchangeCommand(kind="Batch", fields={"items": [{"type": "PlaceOrder", "account": "alice"}
                                                                  | order("y", "buy", 249_000, 10)]})),
    encode(QueryExchange(query="book", arguments={"symbol": PERP, "depth": 5})),
]  # fmt: skip
"""Sound requests, whose bytes are changed."""
