import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';

interface NumberFlagOptions {
  readonly char?: 'b' | 'e';
  readonly helpGroup?: string;
}

/** A flag for any finite number; what a sensible one is, the config or the command that uses it says. */
export const numberFlag = (summary: string, options: NumberFlagOptions = {}) =>
  Flags.custom<number>({
    ...options,
    summary,
    parse: async (input, _context, { name }) => {
      const value = Number(input);
      if (input.trim() !== '' && Number.isFinite(value)) return value;
      throw new UserError(`--${name}: expected a number, found ${input}`);
    },
  })();
