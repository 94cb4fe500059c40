"""Several accounts with keys of their own: everybody acts for itself and hears only of itself. HMAC and Ed25519."""

import asyncio
import base64
import stat
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from common.exchange.commands import Deposit, Withdraw
from common.model.order import Side
from common.venues.credentials import read_credentials
from services.paper_exchange.config import ACCOUNT, AccountConfig, PaperExchangeConfig
from services.paper_exchange.keys import ensure_keys
from tests.integration.paper_exchange.world import (
    ED25519_KEY,
    ED25519_PEM,
    KEY,
    SECRET,
    World,
    call_values,
    key_of,
    levels,
    printed,
    run,
    venue,
)

ALICE = {"alice": AccountConfig(balances={"ETH": 5, "USDT": 10_000})}
ORDER = {"symbol": "ETHUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "price": "2000", "quantity": "1"}


def ed25519(text: str, pem: str = ED25519_PEM) -> str:
    """A signature in base64."""
    private = load_pem_private_key(pem.encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    return base64.b64encode(private.sign(text.encode())).decode()


def ed25519_values(**values: Any) -> dict[str, Any]:
    """Parameters of a call with the Ed25519 key."""
    values |= {"apiKey": ED25519_KEY, "timestamp": int(time.time() * 1000)}
    return values | {"signature": ed25519(urllib.parse.urlencode(sorted(values.items())))}


def test_everybody_owns_and_sees_its_own(tmp_path: Path):
    async def scenario(world: World) -> None:
        _, account = await world.signed("GET", "/api/v3/account", account="alice")
        assert [(each["asset"], each["free"]) for each in account["balances"]] == [
            ("ETH", "5.00000000"),
            ("USDT", "10000.00000000"),
        ]
        assert account["uid"] == 2 and (await world.signed("GET", "/api/v3/account"))[1]["uid"] == 1
        status, answer = await world.signed("POST", "/api/v3/order", account="alice", **ORDER | {"quantity": "6"})
        assert (status, answer["code"]) == (400, -2010)
        _, placed = await world.signed("POST", "/api/v3/order", account="alice", **ORDER, newClientOrderId="a")
        # The same name is another order for somebody else, and nobody finds or cancels what is not its own.
        _, own = await world.place("BUY", "1990", "1", newClientOrderId="a")
        assert own["orderId"] != placed["orderId"]
        for method, path, code in (("GET", "order", -2013), ("DELETE", "order", -2011)):
            named = {"symbol": "ETHUSDT", "orderId": placed["orderId"]}
            assert (await world.signed(method, f"/api/v3/{path}", **named))[1]["code"] == code
        for name, order in (("alice", placed), (ACCOUNT, own)):
            for path in ("openOrders", "allOrders"):
                _, orders = await world.signed("GET", f"/api/v3/{path}", account=name, symbol="ETHUSDT")
                assert [each["orderId"] for each in orders] == [order["orderId"]]
        _, taken = await world.place("BUY", "2000", "1")
        assert taken["status"] == "FILLED"
        for name, maker in (("alice", True), (ACCOUNT, False)):
            _, trades = await world.signed("GET", "/api/v3/myTrades", account=name, symbol="ETHUSDT")
            assert [(each["isMaker"], each["isBuyer"]) for each in trades] == [(maker, not maker)]

    run(tmp_path, scenario, accounts=ALICE)


def test_streams_tell_only_of_the_subscribers_account(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as paper, world.calls("alice") as alice:
            await paper.listen()
            await alice.listen()
            await world.signed("POST", "/api/v3/order", account="alice", **ORDER, newClientOrderId="ask")
            await world.place("BUY", "2000", "1", newClientOrderId="bid")
            reports = {}
            for name, calls in (("paper", paper), ("alice", alice)):
                reports[name] = [(each["c"], each["x"], each["m"]) for each in await calls.reports("TRADE")]
            assert reports == {
                "paper": [("bid", "NEW", False), ("bid", "TRADE", False)],
                "alice": [("ask", "NEW", False), ("ask", "TRADE", True)],
            }
            await alice.signed("account.status")
            (*_, position) = [each for each in alice.told if each["e"] == "outboundAccountPosition"]
            assert position["B"][0] == {"a": "ETH", "f": "4.00000000", "l": "0.00000000"}

    run(tmp_path, scenario, accounts=ALICE)


def test_deposits_and_withdrawals_are_told(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls("alice") as alice, world.calls() as paper:
            await alice.listen()
            await paper.listen()
            for kind, units in ((Deposit, 10**8), (Withdraw, 3 * 10**8)):
                world.site.venue.execute(kind(time_ns=time.time_ns(), account="alice", asset="ETH", units=units))
            await alice.signed("account.status")
            await paper.signed("account.status")
            shown = [(each["e"], each.get("d") or each["B"][0]["f"]) for each in alice.told]
            assert shown == [
                ("balanceUpdate", "1.00000000"),
                ("outboundAccountPosition", "6.00000000"),
                ("balanceUpdate", "-3.00000000"),
                ("outboundAccountPosition", "3.00000000"),
            ]
            assert paper.told == []

    run(tmp_path, scenario, accounts=ALICE)


def test_order_limits_are_each_accounts_own(tmp_path: Path):
    async def scenario(world: World) -> None:
        far = ORDER | {"price": "3000", "quantity": "0.1"}
        for account, status in (("alice", 200), ("alice", 200), ("alice", 429), (ACCOUNT, 200)):
            assert (await world.signed("POST", "/api/v3/order", account=account, **far))[0] == status
        assert world.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        _, rows = await world.signed("GET", "/api/v3/rateLimit/order")
        assert [(each["interval"], each["intervalNum"], each["limit"], each["count"]) for each in rows] == [
            ("SECOND", 10, 2, 1),
            ("DAY", 1, 200_000, 1),
        ]
        async with world.calls("alice") as alice:
            answer = await alice.signed("account.rateLimits.orders")
            assert [each["count"] for each in answer["result"]][1] == 2

    for attempt in range(3):  # again if a ten-second boundary lies between the orders
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            run(folder, scenario, accounts=ALICE, orders_10s_max=2)
            return
        except AssertionError:
            if attempt == 2:
                raise


def test_an_account_that_is_configured_later_gets_its_balances_once(tmp_path: Path):
    async def first(world: World) -> None:
        await world.place("BUY", "2001", "1")

    async def later(world: World) -> None:
        assert free(world, "alice") == {"ETH": 5 * 10**8, "USDT": 10_000 * 10**8}
        assert free(world, ACCOUNT)["USDT"] == (1_000_000 - 2001) * 10**8
        await world.signed("POST", "/api/v3/order", account="alice", **ORDER | {"price": "1999"})

    async def once_more(world: World) -> None:
        assert free(world, "alice")["ETH"] == 4 * 10**8

    run(tmp_path, first)
    run(tmp_path, later, accounts=ALICE)
    run(tmp_path, once_more, accounts=ALICE)


def free(world: World, account: str) -> dict[str, int]:
    """Free units by asset."""
    return {asset: each.free for asset, each in world.site.exchange.ledger.accounts.balances(account).items()}


def test_keys_are_made_for_every_account_and_of_both_kinds(tmp_path: Path):
    first = tmp_path / "keys" / "binance.toml"
    made = ensure_keys(first, [ACCOUNT, "alice"])
    names = ["binance.toml", "binance.ed25519.toml", "binance-alice.toml", "binance-alice.ed25519.toml"]
    assert sorted(path.name for path in first.parent.iterdir()) == sorted(names)
    assert [(key.account, key.credentials.key) for key in made] == [
        (account, read_credentials(first.with_name(name)).key)
        for account, name in zip([ACCOUNT, ACCOUNT, "alice", "alice"], names, strict=True)
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in first.parent.iterdir()} == {0o600}
    assert len({key.credentials.key for key in made}) == 4
    assert [key.credentials.secret for key in ensure_keys(first, [ACCOUNT, "alice"])] == [
        key.credentials.secret for key in made
    ]
    assert "PRIVATE KEY" in made[1].credentials.secret and len(made[0].credentials.secret) == 64


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"accounts": {ACCOUNT: AccountConfig()}}, "balances"),
        ({"accounts": {"fees": AccountConfig()}}, "accounts.fees"),
        ({"accounts": {"vault/x": AccountConfig()}}, "accounts.vault/x"),
        ({"accounts": {"a" * 33: AccountConfig()}}, "32"),
        ({"accounts": {"a": AccountConfig(balances={"ETH": "-1"})}}, "at least 0"),  # type: ignore[dict-item]
    ],
)
def test_accounts_that_cannot_be_are_refused(settings: Any, words: str):
    with pytest.raises(ValueError, match=words):
        PaperExchangeConfig(balances={}, **settings)


