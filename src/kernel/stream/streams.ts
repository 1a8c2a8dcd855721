/** The streams of an actor, as its service demands them: one topic or transfer for each server-streaming method. */
import type { DescMethodServerStreaming, DescService } from "@bufbuild/protobuf";
import type { Later, StreamOf } from "../protocol.ts";
import type { Topic } from "./topic.ts";
import type { Transfer } from "./transfer.ts";

/** One topic or transfer for each server-streaming method. */
export type Streams<S extends DescService> = {
  readonly [K in keyof StreamOf<S>]:
    | Topic<Extract<StreamOf<S>[K], DescMethodServerStreaming>>
    | Transfer<Extract<StreamOf<S>[K], DescMethodServerStreaming>>
    | Later;
};
