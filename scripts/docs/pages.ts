import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Every Markdown file that git knows or would add, from the top level, such as "docs/train/accuracy.md". */
export function listPages(): string[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate', '*.md'], { cwd: ROOT });
  return files.toString().split('\n').filter(Boolean);
}

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/**
 * Brings generated files up to date; with `--check` only compares, and ends with status 1 when one is out of date.
 *
 * @param fresh - what each file should contain, by its path from the top level
 * @param command - what brings them up to date
 */
export function updateOrCheck(fresh: ReadonlyMap<string, string>, command: string): void {
  const outdated = [...fresh].filter(([page, text]) => readIfThere(page) !== text);
  if (process.argv.includes('--check')) {
    for (const [page] of outdated) console.error(`${page} is out of date: run "${command}" and commit the result`);
    if (outdated.length > 0) process.exitCode = 1;
    return;
  }
  for (const [page, text] of outdated) {
    writeFileSync(join(ROOT, page), text);
    console.log(`updated ${page}`);
  }
}

function readIfThere(page: string): string | undefined {
  try {
    return readPage(page);
  } catch {
    return undefined;
  }
}
