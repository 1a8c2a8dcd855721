"""A ChainActor that imports blocks to its own store.

import_blocks.py --address HOST:PORT --store FOLDER --until HEIGHT [--delay-ms MS]
    [--token-file FILE] [--ca FILE [--cert FILE --key FILE]]
"""

import argparse
import json
import sys
import threading
import time

from alys.integration.v1 import integration_pb2 as pb
from alys_attach import add_connection_options, attach_chain, connection_of
from block_store import BlockStore

VERDICTS = {
    "imported": pb.IMPORT_VERDICT_IMPORTED,
    "known": pb.IMPORT_VERDICT_ALREADY_KNOWN,
    "unknown parent": pb.IMPORT_VERDICT_NOT_NOW,
}


class Importer:
    def __init__(self, store: BlockStore, until: int, delay_s: float, stop: threading.Event) -> None:
        self.store, self.until, self.delay_s, self.stop = store, until, delay_s, stop

    def is_done(self) -> bool:
        return 0 < self.until <= self.store.height

    def last_applied(self):
        return (self.store.height, self.store.head_hash) if self.store.height > 0 else None

    def import_blocks(self, blocks, genesis_hash):
        time.sleep(self.delay_s)
        verdicts = [VERDICTS[self.store.put(block, genesis_hash)] for block in blocks]
        self.store.flush()
        if self.is_done():
            # Leaves after this answer is on its way.
            threading.Timer(0.05, self.stop.set).start()
        return verdicts


def main() -> None:
    parser = argparse.ArgumentParser()
    add_connection_options(parser)
    parser.add_argument("--store", default="./blocks")
    parser.add_argument("--until", type=int, default=0)
    parser.add_argument("--delay-ms", type=int, default=0)
    options = parser.parse_args()
    store = BlockStore(options.store)
    stop = threading.Event()
    importer = Importer(store, options.until, options.delay_ms / 1000, stop)
    if not importer.is_done():
        connection = connection_of(options, lambda problem: print(problem, file=sys.stderr))
        attach_chain(importer, connection, stop)
    print(json.dumps({"height": store.height, "hash": store.head_hash.hex()}))
    store.close()


if __name__ == "__main__":
    main()
