// npm run docs:schemas - writes schemas/: the JSON schema of what each command prints with --json. "-- --check" only
// compares.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ERROR_SCHEMA, OUTPUT_SCHEMAS } from '../../src/cli/json-output/schemas.js';

const FOLDER = 'schemas';

function fileOf(command: string, schema: z.ZodType): [name: string, content: string] {
  const title = command === 'error' ? 'an error' : `lcdnn ${command} --json`;
  const body = z.toJSONSchema(schema, { target: 'draft-2020-12', unrepresentable: 'any' });
  return [`${command.replaceAll(' ', '-')}.json`, `${JSON.stringify({ title, ...body }, null, 2)}\n`];
}

const files = new Map([
  ...Object.entries(OUTPUT_SCHEMAS).map(([command, schema]) => fileOf(command, schema)),
  fileOf('error', ERROR_SCHEMA),
]);
mkdirSync(FOLDER, { recursive: true });
const present = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const differing = [...new Set([...files.keys(), ...present])].filter(
  (name) => !present.includes(name) || readFileSync(join(FOLDER, name), 'utf8') !== files.get(name),
);
if (!process.argv.includes('--check')) {
  for (const name of present) if (!files.has(name)) rmSync(join(FOLDER, name));
  for (const [name, content] of files) writeFileSync(join(FOLDER, name), content);
  console.log(`${FOLDER}: ${files.size} schemas, ${differing.length} changed`);
} else if (differing.length > 0) {
  console.error(
    `${FOLDER}: expected the schemas of the source, found others in ${differing.join(', ')}; run "npm run docs:schemas"`,
  );
  process.exitCode = 1;
}
