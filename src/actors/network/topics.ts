/**
 * The NetworkActor's streams: events for clients, and the gossip and federation messages that wait for actors above.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  NetworkInternalService,
  NetworkService,
  type NetworkStatusSchema,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { Topic } from "../../kernel/stream/topic.ts";

/** Gossip that waits for its readers: 16 of the largest blocks; past it the newest win and the rest are ignored. */
const GOSSIP_BYTES_MAX = 32 * 1024 * 1024;

/** Members are at most 15 and a message each is on its way at a time. */
const FEDERATION_MESSAGES_MAX = 64;

export class NetworkTopics {
  readonly events: Topic<typeof NetworkService.method.watchNetworkEvents>;
  readonly gossip: Topic<typeof NetworkInternalService.method.watchGossip>;
  readonly federation: Topic<typeof NetworkInternalService.method.watchFederation>;

  constructor(status: () => MessageInitShape<typeof NetworkStatusSchema>) {
    this.events = new Topic(NetworkService.method.watchNetworkEvents, {
      snapshot: () => ({ event: { case: "snapshot", value: status() } }),
    });
    this.gossip = new Topic(NetworkInternalService.method.watchGossip, {
      snapshot: () => ({ event: { case: "snapshot", value: {} } }),
      afterSkip: "changes",
      bytesMax: GOSSIP_BYTES_MAX,
      retainedMax: 0,
      sizeOf: (change) => (change.event.case === "message" ? change.event.value.payload.length : 0),
    });
    this.federation = new Topic(NetworkInternalService.method.watchFederation, {
      snapshot: () => ({ event: { case: "snapshot", value: {} } }),
      afterSkip: "changes",
      messagesMax: FEDERATION_MESSAGES_MAX,
      bytesMax: GOSSIP_BYTES_MAX,
      retainedMax: 0,
      sizeOf: (change) => (change.event.case === "message" ? change.event.value.payload.length : 0),
    });
  }
}
