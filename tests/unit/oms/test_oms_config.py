"""The oms's settings: the shipped file is valid, bad values are refused with their place."""

from decimal import Decimal
from pathlib import Path

import pytest

from common.model.errors import ConfigInvalid, OrderInvalid
from common.runtime import load_config, load_fleet
from services.oms.config import MarketLimits, OmsConfig
from tests.conftest import PROJECT

SHIPPED = PROJECT / "configs" / "paper" / "oms.toml"


def test_the_shipped_file_is_valid_and_lies_on_the_grid() -> None:
    config, fleet = load_config(SHIPPED, OmsConfig), load_fleet(SHIPPED.parent)
    limits = config.limits[0].in_lots(fleet.instrument("binance", "ETH-USDT"))
    assert limits.order_lots_max == 500_000 and limits.position_lots_max == 6_000_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lease_s = 2.0", "lease_s = 0"),
        ("lease_s = 2.0", "lease = 2.0"),
        ("lease_s = 2.0", "lease_s = nan"),
        ("open_orders_max = 20", "open_orders_max = 0"),
        ("price_collar_bps = 300.0", 'price_collar_bps = "wide"'),
        ('position_quantity_max = "600"', 'position_quantity_max = "NaN"'),
    ],
)
def test_bad_values_are_refused(tmp_path: Path, old: str, new: str) -> None:
    text = SHIPPED.read_text()
    assert old in text
    path = tmp_path / "oms.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigInvalid, match=r"oms\.toml"):
        load_config(path, OmsConfig)


def test_a_market_is_limited_once_and_in_whole_lots() -> None:
    limits = MarketLimits(
        venue="binance", symbol="ETH-USDT", order_quantity_max=Decimal("0.00005"), order_notional_max=1.0,
        position_quantity_max=Decimal(1), open_orders_max=1, price_collar_bps=1.0,
    )  # fmt: skip
    with pytest.raises(ValueError, match="exactly once"):
        OmsConfig(limits=[limits, limits], gross_notional_max=1.0)
    with pytest.raises(OrderInvalid):
        limits.in_lots(load_fleet(SHIPPED.parent).instrument("binance", "ETH-USDT"))
