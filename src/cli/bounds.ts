/** Bounds of what several commands take. Pure. */

/** Members of a federation: a chain knows no more authorities (AUTHORITIES_MAX, which would bring its hashing along). */
export const MEMBERS_MAX = 15;

/** A seed is 32 bits. */
export const SEED_MAX = 2 ** 32 - 1;
