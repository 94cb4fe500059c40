"""The order of deleveraging."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from common.exchange.margin.ranking import Holder, ranked


def long_holder(account: str, profit: int, notional: int, equity: int) -> Holder:
    """A long position: what it cost is what it is worth less what it won."""
    return Holder(
        account=account, lots=1, profit_units=profit, entry_units=notional - profit, notional_units=notional,
        equity_units=equity,
    )  # fmt: skip


def test_worked_example_of_the_design() -> None:
    holders = [
        long_holder("a", 500, 10_000, 2_000),
        long_holder("b", 900, 10_000, 9_000),
        long_holder("c", 300, 3_000, 400),
    ]
    order = ranked(holders)
    assert [each.account for each in order] == ["c", "a", "b"]
    scores = [Fraction(*each.score) for each in order]
    assert [round(float(each), 3) for each in scores] == [0.833, 0.263, 0.110]


def test_profit_alone_would_take_the_wrong_one_first() -> None:
    rich, levered = long_holder("rich", 900, 10_000, 9_000), long_holder("levered", 300, 3_000, 400)
    assert ranked([rich, levered])[0] is levered


def test_equal_scores_go_by_account() -> None:
    holders = [long_holder(name, 500, 10_000, 2_000) for name in ("z", "m", "a")]
    assert [each.account for each in ranked(holders)] == ["a", "m", "z"]
    # The same score from other numbers is equal too, because fractions are compared and not quotients.
    double = long_holder("b", 1_000, 20_000, 4_000)
    assert [each.account for each in ranked([holders[1], double])] == ["b", "m"]


def test_scores_that_floats_cannot_tell_apart() -> None:
    big = 10**17
    less = Holder(account="a", lots=1, profit_units=big, entry_units=big, notional_units=big, equity_units=big)
    more = Holder(account="b", lots=1, profit_units=big + 1, entry_units=big, notional_units=big, equity_units=big)
    assert float(Fraction(*less.score)) == float(Fraction(*more.score))
    assert [each.account for each in ranked([less, more])] == ["b", "a"]


def test_losers_follow_winners_and_the_smallest_relative_loss_is_first() -> None:
    holders = [
        long_holder("deep", -500, 1_000, 100),
        long_holder("flat", 0, 1_000, 100),
        long_holder("winner", 1, 1_000, 10_000),
        long_holder("slight", -10, 1_000, 100),
    ]
    assert [each.account for each in ranked(holders)] == ["winner", "flat", "slight", "deep"]


def test_a_winner_without_equity_is_not_divided_by_zero() -> None:
    order = ranked([long_holder("broke", 500, 1_000, 0), long_holder("fine", 1, 1_000, 1_000)])
    assert [each.account for each in order] == ["fine", "broke"]


amounts = st.integers(1, 10**20)


@given(st.lists(st.tuples(amounts, amounts, amounts, amounts), min_size=2, max_size=8))
def test_order_is_that_of_exact_scores(rows: list[tuple[int, int, int, int]]) -> None:
    holders = [
        Holder(account=str(number), lots=1, profit_units=p, entry_units=e, notional_units=n, equity_units=q)
        for number, (p, e, n, q) in enumerate(rows)
    ]
    scores = [Fraction(*each.score) for each in ranked(holders)]
    assert scores == sorted(scores, reverse=True)
