"""What a transaction may cost: EIP-1559 fees, replacement fees, gas limits, and the caps on all of them."""

import msgspec

from common.chain.wallet import Fees
from common.model.errors import RequestRefused

GWEI = 10**9
# Nodes refuse a replacement below +10 %; 12.5 % passes everywhere, and both fields must rise.
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8


class GasPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Caps in wei. `cost_max_wei` bounds gas limit times maximum fee of one transaction, `cost_day_max_wei` what all of
    them cost within any 24 hours, whatever happens.
    """

    tip_wei: int = GWEI
    fee_max_wei: int = 200 * GWEI
    gas_limit_max: int = 3_000_000
    cost_max_wei: int = 10**17
    cost_day_max_wei: int = 10**18
    gas_margin_percent: int = 25

    def __post_init__(self) -> None:
        if not 0 < self.tip_wei <= self.fee_max_wei:
            raise ValueError("tip_wei must be positive and at most fee_max_wei")
        if min(self.gas_limit_max, self.cost_max_wei, self.cost_day_max_wei) <= 0 or self.gas_margin_percent < 0:
            raise ValueError(
                "gas_limit_max, cost_max_wei and cost_day_max_wei must be positive, gas_margin_percent at least 0"
            )

    def gas_limit(self, estimate: int) -> int:
        """Estimate plus margin; RequestRefused("gas_limit") above the bound."""
        limit = -(-estimate * (100 + self.gas_margin_percent) // 100)
        if limit > self.gas_limit_max:
            raise RequestRefused("gas_limit", f"{limit} gas needed, at most {self.gas_limit_max} allowed")
        return limit

    def first_fees(self, base_fee: int) -> Fees:
        """Room for six full blocks of rises: 2 x base + tip, capped. RequestRefused("fee_cap") in a gas spike."""
        if base_fee + self.tip_wei > self.fee_max_wei:
            raise RequestRefused("fee_cap", f"base fee {base_fee} wei plus tip is above {self.fee_max_wei} wei")
        return Fees(max_fee=min(2 * base_fee + self.tip_wei, self.fee_max_wei), tip=self.tip_wei)

    def check_cost(self, gas_limit: int, fees: Fees) -> None:
        """RequestRefused("gas_budget") if the transaction could cost more than the budget."""
        cost = gas_limit * fees.max_fee
        if cost > self.cost_max_wei:
            raise RequestRefused("gas_budget", f"it could cost {cost} wei, at most {self.cost_max_wei} allowed")

    def check_day(self, gas_limit: int, fees: Fees, taken_wei: int) -> None:
        """RequestRefused("gas_budget_day") if what the day has taken already leaves no room for the transaction."""
        cost = gas_limit * fees.max_fee
        if taken_wei + cost > self.cost_day_max_wei:
            raise RequestRefused(
                "gas_budget_day",
                f"it could cost {cost} wei, {taken_wei} of the day's {self.cost_day_max_wei} wei are spent or reserved",
            )

    def bumped_fees(self, fees: Fees, base_fee: int, gas_limit: int) -> Fees | None:
        """Fees that replace `fees`: both fields up by at least 12.5 %. None if a cap forbids it."""
        tip = _raised(fees.tip)
        bumped = Fees(max_fee=max(_raised(fees.max_fee), 2 * base_fee + tip), tip=tip)
        if bumped.max_fee > self.fee_max_wei:
            # The least that a node accepts may still fit where the comfortable fee does not.
            bumped = Fees(max_fee=max(_raised(fees.max_fee), base_fee + tip), tip=tip)
        within = bumped.max_fee <= self.fee_max_wei and bumped.max_fee * gas_limit <= self.cost_max_wei
        return bumped if within else None


def _raised(wei: int) -> int:
    return -(-wei * BUMP_NUMERATOR // BUMP_DENOMINATOR)
