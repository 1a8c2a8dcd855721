//! The three actors: what the node calls, one call at a time, and how their frames are made and heard.

use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::proto::chain::v1::BlockReference;
use crate::proto::integration::v1::{
    bridge_service_attach_request::Message as BridgeSaid,
    bridge_service_attach_response::Message as BridgeNotice,
    bridge_service_client::BridgeServiceClient, chain_service_attach_request::Message as ChainSaid,
    chain_service_attach_response::Message as ChainNotice,
    chain_service_client::ChainServiceClient, engine_service_attach_request::Message as EngineSaid,
    engine_service_attach_response::Message as EngineNotice,
    engine_service_client::EngineServiceClient, AttachError, AttachHeartbeat, AttachHello,
    BridgeServiceAttachRequest, BridgeServiceAttachResponse, ChainServiceAttachRequest,
    ChainServiceAttachResponse, EngineServiceAttachRequest, EngineServiceAttachResponse,
    FederationMessageResult, ImportBlocksResult, ImportVerdict, ProvidePayloadResult,
    ReceivePayloadResult, TransactionSource, TransactionVerdict, ValidateTransactionResult,
};
use crate::{attach, Connection, Heard, Problem, Speaker, ANSWER_BYTES_MAX};

pub trait ChainActor: Send {
    /// Height and hash of the newest durable block.
    fn last_applied(&self) -> Option<(u64, Vec<u8>)>;
    /// A verdict a block, in their order, once they are durable.
    fn import_blocks(
        &mut self,
        blocks: &[Vec<u8>],
        genesis_hash: &[u8],
    ) -> Result<Vec<ImportVerdict>, Status>;
    fn told(&mut self, _notice: ChainNotice) {}
}

pub trait EngineActor: Send {
    /// The source is absent for transactions of the node's own clients.
    fn validate_transaction(
        &mut self,
        transaction: &[u8],
        source: Option<&TransactionSource>,
    ) -> Result<TransactionVerdict, Status>;
    fn receive_payload(
        &mut self,
        _member_key: &[u8],
        _payload_hash: &[u8],
        _payload: Vec<u8>,
    ) -> Result<(), Status> {
        Err(Status::unimplemented("no payloads here"))
    }
    fn provide_payload(
        &mut self,
        _member_key: &[u8],
        _payload_hash: &[u8],
    ) -> Result<Vec<u8>, Status> {
        Err(Status::unimplemented("no payloads here"))
    }
    fn told(&mut self, _notice: EngineNotice) {}
}

pub trait BridgeActor: Send {
    /// The reply, which may be empty.
    fn federation_message(
        &mut self,
        member_key: &[u8],
        label: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, Status>;
    fn told(&mut self, _notice: BridgeNotice) {}
}

/// Returns when `stop` is true; until then it is attached or trying to be.
pub async fn attach_chain(
    actor: &mut dyn ChainActor,
    connection: &Connection,
    stop: watch::Receiver<bool>,
) -> Result<(), Problem> {
    attach(
        &mut ChainSpeaker {
            actor,
            genesis_hash: Vec::new(),
        },
        connection,
        stop,
    )
    .await
}

struct ChainSpeaker<'a> {
    actor: &'a mut dyn ChainActor,
    genesis_hash: Vec<u8>,
}

#[tonic::async_trait]
impl Speaker for ChainSpeaker<'_> {
    type Said = ChainSaid;
    type Request = ChainServiceAttachRequest;
    type Response = ChainServiceAttachResponse;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Request>>,
    ) -> Result<Streaming<Self::Response>, Status> {
        let mut client =
            ChainServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(client.attach(request).await?.into_inner())
    }
    fn hello(hello: AttachHello) -> Self::Said {
        ChainSaid::Hello(hello)
    }
    fn heartbeat(heartbeat: AttachHeartbeat) -> Self::Said {
        ChainSaid::Heartbeat(heartbeat)
    }
    fn error(error: AttachError) -> Self::Said {
        ChainSaid::Error(error)
    }
    fn frame(call_id: u64, said: Self::Said) -> Self::Request {
        ChainServiceAttachRequest {
            call_id,
            message: Some(said),
        }
    }
    fn last_applied(&self) -> Option<BlockReference> {
        let (height, hash) = self.actor.last_applied()?;
        Some(BlockReference { height, hash })
    }
    fn hear(&mut self, response: Self::Response) -> (u64, Heard<Self::Said>) {
        let heard = match response.message {
            Some(ChainNotice::Welcome(welcome)) => {
                self.genesis_hash.clone_from(&welcome.genesis_hash);
                Heard::Welcome(welcome)
            }
            Some(ChainNotice::ImportBlocks(call)) => {
                let verdicts = self.actor.import_blocks(&call.blocks, &self.genesis_hash);
                Heard::Answer(verdicts.map(|verdicts| {
                    ChainSaid::ImportBlocks(ImportBlocksResult {
                        verdicts: verdicts.into_iter().map(i32::from).collect(),
                        reason: String::new(),
                    })
                }))
            }
            Some(ChainNotice::Heartbeat(_)) | None => Heard::Nothing,
            Some(notice) => {
                self.actor.told(notice);
                Heard::Nothing
            }
        };
        (response.call_id, heard)
    }
}

