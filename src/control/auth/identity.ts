/**
 * Who a client's certificate says it is: the SPIFFE id in its subject alternative names,
 * `spiffe://TRUST_DOMAIN/KIND/NAME`, and what that kind may do. TLS has checked the signature before.
 */
import type { GrantedScope } from "./token.ts";
import { type Grant, PRINCIPAL } from "./token.ts";

/** The part of a peer's certificate that is read here. */
export interface PeerCertificate {
  readonly subjectaltname?: string;
  readonly valid_to?: string;
}

interface Kind {
  readonly scope: GrantedScope;
  /** Methods that it may call, by name; every one of the scope without it. */
  readonly methods?: (name: string) => readonly string[];
}

/** Services at which another process attaches as an actor, by the actor's name. */
const ATTACHED: Readonly<Record<string, string>> = {
  chain: "alys.integration.v1.ChainService",
  engine: "alys.integration.v1.EngineService",
  bridge: "alys.integration.v1.BridgeService",
};

const KINDS: Readonly<Record<string, Kind>> = {
  admin: { scope: "admin" },
  operator: { scope: "operate" },
  reader: { scope: "read" },
  // An attached actor serves its own service and watches the node; it commands nothing else.
  actor: {
    scope: "operate",
    methods: (name) => [
      `${ATTACHED[name.split("/")[0] ?? ""] ?? "none"}/*`,
      "alys.node.v1.NodeService/GetInfo",
      "alys.node.v1.NodeService/WatchState",
      "alys.sync.v1.SyncService/GetSyncStatus",
      "alys.sync.v1.SyncService/WatchSyncStatus",
    ],
  },
};

/** What the certificate grants; undefined when it names nobody of the trust domain, or several. */
export function grantOfCertificate(certificate: PeerCertificate, trustDomain: string): Grant | undefined {
  const prefix = `URI:spiffe://${trustDomain}/`;
  const uris = (certificate.subjectaltname ?? "").split(", ").filter((name) => name.startsWith("URI:"));
  const [uri] = uris;
  // SPIFFE X.509-SVID: exactly one URI.
  if (uri === undefined || uris.length !== 1 || !uri.startsWith(prefix)) return undefined;
  const path = uri.slice(prefix.length);
  const at = path.indexOf("/");
  const name = path.slice(at + 1);
  const kind = Object.hasOwn(KINDS, path.slice(0, at)) ? KINDS[path.slice(0, at)] : undefined;
  if (at < 0 || kind === undefined || !PRINCIPAL.test(path)) return undefined;
  const expiresMs = Date.parse(certificate.valid_to ?? "");
  return {
    principal: path,
    scope: kind.scope,
    methodLists: kind.methods === undefined ? [] : [kind.methods(name)],
    expiresMs: Number.isFinite(expiresMs) ? expiresMs : undefined,
  };
}
