import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** For every build, the functions that each export needs, by index (scripts/build-kernels.ts). */
const FUNCTIONS = z
  .record(z.string(), z.record(z.string(), z.array(z.int())))
  .parse(JSON.parse(readFileSync(new URL('../../kernels/prebuilt/functions.json', import.meta.url), 'utf8')));

const EXPORTS = 7;
const CODE = 10;
/** A function without locals that traps: `unreachable`, `end`. */
const EMPTY_BODY = Uint8Array.of(3, 0, 0x00, 0x0b);

/**
 * A build of the kernels with only the exports that `isUsed` accepts, so that a page doesn't download what its program
 * never calls. Functions keep their indices: unused ones get an empty body.
 *
 * @param file name of the build in kernels/prebuilt/
 */
export function pruneKernels(file: string, isUsed: (kernel: string) => boolean): Uint8Array {
  const wasm = new Uint8Array(readFileSync(new URL(`../../kernels/prebuilt/${file}`, import.meta.url)));
  const kept = Object.entries(FUNCTIONS[file]).filter(([name]) => isUsed(name));
  const names = new Set(kept.map(([name]) => name));
  const needed = new Set(kept.flatMap(([, indices]) => indices));
  const reader = readerOf(wasm, 8);
  const parts: Uint8Array[] = [wasm.subarray(0, 8)];
  while (reader.at() < wasm.length) {
    const id = reader.byte();
    const content = reader.bytes(reader.number());
    const changed = id === EXPORTS ? keptExports(content, names) : id === CODE ? keptBodies(content, needed) : content;
    parts.push(Uint8Array.of(id), leb(changed.length), changed);
  }
  return joined(parts);
}

/** The exports of memory and globals, and those of the functions with these names. */
function keptExports(section: Uint8Array, names: ReadonlySet<string>): Uint8Array {
  const reader = readerOf(section);
  const entries = Array.from({ length: reader.number() }, () => {
    const start = reader.at();
    const name = Buffer.from(reader.bytes(reader.number())).toString();
    const isFunction = reader.byte() === 0;
    reader.number();
    return { bytes: section.subarray(start, reader.at()), isKept: !isFunction || names.has(name) };
  });
  const kept = entries.filter(({ isKept }) => isKept).map(({ bytes }) => bytes);
  return joined([leb(kept.length), ...kept]);
}

function keptBodies(section: Uint8Array, needed: ReadonlySet<number>): Uint8Array {
  const reader = readerOf(section);
  const count = reader.number();
  const bodies = Array.from({ length: count }, (_, index) => {
    const start = reader.at();
    reader.bytes(reader.number());
    return needed.has(index) ? section.subarray(start, reader.at()) : EMPTY_BODY;
  });
  return joined([leb(count), ...bodies]);
}

/** Reads bytes and numbers (unsigned LEB128) one after another. */
function readerOf(bytes: Uint8Array, start = 0) {
  let at = start;
  const byte = (): number => bytes[at++];
  const number = (): number => {
    const low = byte();
    return low < 128 ? low : low - 128 + 128 * number();
  };
  const take = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  return { at: () => at, byte, number, bytes: take };
}

/** A number as unsigned LEB128. */
const leb = (value: number): Uint8Array =>
  value < 128 ? Uint8Array.of(value) : joined([Uint8Array.of(128 + (value % 128)), leb(Math.floor(value / 128))]);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
