"""`python -m services.quote_server configs/paper --venue binance`."""

from common.runtime import main
from services.quote_server.config import QuoteServerConfig
from services.quote_server.service import QuoteServerService

if __name__ == "__main__":
    main(QuoteServerService, QuoteServerConfig)
