// Package store is the example's own store: one file of blocks, each behind its length (4 bytes, little endian).
//
// Appends are flushed before they are answered; a torn end is cut off when the file is opened; a reorganization truncates.
package store

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
)

// Hash of a block: 32 bytes.
type Hash = [32]byte

// Result says what became of a block.
type Result int

const (
	Imported Result = iota
	Known
	UnknownParent
)

const headerLength = 184

type entry struct {
	hash Hash
	end  int64
}

// Store keeps blocks in the order of their heights. It is for one goroutine.
type Store struct {
	file *os.File
	// Entry i is the block of height i + 1.
	entries []entry
	heights map[Hash]int
}

// BlockHash is the hash_tree_root of the header: a Merkle tree over its eight fields, numbers padded to 32 bytes.
func BlockHash(block []byte) Hash {
	var level [8]Hash
	copy(level[0][:], block[0:32])
	for i, at := range []int{32, 40, 48} {
		copy(level[1+i][:], block[at:at+8])
	}
	for i, at := range []int{56, 88, 120, 152} {
		copy(level[4+i][:], block[at:at+32])
	}
	for width := 4; width > 0; width /= 2 {
		for i := range width {
			level[i] = sha256.Sum256(append(append([]byte{}, level[2*i][:]...), level[2*i+1][:]...))
		}
	}
	return level[0]
}

// Open opens the store in a folder, which is made if need be.
func Open(folder string) (*Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "blocks.dat")
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &Store{file: file, heights: map[Hash]int{}}
	for at := 0; at+4 <= len(data); {
		end := at + 4 + int(binary.LittleEndian.Uint32(data[at:]))
		if end > len(data) {
			break
		}
		s.note(BlockHash(data[at+4:end]), int64(end))
		at = end
	}
	return s, file.Truncate(s.end())
}

// Height of the newest block; 0 in an empty store.
func (s *Store) Height() int { return len(s.entries) }

// HeadHash is the hash of the newest block; nil in an empty store.
func (s *Store) HeadHash() []byte {
	if len(s.entries) == 0 {
		return nil
	}
	hash := s.entries[len(s.entries)-1].hash
	return hash[:]
}

// Put takes a block. One on an earlier block than the head replaces what is above it. Call Flush before answering.
func (s *Store) Put(block, genesisHash []byte) (Result, error) {
	if len(block) < headerLength {
		return UnknownParent, nil
	}
	own, parent := BlockHash(block), Hash(block[0:32])
	if _, isKnown := s.heights[own]; isKnown {
		return Known, nil
	}
	below, isThere := s.heights[parent]
	if !isThere && string(parent[:]) != string(genesisHash) {
		return UnknownParent, nil
	}
	if below < s.Height() {
		if err := s.truncate(below); err != nil {
			return UnknownParent, err
		}
	}
	record := binary.LittleEndian.AppendUint32(nil, uint32(len(block)))
	if _, err := s.file.Write(append(record, block...)); err != nil {
		return UnknownParent, err
	}
	s.note(own, s.end()+int64(4+len(block)))
	return Imported, nil
}

// Flush makes what was put durable.
func (s *Store) Flush() error { return s.file.Sync() }

// Close closes the file.
func (s *Store) Close() error { return s.file.Close() }

func (s *Store) end() int64 {
	if len(s.entries) == 0 {
		return 0
	}
	return s.entries[len(s.entries)-1].end
}

func (s *Store) note(hash Hash, end int64) {
	s.entries = append(s.entries, entry{hash, end})
	s.heights[hash] = len(s.entries)
}

func (s *Store) truncate(height int) error {
	for _, gone := range s.entries[height:] {
		delete(s.heights, gone.hash)
	}
	s.entries = s.entries[:height]
	return s.file.Truncate(s.end())
}
