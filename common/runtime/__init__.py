"""What makes a set of handlers a process: configuration, clock, log, supervision, the service's life."""

from common.runtime.clock import Clock
from common.runtime.config import load_config
from common.runtime.entry import load_service_config, main
from common.runtime.fleet import Fleet, load_fleet
from common.runtime.logging import Log
from common.runtime.service import Service

__all__ = ["Clock", "Fleet", "Log", "Service", "load_config", "load_fleet", "load_service_config", "main"]
