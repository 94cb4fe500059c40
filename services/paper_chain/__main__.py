"""`python -m services.paper_chain CONFIG_FOLDER`."""

from common.runtime import main
from services.paper_chain.config import PaperChainConfig
from services.paper_chain.service import PaperChainService

if __name__ == "__main__":
    main(PaperChainService, PaperChainConfig)
