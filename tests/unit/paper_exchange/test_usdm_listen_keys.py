"""Listen keys live for an hour after they were last asked for."""

from services.paper_exchange.usdm_user_data import LISTEN_KEY_LIFE_MS, ListenKeys


def test_a_key_is_the_same_until_it_expires():
    keys = ListenKeys()
    first = keys.make("a", 0)
    assert keys.make("a", 10) == first and keys.is_alive(first) and keys.key_of("a") == first
    other = keys.make("b", 0)
    assert other != first and keys.keep("a", LISTEN_KEY_LIFE_MS) == first
    assert keys.take_expired(LISTEN_KEY_LIFE_MS - 1) == []
    assert keys.take_expired(LISTEN_KEY_LIFE_MS) == [other] and keys.key_of("b") is None
    assert keys.is_alive(first)
    assert keys.take_expired(2 * LISTEN_KEY_LIFE_MS) == [first]
    assert not keys.is_alive(first) and keys.keep("a", 0) is None and keys.drop("a") is None


def test_a_dropped_key_is_gone_at_once():
    keys = ListenKeys()
    key = keys.make("a", 0)
    assert keys.drop("a") == key and not keys.is_alive(key)
    assert keys.make("a", 0) != key and keys.take_expired(0) == []
