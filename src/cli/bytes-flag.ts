import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** A flag for a size in bytes: `79000`, `79KB`, `1.5MB` or `2GB` (powers of 1000). */
export const bytesFlag = (summary: string, helpGroup?: string) =>
  Flags.custom<number>({
    summary,
    helpGroup,
    parse: async (input, _context, { name }) => {
      const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([kmg]?b)?$/i.exec(input) ?? [];
      if (digits !== undefined) return Number(digits) * UNITS[(unit ?? '').toLowerCase()];
      throw new UserError(`--${name}: expected a size, as 79000, 79KB or 1.5MB, found ${input}`);
    },
  })();
