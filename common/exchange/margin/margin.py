"""Margin of every account: what it is worth, what it must hold, what it may do, and how trades change it."""

from typing import Final

from common.exchange.events import EXTERNAL_ACCOUNT, FEE_ACCOUNT, SPECIAL_ACCOUNTS, RejectReason
from common.exchange.facts import MarketFacts
from common.exchange.margin.accounts import MarginAccount, MarginAccounts, Position
from common.exchange.margin.rules import PerpetualRules
from common.exchange.margin.states import MarginState, accounts_from, state_of
from common.exchange.margin.table import MarginTable
from common.exchange.money import SMALL_MAX, UNITS_MAX
from common.exchange.seat import Seat
from common.model.order import Side

BUY: Final = Side.BUY
OpenOrders = tuple[int, int, int, int]
"""What open orders of an account in a market are: (lots of bids, lots of asks, units that they may lose against the
mark, and units of initial margin that orders planned in other markets take)."""


class Perpetual:
    """One perpetual market as margin sees it. `units_per_tick_lot`: notional of one lot at a price of one tick."""

    __slots__ = ("asset", "facts", "rules", "symbol", "table", "units_per_tick_lot")

    def __init__(
        self, symbol: str, asset: str, units_per_tick_lot: int, rules: PerpetualRules, facts: MarketFacts
    ) -> None:
        self.symbol, self.asset, self.units_per_tick_lot = symbol, asset, units_per_tick_lot
        self.rules, self.facts = rules, facts
        self.table = MarginTable(rules)

    @property
    def lot_value(self) -> int:
        """Units that one lot is worth at the mark, or at the last price before there is one; 0 = no price yet."""
        return self.facts.reference * self.units_per_tick_lot


