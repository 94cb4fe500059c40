"""Thousands of commands of every kind, drawn from a seed, and what an exchange made of them.

`python -m tests.integration.native.wild SEED COUNT` prints whether the exchange core is compiled, then at every STEP
commands the digest, the hash of the whole state and a hash of all events so far, then how often each event was told.
Two exchanges that print the same have done the same.
"""

import json
import sys
from collections import Counter
from decimal import Decimal
from hashlib import blake2b
from random import Random
from typing import Any, get_args

import msgspec
from msgspec import inspect

from common import native
from common.exchange.catalogue import AnyCommand
from common.exchange.commands import Batch, CancelOrder, Command, Deposit, PlaceOrder, SetMark
from common.exchange.configuration import ExchangeConfig
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule, FeeTier
from common.exchange.margin.commands import FundInsurance, MoveCollateral, SetOracle
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

STEP = 500
PRICE = 1_000
SPOT, PERPETUAL = "X-USD", "X-PERP"
SYMBOLS = (SPOT, PERPETUAL)
ACCOUNTS = ("a", "b", "c", "d", "treasury", "vault/v", "vault/backstop", "pool/p")
KINDS: tuple[Any, ...] = tuple(kind for kind in get_args(AnyCommand) if kind not in (PlaceOrder, CancelOrder, Deposit))
WORDS = {
    "account": ACCOUNTS[:4], "by": ("", "", "", "a"), "owner": ACCOUNTS[:2], "manager": ACCOUNTS[:2],
    "receiver": ACCOUNTS[:4], "symbol": SYMBOLS, "base": ("X",), "spot": (SPOT,), "perpetual": (PERPETUAL,),
    "asset": ("USD", "USD", "X"), "client_order_id": tuple(f"n{number}" for number in range(40)),
    "vault": ("v", "v", "w"), "pool": ("p", "p", "q"), "name": ("v", "p", "w"), "link": ("",), "part": ("1", "2", ""),
    "reason": ("because",),
}  # fmt: skip
"""What texts may be, by the name of their field; others are a digit."""

NUMBERS = {
    "nonce": (0, 0), "time_ns": (0, 0), "order_id": (0, 0), "expires_ns": (0, 0), "leverage": (1, 20),
    "units": (1, 10**10), "levels": (2, 8), "lockup": (0, 1),
}  # fmt: skip
ENDINGS = {
    "ticks": (PRICE - 30, PRICE + 30), "lots": (1, 60), "bps": (1, 300), "units": (0, 10**10), "min": (0, 2),
    "max": (1, 50), "ns": (0, 10**9), "id": (1, 4), "rate": (0, 10**7), "s": (1, 100),
}  # fmt: skip
"""Bounds of numbers by their field's name, else by the last word of it, else 0 to 9."""


def make_exchange() -> Exchange:
    """A spot and a perpetual market, three fee tiers with a rebate, two margin tiers, two accounts of one group."""
    instruments = [
        Instrument(
            venue="wild", symbol=symbol, venue_symbol=symbol, base="X", quote="USD", tick_size=Decimal("0.01"),
            lot_size=Decimal("0.01"), notional_min=Decimal("0.5"), quantity_lots_max=10_000,
        )
        for symbol in SYMBOLS
    ]  # fmt: skip
    tiers = (FeeTier(0, 500_000, 200_000), FeeTier(10**12, 400_000, 100_000), FeeTier(10**14, 300_000, -100_000))
    margin = (MarginTier(notional_units_min=0, leverage_max=20), MarginTier(notional_units_min=10**11, leverage_max=10))
    return Exchange(
        ExchangeConfig(
            instruments=instruments, fees=FeeSchedule(tiers),
            rules={SPOT: MarketRules(price_band_bps=1_000, breaker_bps=900, halt_s=1, post_only_s=1)},
            perpetuals={PERPETUAL: PerpetualRules(tiers=margin, liquidation_pause_s=1)},
            trade_groups={"c": "g", "d": "g"},
        )
    )  # fmt: skip


def beginnings() -> list[Command]:
    """Money for all, prices, and insurance."""
    found = list[Command]()
    for account in (*ACCOUNTS[:4], "treasury", "vault/backstop"):
        found += [Deposit(time_ns=1, account=account, asset=asset, units=10**14) for asset in ("X", "USD")]
        if account != "treasury":
            found.append(MoveCollateral(time_ns=1, account=account, asset="USD", units=2 * 10**12))
    found.append(FundInsurance(time_ns=1, asset="USD", units=10**10))
    return [
        *found,
        SetMark(time_ns=1, symbol=SPOT, price_ticks=PRICE),
        SetOracle(time_ns=1, symbol=PERPETUAL, price_ticks=PRICE),
    ]


