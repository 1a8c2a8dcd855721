/**
 * What memory.ts keeps: the durable content of a simulated disk and the effect of each write on it, in maps. No time and no
 * promises here.
 */
import { assertNever, type Failure, failure } from "../kernel/errors.ts";
import { HASH_LENGTH, SIDE_BLOCKS_MAX, SIDE_BYTES_MAX, type SideBlock } from "./port.ts";
import {
  type BatchWrite,
  countOf,
  type Entries,
  type Extent,
  META_TABLE,
  misfit,
  TRUNCATE_BLOCKS_MAX,
  type WriteRequest,
} from "./writes.ts";

/** What a write gave: a number (of deleted blocks), and the buffer of a batch. */
export interface MemoryReply {
  readonly value: number;
  readonly bytes: Uint8Array | undefined;
}

export class MemoryChain {
  readonly #records = new Map<number, Uint8Array>();
  readonly #hashes = new Map<number, Uint8Array>();
  readonly #heights = new Map<string, number>();
  readonly #side = new Map<string, SideBlock>();
  readonly #tables = new Map<string, Map<string, Uint8Array>>();
  #base = 0;
  #head = 0;
  #sideBytes = 0;
  #bytes = 0;

  get extent(): Extent {
    return { base: this.#base, head: this.#head, sideBlocks: this.#side.size, sideBytes: this.#sideBytes };
  }

  /** Bytes of all records. */
  get bytes(): number {
    return this.#bytes + this.#sideBytes;
  }

  /** Carries out a write whole, or refuses it and changes nothing. */
  apply(request: WriteRequest): MemoryReply | Failure {
    const refusal = misfit(request, this.extent);
    if (refusal !== undefined) return refusal;
    switch (request.kind) {
      case "append":
      case "prepend":
        this.#putBatch(request.batch);
        return { value: 0, bytes: request.batch.bytes };
      case "replace":
        this.#moveAside(request.above, request.batch);
        this.#putBatch(request.batch);
        return { value: 0, bytes: request.batch.bytes };
      case "truncate":
        return { value: this.#truncate(request.above), bytes: undefined };
      case "putSide":
        this.#putSide(request);
        return { value: 0, bytes: undefined };
      case "pruneSide":
        return { value: this.#pruneSide(request.below), bytes: undefined };
      case "entries":
        this.#putEntries(request.table, request.entries);
        return { value: 0, bytes: undefined };
      default:
        return assertNever(request);
    }
  }

  /** Leaves half a batch: all records but the last, without head and hashes. */
  tear(batch: BatchWrite): void {
    const count = Math.min(countOf(batch), Math.max(1, countOf(batch) - 1));
    for (let i = 0; i < count; i++) this.#putRecord(batch.firstHeight + i, recordOf(batch, i));
  }

  record(height: number): Uint8Array | undefined {
    return this.#isStored(height) ? this.#records.get(height) : undefined;
  }

  hashAt(height: number): Uint8Array | undefined {
    return this.#isStored(height) ? this.#hashes.get(height) : undefined;
  }

  heightOf(hash: Uint8Array): number | undefined {
    return this.#heights.get(textOf(hash));
  }

  side(hash: Uint8Array): SideBlock | undefined {
    return this.#side.get(textOf(hash));
  }

  sideBlocksAt(height: number): SideBlock[] {
    return this.#sideAscending().filter((side) => side.height === height);
  }

  entry(table: string, key: string): Uint8Array | undefined {
    return this.#tables.get(table)?.get(key);
  }

  entries(table: string): [string, Uint8Array][] {
    const entries = Array.from(this.#tables.get(table) ?? [], ([key, value]): [string, Uint8Array] => [
      key,
      value.slice(),
    ]);
    return entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  verify(depth: number): void {
    const damaged = (what: string) => failure("DATA_LOSS", "DATABASE_CORRUPT", `simulated disk: ${what}`);
    if (this.#records.has(this.#head + 1)) throw damaged(`a block lies above the head ${this.#head}`);
    for (let height = this.#head; height >= Math.max(1, this.#base, this.#head - depth + 1); height--) {
      const hash = this.#hashes.get(height);
      const isSound = this.#records.has(height) && hash !== undefined && this.heightOf(hash) === height;
      if (!isSound) throw damaged(`block ${height} is not whole`);
    }
  }

  #isStored(height: number): boolean {
    return this.#head !== 0 && height >= this.#base && height <= this.#head;
  }

  #putBatch(batch: BatchWrite): void {
    const { firstHeight, parentRecord, meta } = batch;
    const count = countOf(batch);
    if (parentRecord !== undefined) this.#putRecord(firstHeight - 1, parentRecord);
    for (let i = 0; i < count; i++) {
      const hash = batch.hashes.slice(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
      this.#putRecord(firstHeight + i, recordOf(batch, i));
      this.#hashes.set(firstHeight + i, hash);
      this.#heights.set(textOf(hash), firstHeight + i);
    }
    this.#putEntries(META_TABLE, meta);
    if (count === 0) return;
    this.#base = this.#head === 0 ? firstHeight : Math.min(this.#base, firstHeight);
    this.#head = Math.max(this.#head, firstHeight + count - 1);
  }

  #putRecord(height: number, record: Uint8Array): void {
    this.#bytes += record.length - (this.#records.get(height)?.length ?? 0);
    this.#records.set(height, record);
  }

  #remove(height: number): void {
    const hash = this.#hashes.get(height);
    if (hash !== undefined) this.#heights.delete(textOf(hash));
    this.#bytes -= this.#records.get(height)?.length ?? 0;
    this.#records.delete(height);
    this.#hashes.delete(height);
  }

  #moveAside(above: number, batch: BatchWrite): void {
    for (let height = this.#head; height > above; height--) {
      const bytes = this.#records.get(height);
      const hash = this.#hashes.get(height);
      this.#remove(height);
      if (bytes !== undefined && hash !== undefined) this.#putSide({ hash, height, bytes });
    }
    this.#lowerHead(above);
    for (let at = 0; at < batch.hashes.length; at += HASH_LENGTH) {
      this.#removeSide(batch.hashes.subarray(at, at + HASH_LENGTH));
    }
    for (const { hash } of this.#sideAscending()) {
      if (this.#side.size <= SIDE_BLOCKS_MAX && this.#sideBytes <= SIDE_BYTES_MAX) return;
      this.#removeSide(hash);
    }
  }

  #truncate(above: number): number {
    const head = this.#head;
    if (head === 0 || above >= head) return 0;
    const lowest = Math.max(above + 1, this.#base, head - TRUNCATE_BLOCKS_MAX + 1);
    for (let height = head; height >= lowest; height--) this.#remove(height);
    this.#lowerHead(lowest - 1);
    return head - lowest + 1;
  }

  #lowerHead(head: number): void {
    this.#head = head < this.#base ? 0 : head;
    if (this.#head === 0) this.#base = 0;
  }

  #putSide({ hash, height, bytes }: SideBlock): void {
    this.#removeSide(hash);
    this.#side.set(textOf(hash), { hash, height, bytes });
    this.#sideBytes += bytes.length;
  }

  #removeSide(hash: Uint8Array): void {
    this.#sideBytes -= this.#side.get(textOf(hash))?.bytes.length ?? 0;
    this.#side.delete(textOf(hash));
  }

  #pruneSide(below: number): number {
    const gone = this.#sideAscending().filter(({ height }) => height < below);
    for (const { hash } of gone) this.#removeSide(hash);
    return gone.length;
  }

  #sideAscending(): SideBlock[] {
    return [...this.#side.values()].sort((a, b) => a.height - b.height || Buffer.compare(a.hash, b.hash));
  }

  #putEntries(name: string, entries: Entries): void {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(name, table);
    }
    for (const [key, value] of entries) {
      if (value === undefined) table.delete(key);
      else table.set(key, value);
    }
  }
}

function recordOf(batch: BatchWrite, i: number): Uint8Array {
  return batch.bytes.slice(batch.offsets[i], batch.offsets[i + 1]);
}

function textOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("latin1");
}
