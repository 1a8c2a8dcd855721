/**
 * The chain specification: Alys's own JSON is read, its root is SSZ's, and every missing or wrong field is
 * named.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { aggregatePublicKeys, PublicKey } from "@chainsafe/blst";
import {
  BooleanType,
  ByteVectorType,
  ContainerType,
  ListCompositeType,
  UintNumberType,
} from "@chainsafe/ssz";
import { isValidPublicKey, SecretKey, verifyAggregate } from "../../../src/chain/bls.ts";
import { loadChain, readChain } from "../../../src/chain/chain-file.ts";
import { decodeHeader } from "../../../src/chain/header.ts";
import { toHex } from "../../../src/chain/hex.ts";
import type { ChainParameters } from "../../../src/chain/parameters.ts";
import {
  encodePossessionFile,
  encodePossessions,
  provePossession,
  verifyPossession,
} from "../../../src/chain/possession.ts";
import {
  chainParametersRoot,
  encodeChainSpecification,
  genesisOf,
  parseChainSpecification,
} from "../../../src/chain/spec.ts";
import { Failure } from "../../../src/kernel/errors.ts";

const fixture = new URL("../../fixtures/chain/alys-chain.json", import.meta.url);
const text = readFileSync(fixture, "utf8");

type Json = Record<string, unknown> & { authorities: string[]; retargetParams: Record<string, unknown> };

function parsed(json: string): ChainParameters {
  const parameters = parseChainSpecification(json);
  assert.ok(!(parameters instanceof Failure), String(parameters));
  return parameters;
}

/** The fixture with a change, as JSON text. */
function changed(change: (json: Json) => void): string {
  const json = JSON.parse(text) as Json;
  change(json);
  return JSON.stringify(json);
}

function assertNames(json: string, field: string, says: RegExp): void {
  const outcome = parseChainSpecification(json);
  assert.ok(outcome instanceof Failure, `${field} should be refused`);
  assert.equal(outcome.code, "INVALID_ARGUMENT");
  assert.equal(outcome.detail.field, field);
  assert.match(outcome.message, says);
}

const u8 = new UintNumberType(1);
const u32 = new UintNumberType(4);
const u64 = new UintNumberType(8);
const vectors = (length: number) => new ListCompositeType(new ByteVectorType(length), 15);
const ChainParametersType = new ContainerType({
  slotDurationMs: u64,
  authorities: vectors(48),
  federation: vectors(20),
  federationBitcoinPubkeys: vectors(33),
  bits: u32,
  chainId: u32,
  maxBlocksWithoutPow: u64,
  bitcoinStartHeight: u32,
  powLimit: u32,
  powLowerLimit: u32,
  powTargetTimespan: u64,
  powTargetSpacing: u64,
  powNoRetargeting: new BooleanType(),
  maxPowAdjustment: u8,
});

