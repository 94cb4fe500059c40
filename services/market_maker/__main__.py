"""Entry point: `python -m services.market_maker configs/paper`."""

from common.runtime import main
from services.market_maker.config import MarketMakerConfig
from services.market_maker.service import MarketMakerService

if __name__ == "__main__":
    main(MarketMakerService, MarketMakerConfig)
