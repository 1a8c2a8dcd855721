/** schemaHash: what tells two versions of proto/ apart whose messages, services or options differ; comments do not. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";

/** In hex: SHA-256 over buf's image of proto/alys with its imports, which a release of buf may write otherwise. */
export function schemaHash(root: string): string {
  const args = ["build", "--exclude-source-info", "--path", "proto/alys", "-o", "-"];
  const image = execFileSync(join(root, "node_modules/.bin/buf"), args, {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  return createHash("sha256").update(image).digest("hex");
}
