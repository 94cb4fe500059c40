"""Every command that an exchange can be told, as a journal and the bus decode them."""

from common.exchange.commands import (
    AmendOrder,
    Batch,
    CancelOrder,
    Deposit,
    DropLiquidity,
    ExpireOpenOrders,
    PassTime,
    PlaceOrder,
    PrintTrade,
    ReduceOrder,
    SetLast,
    SetLevels,
    SetMark,
    SetTouch,
    TakeLiquidity,
    Withdraw,
)
from common.exchange.deadman.commands import CancelAllAfter
from common.exchange.grids.commands import GridCommand
from common.exchange.margin.commands import (
    FundInsurance,
    MergePosition,
    MoveCollateral,
    MoveIsolatedMargin,
    SetLeverage,
    SetMarginMode,
    SetOracle,
    SplitPosition,
    TransferPosition,
)
from common.exchange.pools.commands import PoolCommand
from common.exchange.quotes.commands import QuoteCommand
from common.exchange.strategies.commands import StrategyCommand
from common.exchange.vaults.commands import VaultCommand

OrderCommand = PlaceOrder | CancelOrder | ReduceOrder | AmendOrder | Batch | CancelAllAfter
"""What anybody does to a book."""

WorldCommand = SetMark | SetOracle | SetLast | SetLevels | SetTouch | PrintTrade | DropLiquidity | TakeLiquidity
"""What the venue tells its exchange of the world outside."""

VenueCommand = PassTime | ExpireOpenOrders
"""What the venue does of itself."""

MoneyCommand = Deposit | Withdraw | MoveCollateral | FundInsurance
"""What moves money."""

MarginCommand = SetLeverage | SetMarginMode | MoveIsolatedMargin | SplitPosition | MergePosition | TransferPosition
"""What owners decide about their positions."""

MakingCommand = GridCommand | QuoteCommand | StrategyCommand
"""What lets the exchange itself trade for an account."""

FundCommand = VaultCommand | PoolCommand
"""What owners, managers and holders do with vaults and pools."""

AnyCommand = OrderCommand | WorldCommand | VenueCommand | MoneyCommand | MarginCommand | MakingCommand | FundCommand
"""All of them."""