def test_requests_signed_with_ed25519(tmp_path: Path):
    async def scenario(world: World) -> None:
        query = f"timestamp={int(time.time() * 1000)}"
        signature = ed25519(query)
        quoted = urllib.parse.quote(signature, safe="")
        status, account = await world.raw("GET", "/api/v3/account", f"{query}&signature={quoted}", key=ED25519_KEY)
        assert status == 200 and account["uid"] == 1
        wrong = [
            (signature[:-4] + "AAA=", ED25519_KEY, -1022),
            ("not base64!", ED25519_KEY, -1022),
            (signature[:40], ED25519_KEY, -1022),
            (signature, KEY, -1022),
            (ed25519(query + "&a=b"), ED25519_KEY, -1022),
        ]
        for other, key, code in wrong:
            sent = f"{query}&signature={urllib.parse.quote(other, safe='')}"
            status, answer = await world.raw("GET", "/api/v3/account", sent, key=key)
            assert (status, answer["code"]) == (400, code), other
        for key, code in (("", -2014), ("nobody", -2015)):
            status, answer = await world.raw("GET", "/api/v3/account", f"{query}&signature={quoted}", key=key)
            assert (status, answer["code"]) == (401, code)

    run(tmp_path, scenario)


def test_hmac_signatures_may_be_in_capital_letters(tmp_path: Path):
    async def scenario(world: World) -> None:
        values = call_values(KEY, SECRET)
        async with world.calls() as calls:
            answer = await calls.call("account.status", **values | {"signature": values["signature"].upper()})
            assert answer["status"] == 200

    run(tmp_path, scenario)


