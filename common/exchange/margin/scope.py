"""What is liquidated together: the cross part of a margin account, or one isolated position."""

from collections.abc import Iterator

from common.exchange.margin.accounts import MarginAccount, Position
from common.exchange.margin.margin import Margin


class Scope:
    """Positions and the collateral that backs them and nothing else. `symbol` is empty for the cross part."""

    __slots__ = ("_margin", "account", "asset", "owner", "symbol")

    def __init__(self, margin: Margin, asset: str, account: str, owner: MarginAccount, symbol: str = "") -> None:
        self._margin, self.asset, self.account, self.owner, self.symbol = margin, asset, account, owner, symbol

    @property
    def key(self) -> str:
        """Names it among all scopes."""
        return f"{self.asset}:{self.account}:{self.symbol}"

    @property
    def positions(self) -> dict[str, Position]:
        """Open positions by market."""
        return {
            symbol: position
            for symbol, position in self.owner.positions.items()
            if position.is_open and (symbol == self.symbol if self.symbol else position.isolated is None)
        }

    @property
    def symbols(self) -> list[str]:
        """Markets whose open orders count against this collateral: of the cross part all, of a position its own."""
        return [self.symbol] if self.symbol else list(self.owner.positions)

    @property
    def collateral(self) -> int:
        """Units without the profits of positions."""
        return (self.owner.positions[self.symbol].isolated or 0) if self.symbol else self.owner.wallet

    @property
    def equity(self) -> int:
        """Units that it is worth at the mark."""
        if self.symbol:
            return self._margin.isolated_equity(self.symbol, self.owner.positions[self.symbol])
        return self._margin.equity(self.owner)

    @property
    def maintenance(self) -> int:
        """Units that it must be worth."""
        if self.symbol:
            return self._margin.maintenance_of(self.symbol, self.owner.positions[self.symbol].gross_lots)
        return self._margin.maintenance(self.owner)

    @property
    def is_healthy(self) -> bool:
        """True when it has its maintenance margin."""
        return self.equity >= self.maintenance

    @property
    def is_beyond_two_thirds(self) -> bool:
        """True when less than two thirds of the maintenance margin are left."""
        return 3 * self.equity < 2 * self.maintenance

    def give(self, units: int) -> None:
        """Add to the collateral; an isolated position that has no lots any more has its own in the wallet."""
        position = self.owner.positions.get(self.symbol)
        if position is not None and position.is_open and position.isolated is not None:
            position.isolated += units
        else:
            self.owner.wallet += units


def scopes_of(margin: Margin, asset: str, account: str) -> Iterator[Scope]:
    """The cross part of a margin account, then its isolated positions in the order of their markets' names."""
    owner = margin.accounts.find(account, asset)
    if owner is None:
        return
    yield Scope(margin, asset, account, owner)
    for symbol in sorted(owner.positions):
        if owner.positions[symbol].isolated is not None:
            yield Scope(margin, asset, account, owner, symbol)


def backing(margin: Margin, account: str, symbol: str) -> Scope:
    """What backs an account's position in a market."""
    asset = margin.markets[symbol].asset
    owner = margin.account(account, asset)
    return Scope(margin, asset, account, owner, "" if owner.positions[symbol].isolated is None else symbol)
