/**
 * The node's actor's part in tokens of the control plane: makes, lists and revokes them in the store that the
 * composition root hands in, and speaks of them in protobuf.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Scope } from "../../../gen/alys/actor/v1/options_pb.ts";
import {
  type NodeInternalService,
  NodeService,
  type TokenInfoSchema,
} from "../../../gen/alys/node/v1/node_pb.ts";
import { type GrantedScope, isMethodPattern, PRINCIPAL } from "../../control/auth/token.ts";
import type { TokenRecord, TokenStore } from "../../control/auth/token-store.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import { failure } from "../../kernel/errors.ts";
import type { Handlers } from "../../kernel/protocol.ts";

type Public = typeof NodeService;
type TokenHandlers = Pick<Handlers<Public>, "createToken" | "listTokens" | "revokeToken">;

const GRANTED: ReadonlyMap<Scope, GrantedScope> = new Map<Scope, GrantedScope>([
  [Scope.READ, "read"],
  [Scope.OPERATE, "operate"],
  [Scope.ADMIN, "admin"],
]);

const PAGE_SIZE_DEFAULT = 100;

export function tokenHandlers(
  context: Pick<ActorContext<Public, typeof NodeInternalService>, "deferred" | "effect">,
  store: TokenStore,
): TokenHandlers {
  const { createToken, revokeToken } = NodeService.method;
  return {
    createToken: ({ principal, scope, methods, lifetimeMs }, { caller: minter }) => {
      const granted = GRANTED.get(scope);
      if (granted === undefined)
        return badField("scope", "scope must be SCOPE_READ, SCOPE_OPERATE or SCOPE_ADMIN");
      if (!PRINCIPAL.test(principal))
        return badField("principal", `"${principal}" is no name of a principal`);
      const bad = methods.find((method) => !isMethodPattern(method));
      if (bad !== undefined)
        return badField("methods", `"${bad}" is neither package.Service/Method nor package.Service/*`);
      const answer = context.deferred(createToken);
      const lifetime = lifetimeMs === 0n ? undefined : Number(lifetimeMs);
      const order = { principal, scope: granted, methods: [...methods], lifetimeMs: lifetime, minter };
      const work = store.create(order);
      context.effect(work, (outcome) => {
        if (outcome.ok) answer.resolve({ token: outcome.value.token, info: infoOf(outcome.value.record) });
        else answer.reject(outcome.failure);
      });
      return answer;
    },
    listTokens: ({ pageSize, pageToken }) => {
      const records = store.records();
      // The id of the last one that was told; a token that is gone ends the listing.
      const after = pageToken === "" ? -1 : records.findIndex(({ id }) => id === pageToken);
      if (pageToken !== "" && after < 0) return BAD_PAGE_TOKEN;
      const page = records.slice(after + 1, after + 1 + (pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize));
      const isLast = after + 1 + page.length >= records.length;
      return { tokens: page.map(infoOf), nextPageToken: isLast ? "" : (page.at(-1)?.id ?? "") };
    },
    revokeToken: ({ id }) => {
      const answer = context.deferred(revokeToken);
      context.effect(store.revoke(id), (outcome) => {
        if (outcome.ok) answer.resolve({ token: infoOf(outcome.value) });
        else answer.reject(outcome.failure);
      });
      return answer;
    },
  };
}

const BAD_PAGE_TOKEN = failure("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "there is no such page", {
  field: "page_token",
});

const badField = (field: string, text: string) => failure("INVALID_ARGUMENT", "BAD_FIELD", text, { field });

function infoOf(record: TokenRecord): MessageInitShape<typeof TokenInfoSchema> {
  const { id, principal, scope, methods, createdMs, expiresMs, revokedMs } = record;
  const scopes = { read: Scope.READ, operate: Scope.OPERATE, admin: Scope.ADMIN } as const;
  return {
    id,
    principal,
    scope: scopes[scope],
    methods: [...methods],
    created: timestampFromMs(createdMs),
    ...(expiresMs === undefined ? {} : { expires: timestampFromMs(expiresMs) }),
    ...(revokedMs === undefined ? {} : { revoked: timestampFromMs(revokedMs) }),
  };
}
