/**
 * Holds unfinished messages of almost 4 MiB on many connections, without a token: ADDRESS PATH CONNECTIONS STREAMS.
 * Writes a line when all is sent that the other side takes, and ends when its input does.
 */
import { frameHeader, rawCall, rawSession } from "./raw-calls.ts";

const [address = "", path = "", connections = "1", streams = "1"] = process.argv.slice(2);
const MESSAGE_BYTES = 4 * 1024 * 1024 - 1;
const chunk = Buffer.alloc(3_900_000);
const answers = new Map<string, number>();
let taken = 0;

async function hold(): Promise<void> {
  const session = rawSession(address);
  for (let index = 0; index < Number(streams) && !session.destroyed; index++) {
    const { stream, answer } = rawCall(session, path);
    void answer.then(({ status }) => answers.set(String(status), (answers.get(String(status)) ?? 0) + 1));
    stream.write(frameHeader(MESSAGE_BYTES));
    const sent = new Promise<void>((resolve) => {
      stream.write(chunk, (error) => {
        if (error === null || error === undefined) taken += chunk.length;
        resolve();
      });
    });
    await Promise.race([sent, answer]);
  }
}

await Promise.all(Array.from({ length: Number(connections) }, hold));
process.stdout.write(`${JSON.stringify({ taken, answers: Object.fromEntries(answers) })}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
