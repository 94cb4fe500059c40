"""Margin accounts: a wallet of one collateral asset and the positions that it backs, moved exactly.

A position is (lots, cost): a trade changes both by whole units, so profit is never rounded. Closing k of q lots
releases floor(cost x k / q) of the cost; what the rounding leaves stays in the position, so nothing is lost.
"""

import msgspec


class Position(msgspec.Struct):
    """What an account holds in one perpetual. Money in 1e-8 of the collateral.

    lots        net, negative = short
    cost        what the lots were paid with; negative for a short, which received it
    isolated    collateral that backs this position alone; None = cross, backed by the wallet
    leverage    as the owner chose it; 0 = the market's default
    bid_lots, ask_lots   lots of open orders
    """

    lots: int = 0
    cost: int = 0
    isolated: int | None = None
    leverage: int = 0
    bid_lots: int = 0
    ask_lots: int = 0

    @property
    def worst_lots(self) -> int:
        """The most lots that it can have once open orders fill on one side."""
        return max(abs(self.lots + self.bid_lots), abs(self.lots - self.ask_lots))

    def trade(self, lots: int, units_per_lot: int) -> int:
        """Buy (or with a negative number sell) lots; returns the profit that closing lots realised."""
        held, realised = self.lots, 0
        if held and (held > 0) is not (lots > 0):
            closed = min(abs(held), abs(lots))
            signed = closed if lots > 0 else -closed
            released = self.cost * closed // abs(held)
            realised = -signed * units_per_lot - released
            self.lots, self.cost = held + signed, self.cost - released
            lots -= signed
        self.lots += lots
        self.cost += lots * units_per_lot
        return realised


class MarginAccount(msgspec.Struct):
    """One account's collateral and positions by market. The wallet may be negative while profits cover it."""

    wallet: int = 0
    positions: dict[str, Position] = msgspec.field(default_factory=dict)


class MarginAccounts:
    """All margin accounts by asset and account. Looking makes none."""

    def __init__(self) -> None:
        self.state: dict[str, dict[str, MarginAccount]] = {}

    def find(self, account: str, asset: str) -> MarginAccount | None:
        """The margin account, if it was ever used."""
        held = self.state.get(asset)
        return None if held is None else held.get(account)

    def open(self, account: str, asset: str) -> MarginAccount:
        """The margin account, made empty on first use."""
        held = self.state.get(asset)
        if held is None:
            held = self.state[asset] = {}
        found = held.get(account)
        if found is None:
            found = held[account] = MarginAccount()
        return found

    def total(self, asset: str) -> int:
        """Wallets and isolated collateral less costs: with the spot balances, what was deposited."""
        return sum(
            each.wallet + sum((held.isolated or 0) - held.cost for held in each.positions.values())
            for each in self.state.get(asset, {}).values()
        )
