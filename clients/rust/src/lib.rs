//! Keeps a ChainActor attached to a node: dials, says hello with the last block applied, answers ImportBlocks and
//! heartbeats, and dials again when the stream breaks. What the blocks are done with is the caller's.

pub mod store;

/// What `build.rs` made of `proto/`.
pub mod proto {
    pub mod actor {
        pub mod v1 {
            tonic::include_proto!("alys.actor.v1");
        }
    }
    pub mod chain {
        pub mod v1 {
            tonic::include_proto!("alys.chain.v1");
        }
    }
    pub mod integration {
        pub mod v1 {
            tonic::include_proto!("alys.integration.v1");
        }
    }
}

use std::time::Duration;

use proto::chain::v1::BlockReference;
use proto::integration::v1::{
    chain_service_attach_request::Message as Said, chain_service_attach_response::Message as Heard,
    chain_service_client::ChainServiceClient, AttachError, AttachHeartbeat, AttachHello,
    ChainServiceAttachRequest, ImportBlocksResult, ImportVerdict,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const WINDOW_CALLS: u32 = 4;
const WINDOW_BYTES: u64 = 8 * 1024 * 1024;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// More than the window and a heartbeat never wait.
const REQUESTS_MAX: usize = 16;

/// What the node calls, one call at a time.
pub trait ChainActor: Send {
    /// Height and hash of the newest durable block.
    fn last_applied(&self) -> Option<(u64, Vec<u8>)>;
    /// A verdict a block, in their order, once they are durable.
    fn import_blocks(
        &mut self,
        blocks: &[Vec<u8>],
        genesis_hash: &[u8],
    ) -> Result<Vec<ImportVerdict>, String>;
}

/// Returns when `stop` is true; until then it is attached or trying to be. `address` is HOST:PORT.
pub async fn attach_chain(
    actor: &mut dyn ChainActor,
    address: &str,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
    let mut client = ChainServiceClient::new(channel).max_decoding_message_size(8 * 1024 * 1024);
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = started.map(|elapsed| elapsed.as_nanos()).unwrap_or_default();
    let instance_id = format!("{}-{nanos}", std::process::id());
    let mut retry = RETRY_MIN;
    while !*stop.borrow() {
        let was_welcome = tokio::select! {
            outcome = attach_once(&mut client, actor, &instance_id) => match outcome {
                Ok(()) => true,
                Err((was_welcome, problem)) => {
                    eprintln!("{problem}");
                    was_welcome
                }
            },
            _ = stop.wait_for(|is_over| *is_over) => return Ok(()),
        };
        if was_welcome {
            retry = RETRY_MIN;
        }
        tokio::select! {
            () = tokio::time::sleep(retry) => {}
            _ = stop.wait_for(|is_over| *is_over) => return Ok(()),
        }
        retry = RETRY_MAX.min(retry * 2);
    }
    Ok(())
}

/// Serves one stream to its end; an error says whether the node had let us in.
async fn attach_once(
    client: &mut ChainServiceClient<Channel>,
    actor: &mut dyn ChainActor,
    instance_id: &str,
) -> Result<(), (bool, Status)> {
    let (requests, queue) = mpsc::channel(REQUESTS_MAX);
    let last_applied = actor
        .last_applied()
        .map(|(height, hash)| BlockReference { height, hash });
    let hello = AttachHello {
        protocol_version: 1,
        instance_id: instance_id.to_owned(),
        last_applied,
        credit_calls: WINDOW_CALLS,
        credit_bytes: WINDOW_BYTES,
        take_over: false,
        genesis_hash: Vec::new(),
    };
    // A send fails only when the stream is over, which reading tells better.
    let _ = requests.send(frame(0, Said::Hello(hello))).await;
    let mut stream = client
        .attach(ReceiverStream::new(queue))
        .await
        .map_err(|problem| (false, problem))?
        .into_inner();
    let mut was_welcome = false;
    let mut genesis_hash = Vec::new();
    let mut heartbeat = tokio::time::interval(Duration::from_secs(5));
    loop {
        let heard = tokio::select! {
            heard = stream.message() => heard.map_err(|problem| (was_welcome, problem))?,
            _ = heartbeat.tick(), if was_welcome => {
                let _ = requests.send(frame(0, Said::Heartbeat(AttachHeartbeat::default()))).await;
                continue;
            }
        };
        let Some(response) = heard else { return Ok(()) };
        match response.message {
            Some(Heard::Welcome(welcome)) => {
                was_welcome = true;
                genesis_hash = welcome.genesis_hash;
                let interval_ms = welcome.heartbeat_interval_ms.max(1);
                heartbeat = tokio::time::interval(Duration::from_millis(interval_ms.into()));
            }
            Some(Heard::ImportBlocks(call)) => {
                let said = match actor.import_blocks(&call.blocks, &genesis_hash) {
                    Ok(verdicts) => Said::ImportBlocks(ImportBlocksResult {
                        verdicts: verdicts.into_iter().map(i32::from).collect(),
                        reason: String::new(),
                    }),
                    Err(message) => Said::Error(AttachError {
                        code: Code::Internal as i32,
                        message,
                    }),
                };
                let _ = requests.send(frame(response.call_id, said)).await;
            }
            Some(Heard::Heartbeat(_)) | None => {}
        }
    }
}

fn frame(call_id: u64, message: Said) -> ChainServiceAttachRequest {
    ChainServiceAttachRequest {
        call_id,
        message: Some(message),
    }
}
