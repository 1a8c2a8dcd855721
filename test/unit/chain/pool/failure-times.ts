/** Times by which a test tells failing-worker.ts how to fail; all later than any block of the tests. */
export const FAILURE = {
  DIE_ONCE: 1_800_000_000_001,
  DIE_ALWAYS: 1_800_000_000_002,
  THROW_ONCE: 1_800_000_000_003,
  HANG_ONCE: 1_800_000_000_004,
} as const;
