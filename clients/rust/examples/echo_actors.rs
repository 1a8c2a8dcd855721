//! An EngineActor that takes transactions of even length, and a BridgeActor that answers what it is sent:
//! echo_actors --address HOST:PORT
//! Prints what it is told. Ends with its standard input.

use std::collections::HashMap;

use alys_attach::proto::integration::v1::{
    bridge_service_attach_response::Message as BridgeNotice,
    engine_service_attach_response::Message as EngineNotice, TransactionSource, TransactionVerdict,
};
use alys_attach::{attach_bridge, attach_engine, BridgeActor, Connection, EngineActor, Problem};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tonic::Status;

#[derive(Default)]
struct Engine {
    payloads: HashMap<Vec<u8>, Vec<u8>>,
}

impl EngineActor for Engine {
    fn validate_transaction(
        &mut self,
        transaction: &[u8],
        _source: Option<&TransactionSource>,
    ) -> Result<TransactionVerdict, Status> {
        let is_even = transaction.len() % 2 == 0;
        Ok(if is_even {
            TransactionVerdict::Accept
        } else {
            TransactionVerdict::Reject
        })
    }

    fn receive_payload(
        &mut self,
        _member_key: &[u8],
        payload_hash: &[u8],
        payload: Vec<u8>,
    ) -> Result<(), Status> {
        self.payloads.insert(payload_hash.to_vec(), payload);
        Ok(())
    }

    fn provide_payload(
        &mut self,
        _member_key: &[u8],
        payload_hash: &[u8],
    ) -> Result<Vec<u8>, Status> {
        let payload = self.payloads.get(payload_hash);
        payload
            .cloned()
            .ok_or_else(|| Status::not_found("there is no such payload"))
    }

    fn told(&mut self, notice: EngineNotice) {
        println!("engine {notice:?}");
    }
}

struct Bridge;

impl BridgeActor for Bridge {
    fn federation_message(
        &mut self,
        _member_key: &[u8],
        _label: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, Status> {
        Ok(message.to_vec())
    }

    fn told(&mut self, notice: BridgeNotice) {
        println!("bridge {notice:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let option = |name: &str| {
        std::env::args()
            .skip_while(|argument| argument != name)
            .nth(1)
    };
    let connection = Connection::from_options(option)?;
    let (stop, stopped) = watch::channel(false);
    let (mut engine, mut bridge) = (Engine::default(), Bridge);
    let end = async {
        let mut rest = Vec::new();
        let _ = tokio::io::stdin().read_to_end(&mut rest).await;
        let _ = stop.send(true);
    };
    let (engine, bridge, ()) = tokio::join!(
        attach_engine(&mut engine, &connection, stopped.clone()),
        attach_bridge(&mut bridge, &connection, stopped.clone()),
        end,
    );
    engine.and(bridge)
}
