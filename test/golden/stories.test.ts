/**
 * Every golden story, run and compared with what is committed. `UPDATE_GOLDEN=1 npm test -- test/golden` writes them anew: a
 * change of the machine's behaviour is then read as a change of text.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Story } from "./story.ts";

const FOLDER = import.meta.dirname;

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
  test(`golden story: ${name.slice(0, -4)}`, async () => {
    const path = join(FOLDER, name);
    const committed = readFileSync(path, "utf8");
    const told = await new Story().run(committed);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, told);
    else
      assert.equal(
        told,
        committed,
        `the story goes otherwise; if that is meant: UPDATE_GOLDEN=1 npm test -- test/golden`,
      );
  });
}
