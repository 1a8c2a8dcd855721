"""attach_chain, attach_engine, attach_bridge: keep a process attached to a node.

Dials, says hello, answers calls and heartbeats, hands over what the node tells, and dials again when the stream breaks.
What the calls are done with is the caller's.
"""

from __future__ import annotations

import argparse
import queue
import threading
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol, Sequence

import grpc

from alys.chain.v1.chain_pb2 import BlockReference
from alys.integration.v1 import integration_pb2 as pb
from alys.integration.v1 import integration_pb2_grpc as rpc

WINDOW_CALLS = 4
WINDOW_BYTES = 8 * 1024 * 1024
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0
# A block has at most 2 MiB; grpc's own bound is 4.
ANSWER_BYTES_MAX = 8 * 1024 * 1024


class Refusal(Exception):
    """An answer with a status instead of a result."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class ChainActor(Protocol):
    def last_applied(self) -> Optional[tuple[int, bytes]]:
        """Height and hash of the newest durable block; None for none."""

    def import_blocks(self, blocks: Sequence[bytes], genesis_hash: bytes) -> Sequence[pb.ImportVerdict]:
        """A verdict a block, in their order, once they are durable."""


class EngineActor(Protocol):
    """May also have receive_payload(member_key, payload_hash, payload) and provide_payload(member_key, payload_hash)."""

    def validate_transaction(self, transaction: bytes, source: Optional[pb.TransactionSource]) -> pb.TransactionVerdict:
        """The verdict; the source is None for a transaction of the node's own clients."""


class BridgeActor(Protocol):
    def federation_message(self, member_key: bytes, label: str, message: bytes) -> bytes:
        """The reply, which may be empty."""


@dataclass
class Connection:
    # HOST:PORT or unix:PATH.
    address: str
    # For nodes that ask for one.
    token: Optional[str] = None
    # Files in PEM. With `ca` alone it is TLS, with the other two the client shows a certificate.
    ca: Optional[str] = None
    certificate: Optional[str] = None
    key: Optional[str] = None
    take_over: bool = False
    on_problem: Callable[[str], None] = lambda problem: None

    def channel(self) -> grpc.Channel:
        options = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", ANSWER_BYTES_MAX))
        if self.ca is None:
            return grpc.insecure_channel(self.address, options=options)
        shown = (_read(self.key), _read(self.certificate))
        return grpc.secure_channel(
            self.address, grpc.ssl_channel_credentials(_read(self.ca), *shown), options=options
        )


