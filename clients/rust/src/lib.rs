//! Keeps a ChainActor, an EngineActor or a BridgeActor attached to a node: dials, says hello, answers calls and
//! heartbeats, hands over what the node tells, and dials again when the stream breaks. What the calls are done with is
//! the caller's.

pub mod actors;
pub mod store;

/// Made from the repository's `proto/` by `generate/`.
#[path = "proto/mod.rs"]
mod generated;

/// Messages and clients of all services of a node, by package: `proto::sync::v1`.
pub use generated::alys as proto;

use std::error::Error;
use std::time::Duration;

use proto::chain::v1::BlockReference;
use proto::integration::v1::{AttachError, AttachHeartbeat, AttachHello, AttachWelcome};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status, Streaming};

pub use actors::{
    attach_bridge, attach_chain, attach_engine, BridgeActor, ChainActor, EngineActor,
};

const WINDOW_CALLS: u32 = 4;
const WINDOW_BYTES: u64 = 8 * 1024 * 1024;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// More than the window and a heartbeat never wait.
const REQUESTS_MAX: usize = 16;
/// A block has at most 2 MiB; tonic's own bound is 4.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

pub type Problem = Box<dyn Error + Send + Sync>;

/// How to reach a node; only the address is needed.
#[derive(Clone, Default)]
pub struct Connection {
    /// HOST:PORT.
    pub address: String,
    /// For nodes that ask for one.
    pub token: Option<String>,
    /// Files in PEM. With `ca` alone it is TLS, with the other two the client shows a certificate.
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
    pub take_over: bool,
}

impl Connection {
    /// The command line that the examples share: `option` gives the value of a name.
    pub fn from_options(option: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let token = option("--token-file").map(token_in).transpose()?;
        Ok(Self {
            address: option("--address").unwrap_or_else(|| "127.0.0.1:50051".to_owned()),
            token,
            ca: option("--ca"),
            certificate: option("--cert"),
            key: option("--key"),
            take_over: false,
        })
    }

    /// For clients of the services in `proto`; the connection is made at the first call.
    pub fn channel(&self) -> Result<Channel, Problem> {
        let Some(ca) = &self.ca else {
            return Ok(Endpoint::from_shared(format!("http://{}", self.address))?.connect_lazy());
        };
        let mut tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(ca)?));
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            tls = tls.identity(Identity::from_pem(
                std::fs::read(certificate)?,
                std::fs::read(key)?,
            ));
        }
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address))?;
        Ok(endpoint.tls_config(tls)?.connect_lazy())
    }

    fn authorization(&self) -> Result<Option<MetadataValue<Ascii>>, Problem> {
        let text = self
            .token
            .as_ref()
            .map(|token| format!("Bearer {token}").parse());
        Ok(text.transpose()?)
    }
}

/// Reads a token file: one line with one token. Its content is in no error.
fn token_in(path: String) -> Result<String, Problem> {
    let content = std::fs::read(&path)?;
    let token = content.trim_ascii();
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        let text = format!("the token file {path} is not one line with one token of printable ASCII");
        return Err(text.into());
    }
    Ok(String::from_utf8_lossy(token).into_owned())
}

/// What one frame of the node means to an actor.
pub(crate) enum Heard<Said> {
    Welcome(AttachWelcome),
    /// The answer to its call; what needs none gives none.
    Answer(Result<Said, Status>),
    Nothing,
}

/// What differs between the three services: how frames are made and heard.
#[tonic::async_trait]
pub(crate) trait Speaker: Send {
    type Said: Send;
    type Request: Send + 'static;
    type Response: Send;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Request>>,
    ) -> Result<Streaming<Self::Response>, Status>;
    fn hello(hello: AttachHello) -> Self::Said;
    fn heartbeat(heartbeat: AttachHeartbeat) -> Self::Said;
    fn error(error: AttachError) -> Self::Said;
    fn frame(call_id: u64, said: Self::Said) -> Self::Request;
    fn last_applied(&self) -> Option<BlockReference> {
        None
    }
    fn hear(&mut self, response: Self::Response) -> (u64, Heard<Self::Said>);
}

/// Returns when `stop` is true; until then it is attached or trying to be.
pub(crate) async fn attach<S: Speaker>(
    speaker: &mut S,
    connection: &Connection,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Problem> {
    let channel = connection.channel()?;
    let authorization = connection.authorization()?;
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = started
        .map(|elapsed| elapsed.as_nanos())
        .unwrap_or_default();
    let instance_id = format!("{}-{nanos}", std::process::id());
    let mut retry = RETRY_MIN;
    while !*stop.borrow() {
        let hello = AttachHello {
            protocol_version: 1,
            instance_id: instance_id.clone(),
            last_applied: speaker.last_applied(),
            credit_calls: WINDOW_CALLS,
            credit_bytes: WINDOW_BYTES,
            take_over: connection.take_over,
            ..AttachHello::default()
        };
        let was_welcome = tokio::select! {
            outcome = attach_once(speaker, channel.clone(), authorization.clone(), hello) => match outcome {
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
async fn attach_once<S: Speaker>(
    speaker: &mut S,
    channel: Channel,
    authorization: Option<MetadataValue<Ascii>>,
    hello: AttachHello,
) -> Result<(), (bool, Status)> {
    let (requests, queue) = mpsc::channel(REQUESTS_MAX);
    // A send fails only when the stream is over, which reading tells better.
    let _ = requests.send(S::frame(0, S::hello(hello))).await;
    let mut request = Request::new(ReceiverStream::new(queue));
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value);
    }
    let mut stream = S::open(channel, request)
        .await
        .map_err(|problem| (false, problem))?;
    let mut was_welcome = false;
    let mut heartbeat = tokio::time::interval(Duration::from_secs(5));
    loop {
        let heard = tokio::select! {
            heard = stream.message() => heard.map_err(|problem| (was_welcome, problem))?,
            _ = heartbeat.tick(), if was_welcome => {
                let head = speaker.last_applied();
                let beat = S::heartbeat(AttachHeartbeat { head, ..AttachHeartbeat::default() });
                let _ = requests.send(S::frame(0, beat)).await;
                continue;
            }
        };
        let Some(response) = heard else { return Ok(()) };
        let said = match speaker.hear(response) {
            (_, Heard::Welcome(welcome)) => {
                was_welcome = true;
                let interval_ms = welcome.heartbeat_interval_ms.max(1);
                heartbeat = tokio::time::interval(Duration::from_millis(interval_ms.into()));
                continue;
            }
            (_, Heard::Nothing) => continue,
            (call_id, Heard::Answer(Ok(said))) => S::frame(call_id, said),
            (call_id, Heard::Answer(Err(problem))) => {
                let (code, message) = (problem.code() as i32, problem.message().to_owned());
                S::frame(call_id, S::error(AttachError { code, message }))
            }
        };
        let _ = requests.send(said).await;
    }
}
