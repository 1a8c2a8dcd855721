/** The services that a control listener serves, in the order in which one reads about them, and their methods by name. */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  BridgeService,
  ChainService,
  EngineService,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import { NetworkService } from "../../../gen/alys/network/v1/network_pb.ts";
import { NodeService } from "../../../gen/alys/node/v1/node_pb.ts";
import { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerService } from "../../../gen/alys/producer/v1/producer_pb.ts";
import { SupervisorService } from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { type Failure, failure } from "../../kernel/errors.ts";

/** Ours: each has policies, and comments in proto/alys. */
export const ALYS_SERVICES: readonly DescService[] = [
  NodeService,
  SyncService,
  NetworkService,
  PeerService,
  ProducerService,
  SupervisorService,
  ChainService,
  EngineService,
  BridgeService,
];

/** Everything that `alysctl call` can call. */
export const SERVICES: readonly DescService[] = [...ALYS_SERVICES, Health];

/** "alys.sync.v1.SyncService/GetBlock", as gRPC names it. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** By full or short name of the service, and the method's name in either spelling. */
export function findMethod(name: string): DescMethod | Failure {
  const [serviceName = "", methodName = ""] = name.split("/");
  const service = SERVICES.find(
    (one) => one.typeName === serviceName || one.name.toLowerCase() === serviceName.toLowerCase(),
  );
  if (service === undefined) {
    const known = SERVICES.map((one) => one.name).join(", ");
    return failure("INVALID_ARGUMENT", "UNKNOWN_SERVICE", `there is no service ${serviceName}, but ${known}`);
  }
  const method = service.methods.find((one) => one.name === methodName || one.localName === methodName);
  if (method !== undefined) return method;
  const known = service.methods.map((one) => one.name).join(", ");
  const text = `${service.name} has no method ${methodName}, but ${known}`;
  return failure("INVALID_ARGUMENT", "UNKNOWN_METHOD", text);
}
