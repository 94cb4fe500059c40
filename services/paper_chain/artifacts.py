"""Creation code of the contracts, as npm and our own compiler left it."""

import json
from pathlib import Path

from common.chain.anvil import MODULES, PROJECT
from common.model.errors import PeerUnavailable

_CORE = "@uniswap/v3-core/artifacts/contracts"
_PERIPHERY = "@uniswap/v3-periphery/artifacts/contracts"

PAPER_TOKEN = PROJECT / "common/chain/artifacts/PaperToken.json"
WETH = MODULES / "canonical-weth/build/contracts/WETH9.json"
FACTORY = MODULES / f"{_CORE}/UniswapV3Factory.sol/UniswapV3Factory.json"
POSITION_MANAGER = MODULES / f"{_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
ROUTER = MODULES / f"{_PERIPHERY}/SwapRouter.sol/SwapRouter.json"
QUOTER = MODULES / f"{_PERIPHERY}/lens/QuoterV2.sol/QuoterV2.json"


def creation_code(path: Path) -> bytes:
    """Bytecode of an artifact; constructor arguments are appended to it. Raises PeerUnavailable if npm has not run."""
    try:
        bytecode = str(json.loads(path.read_text())["bytecode"])
    except FileNotFoundError:
        detail = f"run `npm install --ignore-scripts` in {PROJECT}"
        raise PeerUnavailable(f"contract artifact {path.name} is not installed: {detail}") from None
    return bytes.fromhex(bytecode.removeprefix("0x"))
