"""Sums over trades."""

from hypothesis import given
from hypothesis import strategies as st

from common.exchange.analytics.figures import Figures
from common.exchange.analytics.totals import total_of


def fresh() -> Figures:
    return Figures(1)


def test_a_closing_trade_realizes_its_price_less_the_average() -> None:
    figures = fresh()
    figures.trade(2, 200)
    figures.trade(1, 130)
    figures.trade(-1, -150)
    assert (figures.lots, figures.cost_units, figures.gross_units) == (2, 220, 40)
    assert (figures.wins, figures.losses) == (1, 0)


def test_a_trade_through_zero_closes_and_opens() -> None:
    figures = fresh()
    figures.trade(-3, -300)
    figures.trade(5, 550)
    assert (figures.lots, figures.cost_units, figures.gross_units) == (2, 220, -30)
    assert (figures.wins, figures.losses) == (0, 1)


def test_trap_43_what_brings_nothing_is_neither_won_nor_lost() -> None:
    figures = fresh()
    figures.trade(1, 100)
    figures.trade(-1, -100)
    assert (figures.wins, figures.losses, figures.gross_units) == (0, 0, 0)


def test_fees_and_rebates_are_kept_apart() -> None:
    figures = fresh()
    for units in (7, -2, 3):
        figures.pay_fee(units)
    assert (figures.fees_units, figures.rebates_units, figures.net_units) == (10, 2, -8)


trades = st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 1000))


@given(st.lists(trades, max_size=60))
def test_profit_never_rounds(done: list[tuple[int, int]]) -> None:
    figures, lots, paid = fresh(), 0, 0
    for signed, price in done:
        figures.trade(signed, signed * price)
        lots, paid = lots + signed, paid + signed * price
        assert figures.lots == lots
        assert figures.gross_units == figures.cost_units - paid, "what was paid is open cost less realized profit"
        assert lots or not figures.cost_units
        assert figures.cost_units * lots >= 0


def test_total_of_several_markets() -> None:
    one, two = Figures(5), Figures(2)
    one.last_ns, one.maker_units, one.wins = 6, 3, 1
    two.last_ns, two.taker_units = 9, 4
    two.pay_fee(1)
    total = total_of([one, two])
    assert (total.first_ns, total.last_ns, total.maker_units, total.taker_units) == (2, 9, 3, 4)
    assert (total.net_units, total.wins) == (-1, 1)
    assert total_of([]).first_ns == 0
