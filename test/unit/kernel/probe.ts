/**
 * A protocol of the kernel's own tests: each lane, a droppable method, a topic, a transfer, an internal service, and one
 * without a policy. Made once by protoc-gen-es (target=ts, erasable_syntax=true) from the source in `probe.proto` beside
 * it, with the comments taken out, so that the kernel's tests change with no service of the product.
 */

import type { Message } from "@bufbuild/protobuf";
import type { GenFile, GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import { fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import { file_alys_actor_v1_options } from "../../../gen/alys/actor/v1/options_pb.ts";
import type { Heartbeat, Position, Skipped } from "../../../gen/alys/actor/v1/stream_pb.ts";
import { file_alys_actor_v1_stream } from "../../../gen/alys/actor/v1/stream_pb.ts";

export const file_probe_v1_probe: GenFile = fileDesc(
  [
    "ChRwcm9iZS92MS9wcm9iZS5wcm90bxIIcHJvYmUudjEiHwoOQ29udHJvbFJlcXVlc3QSDQoFb3JkZXIYASABKAkiIQoPQ29u",
    "dHJvbFJlc3BvbnNlEg4KBnJlc3VsdBgBIAEoCSIiChBDb25zZW5zdXNSZXF1ZXN0Eg4KBmhlaWdodBgBIAEoBCIkChFDb25z",
    "ZW5zdXNSZXNwb25zZRIPCgdhbGxvd2VkGAEgASgIIh4KDU5vcm1hbFJlcXVlc3QSDQoFdmFsdWUYASABKA0iHwoOTm9ybWFs",
    "UmVzcG9uc2USDQoFdmFsdWUYASABKA0iHgoLQnVsa1JlcXVlc3QSDwoHcGF5bG9hZBgBIAEoDCIeCgxCdWxrUmVzcG9uc2US",
    "DgoGbGVuZ3RoGAEgASgNIi8KDExvc3N5UmVxdWVzdBIPCgdwYXlsb2FkGAEgASgMEg4KBm51bWJlchgCIAEoDSIPCg1Mb3Nz",
    "eVJlc3BvbnNlIg0KC1Bva2VSZXF1ZXN0Ig4KDFBva2VSZXNwb25zZSINCgtCYXJlUmVxdWVzdCIOCgxCYXJlUmVzcG9uc2Ui",
    "OgoRV2F0Y2hDb3VudFJlcXVlc3QSFAoMcmVzdW1lX3Rva2VuGAEgASgJEg8KB21vZHVsdXMYAiABKA0iFgoFQ291bnQSDQoF",
    "dmFsdWUYASABKA0i6wEKEldhdGNoQ291bnRSZXNwb25zZRIpCghwb3NpdGlvbhgBIAEoCzIXLmFseXMuYWN0b3IudjEuUG9z",
    "aXRpb24SIwoIc25hcHNob3QYAiABKAsyDy5wcm9iZS52MS5Db3VudEgAEiIKB2NoYW5nZWQYAyABKAsyDy5wcm9iZS52MS5D",
    "b3VudEgAEi0KCWhlYXJ0YmVhdBgEIAEoCzIYLmFseXMuYWN0b3IudjEuSGVhcnRiZWF0SAASKQoHc2tpcHBlZBgFIAEoCzIW",
    "LmFseXMuYWN0b3IudjEuU2tpcHBlZEgAQgcKBWV2ZW50IiMKEVJlYWRDaHVua3NSZXF1ZXN0Eg4KBmNodW5rcxgBIAEoDSIz",
    "ChJSZWFkQ2h1bmtzUmVzcG9uc2USDgoGbnVtYmVyGAEgASgNEg0KBWNodW5rGAIgASgMMp8ECgxQcm9iZVNlcnZpY2USSQoH",
    "Q29udHJvbBIYLnByb2JlLnYxLkNvbnRyb2xSZXF1ZXN0GhkucHJvYmUudjEuQ29udHJvbFJlc3BvbnNlIgmKtRgFCAEQ6AcS",
    "TwoJQ29uc2Vuc3VzEhoucHJvYmUudjEuQ29uc2Vuc3VzUmVxdWVzdBobLnByb2JlLnYxLkNvbnNlbnN1c1Jlc3BvbnNlIgmK",
    "tRgFCAIQ9AMSRgoGTm9ybWFsEhcucHJvYmUudjEuTm9ybWFsUmVxdWVzdBoYLnByb2JlLnYxLk5vcm1hbFJlc3BvbnNlIgmK",
    "tRgFCAMQ0A8SQAoEQnVsaxIVLnByb2JlLnYxLkJ1bGtSZXF1ZXN0GhYucHJvYmUudjEuQnVsa1Jlc3BvbnNlIgmKtRgFCAQQ",
    "iCcSRQoFTG9zc3kSFi5wcm9iZS52MS5Mb3NzeVJlcXVlc3QaFy5wcm9iZS52MS5Mb3NzeVJlc3BvbnNlIguKtRgHCAQQiCcg",
    "ARJPCgpXYXRjaENvdW50EhsucHJvYmUudjEuV2F0Y2hDb3VudFJlcXVlc3QaHC5wcm9iZS52MS5XYXRjaENvdW50UmVzcG9u",
    "c2UiBIq1GAAwARJRCgpSZWFkQ2h1bmtzEhsucHJvYmUudjEuUmVhZENodW5rc1JlcXVlc3QaHC5wcm9iZS52MS5SZWFkQ2h1",
    "bmtzUmVzcG9uc2UiBoq1GAIoATABMlgKFFByb2JlSW50ZXJuYWxTZXJ2aWNlEkAKBFBva2USFS5wcm9iZS52MS5Qb2tlUmVx",
    "dWVzdBoWLnByb2JlLnYxLlBva2VSZXNwb25zZSIJirUYBQgDEOgHMkQKC0JhcmVTZXJ2aWNlEjUKBEJhcmUSFS5wcm9iZS52",
    "MS5CYXJlUmVxdWVzdBoWLnByb2JlLnYxLkJhcmVSZXNwb25zZWIGcHJvdG8z",
  ].join(""),
  [file_alys_actor_v1_options, file_alys_actor_v1_stream],
);

export type ControlRequest = Message<"probe.v1.ControlRequest"> & {
  order: string;
};

export const ControlRequestSchema: GenMessage<ControlRequest> = messageDesc(file_probe_v1_probe, 0);

export type ControlResponse = Message<"probe.v1.ControlResponse"> & {
  result: string;
};

export const ControlResponseSchema: GenMessage<ControlResponse> = messageDesc(file_probe_v1_probe, 1);

export type ConsensusRequest = Message<"probe.v1.ConsensusRequest"> & {
  height: bigint;
};

export const ConsensusRequestSchema: GenMessage<ConsensusRequest> = messageDesc(file_probe_v1_probe, 2);

export type ConsensusResponse = Message<"probe.v1.ConsensusResponse"> & {
  allowed: boolean;
};

export const ConsensusResponseSchema: GenMessage<ConsensusResponse> = messageDesc(file_probe_v1_probe, 3);

export type NormalRequest = Message<"probe.v1.NormalRequest"> & {
  value: number;
};

export const NormalRequestSchema: GenMessage<NormalRequest> = messageDesc(file_probe_v1_probe, 4);

export type NormalResponse = Message<"probe.v1.NormalResponse"> & {
  value: number;
};

export const NormalResponseSchema: GenMessage<NormalResponse> = messageDesc(file_probe_v1_probe, 5);

export type BulkRequest = Message<"probe.v1.BulkRequest"> & {
  payload: Uint8Array;
};

export const BulkRequestSchema: GenMessage<BulkRequest> = messageDesc(file_probe_v1_probe, 6);

export type BulkResponse = Message<"probe.v1.BulkResponse"> & {
  length: number;
};

export const BulkResponseSchema: GenMessage<BulkResponse> = messageDesc(file_probe_v1_probe, 7);

export type LossyRequest = Message<"probe.v1.LossyRequest"> & {
  payload: Uint8Array;
  number: number;
};

export const LossyRequestSchema: GenMessage<LossyRequest> = messageDesc(file_probe_v1_probe, 8);

export type LossyResponse = Message<"probe.v1.LossyResponse"> & {};

export const LossyResponseSchema: GenMessage<LossyResponse> = messageDesc(file_probe_v1_probe, 9);

export type PokeRequest = Message<"probe.v1.PokeRequest"> & {};

export const PokeRequestSchema: GenMessage<PokeRequest> = messageDesc(file_probe_v1_probe, 10);

export type PokeResponse = Message<"probe.v1.PokeResponse"> & {};

export const PokeResponseSchema: GenMessage<PokeResponse> = messageDesc(file_probe_v1_probe, 11);

export type BareRequest = Message<"probe.v1.BareRequest"> & {};

export const BareRequestSchema: GenMessage<BareRequest> = messageDesc(file_probe_v1_probe, 12);

export type BareResponse = Message<"probe.v1.BareResponse"> & {};

export const BareResponseSchema: GenMessage<BareResponse> = messageDesc(file_probe_v1_probe, 13);

export type WatchCountRequest = Message<"probe.v1.WatchCountRequest"> & {
  resumeToken: string;
  modulus: number;
};

export const WatchCountRequestSchema: GenMessage<WatchCountRequest> = messageDesc(file_probe_v1_probe, 14);

export type Count = Message<"probe.v1.Count"> & {
  value: number;
};

export const CountSchema: GenMessage<Count> = messageDesc(file_probe_v1_probe, 15);

export type WatchCountResponse = Message<"probe.v1.WatchCountResponse"> & {
  position?: Position | undefined;
  event:
    | {
        value: Count;
        case: "snapshot";
      }
    | {
        value: Count;
        case: "changed";
      }
    | {
        value: Heartbeat;
        case: "heartbeat";
      }
    | {
        value: Skipped;
        case: "skipped";
      }
    | { case: undefined; value?: undefined };
};

export const WatchCountResponseSchema: GenMessage<WatchCountResponse> = messageDesc(file_probe_v1_probe, 16);

export type ReadChunksRequest = Message<"probe.v1.ReadChunksRequest"> & {
  chunks: number;
};

export const ReadChunksRequestSchema: GenMessage<ReadChunksRequest> = messageDesc(file_probe_v1_probe, 17);

export type ReadChunksResponse = Message<"probe.v1.ReadChunksResponse"> & {
  number: number;
  chunk: Uint8Array;
};

export const ReadChunksResponseSchema: GenMessage<ReadChunksResponse> = messageDesc(file_probe_v1_probe, 18);

export const ProbeService: GenService<{
  control: {
    methodKind: "unary";
    input: typeof ControlRequestSchema;
    output: typeof ControlResponseSchema;
  };
  consensus: {
    methodKind: "unary";
    input: typeof ConsensusRequestSchema;
    output: typeof ConsensusResponseSchema;
  };
  normal: {
    methodKind: "unary";
    input: typeof NormalRequestSchema;
    output: typeof NormalResponseSchema;
  };
  bulk: {
    methodKind: "unary";
    input: typeof BulkRequestSchema;
    output: typeof BulkResponseSchema;
  };
  lossy: {
    methodKind: "unary";
    input: typeof LossyRequestSchema;
    output: typeof LossyResponseSchema;
  };
  watchCount: {
    methodKind: "server_streaming";
    input: typeof WatchCountRequestSchema;
    output: typeof WatchCountResponseSchema;
  };
  readChunks: {
    methodKind: "server_streaming";
    input: typeof ReadChunksRequestSchema;
    output: typeof ReadChunksResponseSchema;
  };
}> = serviceDesc(file_probe_v1_probe, 0);

export const ProbeInternalService: GenService<{
  poke: {
    methodKind: "unary";
    input: typeof PokeRequestSchema;
    output: typeof PokeResponseSchema;
  };
}> = serviceDesc(file_probe_v1_probe, 1);

export const BareService: GenService<{
  bare: {
    methodKind: "unary";
    input: typeof BareRequestSchema;
    output: typeof BareResponseSchema;
  };
}> = serviceDesc(file_probe_v1_probe, 2);
