"""Swaps in one pool, timed: `python amm_worker.py ours|pyrevm FILE ROUNDS`. Needs nothing of the project for pyrevm.

FILE is JSON that `amm.py` writes: the pool's ranges and swaps as numbers for ours, as calls of the real contracts for
pyrevm. Each round plays all swaps on a pool as it was before them. Prints swaps per second of each round and the CRC of
all amounts.
"""

import json
import sys
import time
import zlib
from pathlib import Path

GAS = 29_000_000


def ours(task):
    """common/amm."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from common.amm.manager import PositionManager
    from common.amm.pool import Pool

    def prepare():
        pool = Pool(task["fee"], task["spacing"])
        pool.initialize(task["price"])
        manager = PositionManager(pool)
        for number, each in enumerate(task["ranges"]):
            manager.mint(str(number), *each)
        return pool

    def play(pool):
        swap = pool.swap
        return [swap(down, amount) for down, amount in task["swaps"]]

    return prepare, play, lambda results: results


def pyrevm(task):
    """The deployed bytecode in revm, called through a contract that does nothing but pay."""
    from pyrevm import EVM, AccountInfo

    me, taker = task["owner"], task["taker"]
    swaps = [bytes.fromhex(data) for data in task["calls"]]

    def prepare():
        evm = EVM(gas_limit=1 << 40)
        evm.set_balance(me, 10**27)
        for code in task["creations"]:
            evm.deploy(me, bytes.fromhex(code), gas=GAS)
        evm.insert_account_info(taker, AccountInfo(code=bytes.fromhex(task["taker_code"])))
        for to, data in task["setup"]:
            evm.message_call(me, to, bytes.fromhex(data), gas=GAS)
        return evm

    def play(evm):
        call = evm.message_call
        return [call(me, taker, data, gas=GAS) for data in swaps]

    def amounts(results):
        return [tuple(int.from_bytes(each[at : at + 32], "big", signed=True) for at in (0, 32)) for each in results]

    return prepare, play, amounts


def main():
    task = json.loads(Path(sys.argv[2]).read_text())
    prepare, play, amounts = {"ours": ours, "pyrevm": pyrevm}[sys.argv[1]](task)
    rates, crc = [], 0
    for _ in range(int(sys.argv[3])):
        pool = prepare()
        started = time.perf_counter()
        results = play(pool)
        rates.append(len(results) / (time.perf_counter() - started))
        crc = zlib.crc32(json.dumps(amounts(results)).encode())
    print(json.dumps({"rates": rates, "crc": crc}))


main()
