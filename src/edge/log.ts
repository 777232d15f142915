import pino from 'pino';

export const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Bytes of lines that wait to be written; what comes then is lost. */
const MOST_WAITING = 1 << 20;

/**
 * A log of JSON lines on standard error, written beside the work. A reader that stands still, or a full disk, costs lines
 * and nothing else.
 *
 * @param onLost hears of lines that could not be written
 */
export function createLog(level: LogLevel, onLost: () => void): pino.Logger {
  const destination = pino.destination({ fd: process.stderr.fd, sync: false, maxLength: MOST_WAITING });
  destination.on('error', onLost).on('drop', onLost);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