describe("parseChainSpecification", () => {
  it("reads Alys's JSON as it is", () => {
    const parameters = parsed(text);
    assert.equal(parameters.slotDurationMs, 5000);
    assert.equal(parameters.chainId, 727272);
    assert.equal(parameters.authorities.length, 3);
    assert.equal(toHex(parameters.federation[0]!), "8c483d6bf33288318143da93bb533d599de04e72");
    assert.equal(parameters.powLowerLimit, 439495319);
    assert.equal(parameters.maxPowAdjustment, 20);
  });

  it("names every missing field", () => {
    const names = Object.keys(JSON.parse(text) as Json);
    const local = new Set(["isValidator", "executionTimeoutLength", "requiredBtcTxnConfirmations"]);
    for (const name of names) {
      const without = changed((json) => delete json[name]);
      if (local.has(name)) assert.deepEqual(parsed(without), parsed(text));
      else assertNames(without, name, new RegExp(`lacks ${name}`));
    }
    for (const name of Object.keys((JSON.parse(text) as Json).retargetParams)) {
      const without = changed((json) => delete json.retargetParams[name]);
      assertNames(without, `retargetParams.${name}`, new RegExp(`lacks retargetParams.${name}`));
    }
  });

  it("refuses what is no JSON object", () => {
    for (const bad of ["", "{", "[]", "null", "3"]) assertNames(bad, "", /JSON/);
  });

  it("refuses wrong types and ranges by name", () => {
    const point =
      "0x97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    const cases: [(json: Json) => void, string, RegExp][] = [
      [(json) => (json["bits"] = 2 ** 32), "bits", /0 to 4294967295/],
      [(json) => (json["bits"] = "486604799"), "bits", /integer/],
      [(json) => (json["chainId"] = -1), "chainId", /integer/],
      [(json) => (json["slotDuration"] = 0.5), "slotDuration", /integer/],
      [(json) => (json["slotDuration"] = 0), "slotDuration", /of 0/],
      [(json) => (json["maxBlocksWithoutPow"] = 2 ** 53), "maxBlocksWithoutPow", /integer/],
      [(json) => (json.retargetParams = [] as never), "retargetParams", /not an object/],
      [(json) => (json.retargetParams["maxPowAdjustment"] = 256), "retargetParams.maxPowAdjustment", /255/],
      [
        (json) => (json.retargetParams["powNoRetargeting"] = 1),
        "retargetParams.powNoRetargeting",
        /true or false/,
      ],
      [(json) => (json["authorities"] = [] as string[]), "authorities", /no authorities/],
      [(json) => (json.authorities = "0x" as never), "authorities", /a list/],
      [(json) => (json["authorities"] = Array(16).fill(point)), "authorities", /at most 15/],
      [
        (json) => json.authorities.push(json.authorities[0]!.toUpperCase().replace("0X", "")),
        "authorities[3]",
        /repeats/,
      ],
      [(json) => json.authorities.push(`0x${"00".repeat(48)}`), "authorities[3]", /no valid BLS public key/],
      [
        (json) => json.authorities.push(`0xc0${"00".repeat(47)}`),
        "authorities[3]",
        /no valid BLS public key/,
      ],
      [(json) => json.authorities.push(point.slice(0, -2)), "authorities[3]", /48 bytes of hex/],
      [(json) => json.authorities.push(point.replace("f", "g")), "authorities[3]", /48 bytes of hex/],
      [(json) => (json["federation"] = ["0x00"]), "federation[0]", /20 bytes/],
      [(json) => (json["federationBitcoinPubkeys"] = [7]), "federationBitcoinPubkeys[0]", /33 bytes/],
    ];
    for (const [change, field, says] of cases) assertNames(changed(change), field, says);
  });

  it("survives encodeChainSpecification", () => {
    assert.deepEqual(parsed(encodeChainSpecification(parsed(text))), parsed(text));
  });
});

describe("chainParametersRoot and genesisOf", () => {
  it("is the SSZ hash tree root", () => {
    const parameters = parsed(text);
    const value = structuredClone(parameters) as Parameters<typeof ChainParametersType.hashTreeRoot>[0];
    assert.equal(toHex(chainParametersRoot(parameters)), toHex(ChainParametersType.hashTreeRoot(value)));
  });

  it("differs for every parameter and ignores local fields", () => {
    const roots = new Set([toHex(chainParametersRoot(parsed(text)))]);
    const names = ["slotDuration", "bits", "chainId", "maxBlocksWithoutPow", "bitcoinStartHeight"];
    for (const name of names) {
      roots.add(toHex(chainParametersRoot(parsed(changed((json) => (json[name] = Number(json[name]) + 1))))));
    }
    const retarget = [
      "powLimit",
      "powLowerLimit",
      "powTargetTimespan",
      "powTargetSpacing",
      "maxPowAdjustment",
    ];
    for (const name of retarget) {
      const other = changed((json) => (json.retargetParams[name] = Number(json.retargetParams[name]) + 1));
      roots.add(toHex(chainParametersRoot(parsed(other))));
    }
    roots.add(
      toHex(chainParametersRoot(parsed(changed((json) => (json.retargetParams["powNoRetargeting"] = true))))),
    );
    roots.add(toHex(chainParametersRoot(parsed(changed((json) => json.authorities.reverse())))));
    assert.equal(roots.size, 1 + 5 + 5 + 2);
    const local = changed((json) => (json["isValidator"] = true));
    assert.ok(roots.has(toHex(chainParametersRoot(parsed(local)))));
  });

  it("makes a header that commits to parameters and authorities and nothing else", () => {
    const { header, hash, authorities } = genesisOf(parsed(text));
    const decoded = decodeHeader(header);
    assert.deepEqual([decoded.height, decoded.slot, decoded.timestampMs], [0, 0, 0]);
    assert.deepEqual(decoded.stateRoot, chainParametersRoot(parsed(text)));
    assert.deepEqual(decoded.authoritiesRoot, authorities.root);
    assert.deepEqual(decoded.parentHash, new Uint8Array(32));
    assert.deepEqual(decoded.historyRoot, new Uint8Array(32));
    assert.equal(toHex(hash), "ddec47238de82ea4f775f6da1fece4406b52e5af82e9248465cc5dcceae8fbf2");
  });
});

