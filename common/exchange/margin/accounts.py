"""Margin accounts: a wallet of one collateral asset and the positions that it backs, moved exactly.

A position is (lots, cost): a trade changes both by whole units, so profit is never rounded. Closing k of q lots
releases floor(cost x k / q) of the cost; what the rounding leaves stays in the position, so nothing is lost.
"""


class Part:
    """Lots that their owner has split off a position, with their cost: orders do not reach them."""

    __slots__ = ("cost", "lots")

    def __init__(self, lots: int, cost: int) -> None:
        self.lots, self.cost = lots, cost


class Position:
    """What an account holds in one perpetual. Money in 1e-8 of the collateral.

    lots        net, negative = short; this is what trades change
    cost        what the lots were paid with; negative for a short, which received it
    isolated    collateral that backs this position and its parts alone; None = cross, backed by the wallet
    leverage    as the owner chose it; 0 = the market's default
    bid_lots, ask_lots   lots of open orders
    order_loss  what open orders would lose against the mark as it was when they were placed
    parts       what was split off, by its number as text; margin counts the gross of all
    """

    __slots__ = ("ask_lots", "bid_lots", "cost", "isolated", "leverage", "lots", "order_loss", "parts")

    def __init__(self) -> None:
        self.lots = self.cost = self.leverage = self.bid_lots = self.ask_lots = self.order_loss = 0
        self.isolated: int | None = None
        self.parts: dict[str, Part] = {}

    def copy(self) -> "Position":
        """The same again, to change it alone; parts are never changed, only taken away."""
        other = Position()
        other.lots, other.cost, other.leverage, other.isolated = self.lots, self.cost, self.leverage, self.isolated
        other.bid_lots, other.ask_lots, other.order_loss = self.bid_lots, self.ask_lots, self.order_loss
        other.parts = dict(self.parts)
        return other

    @property
    def is_untouched(self) -> bool:
        """True when its owner has neither lots nor orders nor terms of their own here."""
        is_default = self.isolated is None and not self.leverage and not self.cost
        return is_default and not (self.is_open or self.bid_lots or self.ask_lots or self.order_loss)

    @property
    def is_open(self) -> bool:
        """True when it has lots, of its own or in parts."""
        return bool(self.lots or self.parts)

    @property
    def parted_lots(self) -> int:
        """Lots of all parts, long and short ones added up."""
        return sum(abs(part.lots) for part in self.parts.values()) if self.parts else 0

    @property
    def gross_lots(self) -> int:
        """Its lots and those of its parts, long and short ones added up."""
        return abs(self.lots) + self.parted_lots if self.parts else abs(self.lots)

    @property
    def net_lots(self) -> int:
        """Its lots and those of its parts, short ones negative."""
        return self.lots + sum(part.lots for part in self.parts.values())

    @property
    def net_cost(self) -> int:
        """Its cost and that of its parts."""
        return self.cost + sum(part.cost for part in self.parts.values())

    @property
    def worst_lots(self) -> int:
        """The most lots that it can have once open orders fill on one side."""
        worst = max(abs(self.lots + self.bid_lots), abs(self.lots - self.ask_lots))
        return worst + self.parted_lots if self.parts else worst

    def take(self, lots: int, units: int) -> int:
        """Buy (or with a negative number sell) lots for `units` in all, which are negative when lots are sold.

        Returns the profit that closing lots realised.
        """
        held, realised = self.lots, 0
        if held and (held > 0) is not (lots > 0):
            closed = min(abs(held), abs(lots))
            signed = closed if lots > 0 else -closed
            paid = units if signed == lots else units * closed // abs(lots)
            released = self.cost * closed // abs(held)
            realised = -paid - released
            self.lots, self.cost = held + signed, self.cost - released
            lots, units = lots - signed, units - paid
        self.lots += lots
        self.cost += units
        return realised


class MarginAccount:
    """One account's collateral and positions by market. The wallet may be negative while profits cover it."""

    __slots__ = ("positions", "wallet")

    def __init__(self, wallet: int = 0) -> None:
        self.wallet = wallet
        self.positions: dict[str, Position] = {}

    def copy(self) -> "MarginAccount":
        """The same again, to change it alone."""
        other = MarginAccount(self.wallet)
        other.positions = {symbol: position.copy() for symbol, position in self.positions.items()}
        return other


class MarginAccounts:
    """All margin accounts by asset and account. Looking makes none."""

    def __init__(self) -> None:
        self.by_asset: dict[str, dict[str, MarginAccount]] = {}

    def find(self, account: str, asset: str) -> MarginAccount | None:
        """The margin account, if it was ever used."""
        held = self.by_asset.get(asset)
        return None if held is None else held.get(account)

    def open(self, account: str, asset: str) -> MarginAccount:
        """The margin account, made empty on first use."""
        held = self.by_asset.get(asset)
        if held is None:
            held = self.by_asset[asset] = {}
        found = held.get(account)
        if found is None:
            found = held[account] = MarginAccount()
        return found

    def total(self, asset: str) -> int:
        """Wallets and isolated collateral less costs: with the spot balances, what was deposited."""
        return sum(
            each.wallet + sum((held.isolated or 0) - held.net_cost for held in each.positions.values())
            for each in self.by_asset.get(asset, {}).values()
        )
