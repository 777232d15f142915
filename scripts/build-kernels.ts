/**
 * Builds the files of kernels/prebuilt/ from kernels/cpp/ with Debian 12's Emscripten. The relaxed SIMD build is the SIMD
 * build with every `i8x16.swizzle` replaced by `i8x16.relaxed_swizzle`, and `i16x8.q15mulr_sat_s` by `i16x8.relaxed_q15mulr_s`.
 *
 * `functions.json` lists, for every build, the functions that each export needs. The exporter removes the others.
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
import binaryen from 'binaryen';
import { codeOf, messageOf, UserError } from '../src/base/errors.js';
import { writeFileAtomic } from '../src/base/files.js';

const KERNELS = fileURLToPath(new URL('../kernels/', import.meta.url));
const CPP = join(KERNELS, 'cpp');

const COMPILED = [
  { file: 'lcdnn-simd.wasm', flags: ['-msimd128'] },
  { file: 'lcdnn-scalar.wasm', flags: [] },
];
const RELAXED = 'lcdnn-relaxed-simd.wasm';
const BUILDS = [...COMPILED.map(({ file }) => file), RELAXED];
const FUNCTIONS = 'functions.json';

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
  for (const { file, flags } of COMPILED) {
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
  writeFileSync(join(folder, RELAXED), relaxed(readFileSync(join(folder, 'lcdnn-simd.wasm'))));
  const functions = BUILDS.map((file) => [file, functionsOfExports(readFileSync(join(folder, file)))]);
  writeFileSync(join(folder, FUNCTIONS), `${JSON.stringify(Object.fromEntries(functions))}\n`);
}

/**
 * The same module with relaxed instructions. On x86 they are faster, because swizzles don't check for indices of 16 and above, and
 * products don't check for -1 times -1. The kernels have neither. No compiler is involved, so that nothing else differs between the
 * two builds.
 */
function relaxed(simd: Uint8Array): Uint8Array {
  const text = binaryen.readBinary(simd).emitText();
  const { BulkMemory, NontrappingFPToInt, RelaxedSIMD, SIMD128, SignExt } = binaryen.Features;
  const features = BulkMemory | NontrappingFPToInt | RelaxedSIMD | SIMD128 | SignExt;
  const encode = (source: string): Uint8Array => {
    const module = binaryen.parseText(source);
    module.setFeatures(features);
    return module.emitBinary();
  };
  if (!Buffer.from(encode(text)).equals(simd)) throw new Error('binaryen changes more than the relaxed instructions');
  return encode(
    text
      .replaceAll('i8x16.swizzle', 'i8x16.relaxed_swizzle')
      .replaceAll('i16x8.q15mulr_sat_s', 'i16x8.relaxed_q15mulr_s'),
  );
}

/** The indices of the functions that each export calls, itself included, directly or through others. */
function functionsOfExports(wasm: Uint8Array): Record<string, readonly number[]> {
  const text = binaryen.readBinary(wasm).emitText();
  if (/\((import|elem|start) /.test(text))
    throw new Error('expected kernels without imports, tables and start function');
  const functions = text.split(/^ \(func /m).slice(1);
  const indices = new Map(functions.map((body, index) => [/^\$\S+/.exec(body)![0], index]));
  const calls = functions.map((body) =>
    [...body.matchAll(/\(call (\$[^\s)]+)/g)].map(([, name]) => indices.get(name)!),
  );
  const exported = [...text.matchAll(/\(export "(\w+)" \(func (\$[^\s)]+)\)\)/g)];
  return Object.fromEntries(
    exported.map(([, name, own]) => {
      const needed = new Set([indices.get(own)!]);
      for (const index of needed) for (const called of calls[index]) needed.add(called);
      return [name, [...needed].sort((a, b) => a - b)];
    }),
  );
}

function command(name: string, args: string[]): void {
  const { error, status, stderr } = spawnSync(name, args, {
    cwd: CPP,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (codeOf(error) === 'ENOENT') {
    throw new UserError(
      `building the kernels needs ${name}, which isn't installed; run: apt-get install -y emscripten (Debian 12, 3.1.6)`,
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
    for (const file of [...BUILDS, FUNCTIONS]) {
      const built = readFileSync(join(folder, file));
      const committed = join(KERNELS, 'prebuilt', file);
      if (!check) writeFileAtomic(committed, built);
      else if (!existsSync(committed) || !built.equals(readFileSync(committed))) differing.push(file);
      console.log(`${file}: ${built.length} bytes, ${brotliCompressSync(built).length} after brotli`);
    }
    if (differing.length > 0) {
      throw new UserError(
        `kernels/prebuilt: expected what kernels/cpp compiles to, found other bytes in ${differing.join(' and ')}; run npm run kernels with Debian 12's emcc 3.1.6 and commit the result`,
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
