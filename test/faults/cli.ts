import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, expect } from 'vitest';
import { tinyDataset, writeFiles } from '../tiny-dataset.js';

/**
 * The command line as a user runs it, in child processes: the sources compiled as they are, in a package of their own
 * whose catalogue knows one more data set, `tiny`, on which a whole training run takes a second. The package, with a
 * trained run and its bundle, is kept in node_modules/.cache until a source changes.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'package.json',
  'bin/run.js',
  'scripts/write-oclif-manifest.js',
  'templates',
  'recipes',
  'schedules',
  'kernels/prebuilt',
  'python/lcdnn_torch',
];
const HOUR_MS = 3_600_000;

/** No source of it is reachable: nothing listens on port 2 (and fetch itself refuses port 1). */
export const TINY = tinyDataset(['http://127.0.0.1:2/'], { train: 120, test: 30, height: 16, width: 16 });
/** Options of training with 10 steps an epoch. */
export const tinyOptions = (epochs: number): string[] => [
  '--dataset',
  'tiny',
  '--batch-size',
  '10',
  '--validation',
  '20',
  '--epochs',
  `${epochs}`,
];
/** Epochs of RUN. */
export const EPOCHS = 3;

const PACKAGE = preparedPackage();
/** A trained and tuned run, and its bundle: to read or to copy. */
export const RUN = join(PACKAGE, 'run');
export const BUNDLE = join(PACKAGE, 'bundle');
/** The folder of the data set `tiny`. */
export const DATA = join(PACKAGE, 'datasets', 'tiny');

export interface Ended {
  /** Exit code; nothing where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

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

/** Runs `lcdnn ARGS` to its end. */
export const lcdnn = (...args: string[]): Promise<Ended> => start(args).ended;

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
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

function preparedPackage(): string {
  const sources = filesIn('src').filter((path) => !path.endsWith('.test.ts'));
  const inputs = [...sources, ...COPIED.flatMap(filesIn), 'test/tiny-dataset.ts', 'test/faults/cli.ts'];
  const hash = createHash('sha256').update(import.meta.url);
  for (const path of inputs) hash.update(path).update(readFileSync(join(ROOT, path)));
  const cache = join(ROOT, 'node_modules', '.cache');
  const prepared = join(cache, `lcdnn-faults-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(prepared)) return prepared;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const old = join(cache, name);
    if (name.startsWith('lcdnn-faults-') && Date.now() - statSync(old).mtimeMs > HOUR_MS)
      rmSync(old, { recursive: true });
  }
  const temporary = mkdtempSync(join(cache, 'lcdnn-faults-'));
  try {
    preparePackage(temporary, sources);
    renameSync(temporary, prepared);
  } catch (thrown) {
    rmSync(temporary, { recursive: true });
    if (!existsSync(prepared)) throw thrown; // else another worker was faster
  }
  return prepared;
}

function preparePackage(at: string, sources: readonly string[]): void {
  for (const path of [...COPIED, 'datasets']) cpSync(join(ROOT, path), join(at, path), { recursive: true });
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  for (const path of sources) {
    const target = join(at, path.replace(/^src/, 'dist').replace(/\.ts$/, '.js'));
    const text = readFileSync(join(ROOT, path), 'utf8');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  const catalog = join(at, 'datasets', 'catalog.json');
  const { name, ...entry } = TINY.entry;
  writeFileSync(catalog, JSON.stringify({ ...JSON.parse(readFileSync(catalog, 'utf8')), [name]: entry }));
  writeFiles(join(at, 'datasets', name), TINY.entry, TINY.contents, false);
  const node = (...args: string[]): void => {
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: at, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  };
  node('scripts/write-oclif-manifest.js');
  node('bin/run.js', 'train', ...tinyOptions(EPOCHS), '--out', 'run');
  node('bin/run.js', 'tune-tau', 'run', '--objective', 'accuracy');
  // In float32, which can be NaN.
  node('bin/run.js', 'export', 'run', '--uplink', 'f32', '--out', 'bundle');
}

/** The files under a path of the repository, or the file itself, relative to the root. */
function filesIn(path: string): string[] {
  if (statSync(join(ROOT, path)).isFile()) return [path];
  const entries = readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort();
}
