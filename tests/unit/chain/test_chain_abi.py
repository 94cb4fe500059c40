"""Encoding: our flat codec against eth_abi, addresses against well-known ones, selectors against the ABI files' own."""

import json

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from common.chain import erc20, pool, position_manager, router
from common.chain.abi import Function, decode_word, encode_word
from common.chain.addresses import checksum, created_address, pool_address, sort_tokens
from common.chain.anvil import MODULES, find_anvil
from common.chain.position_manager import MintParams
from common.model.errors import InputInvalid, PeerUnavailable
from services.paper_chain import artifacts

USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum("0x" + raw.hex()))


def integers(kind: str) -> st.SearchStrategy[int]:
    bits = int(kind.strip("uint"))
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind[0] == "i" else st.integers(0, 2**bits - 1)


@given(addresses, integers("uint24"), integers("int24"), integers("uint256"), st.booleans())
def test_flat_words_equal_the_general_codec(owner: str, fee: int, tick: int, amount: int, flag: bool) -> None:
    kinds, values = ["address", "uint24", "int24", "uint256", "bool"], (owner, fee, tick, amount, flag)
    expected = abi_encode(kinds, values)
    function = Function(f"f({','.join(kinds)})", f"({','.join(kinds)})")
    assert function.encode(*values)[4:] == expected
    assert function.decode(expected) == values


@given(st.sampled_from(["uint24", "int24", "uint128", "int256", "uint160"]), st.integers(-(2**257), 2**257))
def test_a_word_holds_its_type_and_nothing_more(kind: str, value: int) -> None:
    bits = int(kind.strip("uint"))
    fits = -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) if kind[0] == "i" else 0 <= value < 2**bits
    if fits:
        assert decode_word(kind, encode_word(kind, value, "here")) == value
    else:
        with pytest.raises(InputInvalid, match=f"fits {kind}"):
            encode_word(kind, value, "here")


def test_nested_structs_and_dynamic_types() -> None:
    nested = Function("f((uint256,(address,int24)),bool)", "((uint256,(address,int24)),bool)")
    data = nested.encode((7, (WETH, -5)), True)
    assert abi_decode(["(uint256,(address,int24))", "bool"], data[4:]) == ((7, (WETH.lower(), -5)), True)
    dynamic = Function("multicall(bytes[])", "(bytes[])")
    assert dynamic.decode(dynamic.encode([b"a", b"bc"])[4:]) == ((b"a", b"bc"),)
    with pytest.raises(InputInvalid, match="3 values"):
        Function("g(bool,bool,bool)").encode(True)
    with pytest.raises(InputInvalid, match="32 bytes"):
        erc20.balance_of(WETH, USDC).decode(b"")
    with pytest.raises(InputInvalid, match="multicall"):
        dynamic.decode(b"\xff" * 40)


def test_selectors_are_those_of_the_published_interfaces() -> None:
    if not MODULES.is_dir():
        pytest.skip("npm install has not run")
    manager = json.loads(artifacts.POSITION_MANAGER.read_text())["abi"]
    params = MintParams(
        token0=USDC, token1=WETH, fee_ppm=500, tick_lower=-10, tick_upper=10, amount0_desired=1, amount1_desired=2,
        amount0_min=0, amount1_min=0, recipient=WETH, deadline_s=9,
    )  # fmt: skip
    ours = {
        "mint": position_manager.mint(WETH, params),
        "increaseLiquidity": position_manager.increase(WETH, 1, 1, 1, 1, 1, 1),
        "decreaseLiquidity": position_manager.decrease(WETH, 1, 1, 1, 1, 1),
        "collect": position_manager.collect(WETH, 1, WETH),
        "burn": position_manager.burn(WETH, 1),
        "multicall": position_manager.multicall(WETH, []),
        "positions": position_manager.positions(WETH, 1),
        "tokenOfOwnerByIndex": position_manager.token_of_owner(WETH, WETH, 1),
    }
    for name, call in ours.items():
        (entry,) = [each for each in manager if each.get("name") == name]
        assert call.data[:4] == Function(f"{name}({','.join(_kind(each) for each in entry['inputs'])})").selector
    assert pool.slot0(WETH).data.hex() == "3850c7bd"
    assert erc20.transfer(WETH, USDC, 1).data[:4].hex() == "a9059cbb"
    assert router.quote_exact_input_single(WETH, WETH, USDC, 1, 500).data[:4].hex() == "c6a5026a"


def _kind(entry: dict[str, object]) -> str:
    if entry["type"] != "tuple":
        return str(entry["type"])
    return "(" + ",".join(_kind(each) for each in entry["components"]) + ")"  # type: ignore[attr-defined]


def test_addresses_that_are_known_before_there_is_a_contract() -> None:
    assert pool_address("0x1F98431c8aD98523631AE4a59f267346ea31F984", WETH, USDC, 500) == (
        "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
    )
    developer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert created_address(developer, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert created_address(developer, 1) == "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
    assert sort_tokens(WETH, USDC) == (USDC, WETH)
    for wrong in ("0x12", "", "vitalik.eth", USDC[:-1] + "g"):
        with pytest.raises(InputInvalid):
            checksum(wrong)


@given(st.integers(0, 2**40))
def test_created_addresses_follow_rlp(nonce: int) -> None:
    rlp = pytest.importorskip("rlp")
    keccak = pytest.importorskip("eth_utils").keccak
    deployer = bytes.fromhex(USDC[2:])
    assert created_address(USDC, nonce) == checksum("0x" + keccak(rlp.encode([deployer, nonce]))[12:].hex())


def test_an_absent_node_is_one_clear_sentence(tmp_path: object) -> None:
    with pytest.raises(PeerUnavailable, match="npm install"):
        find_anvil(MODULES / "nowhere")
