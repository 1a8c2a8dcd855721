/** A peer below the actors: greets like an honest one, and then sends whatever bytes the test wants. */

import { create, toBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import type { OwnDelegation } from "../../../../src/actors/peer/own-delegation.ts";
import type { Identity } from "../../../../src/p2p/identity.ts";
import { MemoryHost } from "../../../../src/p2p/memory/host.ts";
import type { Protocol, RequestOptions } from "../../../../src/p2p/port.ts";
import type { Node, World } from "../peer/rig.ts";

const REQUEST: RequestOptions = {
  firstByteDeadlineMs: 5_000,
  deadlineMs: 5_000,
  responseBytesMax: 2_200_000,
  chunkBytesMax: 2_200_000,
  chunksMax: 1_024,
};

export class RawPeer {
  readonly world: World;
  readonly host: MemoryHost;
  readonly #delegation: OwnDelegation | undefined;
  /** What it answers; undefined: nothing. */
  answers = new Map<Protocol, () => readonly Uint8Array[] | undefined>();
  isAsked = 0;

  constructor(world: World, identity: Identity = world.identity(), delegation?: OwnDelegation) {
    this.world = world;
    this.#delegation = delegation;
    this.host = new MemoryHost({ identity, gate: { allows: () => true }, network: world.network });
    this.answers.set("status", () => [this.status()]);
    this.answers.set("goodbye", () => []);
    this.host.subscribe((event) => {
      if (event.type !== "request") return;
      this.isAsked++;
      const answer = this.answers.get(event.protocol)?.();
      if (answer !== undefined) this.host.respond(event.handle, answer);
    });
  }

  get id(): string {
    return this.host.peerId;
  }

  /** Opens, dials, and greets unless told not to. */
  async join(node: Node, isGreeting = true): Promise<this> {
    await this.host.open({
      genesisHash: node.chain.facts.genesisHash,
      listenAddresses: ["/memory/0"],
      bootstrapAddresses: [],
      transports: { tcp: false, quic: false },
      encryption: ["tls"],
      mdns: false,
      kadDht: false,
      privateNetwork: true,
      connectionsMax: 10,
      topics: ["blocks", "transactions"],
      protocols: ["status", "goodbye", "blocks-by-range", "checkpoint", "federation"],
    });
    await this.world.drive(this.host.dial(node.id, node.host.addresses(), { deadlineMs: 1_000 }));
    if (isGreeting) await this.ask(node, "status", this.status());
    await this.world.run(50);
    return this;
  }

  ask(node: Node, protocol: Protocol, payload: Uint8Array): Promise<readonly Uint8Array[]> {
    return this.world.drive(this.host.request(node.id, protocol, payload, REQUEST));
  }

  status(): Uint8Array {
    const { genesis } = this.world.forge;
    const status = create(StatusSchema, {
      versions: [1],
      genesisHash: genesis.hash,
      headHeader: genesis.header,
      finalHash: genesis.hash,
      delegation: this.#delegation?.delegation ?? new Uint8Array(),
      delegationSignature: this.#delegation?.signature ?? new Uint8Array(),
    });
    return toBinary(StatusSchema, status);
  }
}
