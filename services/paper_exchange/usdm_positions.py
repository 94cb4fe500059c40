"""What an account has in its futures wallets and positions, and what they are worth, in USD-M's JSON."""

from collections.abc import Callable, Mapping

from common.exchange.exchange import Exchange
from common.exchange.margin.accounts import Position
from common.exchange.margin.clearing import Clearing
from common.exchange.margin.ranking import ranked
from common.exchange.money import UNITS_PER_ASSET, units_text
from services.paper_exchange.usdm_wire import ContractWire
from services.paper_exchange.wire import Json

Held = tuple[int, int, int | None]
"""Lots, cost and isolated collateral of a position."""

EMPTY: Held = (0, 0, None)
RANKS = 5
PRICE_FACTOR_MAX = 100
"""A liquidation price further away than so many marks is none."""


class Positions:
    """Reads margin accounts; changes nothing."""

    def __init__(self, exchange: Exchange, wires: Mapping[str, ContractWire]) -> None:
        self._margin, self.wires = exchange.margin, wires
        clearing = exchange.rooms["clearing"]
        assert isinstance(clearing, Clearing)
        self._clearing = clearing
        self.assets = list(dict.fromkeys(wire.scale.quote for wire in wires.values()))
        self.changed_ms: dict[tuple[str, str], int] = {}
        """When a position of an account last changed in this life of the venue, by account and market."""

    def wallets(self, account: str) -> dict[str, tuple[int, int]]:
        """(wallet with isolated collateral, wallet of the cross positions) in units, by asset that was ever used."""
        found = dict[str, tuple[int, int]]()
        for asset in self.assets:
            owner = self._margin.accounts.find(account, asset)
            if owner is not None:
                isolated = sum(position.isolated or 0 for position in owner.positions.values())
                found[asset] = owner.wallet + isolated, owner.wallet
        return found

    def held(self, account: str) -> dict[str, Held]:
        """(lots, cost, isolated collateral) by market, where it is not EMPTY; parts of a position count with it."""
        found = {
            symbol: (position.net_lots, position.net_cost, position.isolated)
            for asset in self.assets
            if (owner := self._margin.accounts.find(account, asset))
            for symbol, position in owner.positions.items()
        }
        return {symbol: held for symbol, held in found.items() if held != EMPTY}

    def report(self, account: str, symbol: str) -> Json:
        """A position as ACCOUNT_UPDATE has it."""
        position, wire = self._margin.position(account, symbol), self.wires[symbol]
        entry = self._entry(wire, position)
        return {
            "s": wire.name,
            "pa": wire.quantity(position.net_lots),
            "ep": entry,
            "bep": entry,
            "up": units_text(self._margin.unrealised(symbol, position)),
            "mt": "cross" if position.isolated is None else "isolated",
            "iw": units_text(position.isolated or 0),
            "ps": "BOTH",
            "ma": wire.scale.quote,
        }

    def is_used(self, account: str, symbol: str) -> bool:
        """True with lots or open orders."""
        position = self._margin.position(account, symbol)
        return bool(position.is_open or position.bid_lots or position.ask_lots)

    def risk(self, account: str, symbol: str) -> Json:
        """A position as positionRisk has it: the fields of versions 2 and 3 together."""
        margin, wire = self._margin, self.wires[symbol]
        position, market = margin.position(account, symbol), margin.markets[symbol]
        profit = margin.unrealised(symbol, position)
        return self._margins(account, symbol) | {
            "entryPrice": self._entry(wire, position),
            "breakEvenPrice": self._entry(wire, position),
            "markPrice": wire.price(market.facts.mark or market.facts.last),
            "unRealizedProfit": units_text(profit),
            "liquidationPrice": wire.price(self.liquidation_ticks(account, symbol)),
            "marginType": "cross" if position.isolated is None else "isolated",
            "isolatedMargin": units_text(0 if position.isolated is None else position.isolated + profit),
            "isAutoAddMargin": "false",
            "maxNotionalValue": self.notional_max(symbol, self.leverage(account, symbol)),
            "marginAsset": wire.scale.quote,
            "adlQuantile": self.deleveraging_rank(account, symbol),
            "adl": self.deleveraging_rank(account, symbol),
        }

    def row(self, account: str, symbol: str) -> Json:
        """A position as account has it: the fields of versions 2 and 3 together."""
        wire, position = self.wires[symbol], self._margin.position(account, symbol)
        profit = self._margin.unrealised(symbol, position)
        return self._margins(account, symbol) | {
            "unrealizedProfit": units_text(profit),
            "entryPrice": self._entry(wire, position),
            "breakEvenPrice": self._entry(wire, position),
            "isolatedMargin": units_text(0 if position.isolated is None else position.isolated + profit),
            "maxNotional": self.notional_max(symbol, self.leverage(account, symbol)),
        }

    def leverage(self, account: str, symbol: str) -> int:
        """The leverage that counts in a market."""
        return self._margin.position(account, symbol).leverage or self._margin.markets[symbol].table.leverage_default

    def notional_max(self, symbol: str, leverage: int) -> str:
        """Up to which notional a leverage is allowed, in whole quote units."""
        brackets = self._margin.markets[symbol].table.brackets
        allowed = [each.notional_units_max for each in brackets if each.leverage_max >= leverage]
        return str(allowed[-1] // UNITS_PER_ASSET)

    def asset(self, account: str, asset: str) -> Json:
        """A wallet as account and balance have it."""
        margin, owner = self._margin, self._margin.account(account, asset)
        total, cross = self.wallets(account).get(asset, (0, 0))
        symbols = [symbol for symbol in owner.positions if symbol in self.wires]
        profit = sum(margin.unrealised(symbol, owner.positions[symbol]) for symbol in symbols)
        cross_profit = margin.equity(owner) - owner.wallet
        held = sum(self._position_margin(symbol, owner.positions[symbol]) for symbol in symbols)
        ordered = sum(self._order_margin(symbol, owner.positions[symbol]) for symbol in symbols)
        maintained = sum(self._maintenance(symbol, owner.positions[symbol]) for symbol in symbols)
        return {
            "asset": asset,
            "walletBalance": units_text(total),
            "unrealizedProfit": units_text(profit),
            "marginBalance": units_text(total + profit),
            "maintMargin": units_text(maintained),
            "initialMargin": units_text(held + ordered),
            "positionInitialMargin": units_text(held),
            "openOrderInitialMargin": units_text(ordered),
            "crossWalletBalance": units_text(cross),
            "crossUnPnl": units_text(cross_profit),
            "availableBalance": units_text(max(0, margin.available(owner))),
            "maxWithdrawAmount": units_text(margin.withdrawable(owner)),
            "marginAvailable": True,
        }

    def deleveraging_rank(self, account: str, symbol: str) -> int:
        """How soon a position is deleveraged: 0 to 4, the highest goes first; 0 without one."""
        lots = self._margin.position(account, symbol).net_lots
        queue = ranked(self._clearing.deleveraging.holders(symbol, "", shorts=lots < 0)) if lots else []
        place = next((number for number, holder in enumerate(queue) if holder.account == account), None)
        return 0 if place is None else RANKS - 1 - place * RANKS // len(queue)

    def margin_ratios(self, account: str) -> dict[str, tuple[int, int]]:
        """(maintenance margin, equity) in units: of the cross positions by asset, of isolated ones by market."""
        margin, found = self._margin, dict[str, tuple[int, int]]()
        for asset in self.assets:
            owner = margin.account(account, asset)
            found[asset] = margin.maintenance(owner), margin.equity(owner)
            for symbol, position in owner.positions.items():
                if position.isolated is not None:
                    found[symbol] = self._maintenance(symbol, position), margin.isolated_equity(symbol, position)
        return found

    def cross_symbols(self, account: str, asset: str) -> list[str]:
        """Markets with a position that the wallet backs."""
        positions = self._margin.account(account, asset).positions
        return [symbol for symbol, position in positions.items() if position.is_open and position.isolated is None]

    def at_risk(self, account: str, symbol: str) -> Json:
        """A position as MARGIN_CALL has it."""
        position, wire = self._margin.position(account, symbol), self.wires[symbol]
        facts = self._margin.markets[symbol].facts
        return {
            "s": wire.name,
            "ps": "BOTH",
            "pa": wire.quantity(position.net_lots),
            "mt": "CROSSED" if position.isolated is None else "ISOLATED",
            "iw": units_text(position.isolated or 0),
            "mp": wire.price(facts.mark or facts.last),
            "up": units_text(self._margin.unrealised(symbol, position)),
            "mm": units_text(self._maintenance(symbol, position)),
        }

    def liquidation_ticks(self, account: str, symbol: str) -> int:
        """The mark at which a position has less than its maintenance margin, all other marks as they are; 0 = none."""
        margin, market = self._margin, self._margin.markets[symbol]
        owner, position = margin.account(account, market.asset), margin.position(account, symbol)
        lots, cost = position.net_lots, position.net_cost
        if not lots:
            return 0
        if position.isolated is None:
            others = margin.maintenance(owner, symbol)
            fixed = margin.equity(owner) - margin.unrealised(symbol, position) - others
        else:
            fixed = position.isolated

        def is_healthy(ticks: int) -> bool:
            unit = ticks * market.units_per_tick_lot
            return fixed + lots * unit - cost >= market.table.maintenance(position.gross_lots * unit)

        return _first_unhealthy(is_healthy, lots > 0, market.facts.mark or market.facts.last)

    def _margins(self, account: str, symbol: str) -> Json:
        margin, wire, position = self._margin, self.wires[symbol], self._margin.position(account, symbol)
        value = margin.markets[symbol].lot_value
        held, ordered = self._position_margin(symbol, position), self._order_margin(symbol, position)
        return {
            "symbol": wire.name,
            "positionSide": "BOTH",
            "positionAmt": wire.quantity(position.net_lots),
            "notional": units_text(position.net_lots * value),
            "isolated": position.isolated is not None,
            "isolatedWallet": units_text(position.isolated or 0),
            "leverage": str(self.leverage(account, symbol)),
            "initialMargin": units_text(held + ordered),
            "maintMargin": units_text(self._maintenance(symbol, position)),
            "positionInitialMargin": units_text(held),
            "openOrderInitialMargin": units_text(ordered),
            "bidNotional": units_text(position.bid_lots * value),
            "askNotional": units_text(position.ask_lots * value),
            "updateTime": self.changed_ms.get((account, symbol), 0),
        }

    def _position_margin(self, symbol: str, position: Position) -> int:
        market = self._margin.markets[symbol]
        return market.table.initial(position.gross_lots * market.lot_value, position.leverage)

    def _order_margin(self, symbol: str, position: Position) -> int:
        """What open orders take beyond the position."""
        taken = self._margin.order_margin(symbol, position, position.worst_lots)
        return taken if position.isolated is not None else taken - self._position_margin(symbol, position)

    def _maintenance(self, symbol: str, position: Position) -> int:
        return self._margin.maintenance_of(symbol, position.gross_lots)

    def _entry(self, wire: ContractWire, position: Position) -> str:
        return wire.average(position.net_cost, position.net_lots)


def _first_unhealthy(is_healthy: Callable[[int], bool], falls: bool, mark: int) -> int:
    """The price nearest to the mark at which a position that loses when the price falls (or rises) is unhealthy."""
    if not is_healthy(mark):
        return mark
    good, bad = mark, 1 if falls else mark * PRICE_FACTOR_MAX
    if is_healthy(bad):
        return 0
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if is_healthy(middle):
            good = middle
        else:
            bad = middle
    return bad
