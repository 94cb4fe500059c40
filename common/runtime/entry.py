"""`python -m services.<name> CONFIG_FOLDER [--venue V]`: from a command line to a running service and an exit code."""

import argparse
import asyncio
import sys
import traceback
from pathlib import Path
from typing import TypeVar

from common.model.errors import EXIT_CONFIG_INVALID, EXIT_ROLE_TAKEN, ConfigInvalid, RoleTaken
from common.model.ids import process_name
from common.runtime.config import load_config
from common.runtime.fleet import Fleet, load_fleet
from common.runtime.logging import LEVELS, Log
from common.runtime.service import Service
from common.runtime.supervision import die_with_parent, is_supervised, outlive_start, take_role

C = TypeVar("C")


def load_service_config(folder: Path, fleet: Fleet, service: str, venue: str, kind: type[C]) -> C:
    """The configuration of one process of the fleet. Raises ConfigInvalid."""
    process = process_name(service, venue)
    if process not in fleet.processes:
        raise ConfigInvalid("process", str(folder / "fleet.toml"), f"one of {', '.join(fleet.processes)}", process)
    return load_config(folder / f"{process}.toml", kind)


def main(service: type[Service[C]], config: type[C]) -> None:
    """Run the service to its end and exit: 0 in order, 1 crashed, 75 role taken, 78 bad configuration."""
    sys.exit(run(service, config, sys.argv[1:]))


def run(service: type[Service[C]], config: type[C], arguments: list[str]) -> int:
    """As `main`, returning the exit code."""
    name = service.service_name or service.__module__.split(".")[-2]
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}")
    parser.add_argument("configs", type=Path, help="configuration folder, e.g. configs/paper")
    parser.add_argument("--venue", default="", help="the venue that this process serves")
    parser.add_argument("--log-level", choices=tuple(LEVELS), default="info")
    options = parser.parse_args(arguments)
    if is_supervised():
        die_with_parent()
    process = process_name(name, options.venue)
    try:
        fleet = load_fleet(options.configs)
        settings = load_service_config(options.configs, fleet, name, options.venue, config)
        role = take_role(fleet.var_path / "locks", process)
    except (ConfigInvalid, RoleTaken) as error:
        print(f"{process}: {error}", file=sys.stderr, flush=True)
        outlive_start()
        return EXIT_CONFIG_INVALID if isinstance(error, ConfigInvalid) else EXIT_ROLE_TAKEN
    log = Log(process, options.log_level)
    try:
        asyncio.run(service(settings, fleet, options.venue, log).run())
        return 0
    except ConfigInvalid as error:
        log.error("config.invalid", detail=str(error))
        outlive_start()
        return EXIT_CONFIG_INVALID
    except Exception as error:  # The last frame of the process: say what broke, then let the supervisor restart it.
        log.error("service.crashed", error=type(error).__name__, detail=str(error), trace=traceback.format_exc())
        return 1
    finally:
        log.close()
        role.close()
