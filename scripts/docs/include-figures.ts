import { printCell, printTable } from '../../benchmarks/print-table.js';
import type { Result } from '../../benchmarks/results.js';

/**
 * Fills in a page's figures. In Markdown a reader sees neither marker:
 *
 *     <!-- figure NAME:key -->11<!-- /figure -->        one figure; `NAME:key 1` prints one digit after the point
 *
 *     <!-- table NAME:key -->                           a table; below the last one of a result on the page, its origin
 *     <!-- /table -->
 *
 * @throws Error if a result, figure or table doesn't exist, or a marker isn't closed
 */
export function includeFigures(page: string, results: ReadonlyMap<string, Result>): string {
  const nameOf = (marker: string): string => marker.split(':')[0];
  const tables = [...page.matchAll(/<!-- table (\S+) -->/g)].map(([, marker]) => marker);
  const isLast = (marker: string): boolean => tables.findLast((other) => nameOf(other) === nameOf(marker)) === marker;
  const filled = page
    .replace(/<!-- figure (\S+?)(?: (\d))? -->.*?<!-- \/figure -->/g, (_, name: string, digits?: string) => {
      const [result, key] = find(results, name);
      const value = result.figures[key];
      if (value === undefined) throw missing(name, 'figure', result.figures);
      const option = digits === undefined ? '' : ` ${digits}`;
      return `<!-- figure ${name}${option} -->${printCell(value, digits ? Number(digits) : undefined)}<!-- /figure -->`;
    })
    .replace(/<!-- table (\S+) -->\n[\s\S]*?<!-- \/table -->/g, (_, name: string) => {
      const [result, key] = find(results, name);
      const table = result.tables[key];
      if (!table) throw missing(name, 'table', result.tables);
      const origin = isLast(name) ? `\n\n${printOrigin(result)}` : '';
      return `<!-- table ${name} -->\n${printTable(table)}${origin}\n<!-- /table -->`;
    });
  for (const kind of ['figure', 'table']) {
    const [opened, closed] = [`<!-- ${kind} `, `<!-- /${kind} -->`].map((marker) => filled.split(marker).length - 1);
    if (opened !== closed) throw new Error(`expected ${opened} "<!-- /${kind} -->", found ${closed}`);
  }
  return filled;
}

function printOrigin({ origin, command, date, commit, processor, versions, note }: Result): string {
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const where = [`commit ${commit.slice(0, 7)}`, processor, ...software].join(', ');
  const verb = origin === 'measured' ? 'Measured' : 'Measured earlier and transcribed';
  return `<sub>${verb}: \`${command}\`, ${date}, ${where}.${note ? ` ${note}` : ''}</sub>`;
}

function find(results: ReadonlyMap<string, Result>, name: string): [Result, string] {
  const [file, key, ...more] = name.split(':');
  const result = results.get(file);
  if (!key || more.length > 0) throw new Error(`expected NAME:key, found "${name}"`);
  if (!result)
    throw new Error(`"${name}": benchmarks/results/${file}.json doesn't exist (${[...results.keys()].join(', ')})`);
  return [result, key];
}

function missing(name: string, kind: string, existing: object): Error {
  return new Error(`"${name}": no such ${kind}; the file has ${Object.keys(existing).join(', ') || 'none'}`);
}
