import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { parseBytes } from '../base/format.js';

/** A flag for a size in bytes: `79000`, `79KB`, `1.5MB` or `2GB` (powers of 1000). */
export const bytesFlag = (summary: string, helpGroup?: string) =>
  Flags.custom<number>({
    summary,
    helpGroup,
    parse: async (input, _context, { name }) => {
      const bytes = parseBytes(input);
      if (bytes !== undefined) return bytes;
      throw new UserError(`--${name}: expected a size, as 79000, 79KB or 1.5MB, found ${input}`);
    },
  })();
