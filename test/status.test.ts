/** docs/status.md against the code: every planned method is listed with its reason, and no other. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const SERVICES: Readonly<Record<string, string>> = {
  node: "alys.node.v1.NodeService",
  peer: "alys.peer.v1.PeerService",
  network: "alys.network.v1.NetworkService",
  producer: "alys.producer.v1.ProducerService",
  supervisor: "alys.supervisor.v1.SupervisorService",
  sync: "alys.sync.v1.SyncService",
};

function plannedInCode(): Map<string, string> {
  const planned = new Map<string, string>();
  for (const path of globSync("src/actors/*/**/*.ts")) {
    const service = SERVICES[path.split("/")[2] ?? ""];
    const source = readFileSync(path, "utf8");
    for (const [, name = "", reason = ""] of source.matchAll(/(\w+): later\(\s*"([^"]+)",?\s*\)/g)) {
      planned.set(`${service}/${name.charAt(0).toUpperCase()}${name.slice(1)}`, reason);
    }
    const uses = source.match(/\blater\(/g)?.length ?? 0;
    const read = source.match(/\w+: later\(\s*"/g)?.length ?? 0;
    assert.equal(uses, read, `${path} uses later() in a form that this test does not read`);
  }
  return planned;
}

function plannedInDocument(): Map<string, string> {
  const rows = readFileSync("docs/status.md", "utf8").matchAll(/^\| `([\w./]+)` \| (.+) \|$/gm);
  return new Map([...rows].map(([, method = "", reason = ""]) => [method, reason]));
}

test("docs/status.md lists every method that answers UNIMPLEMENTED", () => {
  const listed = plannedInDocument();
  assert.deepEqual(Object.fromEntries(listed), Object.fromEntries(plannedInCode()));
});
