import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { OUTPUT_SCHEMAS } from '../../src/cli/json-output/schemas.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

it('every command with --json has a schema', () => {
  const { commands } = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8'));
  const named = Object.keys(commands)
    .map((id) => id.replaceAll(':', ' '))
    .filter((id) => !['gateway', 'serve'].includes(id))
    .sort();
  expect(Object.keys(OUTPUT_SCHEMAS).sort()).toEqual(named);
});

it('schemas/ has a file for each, and one for errors', () => {
  const files = Object.keys(OUTPUT_SCHEMAS).map((command) => `${command.replaceAll(' ', '-')}.json`);
  expect(readdirSync(join(ROOT, 'schemas')).sort()).toEqual([...files, 'error.json'].sort());
});
