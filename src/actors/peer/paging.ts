/**
 * Pages of a list that is sorted by peer id: a token is the last id of the page before. Pure.
 */

import { type Failure, failure } from "../../kernel/errors.ts";

const PAGE_SIZE_DEFAULT = 100;
/** Entries in a page; a larger page_size is refused with PAGE_SIZE. */
const PAGE_SIZE_MAX = 1000;

/** A peer id as text, which is what a token of ours is; it need not be one that still exists. */
const PAGE_TOKEN = /^[1-9A-HJ-NP-Za-km-z]{1,128}$/;

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
  readonly totalSize: number;
}

export function pageOf<T extends { readonly peerId: string }>(
  all: Iterable<T>,
  pageSize: number,
  pageToken: string,
): Page<T> | Failure {
  if (pageSize > PAGE_SIZE_MAX) {
    return failure("INVALID_ARGUMENT", "PAGE_SIZE", `page_size is at most ${PAGE_SIZE_MAX}`, {
      field: "page_size",
    });
  }
  if (pageToken !== "" && !PAGE_TOKEN.test(pageToken)) {
    return failure("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "not a page token of this list", {
      field: "page_token",
    });
  }
  const size = pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
  const sorted = [...all].sort((left, right) => (left.peerId < right.peerId ? -1 : 1));
  const rest = pageToken === "" ? sorted : sorted.filter((item) => item.peerId > pageToken);
  const items = rest.slice(0, size);
  return {
    items,
    nextPageToken: rest.length > size ? (items.at(-1)?.peerId ?? "") : "",
    totalSize: sorted.length,
  };
}
