"""Leaderboards."""

from common.exchange.analytics.leaders import LEADERS_MAX, Leader, Ranking, leaders

ROWS = [
    Leader(account="b", net_units=10, volume_units=5, deposited_units=100),
    Leader(account="a", net_units=10, volume_units=7, deposited_units=1000),
    Leader(account="c", net_units=-3, volume_units=9, deposited_units=0),
]


def names(ranking: Ranking, count: int = 9) -> list[str]:
    return [each.account for each in leaders(ROWS, ranking, count)]


def test_ties_go_by_account_id() -> None:
    assert names(Ranking.NET_PROFIT) == ["a", "b", "c"]
    assert names(Ranking.NET_PROFIT, 1) == ["a"]


def test_volume_and_return_have_their_own_order() -> None:
    assert names(Ranking.VOLUME) == ["c", "a", "b"]
    assert names(Ranking.RETURN) == ["b", "a"], "who put nothing in has no return"


def test_a_return_is_rounded_down() -> None:
    assert Leader(account="x", net_units=-1, volume_units=0, deposited_units=3).return_rate == -333_333_334
    assert Leader(account="x", net_units=1, volume_units=0, deposited_units=3).return_rate == 333_333_333


def test_a_board_is_bounded() -> None:
    many = [Leader(account=f"{i:04}", net_units=i, volume_units=0, deposited_units=0) for i in range(300)]
    assert len(leaders(many, Ranking.NET_PROFIT, 10**6)) == LEADERS_MAX
