/**
 * MalformedError: bytes that do not deserialize exactly. Every decoder of this folder throws this and nothing
 * else on bytes from outside; whoever sits at the edge catches it and turns it into a fault or a refusal.
 */

/** The bytes are not the exact serialization of the object asked for. The message says what and where. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}