def _read(path: Optional[str]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def attach_chain(actor: ChainActor, connection: Connection, stop: threading.Event) -> None:
    """Returns when `stop` is set; until then it is attached or trying to be."""

    def import_blocks(call: pb.ImportBlocksCall, welcome: pb.AttachWelcome) -> pb.ImportBlocksResult:
        return pb.ImportBlocksResult(verdicts=actor.import_blocks(call.blocks, welcome.genesis_hash))

    calls: Calls = {"import_blocks": import_blocks}
    _attach(rpc.ChainServiceStub, pb.ChainServiceAttachRequest, actor, calls, connection, stop)


def attach_engine(actor: EngineActor, connection: Connection, stop: threading.Event) -> None:
    payloads: Any = actor

    def validate_transaction(call: pb.ValidateTransactionCall, _welcome: pb.AttachWelcome) -> pb.ValidateTransactionResult:
        source = call.source if call.HasField("source") else None
        return pb.ValidateTransactionResult(verdict=actor.validate_transaction(call.transaction, source))

    def receive_payload(call: pb.ReceivePayloadCall, _welcome: pb.AttachWelcome) -> pb.ReceivePayloadResult:
        payloads.receive_payload(call.member_key, call.payload_hash, call.payload)
        return pb.ReceivePayloadResult()

    def provide_payload(call: pb.ProvidePayloadCall, _welcome: pb.AttachWelcome) -> pb.ProvidePayloadResult:
        return pb.ProvidePayloadResult(payload=payloads.provide_payload(call.member_key, call.payload_hash))

    calls: Calls = {"validate_transaction": validate_transaction}
    if hasattr(actor, "receive_payload"):
        calls |= {"receive_payload": receive_payload, "provide_payload": provide_payload}
    _attach(rpc.EngineServiceStub, pb.EngineServiceAttachRequest, actor, calls, connection, stop)


def attach_bridge(actor: BridgeActor, connection: Connection, stop: threading.Event) -> None:
    def federation_message(call: pb.FederationMessageCall, _welcome: pb.AttachWelcome) -> pb.FederationMessageResult:
        return pb.FederationMessageResult(reply=actor.federation_message(call.member_key, call.label, call.message))

    calls: Calls = {"federation_message": federation_message}
    _attach(rpc.BridgeServiceStub, pb.BridgeServiceAttachRequest, actor, calls, connection, stop)


# How each call is answered, by its name in the oneof; the three services differ in their messages alone.
Calls = dict[str, Callable[[Any, pb.AttachWelcome], Any]]


def _attach(
    stub_of: Any, request_of: Any, actor: Any, calls: Calls, connection: Connection, stop: threading.Event
) -> None:
    instance_id = str(uuid.uuid4())
    retry_s = RETRY_S_MIN
    with connection.channel() as channel:
        stub = stub_of(channel)
        while not stop.is_set():
            try:
                if _attach_once(stub, request_of, actor, calls, connection, instance_id, stop):
                    retry_s = RETRY_S_MIN
            except grpc.RpcError as problem:
                if not stop.is_set():
                    connection.on_problem(str(problem))
            stop.wait(retry_s)
            retry_s = min(RETRY_S_MAX, retry_s * 2)


def _attach_once(
    stub: Any,
    request_of: Any,
    actor: Any,
    calls: Calls,
    connection: Connection,
    instance_id: str,
    stop: threading.Event,
) -> bool:
    """Serves one stream to its end. True when the node let us in."""
    requests: queue.Queue[Any] = queue.Queue()
    ended = threading.Event()
    # The actor is asked between its calls only; heartbeats repeat what it said last.
    head = _last_applied(actor)
    hello = pb.AttachHello(
        protocol_version=1,
        instance_id=instance_id,
        last_applied=head,
        credit_calls=WINDOW_CALLS,
        credit_bytes=WINDOW_BYTES,
        take_over=connection.take_over,
    )
    requests.put(request_of(hello=hello))
    metadata = (("authorization", f"Bearer {connection.token}"),) if connection.token else ()
    call = stub.Attach(iter(requests.get, None), metadata=metadata)
    welcome: Optional[pb.AttachWelcome] = None

    def beat(interval_s: float) -> None:
        while not ended.wait(interval_s):
            requests.put(request_of(heartbeat=pb.AttachHeartbeat(head=head)))

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
                welcome = frame.welcome
                interval_s = welcome.heartbeat_interval_ms / 1000
                threading.Thread(target=beat, args=(interval_s,), daemon=True).start()
            elif frame.call_id > 0:
                answer = _answer(request_of, calls, frame, kind, welcome)
                if answer.WhichOneof("message") != "error":
                    head = _last_applied(actor)
                requests.put(answer)
            elif kind not in (None, "heartbeat") and hasattr(actor, "told"):
                actor.told(kind, getattr(frame, kind))
    except grpc.RpcError:
        if welcome is None:
            raise
    finally:
        ended.set()
        requests.put(None)
        call.cancel()
    return welcome is not None


def _last_applied(actor: Any) -> Optional[BlockReference]:
    last = actor.last_applied() if hasattr(actor, "last_applied") else None
    return None if last is None else BlockReference(height=last[0], hash=last[1])


def _answer(request_of: Any, calls: Calls, frame: Any, kind: Optional[str], welcome: Optional[pb.AttachWelcome]) -> Any:
    code, message = grpc.StatusCode.UNIMPLEMENTED, f"no answer to {kind}"
    if kind is not None and welcome is not None and kind in calls:
        try:
            return request_of(call_id=frame.call_id, **{kind: calls[kind](getattr(frame, kind), welcome)})
        except Refusal as refusal:
            code, message = refusal.code, str(refusal)
        except Exception as problem:  # The node is told, and asks again where that makes sense.
            code, message = grpc.StatusCode.INTERNAL, str(problem)
    return request_of(call_id=frame.call_id, error=pb.AttachError(code=code.value[0], message=message))


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """The command line that the examples share."""
    parser.add_argument("--address", default="127.0.0.1:50051")
    for name in ("--token-file", "--ca", "--cert", "--key"):
        parser.add_argument(name)


def _token_in(path: Optional[str]) -> Optional[str]:
    """A token file is one line with one token. Its content is in no error."""
    content = _read(path)
    if content is None:
        return None
    token = content.decode("latin-1").strip()
    if not token or any(not "!" <= character <= "~" for character in token):
        raise ValueError(f"the token file {path} is not one line with one token of printable ASCII")
    return token


def connection_of(options: argparse.Namespace, on_problem: Callable[[str], None]) -> Connection:
    return Connection(
        options.address,
        token=_token_in(options.token_file),
        ca=options.ca,
        certificate=options.cert,
        key=options.key,
        on_problem=on_problem,
    )
