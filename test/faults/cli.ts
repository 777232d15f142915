import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { z } from 'zod';
import { ERROR_SCHEMA, OUTPUT_SCHEMAS } from '../../src/cli/json-output/schemas.js';
import { commandHost, type Ended } from './command-host.js';
import { preparedPackage } from './prepared-package.js';

/** The command line as a user runs it, in child processes, in a package that knows the data set `tiny`. */

export type { Ended } from './command-host.js';
export { EPOCHS, TINY, tinyOptions } from './prepared-package.js';

const PACKAGE = await preparedPackage();
/** A trained and tuned run, and its bundle: to read or to copy. */
export const RUN = join(PACKAGE, 'run');
export const BUNDLE = join(PACKAGE, 'bundle');
const EXIT_GATE_FAILED = 3;
/** The folder of the data set `tiny`. */
export const DATA = join(PACKAGE, 'datasets', 'tiny');

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until the process has printed this on stderr or stdout; fails where it ends before. */
  printed(text: string): Promise<void>;
}

/** What `lcdnn` is, as words of a command. */
export const LCDNN = [process.execPath, join(PACKAGE, 'bin/run.js')];

/** Starts `lcdnn ARGS`. `limit` is a shell command that is run before, in the same process. */
export function start(args: readonly string[], limit?: string): Started {
  const command = [...LCDNN, ...args];
  return startProgram(limit ? ['bash', '-c', `${limit}; exec "$@"`, 'bash', ...command] : command);
}

/** Starts a program in the folder of the test file. @param more of its environment */
export function startProgram([file, ...args]: readonly string[], more: NodeJS.ProcessEnv = {}): Started {
  const env = { ...environment(), ...more };
  const child = spawn(file, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...output })));
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => (output.stdout + output.stderr).includes(text) && resolve();
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.on('close', () => reject(new Error(`ended without printing ${text}: ${output.stderr}`)));
      look();
    });
  return { child, ended, printed };
}

/** Runs `lcdnn ARGS` to its end, in the process that this test file keeps for its commands, one after the other. JSON is compared with its schema. */
export async function lcdnn(...args: string[]): Promise<Ended> {
  const ended = await host.run(args);
  if (args.includes('--json')) requireSchema(args, ended);
  return ended;
}

/** @throws if the JSON output isn't as `schemas/` describes it */
function requireSchema([first, second]: readonly string[], { code, stdout }: Ended): void {
  if (code !== 0 && code !== 2 && code !== EXIT_GATE_FAILED) return;
  const schemas: Readonly<Record<string, z.ZodType>> = OUTPUT_SCHEMAS;
  const done = schemas[`${first} ${second}`] ?? schemas[first];
  // `predict` ends with 2 if some of the images can't be used.
  const schema = code === 2 && first !== 'predict' ? ERROR_SCHEMA : done;
  const checked = schema.safeParse(JSON.parse(stdout));
  if (!checked.success) throw new Error(`${first} ${second} --json: ${z.prettifyError(checked.error)}`);
}

/** Runs `lcdnn ARGS` and expects the one line of a mistake that the user can mend, and nothing else. */
export async function expectMistake(args: readonly string[], line: RegExp | string): Promise<void> {
  expectMistakeIn(await lcdnn(...args), line);
}

export function expectMistakeIn({ code, stdout, stderr }: Ended, line: RegExp | string): void {
  expect(stderr).toMatch(line);
  expect(stderr).toMatch(/^error: [^\n]*\n$/);
  expect([code, stdout]).toEqual([2, '']);
}

/** A folder of this test file, removed at its end; commands run in it. */
export const folder = mkdtempSync(join(tmpdir(), 'lcdnn-faults-'));
const host = commandHost(PACKAGE, folder, environment());
afterAll(() => {
  host.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A path in that folder that nothing else uses. */
export const fresh = (name = 'x'): string => join(mkdtempSync(join(folder, 'at-')), name);

/** A copy of the trained run or the bundle, to break. */
export function copyOf(source: string): string {
  const copy = fresh('copy');
  cpSync(source, copy, { recursive: true });
  return copy;
}

/** Changes a field of a JSON file. */
export function editJson(path: string, change: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
}

/** Names of temporary files that a write has left behind. */
export const leftovers = (path: string): string[] =>
  (readdirSync(path, { recursive: true }) as string[]).filter((name) => name.endsWith('.tmp'));

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, XDG_CACHE_HOME: join(folder, 'cache'), LCDNN_DATA: '', NO_COLOR: '1', CI: '1' };
}
