"""Lots of a cell turn; none are made or lost."""

from hypothesis import given
from hypothesis import strategies as st

from common.exchange.grids.cells import Cell, cells_around
from common.model.order import Side

BUY, SELL = Side.BUY, Side.SELL


def test_trap_36_n_levels_have_n_minus_1_cells() -> None:
    cells = cells_around(5, 2, 10)
    assert [(cell.buy_lots, cell.sell_lots) for cell in cells] == [(10, 0), (10, 0), (0, 10), (0, 10)]
    assert [cell.begins_long for cell in cells] == [True, True, False, False]


def test_a_price_outside_leaves_one_side() -> None:
    assert {cell.sell_lots for cell in cells_around(4, 0, 7)} == {7}
    assert {cell.buy_lots for cell in cells_around(4, 3, 7)} == {7}


def test_trap_34_only_what_filled_turns() -> None:
    cell = Cell(buy_lots=10, sell_lots=0, begins_long=True)
    cell.hold(BUY, 4)
    assert cell.count(BUY, 3) == 3
    assert (cell.buy_lots, cell.sell_lots) == (7, 3)
    assert cell.count(BUY, 3) == 0, "the same fill again turns nothing"
    assert cell.count(BUY, 10) == 7
    assert (cell.buy_lots, cell.sell_lots) == (0, 10)


def test_a_round_ends_where_it_began() -> None:
    assert Cell(buy_lots=1, sell_lots=0, begins_long=True).ends_round(SELL)
    assert not Cell(buy_lots=1, sell_lots=0, begins_long=True).ends_round(BUY)
    assert Cell(buy_lots=0, sell_lots=1, begins_long=False).ends_round(BUY)


@given(st.integers(1, 100), st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 100)), max_size=40))
def test_lots_are_conserved(quantity: int, fills: list[tuple[Side, int]]) -> None:
    cell, filled = cells_around(2, 1, quantity)[0], {BUY: 0, SELL: 0}
    for order_id, side in enumerate((BUY, SELL), start=1):
        cell.hold(side, order_id)
    for side, wanted in fills:
        lots = min(wanted, cell.lots(side))
        filled[side] += lots
        assert cell.count(side, filled[side]) == lots
        assert cell.buy_lots + cell.sell_lots == quantity
        assert min(cell.buy_lots, cell.sell_lots) >= 0
        assert cell.sell_lots == filled[BUY] - filled[SELL], "what was bought and not sold waits to be sold"
