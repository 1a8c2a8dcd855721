/** `alysctl init`: makes all that a node needs to start, of a network that there is or of a new one. Needs no node. */

import { type Command, Option } from "commander";
import { failure } from "../kernel/errors.ts";
import { MEMBERS_MAX } from "./bounds.ts";
import type { InitOptions } from "./init/options.ts";
import { parseWhole } from "./options.ts";
import type { Run } from "./session.ts";

const PORT_MAX = 65_535;

export function addInitCommand(program: Command, run: Run): void {
  program
    .command("init")
    .description("make a node's folder: configuration, identity, keys; join a network, or found one")
    .requiredOption("--dir <path>", "folder to make; it must be new or empty")
    .option("--network <folder>", "join: folder with the network's chain.json, proofs.json and peers.txt")
    .option("--bootstrap <address...>", "join: multiaddrs of peers to dial first, beside those of peers.txt")
    .option("--authority", "join: make an authority key too, and its proof of possession")
    .option("--new", "found a federation: a folder a member, ready to be copied to its machine")
    .addOption(
      new Option("--members <number>", "with --new: how many")
        .argParser(parseWhole(1, MEMBERS_MAX))
        .default(3),
    )
    .option(
      "--host <name...>",
      "with --new: address or name by which the others reach each member; without it all run on this machine",
    )
    .addOption(
      new Option("--port <number>", "of TCP and QUIC; on one machine the first of several")
        .argParser(parseWhole(1, PORT_MAX))
        .default(55_444),
    )
    .addOption(
      new Option("--control-port <number>", "of the control plane on loopback; on one machine the first")
        .argParser(parseWhole(1, PORT_MAX))
        .default(50_051),
    )
    .action((options: InitOptions) =>
      run(async (session) => {
        if ((options.new === true) === (options.network !== undefined)) {
          const text = "give either --network FOLDER, to join a network, or --new, to found one";
          throw failure("INVALID_ARGUMENT", "BAD_FIELD", text, { field: "network" });
        }
        if (options.new === true) await (await import("./init/found.ts")).found(session, options);
        else await (await import("./init/join.ts")).join(session, options);
      }),
    );
}
