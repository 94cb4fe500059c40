"""What the keeper's steps rely on is asked of a venue before anything is sent to it."""

import pytest
from msgspec.structs import replace

from common.amm.pair import Pair
from common.chain.uniswap_v3 import UniswapV3, UniswapV3Contracts
from common.model.errors import ConfigInvalid, InputInvalid
from services.defi_lp.contracts import check_capabilities

NAMES = UniswapV3Contracts.__struct_fields__
AT = UniswapV3Contracts(**{name: "0x" + str(place) * 40 for place, name in enumerate(NAMES)})
PAIR = Pair(base_is_token0=True, base_decimals=18, quote_decimals=6, tick_spacing=10, fee_ppm=500)


def test_uniswap_v3_can_do_it() -> None:
    adapter = UniswapV3(AT, {"0xa": PAIR}, 60)
    assert check_capabilities(adapter) is adapter


@pytest.mark.parametrize("lacking", ["moves_at_once", "opens_with_minimums"])
def test_a_venue_that_cannot_is_refused(lacking: str) -> None:
    class Lacking(UniswapV3):
        capabilities = replace(UniswapV3.capabilities, **{lacking: False})

    with pytest.raises(ConfigInvalid, match=f"{lacking}=False"):
        check_capabilities(Lacking(AT, {"0xa": PAIR}, 60))


def test_an_adapter_without_pools_is_refused() -> None:
    with pytest.raises(InputInvalid, match="at least one pool"):
        UniswapV3(AT, {}, 60)
