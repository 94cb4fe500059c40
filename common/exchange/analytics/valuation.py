"""What accounts and amounts are worth in an asset, at marks. Looking changes nothing."""

from common.exchange.core import Core


class Valuation:
    """Prices of one exchange."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._spot: dict[str, dict[str, str]] = {}
        """Spot markets by quote and base."""
        for symbol, scale in sorted(core.ledger.scales.items()):
            if not scale.is_perpetual:
                self._spot.setdefault(scale.quote, {}).setdefault(scale.base, symbol)

    def value(self, held: str, units: int, asset: str) -> int:
        """Units of `asset` that units of another one are worth at the mark or last price of the first market of the
        two, rounded down. Nothing where there is no market or no price."""
        if held == asset:
            return units
        symbol = self._spot.get(asset, {}).get(held)
        if symbol is None:
            return 0
        scale, price = self._core.ledger.scales[symbol], self._core.markets[symbol].facts.reference
        return units * price * scale.tick_lot_units // scale.lot_units

    def equity(self, account: str, asset: str) -> int:
        """What an account is worth: balances, margin wallet, isolated collateral and open profit."""
        core, total = self._core, 0
        for held, balance in core.ledger.accounts.balances(account).items():
            if units := balance.free + balance.locked:
                total += self.value(held, units, asset)
        owner = core.margin.accounts.find(account, asset)
        if owner is not None:
            total += owner.wallet
            for symbol, position in owner.positions.items():
                total += core.margin.isolated_equity(symbol, position)
        return total
