import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listPages, ROOT, readPage } from '../../scripts/docs/pages.js';
import { codeOf } from './markdown.js';

interface Manifest {
  commands: Record<string, { flags: Record<string, { char?: string; allowNo?: boolean; aliases?: string[] }> }>;
}
const { commands }: Manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8'));
const topics = new Set(Object.keys(commands).flatMap((id) => (id.includes(':') ? [id.split(':')[0]] : [])));

/** Commands of oclif's plugins, which the manifest doesn't list. */
const PLUGIN_COMMANDS = ['autocomplete'];

/** What is wrong with a line of code that calls lcdnn: a command or a flag that doesn't exist. */
function mistakesIn(line: string): string[] {
  const calls = line
    .replace(/\s+#\s.*$/, '')
    .split(/&&|;|\||\$\(/)
    .map((part) => part.match(/(?:^|\s|\/)(?:lcdnn|bin\/run\.js) +([a-z].*)$/)?.[1])
    .filter((call) => call !== undefined);
  return calls.flatMap((call) => {
    const words = call.trim().split(/\s+/);
    const id = topics.has(words[0]) ? words.slice(0, 2).join(':') : words[0];
    if (PLUGIN_COMMANDS.includes(id)) return [];
    const command = commands[id];
    if (!command) return topics.has(id) ? [] : [`no command "${id}" in "${line}"`];
    const names = Object.entries(command.flags).flatMap(([name, { char, allowNo, aliases }]) => [
      `--${name}`,
      ...(char ? [`-${char}`] : []),
      ...(allowNo ? [`--no-${name}`] : []),
      ...(aliases ?? []).map((alias) => `--${alias}`),
    ]);
    return words
      .filter((word) => /^--?[a-z]/.test(word))
      .map((word) => word.replace(/[=,.;:)\]].*$/, ''))
      .filter((flag) => flag !== '--help' && !names.includes(flag))
      .map((flag) => `no flag ${flag} of "${id}" in "${line}"`);
  });
}

describe('commands in README and docs', () => {
  it.each(listPages())('%s calls commands and flags that exist', (page) => {
    expect(codeOf(readPage(page)).flatMap(mistakesIn)).toEqual([]);
  });

  it.each([
    ['lcdnn trian --dataset mnist', /no command "trian"/],
    ['lcdnn schedule nothing', /no command "schedule:nothing"/],
    ['lcdnn train --data-set mnist  # --no-comment', /no flag --data-set of "train"/],
    ['lcdnn tune-tau RUN && node bin/run.js evaluate RUN --fast', /no flag --fast of "evaluate"/],
  ])('notices a mistake in "%s"', (line, mistake) => {
    expect(mistakesIn(line)).toEqual([expect.stringMatching(mistake)]);
  });
});
