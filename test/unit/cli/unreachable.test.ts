/** What alysctl says when no connection comes about, from texts that grpc-js 1.14 and Node.js 24 really gave. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attempt, whyUnreachable } from "../../../src/cli/unreachable.ts";

const AT = "127.0.0.1:50052";

const openSsl = (code: string, routine: string, why: string): string =>
  `40DD698C6E7F0000:error:${code}:SSL routines:${routine}:${why}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:`;
const alert = (why: string): string =>
  `${openSsl("0A00045C", "ssl3_read_bytes", why)}SSL alert number 116\n (2026-11-21T19:26:42.928Z)`;
const NOT_TLS = `Error: ${openSsl("0A00010B", "tls_validate_record_header", "wrong version number")}\n`;
const CLOSED = "Failed to connect (2026-11-21T19:26:42.894Z)";

function why(lastError: string, attempt: Attempt, address = AT): string {
  const text = `No connection established. Last error: ${lastError}. Resolution note: `;
  return whyUnreachable(text, attempt, address);
}

test("who speaks plain text to a TLS port is told of --ca", () => {
  const advice = "it closed the connection, as a TLS port does; for TLS give --ca FILE";
  for (const error of [CLOSED, "read ECONNRESET (2026-11-21T19:26:42.894Z)", "Error: Socket closed"]) {
    assert.equal(why(error, "plain"), advice);
  }
  const answered = why("Protocol error (2026-11-21T19:26:43.024Z)", "plain");
  assert.equal(answered, "it does not speak plain gRPC; for TLS give --ca FILE");
});

test("a socket file never speaks TLS, and a port that nobody listens on speaks nothing", () => {
  assert.equal(why(CLOSED, "plain", "unix:/run/alysd.sock"), "Failed to connect; is alysd running there?");
  const refused = `connect ECONNREFUSED ${AT}`;
  for (const attempt of ["plain", "tls", "certificate"] as const) {
    assert.equal(why(`Error: ${refused}`, attempt), `${refused}; is alysd running there?`);
  }
});

test("who brings no certificate to a node that asks for one is told of --cert and --key", () => {
  const give = "give --cert FILE and --key FILE";
  assert.equal(why(alert("tlsv13 alert certificate required"), "tls"), `it asks for a certificate; ${give}`);
  assert.equal(why(CLOSED, "tls"), `it closed the connection; if it asks for a certificate, ${give}`);
});

test("who brings a certificate that is refused is told so, without OpenSSL's frame", () => {
  const told = "it refuses the certificate of --cert: tlsv1 alert unknown ca";
  assert.equal(why(alert("tlsv1 alert unknown ca"), "certificate"), told);
  const closed = "it closed the connection; it may not accept the certificate of --cert";
  assert.equal(why(CLOSED, "certificate"), closed);
});

test("who speaks TLS to a plain port is told to leave --ca away", () => {
  for (const attempt of ["tls", "certificate"] as const) {
    assert.equal(why(NOT_TLS, attempt), "no TLS is spoken there; connect without --ca (and ALYS_CA_FILE)");
  }
});

test("a certificate of the node that does not hold is named, without Node's advice on its own options", () => {
  const unknown = "unable to verify the first certificate";
  const more = "if the root CA is installed locally, try running Node.js with --use-system-ca";
  const told = `its certificate is not from the authority of --ca: ${unknown}`;
  assert.equal(why(`Error: ${unknown}; ${more}`, "tls"), told);
  const other =
    "Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the cert's list: ";
  assert.equal(why(`Error: ${other}`, "tls"), other.trim());
});

test("an error of OpenSSL that nobody foresaw is its reason alone; a connection that broke stays as it is", () => {
  const text = openSsl("0A000126", "ssl3_read_n", "unexpected eof while reading");
  assert.equal(why(text, "tls"), "unexpected eof while reading; is alysd running there?");
  assert.equal(whyUnreachable("Connection dropped", "plain", AT), "Connection dropped");
});
