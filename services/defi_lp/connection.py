"""From a configuration to a checked chain, wallet and pool: waits for what is not there yet, refuses what is wrong."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from common.chain.keys import DEVELOPMENT_CHAIN_ID, KeyPlace, load_key, refuse_known_key
from common.chain.node import Node
from common.chain.wallet import Wallet
from common.chain.writer import TransactionJournal, TransactionWriter
from common.model.errors import OutcomeUnknown, PeerUnavailable, RequestRefused
from common.runtime.fleet import ChainAccess
from common.runtime.logging import Log
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.contracts import Venue, find_venue

RETRY_S = 0.25


class Connection(NamedTuple):
    """Everything that is needed to live on the chain."""

    node: Node
    wallet: Wallet
    writer: TransactionWriter
    venue: Venue


async def connect(
    config: DefiLpConfig, chain: ChainAccess, node: Node, path: Callable[[str], Path], journal: TransactionJournal,
    log: Log,
) -> Connection:  # fmt: skip
    """Waits for node and pool, and on a development chain for the key file, whoever brings them.

    `path` gives a file of the fleet's var folder. Raises ConfigInvalid if they are not what they should be. The key is
    only ever read: on the paper chain whoever pays the wallet makes it, elsewhere its owner.
    """
    place = key_place(config, path)
    waiting = _Waiting(log)
    while chain.chain_id == DEVELOPMENT_CHAIN_ID and not (place.key_variable or place.key_file.exists()):
        await waiting.pause(f"no wallet key at {place.key_file}")
    # Decrypting a keystore takes seconds of CPU, and the heart must beat meanwhile.
    wallet = await asyncio.to_thread(load_key, place, os.environ)
    refuse_known_key(wallet, chain.chain_id, place.key_variable or str(place.key_file))
    writer = TransactionWriter(node, wallet, journal, chain_id=chain.chain_id, gas=config.gas, resend=config.resend)
    while True:
        try:
            # The chain's id before anything else is believed.
            await writer.start()
            venue = await find_venue(node, chain, config)
            if venue is not None:
                return Connection(node, wallet, writer, venue)
            missing = f"no pool with a price at {chain.contracts.pool}"
        except (PeerUnavailable, OutcomeUnknown, RequestRefused) as error:
            missing = str(error)
        await waiting.pause(missing)


def key_place(config: DefiLpConfig, path: Callable[[str], Path]) -> KeyPlace:
    """Where the configuration says that the key is."""
    return KeyPlace(
        key_file=path(config.wallet_key_file), key_variable=config.wallet_key_variable,
        password_file=path(config.wallet_password_file) if config.wallet_password_file else None,
        password_variable=config.wallet_password_variable,
    )  # fmt: skip


class _Waiting:
    """Pauses that say each new reason once."""

    def __init__(self, log: Log) -> None:
        self._log, self._told = log, ""

    async def pause(self, reason: str) -> None:
        if reason != self._told:
            self._log.info("lp.waiting", reason=reason)
            self._told = reason
        await asyncio.sleep(RETRY_S)
