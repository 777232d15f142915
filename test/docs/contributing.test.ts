import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, readPage } from '../../scripts/docs/pages.js';
import { codeOf } from './markdown.js';

/** Files and folders that a page names from the top level, such as `src/api/`. */
const pathsOf = (page: string): string[] =>
  codeOf(readPage(page)).filter((code) => /^(?:\.?[a-z][\w-]*\/)+[\w.-]*$/.test(code) && !code.startsWith('dist/'));

it.each(['CONTRIBUTING.md', 'docs/architecture.md'])('%s names files and folders that exist', (page) => {
  const top = pathsOf(page).filter((path) => existsSync(join(ROOT, path.split('/')[0])));
  expect(top.length).toBeGreaterThan(10);
  expect(top.filter((path) => !existsSync(join(ROOT, path)))).toEqual(
    page === 'CONTRIBUTING.md' ? ['recipes/NETWORK-DATASET.json'] : [],
  );
});
