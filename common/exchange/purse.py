"""Money of accounts whose owners are many: what it is worth, what of it may leave, and payments into and out of it.

What it is worth is always computed from balances, positions and marks; nobody can set it.
"""

from common.exchange.core import Core
from common.exchange.money import Scale


class Purse:
    """Reads and moves the money of accounts, each counted in one asset."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.collateral = frozenset(market.asset for market in core.margin.markets.values())
        scales = core.ledger.scales
        self.markets: dict[str, list[str]] = {}
        """Markets that pay in an asset, by symbol."""
        self._spot: dict[tuple[str, str], str] = {}
        for symbol in sorted(scales):
            self.markets.setdefault(scales[symbol].quote, []).append(symbol)
            if not scales[symbol].is_perpetual:
                self._spot.setdefault((scales[symbol].base, scales[symbol].quote), symbol)

    def is_used(self, account: str) -> bool:
        """True when there is something in an account or its margin."""
        balances = self._core.ledger.accounts.balances(account).values()
        used = (account in held for held in self._core.margin.accounts.by_asset.values())
        return any(each.total for each in balances) or any(used)

    def price(self, symbol: str) -> int:
        """The mark in ticks, or the last price before there is one; 0 = neither."""
        return self._core.markets[symbol].facts.reference

    def equity(self, account: str, asset: str) -> int | None:
        """What an account is worth in an asset: wallet, isolated collateral, open profit, cash, and goods at the mark.

        Goods that no market trades for the asset are worth nothing. None = goods without a price.
        """
        for held, balance in self._core.ledger.accounts.balances(account).items():
            symbol = self._spot.get((held, asset))
            if symbol is not None and balance.total and not self.price(symbol):
                return None
        return self.worth(account, asset)

    def worth(self, account: str, asset: str) -> int:
        """The same, where goods without a price are worth nothing."""
        total = self._margin_equity(account, asset)
        for held, balance in self._core.ledger.accounts.balances(account).items():
            if units := balance.free + balance.locked:
                total += self.value_of(held, units, asset)
        return total

    def value_of(self, held: str, units: int, asset: str) -> int:
        """Units of an asset that units of another one are worth; nothing without a market of the two, or a price."""
        if held == asset:
            return units
        symbol = self._spot.get((held, asset))
        return 0 if symbol is None else self.value(symbol, units)

    def value(self, symbol: str, base_units: int) -> int:
        """Units of the quote asset that base units are worth at the mark, rounded down."""
        scale = self._core.ledger.scales[symbol]
        return base_units * self.price(symbol) * scale.tick_lot_units // scale.lot_units

    def payable(self, account: str, asset: str, without_orders: bool = False) -> int:
        """What may leave an account now, or `without_orders` once its open orders are gone.

        Cash and what the wallet can spare; cash first makes up for initial margin that the wallet lacks. Nothing may
        leave an account in liquidation.
        """
        margin, balance = self._core.margin, self._core.ledger.accounts.balances(account).get(asset)
        cash = 0 if balance is None else balance.free + (balance.locked if without_orders else 0)
        owner = margin.accounts.find(account, asset)
        if owner is None:
            return cash
        if margin.is_liquidating(account):
            return 0
        if without_orders:
            needed = sum(margin.order_margin(symbol, held, held.gross_lots) for symbol, held in owner.positions.items())
        else:
            needed = margin.initial(owner)
        spare = margin.equity(owner) - needed
        return max(0, cash + (spare if spare < 0 else max(0, min(owner.wallet, spare))))

    def lots(self, account: str, symbol: str) -> int:
        """Signed lots of a perpetual position without its parts, or whole lots of goods."""
        core = self._core
        scale = core.ledger.scales[symbol]
        if scale.is_perpetual:
            return core.margin.position(account, symbol).lots
        return self.goods(account, scale) // scale.lot_units

    def is_holding(self, account: str, symbol: str) -> bool:
        """True when a mark of this market changes what an account is worth."""
        scale = self._core.ledger.scales[symbol]
        if scale.is_perpetual:
            return self._core.margin.position(account, symbol).is_open
        return self.goods(account, scale) > 0

    def goods(self, account: str, scale: Scale) -> int:
        """Units of a market's base asset that an account has."""
        balance = self._core.ledger.accounts.balances(account).get(scale.base)
        return 0 if balance is None else balance.total

    def take(self, payer: str, account: str, asset: str, units: int, as_margin: bool) -> None:
        """Move units of a payer's free balance to an account's wallet, or to its spot balance."""
        core = self._core
        core.ledger.accounts.credit(payer, asset, -units)
        if as_margin:
            core.margin.accounts.open(account, asset).wallet += units
            core.margin.touched[asset, account] = None
        else:
            core.ledger.accounts.credit(account, asset, units)
        core.tell_payment(payer, account, asset, units)

    def give(self, account: str, asset: str, receiver: str, units: int) -> None:
        """Move units that are payable to a receiver's free balance, from the wallet first."""
        core = self._core
        core.tell_payment(account, receiver, asset, units)
        owner = core.margin.accounts.find(account, asset)
        if owner is not None:
            part = min(units, core.margin.withdrawable(owner))
            owner.wallet -= part
            core.ledger.accounts.credit(receiver, asset, part)
            units -= part
        if units:
            core.ledger.accounts.credit(account, asset, -units)
            core.ledger.accounts.credit(receiver, asset, units)

    def give_goods(self, account: str, receiver: str) -> None:
        """Move everything that is not locked to a receiver, whatever asset it is."""
        for asset, balance in sorted(self._core.ledger.accounts.balances(account).items()):
            if balance.free:
                self.give_some(account, asset, receiver, balance.free)

    def give_some(self, account: str, asset: str, receiver: str, units: int) -> None:
        """Move units of a free balance to a receiver's."""
        core = self._core
        core.ledger.accounts.credit(account, asset, -units)
        core.ledger.accounts.credit(receiver, asset, units)
        core.tell_payment(account, receiver, asset, units)

    def _margin_equity(self, account: str, asset: str) -> int:
        margin = self._core.margin
        owner = margin.accounts.find(account, asset)
        if owner is None:
            return 0
        apart = (each for each in owner.positions.items() if each[1].isolated is not None)
        return margin.equity(owner) + sum(margin.isolated_equity(symbol, position) for symbol, position in apart)
