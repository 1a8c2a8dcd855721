"""BlockStore: the example's own store, one file of blocks, each behind its length (4 bytes, little endian).

Appends are flushed before they are answered; a torn end is cut off when the file is opened; a reorganization truncates.
"""

import hashlib
import os
import struct

HEADER_LENGTH = 184


def block_hash(block: bytes) -> bytes:
    """hash_tree_root of the header: a Merkle tree over its eight fields, numbers padded to 32 bytes."""
    numbers = [block[at : at + 8] + bytes(24) for at in (32, 40, 48)]
    roots = [block[at : at + 32] for at in (56, 88, 120, 152)]
    level = [block[:32], *numbers, *roots]
    while len(level) > 1:
        level = [hashlib.sha256(level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    return level[0]


class BlockStore:
    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "blocks.dat")
        self._file = open(path, "a+b", buffering=0)
        # Entry i is the block of height i + 1: its hash, and where it ends in the file.
        self._entries: list[tuple[bytes, int]] = []
        self._heights: dict[bytes, int] = {}
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at + 4 <= len(data):
            end = at + 4 + struct.unpack_from("<I", data, at)[0]
            if end > len(data):
                break
            self._note(block_hash(data[at + 4 : end]), end)
            at = end
        self._file.truncate(self._end)

    @property
    def height(self) -> int:
        return len(self._entries)

    @property
    def head_hash(self) -> bytes:
        """Hash of the newest block; empty in an empty store."""
        return self._entries[-1][0] if self._entries else b""

    def put(self, block: bytes, genesis_hash: bytes) -> str:
        """Takes a block: "known", "imported", or "unknown parent". Call flush before answering.

        One on an earlier block than the head replaces what is above it.
        """
        if len(block) < HEADER_LENGTH:
            return "unknown parent"
        own = block_hash(block)
        if own in self._heights:
            return "known"
        below = 0 if block[:32] == genesis_hash else self._heights.get(block[:32])
        if below is None:
            return "unknown parent"
        if below < self.height:
            self._truncate(below)
        self._file.write(struct.pack("<I", len(block)) + block)
        self._note(own, self._end + 4 + len(block))
        return "imported"

    def flush(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    @property
    def _end(self) -> int:
        return self._entries[-1][1] if self._entries else 0

    def _note(self, own: bytes, end: int) -> None:
        self._entries.append((own, end))
        self._heights[own] = self.height

    def _truncate(self, height: int) -> None:
        for own, _ in self._entries[height:]:
            del self._heights[own]
        del self._entries[height:]
        self._file.truncate(self._end)
