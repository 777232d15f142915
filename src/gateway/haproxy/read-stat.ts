import { parse } from 'csv-parse/sync';
import { UserError } from '../../base/errors.js';

/** HAProxy's statistics about a server, or about a whole backend. */
export interface Stat {
  /** `BACKEND` for the whole backend. */
  readonly name: string;
  readonly address: string;
  readonly up: boolean;
  readonly weight: number;
  /** Current requests, requests that wait, and all requests so far. */
  readonly current: number;
  readonly queued: number;
  readonly total: number;
}

/** Reads the output of `show stat` about a backend. @throws UserError if there is no backend of that name */
export function readStat(text: string, backend: string): { readonly servers: Stat[]; readonly whole: Stat } {
  const rows: Record<string, string>[] = parse(text.replace(/^# /, ''), {
    columns: true,
    relaxColumnCount: true,
    skipEmptyLines: true,
  });
  const stats = rows.filter(({ pxname }) => pxname === backend).map(statOf);
  const whole = stats.find(({ name }) => name === 'BACKEND');
  if (whole) return { servers: stats.filter(({ name }) => name !== 'BACKEND'), whole };
  const names = [...new Set(rows.map(({ pxname }) => pxname))].filter(Boolean).join(', ');
  throw new UserError(`expected a backend ${backend} in HAProxy, found ${names || 'none'}`);
}

const statOf = (row: Record<string, string>): Stat => ({
  name: row.svname,
  address: row.addr,
  up: /^(UP|no check)/.test(row.status),
  weight: Number(row.weight),
  current: Number(row.scur),
  queued: Number(row.qcur),
  total: Number(row.stot),
});
