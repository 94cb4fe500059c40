"""A perpetual desk with a pool "s" in the spot market and a pool "p" in the perpetual, and holders who have cash."""

from common.exchange.commands import Deposit, SetMark
from common.exchange.events import Event
from common.exchange.pools.commands import CreatePool, DepositToPool, WithdrawFromPool
from common.exchange.pools.records import Ladder
from common.exchange.shares import SHARES_PER_UNIT
from common.model.order import Side
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk

SHARE = UNIT * SHARES_PER_UNIT
"""Raw tokens in one whole token, which costs one whole unit of money at first."""

LADDER = Ladder(levels=2, spacing_bps=500, lots=2, skew_bps=0, inventory_lots_max=10)
"""Around 100: bids of 2 at 95 and 90, asks at 105 and 110."""


class PoolDesk(PerpetualDesk):
    """Marks are 100; "other" trades against the pools. They do not quote unless a ladder is given."""

    def __init__(self, ladder: Ladder | None = None, **desk) -> None:  # type: ignore[no-untyped-def]
        """`desk` has options of the desk."""
        super().__init__("other", money=1_000_000, **desk)
        for account in ("a", "b", "other"):
            self.cash(account, 10_000)
        self.run(Deposit, account="other", asset="X", units=1_000 * UNIT)
        self.set_marks(100)
        for name, symbol in (("s", "X-USD"), ("p", "X-PERP")):
            terms = {} if ladder is None else {"ladder": ladder}
            self.run(CreatePool, account="boss", pool=name, symbol=symbol, **terms)

    def run(self, kind, at: int = 0, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """As every desk, and goods are conserved as well."""
        events = super().run(kind, at, **terms)
        assert self.exchange.ledger.accounts.total("X") in (0, 1_000 * UNIT)
        return events

    def set_marks(self, price: int) -> list[Event]:
        """Another mark in both markets."""
        return [event for each in ("X-USD", "X-PERP") for event in self.run(SetMark, symbol=each, price_ticks=price)]

    def pool(self, name: str = "s"):  # type: ignore[no-untyped-def]
        """A pool's records."""
        return self.exchange.pools.pools[name]

    def cash(self, account: str, money: int) -> None:
        """Deposit whole units as a spot balance."""
        self.deposited += money * UNIT
        self.run(Deposit, account=account, asset="USD", units=money * UNIT)

    def free(self, account: str, asset: str = "USD") -> float:
        """Whole units of a spot balance."""
        return self.exchange.ledger.accounts.free(account, asset) / UNIT

    def pay_in(self, account: str, money: int, pool: str = "s", **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Deposit whole units."""
        return self.run(DepositToPool, account=account, pool=pool, units=money * UNIT, **terms)

    def pay_out(self, account: str, shares: int | None = None, pool: str = "s", **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Withdraw whole tokens, or all, for cash."""
        text = None if shares is None else str(shares * SHARE)
        return self.run(WithdrawFromPool, account=account, pool=pool, shares=text, **terms)

    def quotes(self, pool: str = "s") -> list[tuple[Side, int, int]]:
        """(side, price, lots) of a pool's orders, best first, bids before asks."""
        record = self.pool(pool)
        orders = self.exchange.ledger.open_of(record.account, record.symbol).values()
        quotes = [(order.side, order.price_ticks, order.remaining_lots) for order in orders]
        return sorted(quotes, key=lambda each: (each[0].value, -each[1] * each[0].sign))

    def nav(self, pool: str = "s") -> float:
        """Whole units of net asset value."""
        return self.exchange.pools.view(pool).nav_units / UNIT  # type: ignore[operator]
