"""One anvil per session with both token orders deployed; each test leaves it as it found it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.chain.anvil import find_anvil
from common.model.errors import PeerUnavailable
from tests.integration.chain.world import World, start_anvil


@pytest.fixture(scope="session")
def anvil_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's node, contracts deployed. Skips where npm has not installed anvil."""
    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("anvil")
    process, url = start_anvil(folder)

    async def build() -> None:
        for base_is_token0 in (False, True):
            async with World(url, base_is_token0=base_is_token0) as world:
                await world.build()

    try:
        asyncio.run(build())
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def chain(anvil_url: str) -> Iterator[str]:
    """The node's address; whatever the test does to the chain is undone."""

    async def request(method: str, *params: object) -> object:
        async with World(anvil_url, base_is_token0=False) as world:
            return await world.node.request(method, *params)

    snapshot = asyncio.run(request("evm_snapshot"))
    yield anvil_url
    asyncio.run(request("evm_setAutomine", True))
    asyncio.run(request("evm_revert", snapshot))
    # The next block's base fee is no part of a snapshot.
    asyncio.run(request("anvil_setNextBlockBaseFeePerGas", hex(10**9)))
