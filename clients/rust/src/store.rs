//! The example's own store: one file of blocks, each behind its length (4 bytes, little endian). Appends are flushed before
//! they are answered; a torn end is cut off when the file is opened; a reorganization truncates.

use std::collections::HashMap;
use std::fs::{create_dir_all, read, File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

const HEADER_LENGTH: usize = 184;

pub type Hash = [u8; 32];

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Imported,
    Known,
    UnknownParent,
}

/// hash_tree_root of the header: a Merkle tree over its eight fields, numbers padded to 32 bytes.
pub fn block_hash(block: &[u8]) -> Hash {
    let mut level = [[0u8; 32]; 8];
    level[0].copy_from_slice(&block[0..32]);
    for (index, at) in [32, 40, 48].into_iter().enumerate() {
        level[1 + index][..8].copy_from_slice(&block[at..at + 8]);
    }
    for (index, at) in [56, 88, 120, 152].into_iter().enumerate() {
        level[4 + index].copy_from_slice(&block[at..at + 32]);
    }
    for width in [4, 2, 1] {
        for index in 0..width {
            let pair = [level[2 * index], level[2 * index + 1]].concat();
            level[index] = Sha256::digest(pair).into();
        }
    }
    level[0]
}

/// Blocks in the order of their heights.
pub struct BlockStore {
    file: File,
    /// Entry i is the block of height i + 1: its hash, and where it ends in the file.
    entries: Vec<(Hash, u64)>,
    heights: HashMap<Hash, usize>,
}

impl BlockStore {
    /// Opens the store in a folder, which is made if need be.
    pub fn open(folder: &Path) -> Result<Self> {
        create_dir_all(folder)?;
        let path = folder.join("blocks.dat");
        let data = match read(&path) {
            Err(problem) if problem.kind() == ErrorKind::NotFound => Vec::new(),
            data => data?,
        };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let mut store = BlockStore {
            file,
            entries: Vec::new(),
            heights: HashMap::new(),
        };
        let mut at = 0;
        while let Some(length) = data.get(at..at + 4) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let Some(block) = data.get(at + 4..at + 4 + length) else {
                break;
            };
            at += 4 + length;
            store.note(block_hash(block), at as u64);
        }
        store.file.set_len(store.end())?;
        Ok(store)
    }

    /// Height of the newest block; 0 in an empty store.
    pub fn height(&self) -> usize {
        self.entries.len()
    }

    pub fn head_hash(&self) -> Option<Hash> {
        self.entries.last().map(|(hash, _)| *hash)
    }

    /// Takes a block. One on an earlier block than the head replaces what is above it. `flush` before answering.
    pub fn put(&mut self, block: &[u8], genesis_hash: &[u8]) -> Result<Put> {
        if block.len() < HEADER_LENGTH {
            return Ok(Put::UnknownParent);
        }
        let own = block_hash(block);
        if self.heights.contains_key(&own) {
            return Ok(Put::Known);
        }
        let below = match self.heights.get(&block[..32]) {
            Some(height) => *height,
            None if &block[..32] == genesis_hash => 0,
            None => return Ok(Put::UnknownParent),
        };
        if below < self.height() {
            self.truncate(below)?;
        }
        let mut record = (block.len() as u32).to_le_bytes().to_vec();
        record.extend_from_slice(block);
        self.file.write_all(&record)?;
        self.note(own, self.end() + record.len() as u64);
        Ok(Put::Imported)
    }

    /// Makes what was put durable.
    pub fn flush(&self) -> Result<()> {
        self.file.sync_data()
    }

    fn end(&self) -> u64 {
        self.entries.last().map_or(0, |(_, end)| *end)
    }

    fn note(&mut self, hash: Hash, end: u64) {
        self.entries.push((hash, end));
        self.heights.insert(hash, self.entries.len());
    }

    fn truncate(&mut self, height: usize) -> Result<()> {
        for (gone, _) in self.entries.drain(height..) {
            self.heights.remove(&gone);
        }
        self.file.set_len(self.end())
    }
}
