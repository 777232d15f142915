import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { messageOf, UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import type { World } from '../world.js';
import type { TaskSet } from './task-set.js';

const rowSchema = z.object({
  /** Arrival time in ms, counted from any origin. */
  arrivalMs: z.coerce.number().min(0),
  serviceMs: z.coerce.number().positive().max(86_400_000),
  /** Index of the server that is closest to the user. */
  place: z.coerce.number().int().min(0).default(0),
});

type Row = z.output<typeof rowSchema>;

/** A line of a server log without a service time. Lines about answered inference requests have one. */
const logLineSchema = z.object({ level: z.number(), msg: z.string(), serviceMs: z.never().optional() });

/**
 * Reads a trace of tasks: CSV with the columns `arrivalMs,serviceMs,place`, or JSON lines with those fields, such as the
 * log of `lcdnn serve --log info`. The first arrival is step 0. The rows may be in any order.
 *
 * @throws UserError that names the first invalid row.
 */
export function readTrace(path: string, world: World): TaskSet {
  const text = readFileOrExplain(path, 'a trace of tasks').toString('utf8');
  const rows = (text.trimStart().startsWith('{') ? jsonRows(path, text) : csvRows(path, text)).map(([row, line]) =>
    checkRow(path, row, line, world.servers),
  );
  if (rows.length === 0) {
    throw new UserError(
      `${path}: expected at least one task, found none; record requests with "lcdnn serve --log info"`,
    );
  }
  return toTaskSet(rows, world.settings.stepMs, path);
}

type RawRow = [row: unknown, line: number];

function jsonRows(path: string, text: string): RawRow[] {
  return text.split('\n').flatMap((line, i): RawRow[] => {
    if (line.trim() === '') return [];
    try {
      const row: unknown = JSON.parse(line);
      return logLineSchema.safeParse(row).success ? [] : [[row, i + 1]];
    } catch (thrown) {
      throw new UserError(`${path}, line ${i + 1}: expected a JSON object, found other text (${messageOf(thrown)})`);
    }
  });
}

function csvRows(path: string, text: string): RawRow[] {
  try {
    const rows: Record<string, string>[] = parse(text, {
      columns: true,
      skip_empty_lines: true,
      trim: true,
      bom: true,
    });
    return rows.map((row, i) => [row, i + 2]);
  } catch (thrown) {
    throw new UserError(`${path}: expected CSV with the columns arrivalMs,serviceMs,place (${messageOf(thrown)})`);
  }
}

function checkRow(path: string, row: unknown, line: number, servers: number): Row {
  const checked = rowSchema.safeParse(row);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
    throw new UserError(`${path}, line ${line}: expected arrivalMs, serviceMs and place; ${problems}`);
  }
  if (checked.data.place < servers) return checked.data;
  throw new UserError(
    `${path}, line ${line}: expected a place from 0 to ${servers - 1} (the index of a server), found ${checked.data.place}`,
  );
}

/** Longest trace in steps. A trace whose times are not in ms usually exceeds this. */
const MAX_STEPS = 10_000_000;

function toTaskSet(rows: Row[], stepMs: number, path: string): TaskSet {
  rows.sort((a, b) => a.arrivalMs - b.arrivalMs);
  const start = rows[0].arrivalMs;
  const arrival = Int32Array.from(rows, (row) => Math.min(MAX_STEPS, Math.floor((row.arrivalMs - start) / stepMs)));
  const steps = arrival[arrival.length - 1] + 1;
  if (steps > MAX_STEPS) {
    throw new UserError(
      `${path}: expected at most ${MAX_STEPS} steps of ${stepMs} ms, found more; check that its times are in ms, or increase stepMs`,
    );
  }
  const firstOf = new Int32Array(steps + 1).fill(rows.length);
  for (let task = rows.length - 1; task >= 0; task--) firstOf[arrival[task]] = task;
  for (let step = steps - 1; step >= 0; step--) firstOf[step] = Math.min(firstOf[step], firstOf[step + 1]);
  return {
    steps,
    firstOf,
    arrival,
    work: Float32Array.from(rows, (row) => row.serviceMs / stepMs),
    place: Uint8Array.from(rows, (row) => row.place),
  };
}
