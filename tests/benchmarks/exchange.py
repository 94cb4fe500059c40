"""The whole exchange: bytes in, checks, matching, fees, margin, journal, events out; batches; and recovery.

Every row stands beside a baseline of the same run: the same bytes decoded and journaled with nothing between, and the
headline figures that exchanges of this kind publish.
"""

import gc
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import msgspec

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import Batch, CancelOrder, Command, Deposit, PlaceOrder, SetMark
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Refusal
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.commands import MoveCollateral
from common.exchange.margin.rules import PerpetualRules
from common.exchange.recovery import CommandsExecuted, ExchangeConfigured, JournalRecord, Recovery, keep
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce
from common.storage import Journal
from tests.benchmarks.book_operations import CANCEL, LIMIT, START_PRICE, operations
from tests.benchmarks.measure import best_ns, table

SPOT, PERPETUAL = "X-Y", "X-PERP"
ACCOUNTS = [f"account-{number}" for number in range(20)]
GROUP = 256
SEED, ROUNDS = 7, 5
PATH_COMMANDS, RECOVERY_COMMANDS, TAIL_COMMANDS = 200_000, 1_000_000, 10_000
BATCH = 100

Record = msgspec.msgpack.Decoder(JournalRecord)


def main(path_commands: int = PATH_COMMANDS, recovery_commands: int = RECOVERY_COMMANDS) -> None:
    """Print three tables: the full path, batches, recovery."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [_path(Path(folder), symbol, path_commands) for symbol in (SPOT, PERPETUAL)]
        table(("market", "commands", "full path /s", "must /s", "bytes and journal alone /s", "share of it"), rows)
        print()
        _batches()
        print()
        _recovery(recovery_commands)


def make_exchange() -> Exchange:
    """A spot and a perpetual market with fees, and 20 funded accounts."""
    exchange = Exchange(config())
    for command in deposits():
        exchange.execute(command)
    return exchange


def config() -> ExchangeConfig:
    """What it is made of."""
    instruments = [
        Instrument(
            venue="bench", symbol=symbol, venue_symbol=symbol, base="X", quote="Y", tick_size=Decimal("0.01"),
            lot_size=Decimal("0.0001"),
        )
        for symbol in (SPOT, PERPETUAL)
    ]  # fmt: skip
    rules = {symbol: MarketRules(open_orders_max=10**6) for symbol in (SPOT, PERPETUAL)}
    return ExchangeConfig(
        instruments=instruments, fees=FeeSchedule(), rules=rules,
        perpetuals={PERPETUAL: PerpetualRules()},
    )  # fmt: skip


def deposits() -> list[Command]:
    """Money for everybody, on both sides, and a mark."""
    commands = list[Command]()
    for account in ACCOUNTS:
        commands += [Deposit(time_ns=1, account=account, asset=asset, units=10**17) for asset in ("X", "Y")]
        commands.append(MoveCollateral(time_ns=1, account=account, asset="Y", units=5 * 10**16))
    return [*commands, SetMark(time_ns=1, symbol=PERPETUAL, price_ticks=START_PRICE)]


def commands_of(symbol: str, count: int) -> list[Command]:
    """The book's benchmark as commands: 55 % limit orders, 40 % cancels, 5 % market orders, of 20 accounts in turn."""
    commands, number = list[Command](), 0
    for kind, side, price, lots in operations(count, SEED):
        time_ns = 2 + len(commands) * 1_000
        if kind == CANCEL:
            account, name = ACCOUNTS[price % len(ACCOUNTS)], str(price)
            commands.append(CancelOrder(time_ns=time_ns, account=account, symbol=symbol, client_order_id=name))
            continue
        number += 1
        is_limit = kind == LIMIT
        commands.append(
            PlaceOrder(
                time_ns=time_ns, account=ACCOUNTS[number % len(ACCOUNTS)], symbol=symbol, client_order_id=str(number),
                side=(Side.BUY, Side.SELL)[side], quantity_lots=lots, price_ticks=price,
                order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
                time_in_force=TimeInForce.GTC if is_limit else TimeInForce.IOC,
            )
        )  # fmt: skip
    return commands


