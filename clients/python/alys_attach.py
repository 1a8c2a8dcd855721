"""attach_chain: keeps a ChainActor attached to a node.

Dials, says hello with the last block applied, answers ImportBlocks and heartbeats, and dials again when the stream breaks.
What the blocks are done with is the caller's. The generated code (generate.sh) must be on the path.
"""

import queue
import threading
import uuid
from typing import Callable, Optional, Protocol, Sequence

import grpc

from alys.integration.v1 import integration_pb2 as pb
from alys.integration.v1 import integration_pb2_grpc as rpc

WINDOW_CALLS = 4
WINDOW_BYTES = 8 * 1024 * 1024
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0


class ChainActor(Protocol):
    def last_applied(self) -> Optional[tuple[int, bytes]]:
        """Height and hash of the newest durable block; None for none."""

    def import_blocks(self, blocks: Sequence[bytes], genesis_hash: bytes) -> Sequence[int]:
        """A verdict (ImportVerdict) a block, in their order, once they are durable."""


def attach_chain(
    actor: ChainActor,
    address: str,
    stop: threading.Event,
    token: Optional[str] = None,
    take_over: bool = False,
    on_problem: Callable[[str], None] = lambda problem: None,
) -> None:
    """Returns when `stop` is set; until then it is attached or trying to be."""
    instance_id = str(uuid.uuid4())
    retry_s = RETRY_S_MIN
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    options = (("grpc.enable_http_proxy", 0),)
    with grpc.insecure_channel(address, options=options) as channel:
        stub = rpc.ChainServiceStub(channel)
        while not stop.is_set():
            try:
                if _attach_once(actor, stub, instance_id, take_over, metadata, stop):
                    retry_s = RETRY_S_MIN
            except grpc.RpcError as problem:
                if not stop.is_set():
                    on_problem(str(problem))
            stop.wait(retry_s)
            retry_s = min(RETRY_S_MAX, retry_s * 2)


def _attach_once(actor, stub, instance_id, take_over, metadata, stop) -> bool:
    """Serves one stream to its end. True when the node let us in."""
    requests: queue.Queue = queue.Queue()
    ended = threading.Event()
    hello = pb.AttachHello(
        protocol_version=1,
        instance_id=instance_id,
        credit_calls=WINDOW_CALLS,
        credit_bytes=WINDOW_BYTES,
        take_over=take_over,
    )
    last = actor.last_applied()
    if last is not None:
        hello.last_applied.height, hello.last_applied.hash = last
    requests.put(pb.ChainServiceAttachRequest(hello=hello))
    call = stub.Attach(iter(requests.get, None), metadata=metadata)
    genesis_hash = bytes(32)
    was_welcome = False

    def beat(interval_s: float) -> None:
        while not ended.wait(interval_s):
            requests.put(pb.ChainServiceAttachRequest(heartbeat=pb.AttachHeartbeat()))

    def leave() -> None:
        while not ended.is_set():
            if stop.wait(0.1):
                call.cancel()
                return

    threading.Thread(target=leave, daemon=True).start()
    try:
        for frame in call:
            kind = frame.WhichOneof("message")
            if kind == "welcome":
                was_welcome = True
                genesis_hash = frame.welcome.genesis_hash
                interval_s = frame.welcome.heartbeat_interval_ms / 1000
                threading.Thread(target=beat, args=(interval_s,), daemon=True).start()
            elif kind == "import_blocks":
                answer = pb.ChainServiceAttachRequest(call_id=frame.call_id)
                try:
                    verdicts = actor.import_blocks(frame.import_blocks.blocks, genesis_hash)
                    answer.import_blocks.verdicts.extend(verdicts)
                except Exception as problem:  # The node is told, and asks again.
                    answer.error.code = grpc.StatusCode.INTERNAL.value[0]
                    answer.error.message = str(problem)
                requests.put(answer)
    except grpc.RpcError:
        if not was_welcome:
            raise
    finally:
        ended.set()
        requests.put(None)
        call.cancel()
    return was_welcome
