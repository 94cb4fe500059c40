"""The clearing of perpetuals: oracle, funding, liquidation and insurance, and positions in parts, as one room."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.core import LIQUIDATE, Core
from common.exchange.margin.backstop import Backstop
from common.exchange.margin.commands import FundInsurance, MergePosition, SetOracle, SplitPosition
from common.exchange.margin.deleveraging import Deleveraging
from common.exchange.margin.funding import FUNDING, Funding, FundingState
from common.exchange.margin.insurance import Insurance
from common.exchange.margin.liquidation import Liquidation, LiquidationState
from common.exchange.margin.oracle import Oracle, OracleState
from common.exchange.margin.parts import Parts, PartsState
from common.exchange.orders import Orders


class ClearingState(msgspec.Struct):
    """All that clearing knows; what the backstop and the insurance have is in their margin accounts."""

    oracle: OracleState
    funding: FundingState
    liquidation: LiquidationState
    parts: PartsState


class Clearing:
    """Joins its parts, and is what the exchange knows of them."""

    trading: frozenset[Any] = frozenset[Any]((SplitPosition, MergePosition))

    def __init__(self, core: Core, orders: Orders) -> None:
        self.parts = Parts(core)
        self.insurance, self.backstop = Insurance(core), Backstop(core)
        self.deleveraging = Deleveraging(core, orders, self.parts)
        self.liquidation = Liquidation(core, orders, self.parts, self.backstop, self.insurance, self.deleveraging)
        self.oracle = Oracle(core, lambda: self.funding.begin())
        self.funding = Funding(core, self.oracle)
        core.doers |= {LIQUIDATE: self.liquidation.look_after, FUNDING: self.funding.sample}
        self.handlers: dict[Any, Callable[[Any], None]] = {
            SetOracle: self.oracle.set,
            FundInsurance: self.insurance.fund,
            **self.parts.handlers,
        }
        self.state = ClearingState(
            oracle=self.oracle.state,
            funding=self.funding.state,
            liquidation=self.liquidation.state,
            parts=self.parts.state,
        )

    def load(self, state: ClearingState) -> None:
        """Become what `state` was."""
        self.state = state
        self.oracle.state, self.funding.state, self.parts.state = state.oracle, state.funding, state.parts
        self.liquidation.load(state.liquidation)
