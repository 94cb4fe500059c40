"""`counterweight exchange`: everything that an exchange can be told or asked, from the command line."""

from services.console.exchange.door import run

__all__ = ["run"]
