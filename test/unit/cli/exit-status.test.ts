/** How alysctl ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFailure, EXIT_STATUS_HELP, exitStatusOf } from "../../../src/cli/exit-status.ts";
import { failure, type StatusCode } from "../../../src/kernel/errors.ts";

test("exit statuses follow the numbers of gRPC", () => {
  assert.equal(exitStatusOf("CANCELLED"), 11);
  assert.equal(exitStatusOf("NOT_FOUND"), 15);
  assert.equal(exitStatusOf("UNAVAILABLE"), 24);
  assert.equal(exitStatusOf("UNAUTHENTICATED"), 26);
});

test("the help tells every status", () => {
  const codes: StatusCode[] = [
    ...([
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
    ] as const),
    ...([
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
    ] as const),
    ...(["UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"] as const),
  ];
  for (const code of codes) assert.ok(EXIT_STATUS_HELP.includes(`${exitStatusOf(code)} ${code}`), code);
});

test("a failure is one line with reason and details, and no terminal codes", () => {
  const failed = failure("NOT_FOUND", "NO_BLOCK", "there is\nno block\u001b[31m", {
    field: "height",
    retryDelayMs: 2_000,
    metadata: { correlation_id: "ab-1" },
  });
  assert.equal(
    describeFailure(failed),
    "NOT_FOUND/NO_BLOCK: there is no block\\u001b[31m (field: height; retry in 2 s; correlation id: ab-1)",
  );
  assert.equal(describeFailure(failure("UNKNOWN", "UNKNOWN", "what")), "UNKNOWN: what");
});
