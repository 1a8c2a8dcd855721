/**
 * The named points of checkpoints and recovery on the real disk at which a process is killed: each call that changes the
 * database or a checkpoint's file, once when it has been made and once when it is answered. A call that is added to
 * recovery belongs here.
 */

export const MOMENTS = ["made", "answered"] as const;

/** What is done, and the calls of it in their order; a number tells the second of the same name apart. */
export const POINTS = {
  CREATE: ["shelf.write 1", "shelf.remove 1"],
  FAST: [
    "store.writeMeta 1",
    "store.pruneSide 1",
    "store.truncateAbove 1",
    "store.append 1",
    "store.prepend 1",
    "store.prepend 2",
    "store.writeMeta 2",
  ],
  SAFE: [
    "store.writeMeta 1",
    "store.pruneSide 1",
    "store.truncateAbove 1",
    "store.append 1",
    "store.prepend 1",
    "store.prepend 2",
    "store.writeMeta 2",
  ],
  MINIMAL: ["store.writeMeta 1", "store.pruneSide 1", "store.truncateAbove 1", "store.writeMeta 2"],
  FULL: ["store.writeMeta 1", "store.pruneSide 1", "store.truncateAbove 1", "store.writeMeta 2"],
} as const;

export type Deed = keyof typeof POINTS;

/** Height of the checkpoint that is recovered from, and of the one that is made. */
export const RECOVERED_HEIGHT = 150;
export const CREATED_HEIGHT = 200;
