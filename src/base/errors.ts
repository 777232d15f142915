/**
 * A mistake that the user can fix: a flag, a file, a folder, a value. The command line prints the message in one line and
 * exits with 2. Any other error is a bug in lcdnn and exits with 1.
 *
 * Write the message as: what was expected, what was found, where, and what to do next.
 *
 * @example
 * throw new UserError(`${path}: expected 47040016 bytes of images, found 1024; fetch the file again`);
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: number = 2;
  /** Stays the same between versions: `ERR_LCDNN_INPUT`, and another one for each subclass. */
  readonly code: string = 'ERR_LCDNN_INPUT';
}

/** The message of a thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system error code (`ENOENT`, `ENOSPC`, ...) of a thrown value, if it has one. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
