"""An EngineActor that takes transactions of even length, and a BridgeActor that answers what it is sent.

echo_actors.py --address HOST:PORT

Prints what it is told. Ends with its standard input.
"""

import argparse
import sys
import threading

import grpc

from alys.integration.v1 import integration_pb2 as pb
from alys_attach import Refusal, add_connection_options, attach_bridge, attach_engine, connection_of


class Engine:
    def __init__(self) -> None:
        self.payloads: dict[bytes, bytes] = {}

    def validate_transaction(self, transaction, _source):
        is_even = len(transaction) % 2 == 0
        return pb.TRANSACTION_VERDICT_ACCEPT if is_even else pb.TRANSACTION_VERDICT_REJECT

    def receive_payload(self, _member_key, payload_hash, payload):
        self.payloads[payload_hash] = payload

    def provide_payload(self, _member_key, payload_hash):
        if payload_hash not in self.payloads:
            raise Refusal(grpc.StatusCode.NOT_FOUND, "there is no such payload")
        return self.payloads[payload_hash]

    def told(self, kind, _notice):
        print("engine", kind, flush=True)


class Bridge:
    def federation_message(self, _member_key, _label, message):
        return message

    def told(self, kind, _notice):
        print("bridge", kind, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    add_connection_options(parser)
    connection = connection_of(parser.parse_args(), lambda problem: print(problem, file=sys.stderr))
    stop = threading.Event()
    threads = [
        threading.Thread(target=attach_engine, args=(Engine(), connection, stop)),
        threading.Thread(target=attach_bridge, args=(Bridge(), connection, stop)),
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
