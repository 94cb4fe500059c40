"""`python -m services.oms CONFIG_FOLDER`."""

from common.runtime import main
from services.oms.config import OmsConfig
from services.oms.service import OmsService

if __name__ == "__main__":
    main(OmsService, OmsConfig)
