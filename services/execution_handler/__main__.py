"""`python -m services.execution_handler configs/paper --venue binance`."""

from common.runtime import main
from services.execution_handler.config import ExecutionHandlerConfig
from services.execution_handler.service import ExecutionHandlerService

if __name__ == "__main__":
    main(ExecutionHandlerService, ExecutionHandlerConfig)
