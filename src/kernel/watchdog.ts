/**
 * The port that notices a thread that stands still: each cell says when a turn begins and ends. The implementation
 * that watches from another thread is handed in by the composition root; this one does nothing.
 */

export interface Watchdog {
  /** A turn of this actor begins on this thread. */
  enter(actor: string): void;
  /** It ended. */
  leave(): void;
}

export const noWatchdog: Watchdog = {
  enter: () => {},
  leave: () => {},
};
