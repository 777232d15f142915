import { write } from 'node:fs';
import pino from 'pino';

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Largest number of characters that wait to be written. Further lines are dropped. */
const MOST_WAITING = 1 << 20;

/**
 * Creates a log of JSON lines on standard error.
 *
 * @param onLost receives the number of lines that could not be written
 */
export function createLog(level: LogLevel, onLost: (lines: number) => void): pino.Logger {
  const destination = createLineWriter(process.stderr.fd, onLost);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/**
 * Writes lines without blocking. If nobody reads them or the disk is full, lines are dropped. (pino's own destination
 * retries forever on a full disk when the process ends.)
 */
export function createLineWriter(file: number, onLost: (lines: number) => void): { write(line: string): void } {
  let waiting: string[] = [];
  let length = 0;
  let isWriting = false;

  const flush = (): void => {
    if (isWriting || waiting.length === 0) return;
    isWriting = true;
    const lines = waiting.length;
    const bytes = Buffer.from(waiting.join(''));
    waiting = [];
    length = 0;
    writeAll(file, bytes, (error) => {
      isWriting = false;
      if (error) onLost(lines);
      flush();
    });
  };

  return {
    write(line) {
      if (length + line.length > MOST_WAITING) return onLost(1);
      waiting.push(line);
      length += line.length;
      flush();
    },
  };
}

function writeAll(file: number, bytes: Buffer, done: (error: Error | null) => void): void {
  write(file, bytes, (error, written) => {
    if (error || written === bytes.length) done(error);
    else writeAll(file, bytes.subarray(written), done);
  });
}
