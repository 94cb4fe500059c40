"""The chain's clock is the one that counts: what is sent lives for the configured seconds of it, whatever ours says."""

import asyncio
import time
from pathlib import Path

import pytest

from common.chain.anvil import find_anvil
from common.model.errors import PeerUnavailable
from common.runtime.config import load_config
from services.defi_lp.config import DefiLpConfig
from tests.integration.chain.world import start_anvil
from tests.integration.defi_lp.lp_world import LpWorld

BEHIND_S = 3_600


def test_a_deadline_counts_from_the_blocks_time_and_not_from_ours(tmp_path: Path) -> None:
    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))
    (tmp_path / "anvil").mkdir()
    node, url = start_anvil(tmp_path / "anvil", "--timestamp", str(int(time.time()) - BEHIND_S))

    async def run() -> None:
        async with LpWorld(url, tmp_path, base_is_token0=False) as lp:
            await lp.chain.build()
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            key = opened.ranges[0].key.partition(":")[0]
            sent = await lp.chain.node.request("eth_getTransactionByHash", key)
            receipt = await lp.chain.node.receipt(key)
            assert receipt is not None
            block = await lp.chain.node.block(receipt.block_hash)
            assert block is not None and block.timestamp_s < time.time() - BEHIND_S / 2
            # The mint's deadline is one of the words of its call data: behind a selector inside of another one.
            data = bytes.fromhex(sent["input"][2:])
            window_s = load_config(lp.configs / "defi_lp.toml", DefiLpConfig).deadline_s
            times = [
                int.from_bytes(data[place : place + 32])
                for place in range(4, len(data) - 31, 4)
                if 0 <= int.from_bytes(data[place : place + 32]) - block.timestamp_s + window_s <= BEHIND_S * 2
            ]
            assert times and all(0 < each - block.timestamp_s <= window_s for each in times), (times, block)

    try:
        asyncio.run(run())
    finally:
        node.kill()
        node.wait(10)
