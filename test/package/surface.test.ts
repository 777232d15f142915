import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import * as api from '../../src/api/index.js';

const flag = z.object({
  type: z.string(),
  required: z.boolean().optional(),
  multiple: z.boolean().optional(),
  options: z.array(z.string()).optional(),
});
const manifest = z.object({
  commands: z.record(
    z.string(),
    z.object({ args: z.record(z.string(), z.unknown()), flags: z.record(z.string(), flag) }),
  ),
});

/** A line for each command, argument and flag: without texts, which may change. */
function commandLines(): string {
  const text = readFileSync(new URL('../../oclif.manifest.json', import.meta.url), 'utf8');
  const { commands } = manifest.parse(JSON.parse(text));
  const lines = Object.entries(commands).flatMap(([command, { args, flags }]) => [
    `${command.replaceAll(':', ' ')}${Object.keys(args).map((name) => ` ${name.toUpperCase()}`)}`,
    ...Object.entries(flags).map(([name, { type, required, multiple, options }]) =>
      [`  --${name}`, type, required && 'required', multiple && 'multiple', options?.join('|')]
        .filter(Boolean)
        .join(' '),
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

// A line that disappears or changes is a breaking change: it belongs in the changelog. "npx vitest run -u" accepts it.
it('commands, arguments and flags are those of the snapshot', async () => {
  await expect(commandLines()).toMatchFileSnapshot('commands.snapshot.txt');
});

it('the package exports what the snapshot lists', async () => {
  const names = Object.entries(api).map(([name, value]) => `${name} ${typeof value}`);
  await expect(`${names.sort().join('\n')}\n`).toMatchFileSnapshot('exports.snapshot.txt');
});
