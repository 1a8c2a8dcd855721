/** A node as its users run it, in a process of its own, reached by TLS. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { alysctl, tlsFiles } from "./secured-world.ts";

/** Starts it; with the test it ends. `open` counts its descriptors, where there is a /proc. */
export async function startTlsNode(t: TestContext, descriptors = 4_096) {
  const { dir } = await tlsFiles(t);
  const data = join(dir, "..", "data");
  const forged = await alysctl("chain", "forge", "--blocks", "2", "--out", data);
  assert.equal(forged.status, 0, forged.err);
  const config = join(dir, "..", "node.toml");
  writeFileSync(
    config,
    `[storage]
data_directory = "${data}"
[chain]
specification_file = "${data}/chain.json"
proofs_file = "${data}/proofs.json"
[network]
listen_addresses = ["/ip4/127.0.0.1/tcp/0"]
private_network = true
[network.discovery]
kademlia = false
[control]
listen_address = ""
[control.tls]
listen_address = "127.0.0.1:0"
certificate_file = "${dir}/server.crt"
key_file = "${dir}/server.key"
`,
  );
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const node = spawn(
    "sh",
    ["-c", `ulimit -n ${descriptors}; exec "$0" "$@"`, process.execPath, main, "--config", config],
    {
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
  t.after(async () => {
    const exited = once(node, "exit");
    node.kill("SIGTERM");
    await exited;
  });
  let address = "";
  const lines: string[] = [];
  const up = new Promise<void>((resolve, reject) => {
    createInterface({ input: node.stderr }).on("line", (line) => {
      lines.push(line);
      address ||= /"tlsAddress":"([^"]+)"/.exec(line)?.[1] ?? "";
      if (line.includes("node is up")) resolve();
    });
    node.once("exit", () => reject(new Error(`it did not start:\n${lines.join("\n")}`)));
  });
  await up;
  const token = readFileSync(join(data, "control", "admin.token"), "utf8").trim();
  const open = (): number => readdirSync(`/proc/${node.pid}/fd`).length;
  return { address, token, dir, data, lines, open };
}
