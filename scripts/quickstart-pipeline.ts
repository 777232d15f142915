// npm run quickstart:pipeline - the quickstart as a pipeline, in two fresh clones of the last commit: gates that pass, a gate
// that must fail, and the same bundle in both, byte for byte.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXIT_GATE_FAILED = 3;

/** Runs a program and ends this one unless it exits with `expected`. @returns its standard output */
function run(cwd: string, expected: number, program: string, ...args: string[]): string {
  console.log(`\n$ ${[program === process.execPath ? 'node' : program, ...args].join(' ')}`);
  const { status, stdout } = spawnSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  process.stdout.write(stdout);
  if (status === expected) return stdout;
  console.error(`expected exit code ${expected}, found ${status}`);
  process.exit(1);
}

/** Clones and builds the repository, and runs the pipeline of the example. @returns version of the bundle */
function versionOfClone(clone: string): string {
  run(ROOT, 0, 'git', 'clone', '--quiet', '--depth', '1', `file://${ROOT}`, clone);
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  run(clone, 0, 'npm', 'run', '--silent', 'build');
  const example = join(clone, 'examples/pipeline');
  const lcdnn = (expected: number, ...args: string[]): string =>
    run(example, expected, process.execPath, join(clone, 'bin/run.js'), ...args);
  lcdnn(0, 'pipeline', '--junit', 'gates.xml');
  lcdnn(EXIT_GATE_FAILED, 'pipeline', '--min-accuracy', 'both=0.999');
  const { run: trained, version } = JSON.parse(lcdnn(0, 'pipeline', '--json'));
  lcdnn(0, 'export', trained, '--check', 'build/bundle');
  return version;
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-clones-'));
try {
  const versions = ['one', 'two'].map((name) => versionOfClone(join(folder, name)));
  const manifests = ['one', 'two'].map((name) => join(folder, name, 'examples/pipeline/build/bundle'));
  run(folder, 0, 'diff', '--recursive', ...manifests);
  run(folder, 0, 'diff', '--recursive', ...manifests.map((bundle) => `${bundle}.about`));
  console.log(`\nboth clones: bundle ${versions[0]}, identical with everything beside it`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
