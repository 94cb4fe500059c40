"""fleet.toml: which processes there are, where they speak, who listens to whom, what they trade, on which chain."""

import os
from pathlib import Path
from typing import Any

import msgspec

from common.bus import Endpoint
from common.model.errors import ConfigInvalid
from common.model.instrument import Instrument
from common.runtime.config import convert_config, read_toml

FLEET_FILE = "fleet.toml"
SEED_DEFAULT = 7


class VenueAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a venue is reached and where its key lies. The file holds `key` and `secret`; it is never in the config."""

    rest_url: str
    stream_url: str
    credentials_file: str


class ContractAddresses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses of the contracts that the LP leg touches, as 0x texts."""

    factory: str
    position_manager: str
    router: str
    quoter: str
    base_token: str
    quote_token: str
    pool: str


class ChainAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The EVM chain of the LP leg. `fee_ppm` names the pool's fee tier (500 = 0.05 %). `ws_url` is where the node
    announces new blocks; "" = it is polled.
    """

    name: str
    chain_id: int
    rpc_url: str
    fee_ppm: int
    base_symbol: str
    contracts: ContractAddresses
    ws_url: str = ""

    def __post_init__(self) -> None:
        if self.ws_url and not self.ws_url.startswith(("ws://", "wss://")):
            raise ValueError(f"ws_url must begin with ws:// or wss://, got {self.ws_url}")


class ProcessEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One process: its two addresses and the processes whose events it takes."""

    publish: str
    respond: str
    listens_to: list[str]


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, with `{var}` filled in, plus what the operator passed for this run in the environment."""

    name: str
    var_dir: str
    venues: dict[str, VenueAccess]
    instruments: list[Instrument]
    chain: ChainAccess
    processes: dict[str, ProcessEntry]

    @property
    def var_path(self) -> Path:
        """Folder of everything that the fleet writes."""
        return Path(self.var_dir)

    @property
    def run_id(self) -> str:
        """Name of this run, made by `counterweight up`; empty outside of one."""
        return os.environ.get("COUNTERWEIGHT_RUN_ID", "")

    @property
    def flow(self) -> str:
        """Path of the recording that the paper venue replays; empty for synthetic flow."""
        return os.environ.get("COUNTERWEIGHT_FLOW", "")

    @property
    def seed(self) -> int:
        """Seed of everything random in the paper world."""
        return int(os.environ.get("COUNTERWEIGHT_SEED", SEED_DEFAULT))

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """The instrument by its names; raises ConfigInvalid if the fleet does not know it."""
        for instrument in self.instruments:
            if (instrument.venue, instrument.symbol) == (venue, symbol):
                return instrument
        known = ", ".join(f"{each.venue} {each.symbol}" for each in self.instruments)
        raise ConfigInvalid("instrument", FLEET_FILE, f"one of {known}", f"{venue} {symbol}")

    def endpoints(self) -> dict[str, Endpoint]:
        """The endpoint table of the bus."""
        return {name: Endpoint(name, entry.publish, entry.respond) for name, entry in self.processes.items()}


def load_fleet(folder: Path) -> Fleet:
    """Read and check `fleet.toml` of a configuration folder. Raises ConfigInvalid."""
    path = folder / FLEET_FILE
    table = read_toml(path)
    var_dir = table.get("var_dir")
    if isinstance(var_dir, str):
        table = _fill(table, var_dir)
    fleet = convert_config(table, Fleet, str(path))
    for endpoint in fleet.endpoints().values():
        endpoint.check(str(path))
    for name, entry in fleet.processes.items():
        for other in entry.listens_to:
            if other not in fleet.processes:
                raise ConfigInvalid("process", f"{path}: processes.{name}.listens_to", "a process of this file", other)
    return fleet


def _fill(value: Any, var_dir: str) -> Any:
    if isinstance(value, str):
        return value.replace("{var}", var_dir)
    if isinstance(value, list):
        return [_fill(each, var_dir) for each in value]
    if isinstance(value, dict):
        return {key: _fill(each, var_dir) for key, each in value.items()}
    return value
