"""What owners and managers do with strategies. A strategy has a name that its account chose."""

from common.exchange.commands import Command
from common.exchange.strategies.terms import StrategyTerms


class StartStrategy(Command, frozen=True, kw_only=True):
    """Let a strategy trade for the account. When it is refused, nothing has been placed."""

    account: str
    strategy: str
    terms: StrategyTerms


class StopStrategy(Command, frozen=True, kw_only=True):
    """Take its orders off and forget it. Positions stay."""

    account: str
    strategy: str


StrategyCommand = StartStrategy | StopStrategy
"""All of them."""
