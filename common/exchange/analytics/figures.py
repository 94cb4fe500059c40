"""What one account's (or one tag's) trades in one market add up to. Integers in units of 1e-8 of the quote asset."""

from mypy_extensions import mypyc_attr


@mypyc_attr(acyclic=True)
class Figures:
    """Sums over trades of one market since `first_ns`; `last_ns` is the time of the latest of them.

    maker_units, taker_units     notional traded as maker and as taker; trades with oneself or one's group are left out
    maker_trades, taker_trades   how many those were
    funding_units                paid on perpetuals, negative = received
    fees_units, rebates_units    paid and received, both positive; one in the base asset at the price of its trade
    gross_units                  realised profit before fees: a trade that brings the position nearer to zero realises
                                 its price less the average price of what it closes
    wins, losses                 such trades by the sign of what they realised; 0 is neither
    lots, cost_units             the open position and what was paid for it (negative: received), where nobody else
                                 keeps it: margin accounts know an account's perpetual positions and what they realise
    """

    __slots__ = (
        "cost_units", "fees_units", "first_ns", "funding_units", "gross_units", "last_ns", "losses", "lots",
        "maker_trades", "maker_units", "rebates_units", "taker_trades", "taker_units", "wins",
    )  # fmt: skip

    def __init__(self, time_ns: int) -> None:
        self.first_ns = self.last_ns = time_ns
        self.maker_units = self.taker_units = self.maker_trades = self.taker_trades = 0
        self.fees_units = self.rebates_units = self.funding_units = self.gross_units = 0
        self.wins = self.losses = self.lots = self.cost_units = 0

    @property
    def net_units(self) -> int:
        """Realised profit after fees, rebates and funding."""
        return self.gross_units - self.fees_units + self.rebates_units - self.funding_units

    @property
    def volume_units(self) -> int:
        """Notional traded in all."""
        return self.maker_units + self.taker_units

    def trade(self, signed_lots: int, paid_units: int) -> None:
        """Move the position by a trade: signed lots, and what they cost (negative: brought)."""
        held = self.lots
        self.lots = after = held + signed_lots
        if not held or (held > 0) is (signed_lots > 0):
            self.cost_units += paid_units
            return
        if (after > 0) is (held > 0) or not after:
            # As the margin accounts do it: what is left of a position keeps the dust of the division.
            released = self.cost_units * signed_lots // -held
            self.cost_units -= released
            self.realize(-paid_units - released)
            return
        paid_closing = paid_units * held // -signed_lots
        released, self.cost_units = self.cost_units, paid_units - paid_closing
        self.realize(-paid_closing - released)

    def realize(self, units: int) -> None:
        """Count the profit of closing lots, which is won, lost, or neither."""
        self.gross_units += units
        if units > 0:
            self.wins += 1
        elif units:
            self.losses += 1

    def pay_fee(self, units: int) -> None:
        """Count a fee, or a rebate where negative."""
        if units > 0:
            self.fees_units += units
        else:
            self.rebates_units -= units
