"""`python -m services.position_server CONFIG_FOLDER`."""

from common.runtime import main
from services.position_server.config import PositionServerConfig
from services.position_server.service import PositionServerService

if __name__ == "__main__":
    main(PositionServerService, PositionServerConfig)
