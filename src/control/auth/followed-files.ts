/**
 * FollowedFiles: tells when one of some files is another one than before. By asking, since watching by the operating
 * system misses renames on some file systems. Owned by whoever reads the files.
 */
import { statSync } from "node:fs";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";

/** A changed file is noticed within this time. */
const POLL_MS = 2_000;

export class FollowedFiles {
  readonly #files: readonly string[];
  readonly #clock: Clock;
  readonly #changed: () => void;
  #seen: string;
  #timer: TimerHandle | undefined;

  /** `changed` is called from now on; one change is told once, whatever comes of it. */
  constructor(files: readonly string[], clock: Clock, changed: () => void) {
    this.#files = files;
    this.#clock = clock;
    this.#changed = changed;
    this.#seen = versionsOf(files);
    this.#poll();
  }

  /** Looks now. */
  refresh(): void {
    const versions = versionsOf(this.#files);
    if (versions === this.#seen) return;
    this.#seen = versions;
    this.#changed();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #poll(): void {
    this.#timer = this.#clock.setTimer(POLL_MS, () => {
      this.refresh();
      this.#poll();
    });
  }
}

function versionsOf(files: readonly string[]): string {
  return files.map(versionOf).join(" ");
}

/** Changes with the content, the rights and the owner (which move the ctime), and with the reason why it cannot be seen. */
function versionOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? "unreadable";
  }
}
