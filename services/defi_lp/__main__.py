"""`python -m services.defi_lp CONFIG_FOLDER`."""

from common.runtime import main
from services.defi_lp.config import LpConfig
from services.defi_lp.service import LpService

if __name__ == "__main__":
    main(LpService, LpConfig)
