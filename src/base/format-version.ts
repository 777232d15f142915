import { UserError } from './errors.js';

/**
 * Refuses a file that a newer version of lcdnn wrote in a format that this one doesn't know. The format is `format` or
 * `version` of the file: a number, or text that ends in one, as `lcdnn-checkpoint-1`.
 *
 * @param newest format that this version reads; earlier ones as well
 * @param what the content is, for messages: `the config of a run`
 * @throws UserError if the file's format is newer
 */
export function refuseNewerFormat(value: unknown, newest: number, path: string, what: string): void {
  const { format, version } = Object(value) as { format?: unknown; version?: unknown };
  const found = numberOf(format) ?? numberOf(version);
  if (found === undefined || found <= newest) return;
  throw new UserError(
    `${path}: expected ${what} in format ${newest} or earlier, found format ${found}, which a newer version of lcdnn ` +
      'wrote; update lcdnn, or use the version that wrote it (docs/formats.md)',
  );
}

function numberOf(format: unknown): number | undefined {
  if (typeof format === 'number') return format;
  const [, digits] = (typeof format === 'string' && /-(\d+)$/.exec(format)) || [];
  return digits === undefined ? undefined : Number(digits);
}
