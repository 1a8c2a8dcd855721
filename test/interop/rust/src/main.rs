//! A peer on stock rust-libp2p, over TCP with TLS or over QUIC: identify, ping, the status handshake and a range of blocks by
//! `request_response` as it comes (it closes its half once a request is sent), and the topic of blocks by gossipsub.
//! It prints a line for each thing that it has seen, and ends when a block has come by gossip.

use std::{collections::HashMap, error::Error, io, time::Duration};

use async_trait::async_trait;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{
    gossipsub, identify, ping,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    Multiaddr, StreamProtocol, SwarmBuilder,
};
use sha2::{Digest, Sha256};

/// Everything together; on a busy machine most of it is waiting for the heartbeat of gossip.
const WHOLE_SECONDS_MAX: u64 = 90;
const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;
const STATUS_OK: u8 = 0;
const STATUS_END: u8 = 5;

/// The framing of requests: a varint length and the bytes; an answer is chunks with a status byte each, and an end byte.
#[derive(Clone, Default)]
struct Framing;

type Chunks = Vec<Vec<u8>>;

async fn read_length<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<usize> {
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let mut byte = [0u8; 1];
        io.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
        shift += 7;
        if shift > 21 {
            return Err(io::Error::other("a length has more than four bytes"));
        }
    }
    if length > CHUNK_BYTES_MAX {
        return Err(io::Error::other("a length is too large"));
    }
    Ok(length)
}

async fn read_bytes<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; read_length(io).await?];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write_bytes<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    let (mut prefix, mut rest) = (Vec::new(), bytes.len());
    while rest > 0x7f {
        prefix.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    prefix.push(rest as u8);
    io.write_all(&prefix).await?;
    io.write_all(bytes).await
}

#[async_trait]
impl request_response::Codec for Framing {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Chunks;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_bytes(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Chunks>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut chunks = Vec::new();
        loop {
            let mut status = [0u8; 1];
            io.read_exact(&mut status).await?;
            match status[0] {
                STATUS_OK => chunks.push(read_bytes(io).await?),
                STATUS_END => return Ok(chunks),
                other => return Err(io::Error::other(format!("the answer is status {other}"))),
            }
        }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_bytes(io, &request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, chunks: Chunks) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        for chunk in chunks {
            io.write_all(&[STATUS_OK]).await?;
            write_bytes(io, &chunk).await?;
        }
        io.write_all(&[STATUS_END]).await
    }
}

#[derive(NetworkBehaviour)]
struct Peer {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    status: request_response::Behaviour<Framing>,
    range: request_response::Behaviour<Framing>,
    gossip: gossipsub::Behaviour,
}

struct Told {
    address: Multiaddr,
    status_protocol: StreamProtocol,
    range_protocol: StreamProtocol,
    topic: gossipsub::IdentTopic,
    status: Vec<u8>,
    range: Vec<u8>,
}

fn told() -> Result<Told, Box<dyn Error + Send + Sync>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut options: HashMap<String, String> =
        words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let mut take = |name: &str| options.remove(name).ok_or(format!("{name} is missing"));
    Ok(Told {
        address: take("--address")?.parse()?,
        status_protocol: StreamProtocol::try_from_owned(take("--status-protocol")?)?,
        range_protocol: StreamProtocol::try_from_owned(take("--range-protocol")?)?,
        topic: gossipsub::IdentTopic::new(take("--topic")?),
        status: from_hex(&take("--status")?)?,
        range: from_hex(&take("--range")?)?,
    })
}

fn from_hex(text: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    (0..text.len() / 2).map(|at| Ok(u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?)).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is in the envelope: one field 1 of bytes, in its shortest encoding.
fn inside(data: &[u8]) -> &[u8] {
    let mut length = 0;
    for (at, byte) in data.iter().enumerate().skip(1).take(4) {
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return if data[0] == 0x0a && data.len() == at + 1 + length { &data[at + 1..] } else { data };
        }
    }
    data
}

fn gossip() -> Result<gossipsub::Behaviour, Box<dyn Error + Send + Sync>> {
    let config = gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(700))
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .max_transmit_size(8 * 1024 * 1024)
        .message_id_fn(|message: &gossipsub::Message| {
            let content = [message.topic.as_str().as_bytes(), &[0], inside(&message.data)].concat();
            gossipsub::MessageId::from(Sha256::digest(content)[..20].to_vec())
        })
        .build()?;
    Ok(gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, config)?)
}

async fn run(told: Told) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (status_protocol, range_protocol) = (told.status_protocol.clone(), told.range_protocol.clone());
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(Default::default(), libp2p::tls::Config::new, libp2p::yamux::Config::default)?
        .with_quic()
        .with_behaviour(|key| {
            let speaks = |protocol: StreamProtocol, support| {
                request_response::Behaviour::new([(protocol, support)], request_response::Config::default())
            };
            Ok(Peer {
                identify: identify::Behaviour::new(identify::Config::new("interop/1".into(), key.public())),
                ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(1))),
                status: speaks(status_protocol, ProtocolSupport::Full),
                range: speaks(range_protocol, ProtocolSupport::Outbound),
                gossip: gossip()?,
            })
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(WHOLE_SECONDS_MAX)))
        .build();
    swarm.behaviour_mut().gossip.subscribe(&told.topic)?;
    swarm.dial(told.address.clone())?;
    let mut has_pinged = false;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                swarm.behaviour_mut().status.send_request(&peer_id, told.status.clone());
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            SwarmEvent::ConnectionClosed { cause, .. } => {
                return Err(format!("the connection closed: {cause:?}").into());
            }
            SwarmEvent::Behaviour(PeerEvent::Identify(identify::Event::Received { info, .. })) => {
                println!("identified {}", info.agent_version);
            }
            SwarmEvent::Behaviour(PeerEvent::Ping(ping::Event { result, .. })) => {
                let round_trip = result?;
                if !has_pinged {
                    println!("ping {}", round_trip.as_micros());
                }
                has_pinged = true;
            }
            SwarmEvent::Behaviour(PeerEvent::Status(request_response::Event::Message { peer, message, .. })) => {
                match message {
                    request_response::Message::Response { response, .. } => {
                        println!("status {}", to_hex(&response.concat()));
                        swarm.behaviour_mut().range.send_request(&peer, told.range.clone());
                    }
                    request_response::Message::Request { channel, .. } => {
                        let answer = vec![told.status.clone()];
                        // The peer may have left meanwhile; then its connection says so.
                        let _ = swarm.behaviour_mut().status.send_response(channel, answer);
                    }
                }
            }
            SwarmEvent::Behaviour(PeerEvent::Status(request_response::Event::OutboundFailure { error, .. })) => {
                return Err(format!("status: {error}").into());
            }
            SwarmEvent::Behaviour(PeerEvent::Range(request_response::Event::OutboundFailure { error, .. })) => {
                return Err(format!("range: {error}").into());
            }
            SwarmEvent::Behaviour(PeerEvent::Range(request_response::Event::Message {
                message: request_response::Message::Response { response, .. },
                ..
            })) => {
                for chunk in &response {
                    println!("chunk {}", to_hex(chunk));
                }
                println!("range {}", response.len());
            }
            SwarmEvent::Behaviour(PeerEvent::Gossip(gossipsub::Event::Message { message, .. })) => {
                println!("gossip {}", to_hex(&message.data));
                return Ok(());
            }
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tokio::time::timeout(Duration::from_secs(WHOLE_SECONDS_MAX), run(told()?)).await?
}
