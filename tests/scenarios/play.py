"""Playing scenarios: each on its own market, each failed expectation a line."""

from collections.abc import Callable, Iterator

import msgspec
from msgspec import UNSET

from common.exchange.rules import MarketRules
from tests.scenarios.judge import differences
from tests.scenarios.outcome import Stage
from tests.scenarios.script import Scenario, Step


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An expectation that did not hold, after step number `step` (from 1)."""

    file: str
    scenario: str
    step: int
    op: str
    key: str
    expected: object
    got: object

    def __str__(self) -> str:
        where = f"{self.file}: {self.scenario}: step {self.step} ({self.op})"
        return f"{where}: {self.key}: expected {_text(self.expected)}, got {_text(self.got)}"


def play(scenario: Scenario, stage: Callable[[MarketRules], Stage]) -> Iterator[Failure]:
    """Play all steps, also after one has failed: the first line names the cause."""
    market = stage(scenario.rules)
    for number, step in enumerate(scenario.steps, 1):
        outcome = market.carry_out(step)
        if step.expect is UNSET:
            continue
        for key, expected, got in differences(step.expect, outcome, market):
            yield Failure(
                file=scenario.file, scenario=scenario.name, step=number, op=_op(step),
                key=key, expected=expected, got=got,
            )  # fmt: skip


def _op(step: Step) -> str:
    return str(step.__struct_config__.tag)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