def draw_command(draw: Random, time_ns: int) -> Command:
    """Half of them orders and cancels, the others of any kind."""
    chance = draw.random()
    if chance < 0.35:
        return _order(draw, time_ns)
    if chance < 0.5:
        account, symbol = draw.choice(ACCOUNTS[:4]), draw.choice(SYMBOLS)
        return CancelOrder(time_ns=time_ns, account=account, symbol=symbol, client_order_id=f"n{draw.randrange(40)}")
    if chance < 0.55:
        items = [_order(draw, time_ns) for _ in range(draw.randint(1, 5))]
        return Batch(time_ns=time_ns, items=items, atomic=draw.random() < 0.5)  # type: ignore[arg-type]
    return _struct(draw, inspect.type_info(draw.choice(KINDS)), time_ns)


def _order(draw: Random, time_ns: int) -> PlaceOrder:
    side, kind = draw.choice((Side.BUY, Side.SELL)), OrderType.LIMIT if draw.random() < 0.8 else OrderType.MARKET
    return PlaceOrder(
        time_ns=time_ns, account=draw.choice(ACCOUNTS[:4]), symbol=draw.choice(SYMBOLS), side=side,
        client_order_id=f"n{draw.randrange(40)}", quantity_lots=draw.randint(1, 400),
        price_ticks=PRICE - side.sign * draw.randint(-4, 25), order_type=kind,
        time_in_force=draw.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)),
        reduce_only=draw.random() < 0.05,
    )  # fmt: skip


def _struct(draw: Random, kind: Any, time_ns: int) -> Any:
    fields = dict[str, Any]()
    for field in kind.fields:
        if field.name == "time_ns":
            fields["time_ns"] = time_ns
        elif field.required or draw.random() < 0.4:
            fields[field.name] = _value(draw, field.name, field.type, time_ns)
    return kind.cls(**fields)


def _value(draw: Random, name: str, kind: Any, time_ns: int) -> Any:
    match kind:
        case inspect.IntType():
            low, high = NUMBERS.get(name) or ENDINGS.get(name.rpartition("_")[2], (0, 9))
            if name.endswith("_ns") and name not in NUMBERS:
                return time_ns + draw.randint(low, high)
            return draw.randint(low, high)
        case inspect.StrType():
            return draw.choice(WORDS.get(name, ("1", "2")))
        case inspect.BoolType():
            return draw.random() < 0.5
        case inspect.EnumType():
            return draw.choice(list(kind.cls))
        case inspect.UnionType():
            return _value(draw, name, draw.choice(kind.types), time_ns)
        case inspect.StructType():
            return _struct(draw, kind, time_ns)
        case inspect.ListType() | inspect.VarTupleType():
            return [_value(draw, name, kind.item_type, time_ns) for _ in range(draw.randint(1, 3))]
        case inspect.TupleType():
            names = ("price_ticks", "quantity_lots")
            return tuple(_value(draw, *each, time_ns) for each in zip(names, kind.item_types, strict=True))
        case inspect.DictType():
            return {draw.choice(SYMBOLS): _value(draw, name, kind.value_type, time_ns)}
        case inspect.NoneType():
            return None
    raise TypeError(f"{name}: draw {kind}")


def play(seed: int, count: int) -> None:
    """Print it."""
    draw, exchange, time_ns = Random(seed), make_exchange(), 1
    told, seen, encode = blake2b(digest_size=16), Counter[str](), msgspec.msgpack.Encoder().encode
    print(json.dumps({"compiled": native.is_used()}))
    beginning = beginnings()
    for number in range(count):
        time_ns += draw.choice((1, 10**6, 10**9))
        command = beginning[number] if number < len(beginning) else draw_command(draw, time_ns)
        for event in [*exchange.execute(command), *exchange.changed_levels()]:
            told.update(encode(event))
            seen[type(event).__name__] += 1
        if number % STEP == STEP - 1:
            print(json.dumps([number + 1, exchange.digest, exchange.state_hash(), told.hexdigest()]))
    print(json.dumps(seen, sort_keys=True))


if __name__ == "__main__":
    play(int(sys.argv[1]), int(sys.argv[2]))
