/**
 * What the benchmarks measured, as files that README and docs take their figures from (`npm run docs:figures`):
 * `benchmarks/results/NAME.json`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const FOLDER = fileURLToPath(new URL('results/', import.meta.url));
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A number is printed with its column's `digits`; text, such as "4.3 (1.2)", is printed as it is. */
const Cell = z.union([z.number(), z.string(), z.null()]);

const Column = z.strictObject({
  title: z.string(),
  /** Digits after the point. Without it, a number is printed with up to three significant digits, or whole. */
  digits: z.int().min(0).max(10).optional(),
  /** Printed behind each number, for example " ms" or " %". */
  unit: z.string().optional(),
  align: z.enum(['left', 'right']).optional(),
});

const Table = z.strictObject({ columns: z.array(Column).min(1), rows: z.array(z.array(Cell)) });

const ResultFile = z.strictObject({
  /** "measured" by the command; "transcribed" from older docs whose benchmark has not been run again. */
  origin: z.enum(['measured', 'transcribed']),
  command: z.string(),
  /** The day of the measurement, or of the text that a transcribed figure comes from. */
  date: z.iso.date(),
  /** Commit that was measured; "-dirty" when files had changed. A transcribed result names the commit of its source. */
  commit: z.string(),
  processor: z.string(),
  /** Versions that the figures depend on, such as `{ node: '22.1.0', chromium: '141' }`. */
  versions: z.record(z.string(), z.string()),
  /** Where transcribed figures come from, or what else a reader must know. */
  note: z.string().optional(),
  /** Single figures, included as `NAME:key`. */
  figures: z.record(z.string(), Cell).default({}),
  /** Whole tables, included as `NAME:key`. */
  tables: z.record(z.string(), Table).default({}),
});

export type ResultTable = z.infer<typeof Table>;
export type Result = z.infer<typeof ResultFile>;
/** What a benchmark hands in; the rest is filled in by `writeResult`. */
export type Measurement = Pick<Result, 'command'> & Partial<Pick<Result, 'versions' | 'note' | 'figures' | 'tables'>>;

/**
 * Writes `benchmarks/results/NAME.json` with today's date, the commit, the processor and Node's version, and reminds you
 * to run `npm run docs:figures`. Overwrites an older result of that name, so call it once, after the full measurement.
 *
 * @param name - lower-case words joined by hyphens, such as "edge-throughput"
 * @example
 * writeResult('tau-search', {
 *   command: 'npm run bench:tau',
 *   figures: { seconds: 0.21 },
 *   tables: { main: { columns: [{ title: 'samples' }, { title: 'time', digits: 2, unit: ' s' }], rows: [[1e6, 0.21]] } },
 * });
 */
export function writeResult(name: string, measurement: Measurement): void {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    throw new Error(`expected a name like "edge-throughput", found "${name}"`);
  const result = ResultFile.parse({
    origin: 'measured',
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--match='], { cwd: ROOT })
      .toString()
      .trim(),
    processor: `${cpus()[0].model.trim()}, ${cpus().length} cores`,
    ...measurement,
    versions: { node: process.versions.node, ...measurement.versions },
  });
  for (const [key, { columns, rows }] of Object.entries(result.tables)) {
    const wrong = rows.find((row) => row.length !== columns.length);
    if (wrong) throw new Error(`${name}:${key}: expected rows of ${columns.length} cells, found [${wrong.join(', ')}]`);
  }
  writeFileSync(join(FOLDER, `${name}.json`), printResult(result));
  console.log(`wrote benchmarks/results/${name}.json; next: npm run docs:figures`);
}

/** Versions of installed packages, for `versions`. */
export function packageVersions(...names: string[]): Record<string, string> {
  const read = (name: string): string =>
    JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;
  return Object.fromEntries(names.map((name) => [name, read(name)]));
}

/** Indented JSON with one table row a line, so that a new measurement gives a readable diff. */
export function printResult(result: Result): string {
  const flat = /\[\n\s+((?:"(?:[^"\\]|\\.)*"|[\d.eE+-]+|null)(?:,\n\s+(?:"(?:[^"\\]|\\.)*"|[\d.eE+-]+|null))*)\n\s+\]/g;
  const onOneLine = (_: string, cells: string): string => `[${cells.replace(/,\n\s+/g, ', ')}]`;
  return `${JSON.stringify(result, null, 2).replace(flat, onOneLine)}\n`;
}

/** Reads every result, by name. @throws Error naming the file if one doesn't have the form above. */
export function readResults(folder = FOLDER): Map<string, Result> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return new Map(files.sort().map((file) => [basename(file, '.json'), readResult(join(folder, file))]));
}

function readResult(path: string): Result {
  const parsed = ResultFile.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
