import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listPages, ROOT, readPage } from '../../scripts/docs/pages.js';
import { anchorsOf, linksOf } from './markdown.js';

const pages = listPages();

describe('links', () => {
  it.each(pages)('%s links to files and headings that exist', (page) => {
    const broken = linksOf(readPage(page))
      .filter((link) => !/^(https?|mailto):/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchorsOf(readPage(target)).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('the index links to every page of the docs', () => {
    const linked = linksOf(readPage('docs/README.md')).map((link) => normalize(join('docs', link)));
    expect(
      pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.includes(page)),
    ).toEqual([]);
  });

  it('every image of the docs is shown on a page', () => {
    const shown = pages.flatMap((page) => linksOf(readPage(page)).map((link) => normalize(join(dirname(page), link))));
    const images = readdirSync(join(ROOT, 'docs/images')).map((image) => `docs/images/${image}`);
    expect(images.filter((image) => !shown.includes(image))).toEqual([]);
  });

  it('notices a broken link and a broken heading', () => {
    expect(linksOf('a [b](c.md#d "title") ![e](f.svg) <img src="g.png"> `[no](code)`\n```\n[no](code)\n```')).toEqual([
      'c.md#d',
      'f.svg',
      'g.png',
    ]);
    expect(anchorsOf('# How fast is it?\n## `a`, b & c\n## A\n## A\n')).toEqual([
      'how-fast-is-it',
      'a-b--c',
      'a',
      'a-1',
    ]);
  });
});
