"""A small deterministic market: the target wanders, quotes fill when the price goes through them, the hedge follows."""

import random
import statistics

from common.messages import SubmitOrder
from common.model.order import OrderState, Side
from tests.unit.strategy.hedged_quotes_desk import Desk

STEPS = 6_000  # Of 100 ms.


def simulate(seed: int, hedged: bool) -> tuple[list[float], Desk]:
    """Net exposure in base units, step by step. The LP owns 0.05 ETH less for each tick that the price is higher."""
    rng, desk, net = random.Random(seed), Desk(), list[float]()
    start = bid = 268_380
    desk.show_position()
    for step in range(STEPS):
        bid += rng.choice((-3, -1, -1, 0, 0, 0, 0, 1, 1, 3))
        desk.pass_time(100)
        for name, order in desk.orders.items():  # Only a price that goes through a quote fills it.
            through = (
                bid < order.command.price_ticks
                if order.command.side is Side.BUY
                else bid + 1 > order.command.price_ticks
            )
            if order.state is OrderState.OPEN and through:
                desk.fill(name, order.worst_lots)
        desk.deliver()
        desk.show_position()
        desk.show_book(bid, bid + 1)
        target = 500 * (bid - start) if hedged else 0
        if step % 10 == 0 or step == 0:
            desk.show_exposure(target)
        else:
            desk.refresh()
        for command in desk.decide():
            if isinstance(command, SubmitOrder):
                crosses = command.price_ticks > bid if command.side is Side.BUY else command.price_ticks < bid + 1
                desk.move(command.client_order_id, OrderState.REJECTED if crosses else OrderState.OPEN)
            else:
                desk.finish_cancel(command.client_order_id)
        desk.deliver()
        net.append((desk.position_lots - 500 * (bid - start)) / 10_000)
    return net, desk


def test_the_hedge_follows_the_target() -> None:
    for seed in (1, 2, 3):
        hedged, desk = simulate(seed, hedged=True)
        bare, _ = simulate(seed, hedged=False)
        assert statistics.pstdev(hedged) < 0.35 * statistics.pstdev(bare)
        assert not [order for order in desk.orders.values() if order.state is OrderState.REJECTED]
        assert desk.state.position.lots == desk.position_lots


def test_the_same_seed_sends_the_same_commands() -> None:
    assert simulate(5, hedged=True)[1].sent == simulate(5, hedged=True)[1].sent


def test_without_a_need_nothing_is_sent() -> None:
    assert simulate(1, hedged=False)[1].sent == []
