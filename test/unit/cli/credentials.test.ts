/** Files with secrets that alysctl reads, and what it says of those that are none. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readCredentials } from "../../../src/cli/credentials.ts";
import type { Failure } from "../../../src/kernel/errors.ts";

test("readCredentials() takes one line, and names a file with anything else without its content", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-credentials-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokenFile = join(folder, "token");
  const write = (content: string): void => writeFileSync(tokenFile, content, { mode: 0o600 });
  write("SECRET\n");
  assert.equal(readCredentials({ tokenFile }).token, "SECRET");
  for (const content of ["SECRET\nx\n", "# mine\nSECRET\n", "SECRETé", "a\tSECRET", "", "\n"]) {
    write(content);
    assert.throws(
      () => readCredentials({ tokenFile }),
      (thrown: Failure) =>
        thrown.reason === "TOKEN_FILE" &&
        thrown.message.includes(tokenFile) &&
        !thrown.message.includes("SECRET"),
      JSON.stringify(content),
    );
  }
});
