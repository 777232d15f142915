// npm run docs:commands - writes docs/commands.md from oclif.manifest.json; "-- --check" only compares.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { describeCommands, Manifest } from './describe-commands.js';
import { ROOT, updateOrCheck } from './pages.js';

const manifest = Manifest.safeParse(JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')));
if (!manifest.success) throw new Error(`oclif.manifest.json: ${z.prettifyError(manifest.error)}; run "npm run build"`);
updateOrCheck(new Map([['docs/commands.md', describeCommands(manifest.data)]]), 'npm run docs:commands');
