//! A ChainActor that imports blocks to its own store:
//! import_blocks --address HOST:PORT --store FOLDER --until HEIGHT [--delay-ms MS]
//!     [--token-file FILE] [--ca FILE [--cert FILE --key FILE]]

use std::path::Path;
use std::time::Duration;

use alys_attach::proto::integration::v1::ImportVerdict;
use alys_attach::store::{BlockStore, Put};
use alys_attach::{attach_chain, ChainActor, Connection, Problem};
use tokio::sync::watch;
use tonic::Status;

struct Importer {
    store: BlockStore,
    until: usize,
    delay: Duration,
    stop: watch::Sender<bool>,
}

impl Importer {
    fn is_done(&self) -> bool {
        self.until > 0 && self.store.height() >= self.until
    }
}

impl ChainActor for Importer {
    fn last_applied(&self) -> Option<(u64, Vec<u8>)> {
        let hash = self.store.head_hash()?;
        Some((self.store.height() as u64, hash.to_vec()))
    }

    fn import_blocks(
        &mut self,
        blocks: &[Vec<u8>],
        genesis_hash: &[u8],
    ) -> Result<Vec<ImportVerdict>, Status> {
        std::thread::sleep(self.delay);
        let mut verdicts = Vec::with_capacity(blocks.len());
        for block in blocks {
            let put = self.store.put(block, genesis_hash);
            verdicts.push(match put.map_err(internal)? {
                Put::Imported => ImportVerdict::Imported,
                Put::Known => ImportVerdict::AlreadyKnown,
                Put::UnknownParent => ImportVerdict::NotNow,
            });
        }
        self.store.flush().map_err(internal)?;
        if self.is_done() {
            // Leaves after this answer is on its way.
            let stop = self.stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = stop.send(true);
            });
        }
        Ok(verdicts)
    }
}

fn internal(problem: std::io::Error) -> Status {
    Status::internal(problem.to_string())
}

fn option(name: &str) -> Option<String> {
    std::env::args()
        .skip_while(|argument| argument != name)
        .nth(1)
}

fn number<T: std::str::FromStr>(name: &str, fallback: T) -> Result<T, T::Err> {
    option(name).map_or(Ok(fallback), |text| text.parse())
}

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let (stop, stopped) = watch::channel(false);
    let mut importer = Importer {
        store: BlockStore::open(Path::new(
            option("--store").as_deref().unwrap_or("./blocks"),
        ))?,
        until: number("--until", 0)?,
        delay: Duration::from_millis(number("--delay-ms", 0)?),
        stop,
    };
    if !importer.is_done() {
        attach_chain(&mut importer, &Connection::from_options(option)?, stopped).await?;
    }
    let hash: String = importer
        .store
        .head_hash()
        .iter()
        .flatten()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!(
        "{{\"height\": {}, \"hash\": \"{hash}\"}}",
        importer.store.height()
    );
    Ok(())
}