def test_a_session_that_logged_on_needs_no_more_signatures(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            status = (await calls.call("session.status"))["result"]
            assert (status["apiKey"], status["authorizedSince"], status["userDataStream"]) == (None, None, False)
            refused = [
                (await calls.call("userDataStream.subscribe"), -2015),
                (await calls.signed("session.logon"), -4056),
                (await calls.call("session.logon", **ed25519_values() | {"signature": "AAAA"}), -1022),
                (await calls.call("account.status", timestamp=int(time.time() * 1000)), -1102),
            ]
            for answer, code in refused:
                assert answer["error"]["code"] == code, answer
            answer = await calls.call("session.logon", **ed25519_values())
            assert answer["result"]["apiKey"] == ED25519_KEY and answer["result"]["authorizedSince"] > 0
            now = int(time.time() * 1000)
            placed = await calls.call("order.place", **ORDER | {"timestamp": now})
            assert placed["result"]["status"] == "NEW"
            assert (await calls.call("order.place", **ORDER))["error"]["code"] == -1102
            stale = await calls.call("order.place", **ORDER | {"timestamp": now - 60_000})
            assert stale["error"]["code"] == -1021
            # Another key may still be named, for one request.
            answer = await calls.call("account.status", **call_values(*key_of("alice")))
            assert answer["result"]["uid"] == 2
            assert (await calls.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
            assert (await calls.call("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
            printed(world, Side.BUY, 200_000, 1_000)
            assert (await calls.reports("TRADE"))[-1]["l"] == "0.10000000"
            assert (await calls.call("session.logout"))["result"]["apiKey"] is None
            answer = await calls.call("account.status", timestamp=int(time.time() * 1000))
            assert answer["error"]["code"] == -1102

    run(tmp_path, scenario, accounts=ALICE)


def test_subscriptions_end_one_by_one_or_all(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            for number in range(3):
                answer = await calls.signed("userDataStream.subscribe.signature")
                assert answer["result"] == {"subscriptionId": number}
            assert (await calls.call("userDataStream.unsubscribe", subscriptionId=1))["result"] == {}
            assert (await calls.call("userDataStream.unsubscribe", subscriptionId=1))["error"]["code"] == -1130
            assert (await calls.call("session.subscriptions"))["result"] == [
                {"subscriptionId": 0},
                {"subscriptionId": 2},
            ]
            assert [each["e"] for each in calls.told] == ["eventStreamTerminated"]
            assert (await calls.call("userDataStream.unsubscribe"))["result"] == {}
            assert [each["e"] for each in calls.told] == ["eventStreamTerminated"] * 3
            assert (await calls.call("userDataStream.unsubscribe"))["result"] == {} and not len(world.site.users)

    run(tmp_path, scenario)


def test_a_connection_that_goes_leaves_nothing_behind(tmp_path: Path):
    async def scenario() -> None:
        async with venue(tmp_path) as world:
            levels(world, [(199_900, 10_000)], [])
            async with world.calls() as calls:
                await calls.listen()
                assert len(world.site.users) == 1
            while len(world.server.sockets):
                await asyncio.sleep(0.01)
            assert len(world.site.users) == 0
            await world.place("BUY", "1990", "1")

    asyncio.run(scenario())
