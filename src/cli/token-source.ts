import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';

/** The bearer token of a server, which may be replaced while the server runs. */
export interface TokenSource {
  /** Undefined if the server needs no token. */
  current(): string | undefined;
  /** Reads the token file again. @throws UserError if it contains no token; the previous one stays */
  reload(): void;
}

const VARIABLE = 'LCDNN_TOKEN';

/**
 * The token in a file, or else in the environment variable LCDNN_TOKEN. Spaces and line ends around it don't count.
 *
 * @throws UserError if there is a file or variable without a token
 */
export function createTokenSource(file: string | undefined): TokenSource {
  const read = (): string | undefined =>
    file === undefined
      ? requireToken(process.env[VARIABLE], VARIABLE)
      : requireToken(readFileOrExplain(file, 'a file with the token').toString('utf8'), file);
  let token = read();
  return {
    current: () => token,
    reload() {
      token = read();
    },
  };
}

function requireToken(text: string | undefined, origin: string): string | undefined {
  if (text === undefined) return undefined;
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const found = token === '' ? 'nothing' : 'spaces or characters beyond ASCII in it';
  throw new UserError(`${origin}: expected a token, found ${found}`);
}
