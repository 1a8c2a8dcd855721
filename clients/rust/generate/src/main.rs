//! Makes the messages and clients of all services from `proto/` of this repository, into `clients/rust/src/proto/`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../../../proto");
    let out = here.join("../src/proto");
    let mut files = Vec::new();
    find(&root.join("alys"), &mut files)?;
    files.sort();
    fs::create_dir_all(&out)?;
    for old in fs::read_dir(&out)? {
        fs::remove_file(old?.path())?;
    }
    tonic_build::configure()
        .build_server(false)
        .out_dir(&out)
        .include_file("mod.rs")
        .compile_fds(protox::compile(&files, [&root])?)?;
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
