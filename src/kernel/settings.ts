/**
 * Settings that change while a node runs: the one who owns them replaces them whole, and those who use them read the current ones
 * each time. Nothing of them is ever changed in place. Pure.
 */

/** For those who only read. */
export interface Current<T> {
  readonly current: T;
}

export interface Settings<T> extends Current<T> {
  /** Hears of each change that follows, at once and outside of any mailbox. */
  subscribe(listener: (settings: T) => void): { close(): void };
}

export class LiveSettings<T> implements Settings<T> {
  readonly #listeners = new Set<(settings: T) => void>();
  #current: T;

  constructor(initial: T) {
    this.#current = initial;
  }

  get current(): T {
    return this.#current;
  }

  replace(settings: T): void {
    this.#current = settings;
    for (const listener of this.#listeners) listener(settings);
  }

  subscribe(listener: (settings: T) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }
}
