/**
 * FileStore: a folder of a few whole files by name, as checkpoints are kept. It knows names and bytes, not what they mean.
 * Writing is atomic (files.ts). The twin in memory is for tests and the simulation.
 */
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { asError, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import { PARTIAL, writeFileAtomic } from "./files.ts";

/** Rejections are Failures: DISK_FULL, FILE_WRITE_FAILED, FILE_READ_FAILED. */
export interface FileStore {
  /** Names of the files, ascending. */
  names(): Promise<string[]>;
  /** Undefined without the file, or when it is larger than `bytesMax`. */
  read(name: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /** Replaces the file durably. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Names that files may have; others in the folder are not seen, and a path cannot be made of one. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,127}\.[a-z]{1,16}$/;

/** The folder is made with the first file; what kills left half-written in it goes then too. */
export class FolderFileStore implements FileStore {
  readonly #folder: string;
  #ready: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async names(): Promise<string[]> {
    try {
      const found = await readdir(this.#folder);
      return found.filter((name) => NAME.test(name)).sort();
    } catch (thrown) {
      if (isAbsent(thrown)) return [];
      throw failed(this.#folder, thrown);
    }
  }

  async read(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    if (!NAME.test(name)) return undefined;
    const path = join(this.#folder, name);
    try {
      if ((await stat(path)).size > bytesMax) return undefined;
      const file = await open(path, "r");
      try {
        return new Uint8Array(await file.readFile());
      } finally {
        await file.close();
      }
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw failed(path, thrown);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (!NAME.test(name)) throw failure("INVALID_ARGUMENT", "FILE_NAME", `${name} is no name of a file`);
    this.#ready ??= this.#prepare();
    await this.#ready;
    await writeFileAtomic(join(this.#folder, name), bytes);
  }

  /** Once, before this process writes its first file: after that such files are its own. */
  async #prepare(): Promise<void> {
    try {
      makeFolder(this.#folder, 0o700);
      for (const name of await readdir(this.#folder)) {
        const isLeft = name.endsWith(PARTIAL) && NAME.test(name.slice(0, -PARTIAL.length));
        if (isLeft) await rm(join(this.#folder, name), { force: true });
      }
    } catch (thrown) {
      // The next write tries again.
      this.#ready = undefined;
      throw failed(this.#folder, thrown);
    }
  }

  async remove(name: string): Promise<void> {
    if (!NAME.test(name)) return;
    const path = join(this.#folder, name);
    try {
      await rm(path, { force: true });
    } catch (thrown) {
      throw failed(path, thrown);
    }
  }
}

/** The twin; what is on it survives whoever uses it. */
export class MemoryFileStore implements FileStore {
  readonly files = new Map<string, Uint8Array>();

  async names(): Promise<string[]> {
    return [...this.files.keys()].sort();
  }

  async read(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const bytes = this.files.get(name);
    return bytes === undefined || bytes.length > bytesMax ? undefined : bytes.slice();
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes.slice());
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }
}

function isAbsent(thrown: unknown): boolean {
  const error = asError(thrown);
  return "code" in error && error.code === "ENOENT";
}

function failed(path: string, thrown: unknown) {
  return failure("INTERNAL", "FILE_READ_FAILED", `${path}: ${asError(thrown).message}`);
}
