/**
 * The lines of clients/README.md as they stand there, one language after the other, each in a copy of the checkout and against a
 * running node: `npm run test:interop -- --only documented`. A language whose toolchain or packages are absent says what is
 * missing and is skipped.
 */

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
/** Building from nothing, with downloads, on a busy machine. */
const LINES_MS_MAX = 1_800_000;
const STEP_MS_MAX = 300_000;

export interface DocumentedNode {
  readonly address: string;
  readonly tokenFile: string;
  /** Where the lines end: its head is here at least. */
  readonly height: number;
}

interface Language {
  /** Lines of a README of its own, which print the head's height; run after the others, by what they installed. */
  readonly example?: { readonly file: string; readonly fence: string; readonly program: string };
  /** How its part of the README begins. */
  readonly begins: string;
  /** The program, and what it must say of its version. */
  readonly asked: readonly string[];
  readonly version: RegExp;
  /** Brings its packages, so that a registry that cannot be reached is told apart from a fault of ours. */
  readonly fetch: { readonly command: readonly string[]; readonly folder: string };
}

const LANGUAGES: readonly Language[] = [
  {
    begins: "Node 20 or later",
    asked: ["node", "--version"],
    version: /^v(?:2\d|[3-9]\d)\./,
    fetch: { command: ["npm", "cache", "add", "@grpc/grpc-js@1.14.7"], folder: "." },
  },
  {
    begins: "Python 3.11 or later",
    example: { file: "clients/python/README.md", fence: "python", program: "app-python/bin/python" },
    asked: ["python3", "--version"],
    version: /3\.(?:1[1-9]|[2-9]\d)\./,
    fetch: {
      command: [
        "python3",
        "-m",
        "pip",
        "-q",
        "download",
        "-d",
        "wheels",
        "grpcio>=1.75.1",
        "protobuf>=6.31.1,<8",
      ],
      folder: ".",
    },
  },
  {
    begins: "Go 1.25 or later",
    asked: ["go", "version"],
    version: /go1\.(?:2[5-9]|[3-9]\d)/,
    fetch: { command: ["go", "mod", "download"], folder: "clients/go" },
  },
  {
    begins: "Rust:",
    asked: ["cargo", "--version"],
    version: /^cargo 1\./,
    fetch: { command: ["cargo", "fetch", "--locked"], folder: "clients/rust" },
  },
];

/**
 * What a reader has: neither the repository's own programs nor what npm tells those that it starts, and the first Node 20
 * of the path, where there is one.
 */
function readersEnvironment(scratch: string): Record<string, string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const own = folders.filter((folder) => !folder.endsWith(join("node_modules", ".bin")));
  const isNode20 = (folder: string): boolean =>
    existsSync(join(folder, "node")) &&
    spawnSync(join(folder, "node"), ["--version"], { encoding: "utf8" }).stdout.startsWith("v20.");
  const home = own.find(isNode20);
  const programs = join(scratch, "bin");
  mkdirSync(programs);
  for (const name of home === undefined ? [] : ["node", "npm", "npx"])
    symlinkSync(join(home ?? "", name), join(programs, name));
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  return { ...Object.fromEntries(kept), PATH: [programs, ...own].join(delimiter) };
}

/** What a checkout has that the lines need; they write beside it. */
function copyCheckout(folder: string): void {
  for (const name of ["clients", "gen", "proto", "package.json", "tsconfig.json"]) {
    const isOurs = (source: string): boolean => !/\/(?:target|dist|node_modules)$/.test(source);
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: isOurs });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

function linesOf(readme: string, { begins }: Language): string {
  const lines = readme.split(`\n${begins}`)[1]?.match(/```sh\n(.*?)```/s)?.[1];
  if (lines === undefined) throw new Error(`clients/README.md has no lines for "${begins}"`);
  return lines;
}

/** What came of it; throws when the lines fail. */
function tryLanguage(language: Language, folder: string, node: DocumentedNode, readme: string): string {
  const lines = linesOf(readme, language);
  const env = {
    ...readersEnvironment(dirname(folder)),
    ALYS_ADDRESS: node.address,
    ALYS_TOKEN_FILE: node.tokenFile,
  };
  const [program = "", ...words] = language.asked;
  const asked = spawnSync(program, words, { env, encoding: "utf8" });
  if (asked.error !== undefined) return `skipped: ${program} is not installed`;
  const version = asked.stdout.trim();
  if (!language.version.test(version)) return `skipped: ${program} is ${version}`;
  const { command, folder: where } = language.fetch;
  const [fetcher = "", ...args] = command;
  const fetched = spawnSync(fetcher, args, {
    cwd: join(folder, where),
    env,
    encoding: "utf8",
    timeout: STEP_MS_MAX,
  });
  if (fetched.status !== 0) {
    const why = fetched.error?.message ?? fetched.stderr.trim().split("\n").at(-1);
    return `skipped: its packages cannot be had: ${why}`;
  }
  const ran = spawnSync("sh", ["-eu", "-c", lines], {
    cwd: folder,
    env,
    encoding: "utf8",
    timeout: LINES_MS_MAX,
  });
  const last = ran.stdout.trim().split("\n").at(-1) ?? "";
  if (ran.status !== 0) throw new Error(ran.error?.message ?? `${last}\n${ran.stderr.slice(-2_000)}`);
  const { height } = JSON.parse(last) as { height: number };
  if (height < node.height) throw new Error(`it ended with ${last}`);
  return `${version}: ${height} blocks${tryExample(language, folder, env)}`;
}

/** Runs the example of the language's own README, if it has one. */
function tryExample({ example }: Language, folder: string, env: Record<string, string | undefined>): string {
  if (example === undefined) return "";
  const { file, fence, program } = example;
  const lines = readFileSync(join(ROOT, file), "utf8").split(`\`\`\`${fence}\n`)[1]?.split("```")[0] ?? "";
  const ran = spawnSync(join(folder, program), ["-"], { cwd: folder, env, input: lines, encoding: "utf8" });
  if (ran.status !== 0 || !(Number(ran.stdout) > 0)) throw new Error(`${file}: ${ran.stdout}${ran.stderr}`);
  return `; ${file}: height ${ran.stdout.trim()}`;
}

/** How many languages failed. */
export function runDocumented(node: DocumentedNode): number {
  const readme = readFileSync(join(ROOT, "clients/README.md"), "utf8");
  const scratch = mkdtempSync(join(tmpdir(), "alys-documented-"));
  let failures = 0;
  try {
    for (const [index, language] of LANGUAGES.entries()) {
      const folder = join(scratch, String(index), "checkout");
      mkdirSync(folder, { recursive: true });
      copyCheckout(folder);
      try {
        console.log(
          `✓ README, ${language.begins.replace(/:$/, "")}: ${tryLanguage(language, folder, node, readme)}`,
        );
      } catch (problem) {
        failures++;
        console.error(`✗ README, ${language.begins.replace(/:$/, "")}: ${(problem as Error).message}`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return failures;
}
