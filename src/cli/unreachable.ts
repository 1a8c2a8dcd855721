/**
 * Why no connection came about, in words that help: what grpc-js and OpenSSL say, without their frame, and the option
 * that was most likely forgotten or is too many. Knows texts only; client.ts says how it tried to connect.
 */

/** How the connection was tried: unencrypted, with TLS, or with TLS and a certificate of our own. */
export type Attempt = "plain" | "tls" | "certificate";

/** The other side hung up: so does a TLS port that gets plain text. */
const HUNG_UP = /^(Failed to connect|Socket closed|Connection closed before|.*\b(ECONNRESET|EPIPE)\b)/;
/** The other side sent what is no HTTP/2: maybe an alert of TLS. */
const NOT_HTTP2 = /^Protocol error/;
/** The other side answered a TLS greeting with something else. */
const NOT_TLS = /wrong version number|packet length too long/;
/** The other side tells by an alert of TLS that it wants a certificate, or another one. */
const CERTIFICATE_WANTED = /alert (certificate required|bad certificate)/;
const CERTIFICATE_REFUSED = /alert (.*certificate|unknown ca|access denied)/;
/** Its certificate does not lead to the authority that we were given. */
const UNTRUSTED = /^(unable to (verify|get)|self-signed certificate)/;
/** Its certificate is not for this address, or not for now: the text says it all. */
const UNFIT = /^(Hostname\/IP does not match|certificate (has expired|is not yet valid))/;

/** What to print after "cannot reach a node at ADDRESS: ". `text`: details of an UNAVAILABLE of grpc-js. */
export function whyUnreachable(text: string, attempt: Attempt, address: string): string {
  const inner = /Last error: (?:Error: )?(.*?)\.?\s*Resolution note:/s.exec(text)?.[1];
  // A connection that was there and broke: there is nothing to advise.
  if (inner === undefined) return text;
  const why = bare(inner);
  return adviceFor(why, attempt, address) ?? `${why}; is alysd running there?`;
}

function adviceFor(why: string, attempt: Attempt, address: string): string | undefined {
  if (attempt === "plain") {
    // A socket file never speaks TLS.
    if (address.startsWith("unix:")) return undefined;
    if (HUNG_UP.test(why)) return "it closed the connection, as a TLS port does; for TLS give --ca FILE";
    return NOT_HTTP2.test(why) ? "it does not speak plain gRPC; for TLS give --ca FILE" : undefined;
  }
  if (NOT_TLS.test(why)) return "no TLS is spoken there; connect without --ca (and ALYS_CA_FILE)";
  if (UNTRUSTED.test(why)) return `its certificate is not from the authority of --ca: ${why}`;
  if (UNFIT.test(why)) return why;
  if (attempt === "tls") {
    if (CERTIFICATE_WANTED.test(why)) return "it asks for a certificate; give --cert FILE and --key FILE";
    if (!HUNG_UP.test(why)) return undefined;
    return "it closed the connection; if it asks for a certificate, give --cert FILE and --key FILE";
  }
  if (CERTIFICATE_REFUSED.test(why)) return `it refuses the certificate of --cert: ${why}`;
  return HUNG_UP.test(why)
    ? "it closed the connection; it may not accept the certificate of --cert"
    : undefined;
}

/** Without the time that grpc-js adds, Node's advice on its own options, and the file and line of OpenSSL. */
function bare(inner: string): string {
  const line = inner.replace(/\s*\(\d{4}-[^()]*Z\)$/, "").trim();
  const openSsl = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(line)?.[1];
  return openSsl ?? line.replace(/; if the root CA is installed locally.*$/s, "");
}
