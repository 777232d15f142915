import type { Config } from './config.js';
import { flagOf, optionNames } from './options.js';

/** The flags that set these options, quoted for a shell: `--lr 0.001 --no-flip`. */
export function flagsFor(given: Partial<Config>): string {
  const flags = optionNames.flatMap((name) => {
    const value = given[name];
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [`--${value ? '' : 'no-'}${flagOf(name)}`];
    return [`--${flagOf(name)} ${shellQuoted(String(value))}`];
  });
  if (given.dataDir !== undefined) flags.push(`--data-dir ${shellQuoted(given.dataDir)}`);
  return flags.join(' ');
}

/** Quotes a word for a shell if necessary. */
export const shellQuoted = (word: string): string =>
  /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