describe("loadChain and proofs of possession", () => {
  const keys = [1, 2, 3].map((seed) => SecretKey.fromSeed(new Uint8Array(32).fill(seed)));
  const parameters = { ...parsed(text), authorities: keys.map((key) => key.publicKey) };
  const { hash } = genesisOf(parameters);
  let folder: string;
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "alys-spec-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("refuses authorities without proofs, and names the keys and the commands that prove them", () => {
    const specification = file("chain.json", encodeChainSpecification(parameters));
    const bare = loadChain(specification, {});
    assert.ok(bare instanceof Failure);
    assert.equal(bare.reason, "POSSESSION_UNPROVEN");
    assert.match(bare.message, /^3 of.*rogue-key/);
    assert.ok(bare.message.includes(`alysctl keys authority --file authority.key --chain ${specification}`));
    assert.ok(bare.message.includes(`alysctl keys proofs --chain ${specification} --out`));
    const proofs = file("partly.json", encodePossessionFile(keys.slice(1), hash));
    const partly = loadChain(specification, { proofs });
    assert.ok(partly instanceof Failure);
    assert.match(partly.message, new RegExp(`^1 of.*${toHex(keys[0]!.publicKey).slice(0, 16)}`));
  });

  it("takes a chain with all proofs in silence, and a development chain without with a warning", () => {
    const specification = file("chain.json", encodeChainSpecification(parameters));
    const proofs = file("proofs.json", encodePossessionFile(keys, hash));
    const full = loadChain(specification, { proofs });
    assert.ok(!(full instanceof Failure), String(full));
    assert.equal(full.warning, undefined);
    const bare = loadChain(specification, { isDevelopment: true });
    assert.ok(!(bare instanceof Failure));
    assert.match(bare.warning ?? "", /^3 of.*rogue-key/);
    const read = readChain(specification);
    assert.ok(!(read instanceof Failure));
    assert.deepEqual(read.genesis.hash, hash);
  });

  it("refuses a key made of the others', which signs for all of them and proves nothing", () => {
    const [first, second] = keys as [SecretKey, SecretKey, SecretKey];
    const own = SecretKey.fromSeed(new Uint8Array(32).fill(7));
    const adversary = adversaryKey(own, [first.publicKey, second.publicKey]);
    const authorities = [first.publicKey, second.publicKey, adversary];
    const framed = { ...parameters, authorities };
    const { hash: chain } = genesisOf(framed);
    const message = new Uint8Array(32).fill(0x55);
    // The attack: one signature by the attacker's key alone is the approval of all three.
    assert.equal(verifyAggregate(authorities, message, own.sign(message)), true);
    assert.ok(authorities.every(isValidPublicKey));
    const specification = file("adversary.json", encodeChainSpecification(framed));
    // What the attacker can sign is no proof of the rogue key, neither by its own key nor together with the others.
    const honest = [first, second].map((key) => provePossession(key, chain));
    for (const proof of [provePossession(own, chain), honest[0]!, own.sign(message)]) {
      const list = [...authorities.entries()].map(([index, key]) => ({ key, proof: honest[index] ?? proof }));
      const outcome = loadChain(specification, {
        proofs: file("adversary-proofs.json", encodePossessions(list, chain)),
      });
      assert.ok(outcome instanceof Failure);
      assert.equal(outcome.detail.field, "proofs[2].proof");
    }
    const without = loadChain(specification, {
      proofs: file("two.json", encodePossessionFile([first, second], chain)),
    });
    assert.ok(without instanceof Failure);
    assert.equal(without.reason, "POSSESSION_UNPROVEN");
  });

  it("refuses proofs of another chain, of strangers, twice, that do not verify, or of a bad form", () => {
    const specification = file("chain.json", encodeChainSpecification(parameters));
    const good = JSON.parse(encodePossessionFile(keys, hash)) as { proofs: Record<string, unknown>[] };
    const stranger = SecretKey.fromSeed(new Uint8Array(32).fill(9));
    const cases: [string, string][] = [
      [encodePossessionFile(keys, new Uint8Array(32)), "genesisHash"],
      [encodePossessionFile([stranger], hash), "proofs[0].authority"],
      [encodePossessionFile([keys[0]!, keys[0]!], hash), "proofs[1].authority"],
      [
        JSON.stringify({ ...good, proofs: [{ ...good.proofs[0], proof: good.proofs[1]!["proof"] }] }),
        "proofs[0].proof",
      ],
      [JSON.stringify({ ...good, proofs: [{ ...good.proofs[0], proof: "0x00" }] }), "proofs[0].proof"],
      [JSON.stringify({ ...good, proofs: [3] }), "proofs[0].authority"],
      [JSON.stringify({ ...good, proofs: {} }), "proofs"],
      [JSON.stringify({ proofs: [] }), "genesisHash"],
      ["[]", ""],
      ["{", ""],
    ];
    for (const [content, field] of cases) {
      const outcome = loadChain(specification, { proofs: file("proofs.json", content) });
      assert.ok(outcome instanceof Failure, field);
      assert.equal(outcome.reason, "POSSESSION_FILE_INVALID");
      assert.equal(outcome.detail.field, field);
    }
  });

  it("names files that are missing or far too large, and passes on what is wrong inside", () => {
    const missing = loadChain(join(folder, "absent.json"), {});
    assert.ok(missing instanceof Failure);
    assert.equal(missing.code, "NOT_FOUND");
    const large = loadChain(file("large.json", " ".repeat(70_000)), {});
    assert.ok(large instanceof Failure);
    assert.equal(large.reason, "FILE_TOO_LARGE");
    const broken = loadChain(file("broken.json", "{}"), {});
    assert.ok(broken instanceof Failure);
    assert.equal(broken.detail.field, "retargetParams");
    const noProofs = loadChain(file("chain.json", encodeChainSpecification(parameters)), {
      proofs: join(folder, "absent"),
    });
    assert.ok(noProofs instanceof Failure);
  });

  it("binds a proof to key and chain", () => {
    const [first, second] = keys as [SecretKey, SecretKey];
    const proof = provePossession(first, hash);
    assert.equal(verifyPossession(first.publicKey, proof, hash), true);
    assert.equal(verifyPossession(second.publicKey, proof, hash), false);
    assert.equal(verifyPossession(first.publicKey, proof, new Uint8Array(32)), false);
    assert.equal(verifyPossession(first.publicKey, new Uint8Array(96), hash), false);
  });
});

/** The attacker's public key less the others': with theirs it sums to the attacker's own. */
function adversaryKey(own: SecretKey, others: readonly Uint8Array[]): Uint8Array {
  // The sign of a compressed point is a bit of its first byte.
  const negated = others.map((key) => key.map((byte, at) => (at === 0 ? byte ^ 0x20 : byte)));
  return aggregatePublicKeys([own.publicKey, ...negated].map((key) => PublicKey.fromBytes(key))).toBytes();
}
