"""`python -m services.paper_exchange CONFIG_FOLDER --venue V`."""

from common.runtime import main
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.service import PaperExchangeService

if __name__ == "__main__":
    main(PaperExchangeService, PaperExchangeConfig)
