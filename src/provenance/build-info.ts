import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const buildInfoSchema = z.object({
  /** The commit that the package was built from. Absent if it was built outside of git. */
  commit: z.string().optional(),
  /** Whether files differed from that commit. */
  modified: z.literal(true).optional(),
});

/** Written by `npm run build`; it doesn't exist beside the sources. */
const file = new URL('../build-info.json', import.meta.url);

/** What is known about the build of this package. */
export const BUILD_INFO = existsSync(file) ? buildInfoSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