class Margin:
    """The margin accounts of all perpetuals, cross and isolated.

    `touched` collects (asset, account) whose health may have changed since somebody looked; `holders` has, for each
    market, the accounts with lots in it; `liquidating` those (asset, account) that are being liquidated.
    """

    def __init__(self, perpetuals: dict[str, Perpetual]) -> None:
        self.markets = perpetuals
        self.accounts = MarginAccounts()
        self.touched: dict[tuple[str, str], None] = {}
        self.holders: dict[str, dict[str, None]] = {symbol: {} for symbol in perpetuals}
        self.liquidating: dict[tuple[str, str], None] = {}

    @property
    def state(self) -> MarginState:
        """All of it, for snapshots."""
        return state_of(self.accounts.by_asset)

    def load(self, state: MarginState) -> None:
        """Become what `state` was."""
        self.accounts.by_asset = by_asset = accounts_from(state)
        for symbol, market in self.markets.items():
            accounts = by_asset.get(market.asset, {}).items()
            self.holders[symbol] = {
                name: None for name, each in accounts if symbol in each.positions and each.positions[symbol].is_open
            }

    def account(self, account: str, asset: str) -> MarginAccount:
        """A margin account to look at; one that was never used is empty and not kept."""
        return self.accounts.find(account, asset) or MarginAccount()

    def position(self, account: str, symbol: str) -> Position:
        """A position to look at; one that was never opened is empty and not kept."""
        return self.account(account, self.markets[symbol].asset).positions.get(symbol) or Position()

    def held(self, account: str, symbol: str) -> Position:
        """A position to change, made on first use."""
        positions = self.accounts.open(account, self.markets[symbol].asset).positions
        found = positions.get(symbol)
        if found is None:
            found = positions[symbol] = Position()
        return found

    def unrealised(self, symbol: str, position: Position) -> int:
        """Profit at the mark that a position has not realised."""
        return open_profit(position, self.markets[symbol].lot_value)

    def equity(self, account: MarginAccount) -> int:
        """What the cross part of an account is worth at the mark; isolated positions are worth their own."""
        total = account.wallet
        for symbol, position in account.positions.items():
            if position.isolated is None and (position.lots or position.parts):
                total += open_profit(position, self.markets[symbol].lot_value)
        return total

    def isolated_equity(self, symbol: str, position: Position) -> int:
        """What an isolated position is worth at the mark, with its collateral."""
        return (position.isolated or 0) + self.unrealised(symbol, position)

    def initial(self, account: MarginAccount, without: str = "") -> int:
        """Initial margin that cross positions and all open orders take of the wallet, except in one market."""
        total = 0
        for symbol, position in account.positions.items():
            if symbol != without:
                total += self.order_margin(symbol, position, position.worst_lots) + position.order_loss
        return total

    def order_margin(self, symbol: str, position: Position, worst_lots: int) -> int:
        """What a position takes of the wallet if it can come to have so many lots.

        An isolated position is backed by its own collateral, so only what would have to be added counts.
        """
        market = self.markets[symbol]
        value, table = market.lot_value, market.table
        needed = table.initial(worst_lots * value, position.leverage)
        if position.isolated is not None:
            needed -= min(needed, table.initial(position.gross_lots * value, position.leverage))
        return needed

    def maintenance(self, account: MarginAccount, without: str = "") -> int:
        """Maintenance margin of the cross positions, except of one market."""
        total = 0
        for symbol, position in account.positions.items():
            if position.isolated is None and symbol != without and (position.lots or position.parts):
                total += self.maintenance_of(symbol, position.gross_lots)
        return total

    def maintenance_of(self, symbol: str, lots: int) -> int:
        """Maintenance margin of so many lots at the mark."""
        market = self.markets[symbol]
        return market.table.maintenance(lots * market.lot_value)

    def available(self, account: MarginAccount) -> int:
        """What new orders may take, negative when there is less than initial margin."""
        return self.equity(account) - self.initial(account)

    def withdrawable(self, account: MarginAccount) -> int:
        """What may leave the wallet: profits that are not realised back positions but cannot be taken out."""
        return max(0, min(account.wallet, self.available(account)))

    def is_healthy(self, account: MarginAccount) -> bool:
        """True when the cross part, and each isolated position, has its maintenance margin."""
        # It is asked after every trade of everybody, so it goes over the positions once.
        equity, needed = account.wallet, 0
        for symbol, position in account.positions.items():
            lots, parts = position.lots, position.parts
            if not lots and not parts:
                continue
            market = self.markets[symbol]
            value = market.facts.reference * market.units_per_tick_lot
            profit, gross = open_profit(position, value), position.gross_lots if parts else abs(lots)
            least, own = market.table.maintenance(gross * value), position.isolated
            if own is None:
                equity += profit
                needed += least
            elif own + profit < least:
                return False
        return equity >= needed

    def order_refusal(
        self, symbol: str, owner: MarginAccount | None, held_now: Position | None, side: Side, lots: int,
        quote_units: int, fee: int, others: OpenOrders | None,
    ) -> RejectReason | None:  # fmt: skip
        """Why an account may not trade so many more lots for so many units in all and a fee of so many units.

        `others` are its open orders in the market, None = those that the position says.
        An order that makes the position no larger, whatever fills, needs no initial margin; what it and the others
        may lose against the mark must leave the maintenance margin.
        """
        market = self.markets[symbol]
        value = market.facts.reference * market.units_per_tick_lot
        if not value:
            return RejectReason.NO_MARK_PRICE
        if owner is None:
            return RejectReason.INSUFFICIENT_MARGIN
        position = held_now or Position()
        bids, asks, loss, elsewhere = position.bid_lots, position.ask_lots, position.order_loss, 0
        if others is not None:
            bids, asks, loss, elsewhere = others
        held, parted, buys = position.lots, position.parted_lots if position.parts else 0, side is BUY
        # The most lots either way, long with all bids filled and short with all asks filled; only one of them grows.
        longest, shortest = held + bids, asks - held
        before = longest if longest > shortest else shortest
        after = (longest if buys else shortest) + lots
        costs, own_loss = fee + loss, quote_units - lots * value if buys else lots * value - quote_units
        if own_loss > 0:
            costs += own_loss
        # Most accounts are in one market only, where nothing has to be added up.
        is_only = held_now is not None and len(owner.positions) == 1
        if is_only and position.isolated is None:
            equity = owner.wallet + open_profit(position, value)
        else:
            equity = self.equity(owner)
        if after <= before:
            left = market.table.maintenance((abs(held + lots if buys else held - lots) + parted) * value)
            if position.isolated is not None and position.is_open:
                fits = self.isolated_equity(symbol, position) - costs >= left
            elif is_only:
                fits = equity - costs >= left
            else:
                fits = equity - costs >= left + self.maintenance(owner, symbol)
        elif (notional := (after + parted) * value) > SMALL_MAX and notional > UNITS_MAX:
            return RejectReason.NOTIONAL_TOO_LARGE
        else:
            needed = self.order_margin(symbol, position, after + parted) + costs + elsewhere
            fits = equity >= needed if is_only else equity - self.initial(owner, symbol) >= needed
        return None if fits else RejectReason.INSUFFICIENT_MARGIN

    def lot_loss(self, symbol: str, side: Side, price_ticks: int) -> int:
        """Units that one lot of an order at a price would lose against the mark as it is."""
        market = self.markets[symbol]
        reference = market.facts.reference
        worse = price_ticks - reference if side is BUY else reference - price_ticks
        return worse * market.units_per_tick_lot if worse > 0 else 0

    def trade(self, account: str, seat: Seat | None, symbol: str, lots: int, price_ticks: int) -> int:
        """An account bought (or with a negative number sold) lots; returns the profit that it realised."""
        value = price_ticks * self.markets[symbol].units_per_tick_lot
        units = lots * value if lots > 0 else -(-lots * value)
        owner = position = None
        if seat is not None:
            owner, position = seat.owner, seat.position
        if seat is None or owner is None or position is None or position.isolated is not None:
            return self.take(account, symbol, lots, units)
        had_lots = position.lots != 0
        realised = position.take(lots, units)
        owner.wallet += realised
        if (position.lots != 0) is not had_lots:
            self.note_holder(account, symbol, position)
        elif not seat.is_special:
            self.touched[seat.margin_key] = None
        return realised

    def take(self, account: str, symbol: str, lots: int, units: int) -> int:
        """An account got (or with negative numbers gave) lots for `units` in all; returns the profit it realised."""
        owner = self.accounts.open(account, self.markets[symbol].asset)
        position = owner.positions.get(symbol)
        if position is None:
            position = owner.positions[symbol] = Position()
        realised = self.take_into(owner, symbol, position, lots, units)
        self.note_holder(account, symbol, position)
        return realised

    def take_into(self, owner: MarginAccount, symbol: str, position: Position, lots: int, units: int) -> int:
        """Let a position, and the collateral behind it, take lots; the account may be one that is only imagined."""
        before = position.lots
        realised = position.take(lots, units)
        if position.isolated is None:
            owner.wallet += realised
        else:
            flips = before * position.lots < 0
            self.settle_isolated(owner, symbol, position, abs(before) + position.parted_lots, flips, realised)
        return realised

    def note_holder(self, account: str, symbol: str, position: Position) -> None:
        """A position has other lots than before: keep the index of holders, and remember to look at its health."""
        if position.lots or position.parts:
            self.holders[symbol][account] = None
        else:
            self.holders[symbol].pop(account, None)
        if account not in SPECIAL_ACCOUNTS:
            self.touched[self.markets[symbol].asset, account] = None

    def settle_isolated(
        self, owner: MarginAccount, symbol: str, position: Position, gross_before: int, flips: bool, realised: int
    ) -> None:
        """Move collateral between the wallet and an isolated position that had `gross_before` lots and now has others.

        Closed lots take their share of the collateral along as far as the rest keeps its initial margin; added lots
        bring what is missing, as far as the cross positions leave it: those must not go bankrupt for an isolated one.
        Without lots nothing stays, so a loss beyond the collateral is the wallet's.
        """
        held, gross = (position.isolated or 0) + realised, position.gross_lots
        if not gross:
            owner.wallet += held
            position.isolated = 0
            return
        market = self.markets[symbol]
        needed = market.table.initial(gross * market.lot_value, position.leverage)
        spare = held + self.unrealised(symbol, position) - needed
        if spare < 0 and (flips or gross >= gross_before):
            moved = -max(0, min(-spare, owner.wallet, self.equity(owner) - self.maintenance(owner)))
        elif flips:
            moved = spare
        elif gross < gross_before:
            moved = max(0, min(spare, held * (gross_before - gross) // gross_before))
        else:
            moved = 0
        owner.wallet += moved
        position.isolated = held - moved

    def pay(self, asset: str, payer: str, receiver: str, units: int) -> None:
        """Move units from wallet to wallet, or back with a negative number."""
        self.accounts.open(payer, asset).wallet -= units
        self.accounts.open(receiver, asset).wallet += units

    def pay_fee(self, asset: str, account: str, seat: Seat | None, units: int, symbol: str) -> None:
        """Charge an account's wallet for a trade that it just made, or with a negative number pay it a rebate.

        What the wallet does not have an isolated position pays for itself.
        """
        owner = None if seat is None else seat.owner
        if owner is None:
            owner = self.accounts.open(account, asset)
        owner.wallet = wallet = owner.wallet - units
        self.accounts.open(FEE_ACCOUNT, asset).wallet += units
        if wallet < 0 < units:
            position = owner.positions[symbol]
            if position.isolated is not None:
                missing = min(units, -wallet, max(0, position.isolated))
                owner.wallet += missing
                position.isolated -= missing

    def touch_holders(self, symbol: str) -> None:
        """A mark changed: everybody's health in that market may have."""
        asset = self.markets[symbol].asset
        # Sorted, because the index is built anew from snapshots and must give the same order then.
        for account in sorted(self.holders[symbol]):
            if account != EXTERNAL_ACCOUNT:
                self.touched[asset, account] = None

    def take_unhealthy(self) -> list[tuple[str, str]]:
        """(asset, account) that were touched since the last call and need to be looked after.

        Those have less than their maintenance margin, or are in liquidation, which may be over.
        """
        touched, found = self.touched, list[tuple[str, str]]()
        if touched:
            self.touched = {}
            for asset, account in touched:
                owner = self.accounts.find(account, asset)
                if owner is not None and ((asset, account) in self.liquidating or not self.is_healthy(owner)):
                    found.append((asset, account))
        return found

    def is_liquidating(self, account: str) -> bool:
        """True while any margin account of somebody is in liquidation, so that nothing of it may leave."""
        return bool(self.liquidating) and any(name == account for _asset, name in self.liquidating)


def open_profit(position: Position, lot_value: int) -> int:
    """Profit that a position and its parts have not realised, when one lot is worth so many units."""
    lots, cost = (position.net_lots, position.net_cost) if position.parts else (position.lots, position.cost)
    # Compiled code makes objects to multiply negative numbers.
    return lots * lot_value - cost if lots > 0 else -(-lots * lot_value) - cost
