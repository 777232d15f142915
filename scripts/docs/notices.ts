// npm run docs:notices - writes THIRD_PARTY_NOTICES.md from package-lock.json; "-- --check" only compares.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { describeNotices } from './describe-notices.js';
import { ROOT, updateOrCheck } from './pages.js';

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      peer: z.boolean().optional(),
      optional: z.boolean().optional(),
    }),
  ),
});

const { packages } = Lock.parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
const installed = Object.entries(packages)
  .filter(([path, { dev, devOptional, peer }]) => path !== '' && !dev && !devOptional && !peer)
  .map(([path, { version = '', license = 'not stated', optional = false }]) => ({
    name: path.replace(/^.*node_modules\//, ''),
    version,
    license,
    optional,
  }));
updateOrCheck(new Map([['THIRD_PARTY_NOTICES.md', describeNotices(installed)]]), 'npm run docs:notices');
