import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { readPage } from '../../scripts/docs/pages.js';

interface Rule {
  name: string;
  comment?: string;
}
const { forbidden }: { forbidden: Rule[] } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs');

/** "src/plan/ may import: base, network (docs/architecture.md)" as ['plan', 'network']. */
const checked = forbidden.flatMap(({ name, comment }) => {
  const [, module, imports] = comment?.match(/^src\/([a-z]+)\/ may import: (.*) \(docs/) ?? [];
  if (!name.startsWith('imports-of-') || module === 'commands') return [];
  return [[module, imports.replace(/^base(, )?/, '') || 'nothing']];
});

const written = [...readPage('docs/architecture.md').matchAll(/^\| `src\/([a-z]+)\/` \|.*\| (.+?) \|$/gm)]
  .map(([, module, imports]) => [module, imports])
  .filter(([module]) => module !== 'commands');

describe('docs/architecture.md', () => {
  it('has the import table that lint checks', () => {
    expect(checked.length).toBeGreaterThan(15);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(checked));
  });
});