def _path(folder: Path, symbol: str, count: int) -> tuple[object, ...]:
    raw = [msgspec.msgpack.encode(command) for command in commands_of(symbol, count)]
    ours = max(_rate(folder / f"{symbol}-{round_}", raw, make_exchange()) for round_ in range(ROUNDS))
    floor = max(_rate(folder / f"{symbol}-floor-{round_}", raw, None) for round_ in range(ROUNDS))
    return symbol, count, round(ours), 100_000, round(floor), ours / floor


def _rate(file: Path, raw: list[bytes], exchange: Exchange | None) -> float:
    """Commands a second of processor time, which other work on the machine does not stretch; commits are waited for."""
    decode, encode = msgspec.msgpack.Decoder(AnyCommand).decode, msgspec.msgpack.Encoder().encode
    journal = Journal(file, "full")
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for start in range(0, len(raw), GROUP):
        commands, told = [decode(each) for each in raw[start : start + GROUP]], list[bytes]()
        if exchange is not None:
            for command in commands:
                for event in exchange.execute(command):
                    told.append(encode(event))
            told += [encode(level) for level in exchange.changed_levels()]
        journal.record(CommandsExecuted(commands=commands, digest=0 if exchange is None else exchange.digest))
    seconds = time.process_time() - started
    journal.close()
    if exchange is not None and not exchange.ledger.last_trade_id:
        raise RuntimeError("nothing traded, so it measures nothing")
    return len(raw) / seconds


def _batches() -> None:
    exchange, number = make_exchange(), 0

    def batch(symbol: str) -> Batch:
        nonlocal number
        items = list[PlaceOrder]()
        for index in range(BATCH):
            number += 1
            side = Side.BUY if index % 2 else Side.SELL
            price = START_PRICE - side.sign * (1 + index)
            items.append(
                PlaceOrder(
                    time_ns=0, account=ACCOUNTS[0], symbol=symbol, client_order_id=str(number), side=side,
                    price_ticks=price, quantity_lots=10, post_only=True,
                )
            )  # fmt: skip
        return Batch(time_ns=exchange.time_ns + 1, items=items, atomic=True)

    rows = list[tuple[object, ...]]()
    for symbol in (SPOT, PERPETUAL):
        if any(isinstance(event, Refusal) for event in exchange.execute(batch(symbol))):
            raise RuntimeError("refused, so it measures nothing")
        batches = [batch(symbol) for _ in range(50)]
        taken = min(best_ns(lambda each=each: exchange.execute(each), 1, 1) for each in batches) / 1e6
        rows.append((f"atomic batch of {BATCH} post-only orders, {symbol}", taken, 10.0, 10 / taken, ">= 10"))
    table(("operation", "best ms", "headline ms", "headline / ours", "must"), rows)


def _recovery(count: int) -> None:
    exchange = Exchange(config())
    commands = [*deposits(), *commands_of(PERPETUAL, count)]
    stored, kept = [msgspec.msgpack.encode(ExchangeConfigured(config=config()))], b""
    for start in range(0, len(commands), GROUP):
        group = commands[start : start + GROUP]
        for command in group:
            exchange.execute(command)
        exchange.changed_levels()
        stored.append(msgspec.msgpack.encode(CommandsExecuted(commands=group, digest=exchange.digest)))
        if len(commands) - start - GROUP >= TAIL_COMMANDS:
            tail, kept_from = len(stored), start + len(group)
            if len(commands) - start - 2 * GROUP < TAIL_COMMANDS:
                kept = keep(exchange, kept_from)
    wanted = exchange.state_hash()
    rows = list[tuple[object, ...]]()
    for what, payload, entries, number, must in (
        ("all commands", b"", stored, len(commands), "< 20"),
        (f"snapshot of {len(kept):,} bytes and the rest", kept, stored[tail:], len(commands) - kept_from, "< 1"),
    ):
        gc.collect()
        started = time.process_time()
        recovery = Recovery()
        if payload:
            recovery.load(payload)
        recovery.take(map(Record.decode, entries))
        seconds = time.process_time() - started
        same = recovery.exchange is not None and recovery.exchange.state_hash() == wanted
        rows.append((what, number, seconds, must, "yes" if same else "NO"))
    table(("recovery", "commands", "s", "must s", "same state hash"), rows)
