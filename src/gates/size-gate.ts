import { checkGate, type Gate } from './gate.js';

/** The gate of a page's download, if there is a limit. Bytes, compressed with brotli. */
export function downloadGates(value: number, limit: number | undefined): Gate[] {
  return limit === undefined ? [] : [checkGate({ name: 'download', unit: 'bytes', bound: 'max', limit, value })];
}
