"""Checking the configuration of every process before any of them starts."""

import importlib
from types import ModuleType

import msgspec

from common.model.errors import ConfigInvalid
from common.runtime import load_service_config
from services.console.site import ROOT, Site


def check_configs(site: Site) -> int:
    """Load every process's file as the process itself will. Returns their number; raises ConfigInvalid."""
    for process in site.fleet.processes:
        service, _, venue = process.partition("-")
        if venue and venue not in site.fleet.venues:
            where = f"{site.config / 'fleet.toml'}: processes.{process}"
            raise ConfigInvalid("venue", where, f"one of {', '.join(site.fleet.venues)}", venue)
        load_service_config(site.config, site.fleet, service, venue, config_type(service))
    return len(site.fleet.processes)


def config_type(service: str) -> type[msgspec.Struct]:
    """The Struct of `services/<service>/config.py`.

    fleet.toml names the services, so the module is found by name and not imported by line: services do not know each
    other. Only `config` modules are loaded; they are small and import nothing heavy. The service's own Struct is the
    last one there, since its parts must be defined before it.
    """
    if not (ROOT / "services" / service / "config.py").is_file():
        raise ConfigInvalid("process", "fleet.toml: processes", "a service of this project", service)
    module = importlib.import_module(f"services.{service}.config")
    structs: list[type[msgspec.Struct]] = [each for each in vars(module).values() if _is_struct_of(each, module)]
    return structs[-1]


def _is_struct_of(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
