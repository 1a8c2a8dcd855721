//! Generates the messages and the client from `proto/` of this repository, without protoc.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("ALYS_PROTO").unwrap_or_else(|_| "../../proto".into()));
    let file = "alys/integration/v1/integration.proto";
    println!("cargo:rerun-if-changed={}", root.join(file).display());
    let descriptors = protox::compile([file], [&root])?;
    tonic_build::configure()
        .build_server(false)
        .compile_fds(descriptors)?;
    Ok(())
}
