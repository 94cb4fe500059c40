"""What happened to strategies."""

from common.exchange.events import Event


class StrategyStarted(Event, frozen=True, kw_only=True):
    """A strategy trades; its orders carry the link `tag`, which is empty for one that places none."""

    account: str
    strategy: str
    strategy_id: int
    kind: str
    tag: str


class StrategyStopped(Event, frozen=True, kw_only=True):
    """A strategy is over: its owner wanted it ("stopped"), or the reason why it could not go on."""

    account: str
    strategy: str
    strategy_id: int
    reason: str
