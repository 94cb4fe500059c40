"""`counterweight lp`: what the LP keeper does, and what it is told to do, from the command line."""

from services.console.lp.door import run

__all__ = ["run"]
