/**
 * Keeps the file system of this machine out of what callers are told: absolute paths in errors and in messages' fields
 * that tell of errors become the file's name. Whoever runs the node finds the whole text in the log. Used where answers
 * leave: `errors.ts` and `codec.ts`.
 */
import { clone, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";

/**
 * What begins with a slash and is no path: multiaddrs, libp2p's protocols and gRPC's methods. A folder of that name
 * directly under the root is not taken for one.
 */
const NO_PATH: ReadonlySet<string> = new Set([
  ...["ip4", "ip6", "ip6zone", "dns", "dns4", "dns6", "dnsaddr", "tcp", "udp", "quic", "quic-v1"],
  ...["webrtc", "webrtc-direct", "webtransport", "ws", "wss", "tls", "p2p", "p2p-circuit"],
  ...["ipfs", "libp2p", "meshsub", "floodsub", "noise", "yamux"],
]);
/** A protocol of ours ends with its version: a folder /alys is a folder. */
const PROTOCOL = /^\/alys\/[\w./-]*\/\d+(?:\.\d+)*$/;
/** `package.Service` of a method's path. */
const SERVICE = /^[\w.]+\.[A-Z]\w*$/;

/** A slash at the beginning of a word, and what belongs to the path; Windows' drives and shares, too. */
const PATH =
  /(?<![\w./\\)\]-])(?:(?:file:\/\/)?\/(?!\/)[^\s"'`<>|,;:()[\]{}]+|[A-Za-z]:\\[^\s"'`<>|,;:()[\]{}]+)/g;

/** The text with each absolute path cut to its last part: "…/tokens.json". */
export function withoutPaths(text: string): string {
  if (!text.includes("/") && !text.includes("\\")) return text;
  return text.replace(PATH, (path) => {
    const first = path.split("/")[1] ?? "";
    if (NO_PATH.has(first) || SERVICE.test(first) || PROTOCOL.test(path)) return path;
    const parts = path.split(/[/\\]/).filter((part) => part !== "");
    return parts.length === 0 ? path : `…/${parts.at(-1)}`;
  });
}

/** Fields of answers whose text may be that of an error. */
const ERROR_FIELDS: ReadonlySet<string> = new Set([
  "detail",
  "error",
  "last_failure",
  "last_refusal",
  "reason",
  "refusal",
]);

interface ErrorFields {
  readonly texts: readonly DescField[];
  /** Fields that hold messages with such texts. */
  readonly below: readonly DescField[];
}

const known = new Map<string, ErrorFields>();

/** The message, or a copy without absolute paths in fields that tell of errors. */
export function messageWithoutPaths<T extends Message>(schema: DescMessage, message: T): T {
  if (!someText(schema, message, (text) => withoutPaths(text) !== text)) return message;
  const copy = clone(schema, message) as T;
  someText(schema, copy, (text, holder, name) => {
    holder[name] = withoutPaths(text);
    return false;
  });
  return copy;
}

type Holder = Record<string, unknown>;

/** Shows each text of the message and of those in it, until `isEnough` says so; whether it did. */
function someText(
  schema: DescMessage,
  message: Message,
  isEnough: (text: string, holder: Holder, name: string) => boolean,
): boolean {
  const { texts, below } = errorFieldsOf(schema);
  for (const field of texts) {
    const [holder, name] = placeOf(message, field);
    const text = holder[name];
    if (typeof text === "string" && isEnough(text, holder, name)) return true;
  }
  return below.some((field) => {
    const [holder, name] = placeOf(message, field);
    const value = holder[name];
    const type = field.message;
    if (type === undefined || typeof value !== "object" || value === null) return false;
    const all = field.fieldKind === "message" ? [value] : Object.values(value);
    return all.some((one) => someText(type, one as Message, isEnough));
  });
}

/** A field of a oneof is held by the oneof while it is the one that is set. */
function placeOf(message: Message, { oneof, localName }: DescField): readonly [Holder, string] {
  const fields = message as unknown as Holder;
  if (oneof === undefined) return [fields, localName];
  const held = fields[oneof.localName] as Holder;
  return [held["case"] === localName ? held : {}, "value"];
}

function errorFieldsOf(schema: DescMessage): ErrorFields {
  const found = known.get(schema.typeName);
  if (found !== undefined) return found;
  const fields = {
    texts: schema.fields.filter(isErrorText),
    below: schema.fields.filter(({ message }) => message !== undefined && hasErrorText(message, new Set())),
  };
  known.set(schema.typeName, fields);
  return fields;
}

/** Messages may hold their own kind: each is looked into once. */
function hasErrorText(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some(
    (field) => isErrorText(field) || (field.message !== undefined && hasErrorText(field.message, seen)),
  );
}

function isErrorText(field: DescField): boolean {
  return field.fieldKind === "scalar" && field.scalar === ScalarType.STRING && ERROR_FIELDS.has(field.name);
}