/// Returns when `stop` is true; until then it is attached or trying to be.
pub async fn attach_engine(
    actor: &mut dyn EngineActor,
    connection: &Connection,
    stop: watch::Receiver<bool>,
) -> Result<(), Problem> {
    attach(&mut EngineSpeaker { actor }, connection, stop).await
}

struct EngineSpeaker<'a> {
    actor: &'a mut dyn EngineActor,
}

#[tonic::async_trait]
impl Speaker for EngineSpeaker<'_> {
    type Said = EngineSaid;
    type Request = EngineServiceAttachRequest;
    type Response = EngineServiceAttachResponse;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Request>>,
    ) -> Result<Streaming<Self::Response>, Status> {
        let mut client =
            EngineServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(client.attach(request).await?.into_inner())
    }
    fn hello(hello: AttachHello) -> Self::Said {
        EngineSaid::Hello(hello)
    }
    fn heartbeat(heartbeat: AttachHeartbeat) -> Self::Said {
        EngineSaid::Heartbeat(heartbeat)
    }
    fn error(error: AttachError) -> Self::Said {
        EngineSaid::Error(error)
    }
    fn frame(call_id: u64, said: Self::Said) -> Self::Request {
        EngineServiceAttachRequest {
            call_id,
            message: Some(said),
        }
    }
    fn hear(&mut self, response: Self::Response) -> (u64, Heard<Self::Said>) {
        let heard = match response.message {
            Some(EngineNotice::Welcome(welcome)) => Heard::Welcome(welcome),
            Some(EngineNotice::ValidateTransaction(call)) => {
                let verdict = self
                    .actor
                    .validate_transaction(&call.transaction, call.source.as_ref());
                Heard::Answer(verdict.map(|verdict| {
                    EngineSaid::ValidateTransaction(ValidateTransactionResult {
                        verdict: verdict.into(),
                        reason: String::new(),
                    })
                }))
            }
            Some(EngineNotice::ReceivePayload(call)) => {
                let taken =
                    self.actor
                        .receive_payload(&call.member_key, &call.payload_hash, call.payload);
                Heard::Answer(taken.map(|()| EngineSaid::ReceivePayload(ReceivePayloadResult {})))
            }
            Some(EngineNotice::ProvidePayload(call)) => {
                let payload = self
                    .actor
                    .provide_payload(&call.member_key, &call.payload_hash);
                Heard::Answer(
                    payload.map(|payload| {
                        EngineSaid::ProvidePayload(ProvidePayloadResult { payload })
                    }),
                )
            }
            Some(EngineNotice::Heartbeat(_)) | None => Heard::Nothing,
            Some(notice) => {
                self.actor.told(notice);
                Heard::Nothing
            }
        };
        (response.call_id, heard)
    }
}

/// Returns when `stop` is true; until then it is attached or trying to be.
pub async fn attach_bridge(
    actor: &mut dyn BridgeActor,
    connection: &Connection,
    stop: watch::Receiver<bool>,
) -> Result<(), Problem> {
    attach(&mut BridgeSpeaker { actor }, connection, stop).await
}

struct BridgeSpeaker<'a> {
    actor: &'a mut dyn BridgeActor,
}

#[tonic::async_trait]
impl Speaker for BridgeSpeaker<'_> {
    type Said = BridgeSaid;
    type Request = BridgeServiceAttachRequest;
    type Response = BridgeServiceAttachResponse;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Request>>,
    ) -> Result<Streaming<Self::Response>, Status> {
        let mut client =
            BridgeServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(client.attach(request).await?.into_inner())
    }
    fn hello(hello: AttachHello) -> Self::Said {
        BridgeSaid::Hello(hello)
    }
    fn heartbeat(heartbeat: AttachHeartbeat) -> Self::Said {
        BridgeSaid::Heartbeat(heartbeat)
    }
    fn error(error: AttachError) -> Self::Said {
        BridgeSaid::Error(error)
    }
    fn frame(call_id: u64, said: Self::Said) -> Self::Request {
        BridgeServiceAttachRequest {
            call_id,
            message: Some(said),
        }
    }
    fn hear(&mut self, response: Self::Response) -> (u64, Heard<Self::Said>) {
        let heard =
            match response.message {
                Some(BridgeNotice::Welcome(welcome)) => Heard::Welcome(welcome),
                Some(BridgeNotice::FederationMessage(call)) => {
                    let reply =
                        self.actor
                            .federation_message(&call.member_key, &call.label, &call.message);
                    Heard::Answer(reply.map(|reply| {
                        BridgeSaid::FederationMessage(FederationMessageResult { reply })
                    }))
                }
                Some(BridgeNotice::Heartbeat(_)) | None => Heard::Nothing,
                Some(notice) => {
                    self.actor.told(notice);
                    Heard::Nothing
                }
            };
        (response.call_id, heard)
    }
}
