/**
 * Makes X.509 certificates (RFC 5280) with P-256 keys: an authority, servers and clients. Only writes; reading and
 * checking are OpenSSL's, in Node. Node cannot make certificates, and what is needed of DER fits in this file.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { fromHex } from "../chain/hex.ts";
import type { Random } from "../kernel/ports/random.ts";

export interface CertificateOrder {
  readonly commonName: string;
  readonly use: "authority" | "server" | "client";
  /** DNS names and IP addresses of a server. */
  readonly hosts: readonly string[];
  /** SPIFFE id of a client. */
  readonly uri?: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Key and certificate, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Issuer {
  readonly commonName: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** Makes a key and its certificate, signed by the issuer, by itself without one. */
export function issue(order: CertificateOrder, issuer: Issuer | undefined, random: Random): KeyPair {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = issuer ?? {
    commonName: order.commonName,
    key: pair.privateKey,
    publicKey: pair.publicKey,
  };
  const body = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    // 16 random bytes with the sign bit off and no zero in front, so that it is positive and minimal.
    integer(random.bytes(16).map((byte, at) => (at === 0 ? (byte & 0x3f) | 0x40 : byte))),
    ECDSA_SHA256,
    name(signer.commonName),
    sequence(time(order.notBeforeMs), time(order.notAfterMs)),
    name(order.commonName),
    spkiOf(pair.publicKey),
    explicit(3, sequence(...extensions(order, pair.publicKey, signer.publicKey))),
  );
  const signature = sign("sha256", body, signer.key);
  const certificate = sequence(body, ECDSA_SHA256, bitString(signature, 0));
  return {
    certificate: pem("CERTIFICATE", certificate),
    key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** A private key from PEM. Throws on anything else. */
export function readPrivateKey(text: string): KeyObject {
  return createPrivateKey(text);
}

function extensions(order: CertificateOrder, own: KeyObject, signer: KeyObject): Uint8Array[] {
  const isAuthority = order.use === "authority";
  const all = [
    extension("551d13", true, isAuthority ? sequence(tlv(0x01, Uint8Array.of(0xff))) : sequence()),
    // Authority: keyCertSign and cRLSign; others: digitalSignature, all that TLS 1.3 needs.
    extension(
      "551d0f",
      true,
      isAuthority ? bitString(Uint8Array.of(0x06), 1) : bitString(Uint8Array.of(0x80), 7),
    ),
    extension("551d0e", false, tlv(0x04, keyIdOf(own))),
    extension("551d23", false, sequence(tlv(0x80, keyIdOf(signer)))),
  ];
  if (isAuthority) return all;
  // id-kp-serverAuth or id-kp-clientAuth.
  const purpose = order.use === "server" ? "2b06010505070301" : "2b06010505070302";
  all.push(extension("551d25", false, sequence(oid(purpose))));
  const names = [
    ...order.hosts.map((host) => (isIP(host) === 0 ? tlv(0x82, ascii(host)) : tlv(0x87, addressBytes(host)))),
    ...(order.uri === undefined ? [] : [tlv(0x86, ascii(order.uri))]),
  ];
  all.push(extension("551d11", false, sequence(...names)));
  return all;
}

/** ecdsa-with-SHA256. */
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  const critical = isCritical ? [tlv(0x01, Uint8Array.of(0xff))] : [];
  return sequence(oid(id), ...critical, tlv(0x04, value));
}

function name(commonName: string): Uint8Array {
  const attribute = sequence(oid("550403"), tlv(0x0c, new TextEncoder().encode(commonName)));
  return sequence(tlv(0x31, attribute));
}

/** UTCTime until 2049, GeneralizedTime from then on, as RFC 5280 wants it. */
function time(unixMs: number): Uint8Array {
  const digits = new Date(unixMs).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return digits < "2050" ? tlv(0x17, ascii(digits.slice(2))) : tlv(0x18, ascii(digits));
}

function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: "spki", format: "der" });
}

/** RFC 7093, method 1: the leftmost 160 bits of the SHA-256 of the key's point, the last 65 bytes of its SPKI. */
function keyIdOf(key: KeyObject): Uint8Array {
  return createHash("sha256").update(spkiOf(key).subarray(-65)).digest().subarray(0, 20);
}

function addressBytes(host: string): Uint8Array {
  if (isIP(host) === 4) return Uint8Array.from(host.split("."), Number);
  const [head = "", tail] = host.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [front, back] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - front.length - back.length }, () => "0");
  return fromHex([...front, ...zeros, ...back].map((group) => group.padStart(4, "0")).join(""));
}

function oid(hex: string): Uint8Array {
  return tlv(0x06, fromHex(hex));
}

function integer(bytes: Uint8Array): Uint8Array {
  return tlv(0x02, bytes);
}

function bitString(bytes: Uint8Array, unusedBits: number): Uint8Array {
  return tlv(0x03, Buffer.concat([Uint8Array.of(unusedBits), bytes]));
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  return tlv(0x30, Buffer.concat(parts));
}

function explicit(tag: number, value: Uint8Array): Uint8Array {
  return tlv(0xa0 | tag, value);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Tag, length and value in DER. */
function tlv(tag: number, value: Uint8Array): Uint8Array {
  const { length } = value;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from(head), value]);
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
