"""The paper venue: common/exchange behind Binance spot's own wire protocol, with a market around it."""
