import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { cachedFolder } from '../cached-folder.js';
import { tinyDataset, writeFiles } from '../tiny-dataset.js';

/**
 * The sources compiled as they are, in a package of their own whose catalogue knows one more data set, `tiny`, on which a
 * whole training run takes a second; with a trained run and its bundle.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'package.json',
  'bin/run.js',
  'scripts/write-oclif-manifest.js',
  'templates',
  'models',
  'recipes',
  'schedules',
  'kernels/prebuilt',
  'python/lcdnn_torch',
];

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
/** Epochs of the run. */
export const EPOCHS = 3;

/** The package's folder; the run and the bundle are in `run` and `bundle`. */
export function preparedPackage(): Promise<string> {
  const sources = filesIn('src').filter((path) => !path.endsWith('.test.ts'));
  const inputs = [...sources, ...COPIED.flatMap(filesIn), 'test/tiny-dataset.ts', 'test/faults/prepared-package.ts'];
  const contents = inputs.flatMap((path) => [path, readFileSync(join(ROOT, path))]);
  return cachedFolder('lcdnn-faults', contents, (folder) => preparePackage(folder, sources));
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
