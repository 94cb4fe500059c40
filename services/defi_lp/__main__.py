"""`python -m services.defi_lp CONFIG_FOLDER`."""

from common.runtime import main
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.service import DefiLpService

if __name__ == "__main__":
    main(DefiLpService, DefiLpConfig)
