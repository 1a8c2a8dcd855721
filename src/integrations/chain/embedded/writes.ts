/**
 * Writes: what is on its way to the disk, so that whoever must see all of it there can wait. Owned by the embedded chain;
 * bounded by the store, which refuses more.
 */

export class Writes {
  readonly #running = new Set<Promise<unknown>>();

  track<T>(write: Promise<T>): Promise<T> {
    const entry: Promise<unknown> = write.then(
      () => this.#running.delete(entry),
      () => this.#running.delete(entry),
    );
    this.#running.add(entry);
    return write;
  }

  /** Resolves when nothing is being written, whatever became of it. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
