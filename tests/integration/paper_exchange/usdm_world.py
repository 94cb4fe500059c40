"""A running venue with a perpetual, and a signed client that speaks USD-M to it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from common.exchange.commands import PrintTrade, SetLevels
from common.exchange.margin.commands import SetOracle
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.model.instrument import Instrument
from common.model.order import Side
from tests.integration.paper_exchange.world import ETH, World, venue

PERP = Instrument(
    venue="binance", symbol="ETH-USDT-PERP", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.001"), quantity_lots_max=10_000_000, notional_min=Decimal(20),
)  # fmt: skip
UNITS = 10**8
RULES = PerpetualRules(
    tiers=(
        MarginTier(notional_units_min=0, leverage_max=50),
        MarginTier(notional_units_min=500_000 * UNITS, leverage_max=25),
        MarginTier(notional_units_min=5_000_000 * UNITS, leverage_max=10),
    ),
    leverage_default=20,
)
ORDER = "/fapi/v1/order"


class UsdmWorld:
    """What tests say to the perpetual market and ask of it. Prices in cents, lots of 0.001 ETH."""

    def __init__(self, world: World) -> None:
        self.world, self.site, self.session = world, world.site, world.session
        self.usdm, self.rest, self.stream = world.site.usdm, world.rest, world.stream
        self.get, self.signed = world.get, world.signed

    def levels(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
        """The outside world's liquidity at some prices."""
        command = SetLevels(time_ns=time.time_ns(), symbol=PERP.symbol, bids=bids, asks=asks)
        self.site.venue.execute(command)

    def printed(self, side: Side, price: int, lots: int) -> None:
        """A trade of the outside world."""
        command = PrintTrade(
            time_ns=time.time_ns(), symbol=PERP.symbol, aggressor=side, price_ticks=price, quantity_lots=lots
        )
        self.site.venue.execute(command)

    def oracle(self, price: int, time_ns: int = 0) -> None:
        """What the underlying is worth."""
        self.site.venue.execute(SetOracle(time_ns=time_ns or time.time_ns(), symbol=PERP.symbol, price_ticks=price))

    async def order(self, **terms: Any) -> tuple[int, Any]:
        """A bid for 1 ETH at 2000.00 with some terms changed; None leaves one out."""
        values = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "2000"}
        values |= {"quantity": "1", "newOrderRespType": "RESULT"} | terms
        return await self.signed("POST", ORDER, **{name: each for name, each in values.items() if each is not None})

    async def market(self, side: str, quantity: str, **terms: Any) -> tuple[int, Any]:
        """A market order."""
        return await self.order(side=side, quantity=quantity, type="MARKET", price=None, timeInForce=None, **terms)

    async def stop(self, kind: str, side: str, **terms: Any) -> tuple[int, Any]:
        """A conditional market order."""
        return await self.order(type=kind, side=side, **({"price": None, "timeInForce": None} | terms))

    async def position(self) -> Any:
        """The position as version 2 has it."""
        _, (position,) = await self.signed("GET", "/fapi/v2/positionRisk", symbol="ETHUSDT")
        return position

    async def balance(self) -> Any:
        """The USDT wallet."""
        _, (wallet,) = await self.signed("GET", "/fapi/v3/balance")
        return wallet


@asynccontextmanager
async def usdm_venue(
    folder: Path, with_spot: bool = False, flow: bool = False, **settings: Any
) -> AsyncIterator[UsdmWorld]:
    """A venue whose customer has 10,000 USDT in the futures wallet.

    Without flow the outside world bids 10 ETH at 1999.00 and offers 10 ETH at 2001.00, and the mark is 2000.00.
    """
    terms: dict[str, Any] = {"perpetuals": {PERP.symbol: RULES}, "margin_balances": {"USDT": Decimal(10_000)}}
    instruments = (ETH, PERP) if with_spot else (PERP,)
    async with venue(folder, flow, instruments=instruments, **(terms | settings)) as world:
        usdm = UsdmWorld(world)
        if not flow:
            usdm.levels([(199_900, 10_000)], [(200_100, 10_000)])
            usdm.oracle(200_000)
        yield usdm


async def frame(socket: Any, timeout_s: float = 10.0) -> Any:
    """The next JSON frame."""
    return msgspec.json.decode((await socket.receive(timeout_s)).data)
