/**
 * Builds kernels/prebuilt/lcdnn-simd.wasm and lcdnn-scalar.wasm from kernels/cpp/ with Debian 12's Emscripten.
 *
 *   npm run kernels              writes them
 *   npm run kernels -- --check   builds in a temporary folder and compares with the committed files, byte for byte
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { codeOf, messageOf, UserError } from '../src/base/errors.js';
import { writeFileAtomic } from '../src/base/files.js';

const KERNELS = fileURLToPath(new URL('../kernels/', import.meta.url));
const CPP = join(KERNELS, 'cpp');

const BUILDS = [
  { file: 'lcdnn-simd.wasm', flags: ['-msimd128'] },
  { file: 'lcdnn-scalar.wasm', flags: [] },
];

// Loops are unrolled and vectorised by hand where it pays; the compiler's own unrolling doubles the size without a gain.
// -fno-builtin keeps loops from becoming calls of memset or memcpy.
const COMPILE =
  '-O2 -std=c++20 -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-builtin -fno-vectorize -fno-slp-vectorize -fno-unroll-loops -ffp-contract=off -Iinclude';
const LINK =
  '--no-entry -s STANDALONE_WASM -s TOTAL_STACK=16384 -s INITIAL_MEMORY=65536 -s ALLOW_MEMORY_GROWTH=1 -Wl,--export=__heap_base';

function build(folder: string): void {
  const header = readFileSync(join(CPP, 'include', 'lcdnn.h'), 'utf8');
  const kernels = [...header.matchAll(/^\w+ (lcdnn_\w+)\(/gm)].map(([, name]) => name);
  const sources = readdirSync(join(CPP, 'src'))
    .filter((name) => name.endsWith('.cpp'))
    .sort();
  const exports = ['memory', '__heap_base', ...kernels];
  const graph = join(folder, 'exports.json');
  writeFileSync(graph, JSON.stringify(exports.map((name) => ({ name, export: name, root: true }))));
  for (const { file, flags } of BUILDS) {
    const linked = join(folder, `linked-${file}`);
    const exported = `EXPORTED_FUNCTIONS=${kernels.map((name) => `_${name}`)}`;
    command('emcc', [
      ...COMPILE.split(' '),
      ...flags,
      ...sources.map((name) => join('src', name)),
      ...LINK.split(' '),
      '-s',
      exported,
      '-o',
      linked,
    ]);
    // emcc exports more than requested.
    command('wasm-metadce', [linked, '--all-features', `--graph-file=${graph}`, '-o', join(folder, file)]);
    checkInterface(file, readFileSync(join(folder, file)), exports);
  }
}

function command(name: string, args: string[]): void {
  const { error, status, stderr } = spawnSync(name, args, {
    cwd: CPP,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (codeOf(error) === 'ENOENT') {
    throw new UserError(
      `expected ${name} to build the kernels, found none; install it: apt-get install -y emscripten (Debian 12, 3.1.6)`,
    );
  }
  if (error) throw error;
  if (status !== 0) throw new Error(`${name} failed:\n${stderr}`);
}

function checkInterface(file: string, bytes: Buffer<ArrayBuffer>, expected: string[]): void {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  if (imports.length > 0) throw new Error(`${file}: expected no import, found ${imports}`);
  if (exports.toSorted().join() !== expected.toSorted().join())
    throw new Error(`${file}: expected exports ${expected}, found ${exports}`);
}

function run(check: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-kernels-'));
  try {
    build(folder);
    const differing: string[] = [];
    for (const { file } of BUILDS) {
      const built = readFileSync(join(folder, file));
      const committed = join(KERNELS, 'prebuilt', file);
      if (!check) writeFileAtomic(committed, built);
      else if (!existsSync(committed) || !built.equals(readFileSync(committed))) differing.push(file);
      console.log(`${file}: ${built.length} bytes, ${brotliCompressSync(built).length} after brotli`);
    }
    if (differing.length > 0) {
      throw new UserError(
        `kernels/prebuilt: expected what kernels/cpp gives, found other bytes in ${differing.join(' and ')}; run npm run kernels with Debian 12's emcc 3.1.6 and commit the result`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

try {
  run(parseArgs({ options: { check: { type: 'boolean', default: false } } }).values.check);
} catch (thrown) {
  console.error(messageOf(thrown));
  process.exitCode = 1;
}
