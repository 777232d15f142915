import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';

interface NumberFlagOptions {
  readonly char?: 'b' | 'e';
  readonly helpGroup?: string;
}

/** A flag for any finite number. The code that uses it checks its range. */
export const numberFlag = (summary: string, options: NumberFlagOptions = {}) =>
  Flags.custom<number>({
    ...options,
    summary,
    parse: async (input, _context, { name }) => {
      const value = numberIn(input);
      if (value !== undefined) return value;
      throw new UserError(`--${name}: expected a number, found ${input}`);
    },
  })();

/** A flag for numbers separated by commas. */
export const numberListFlag = (summary: string, options: NumberFlagOptions = {}) =>
  Flags.custom<number[]>({
    ...options,
    summary,
    parse: async (input, _context, { name }) => {
      const values = input.split(',').map(numberIn);
      if (values.every((value) => value !== undefined)) return values;
      throw new UserError(`--${name}: expected numbers separated by commas, found ${input}`);
    },
  })();

function numberIn(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : undefined;
}
