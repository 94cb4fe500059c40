"""One running strategy."""

import msgspec

from common.exchange.strategies.terms import CustomTerms, DeltaNeutralTerms, GridTerms, StrategyTerms


class Strategy(msgspec.Struct, kw_only=True):
    """A strategy of an account. `part_id` is its grid's or quote's number, `order_id` its hedge order; 0 = none."""

    strategy_id: int
    account: str
    name: str
    terms: StrategyTerms
    started_ns: int
    part_id: int = 0
    order_id: int = 0
    order_count: int = 0

    @property
    def kind(self) -> str:
        """Which of the four."""
        return str(type(self.terms).__struct_config__.tag)

    @property
    def tag(self) -> str:
        """The link that its orders carry; empty for a kind that places none."""
        if isinstance(self.terms, CustomTerms):
            return ""
        if isinstance(self.terms, DeltaNeutralTerms):
            return f"strategy:{self.strategy_id}"
        return f"grid:{self.part_id}" if isinstance(self.terms, GridTerms) else f"quote:{self.part_id}"
