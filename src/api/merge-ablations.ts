import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder } from '../base/files.js';
import { writeAblationReport } from '../report/write-ablation.js';
import { type AblationRow, readAblation } from '../run/ablation.js';
import { BASE, readGrid } from '../run/grid.js';

/**
 * Combines the tables of an ablation's shards into one, in the order of the grid.
 *
 * @param grid path of the grid file that the shards were trained from
 * @param folders the shards' folders
 * @throws UserError if a table is missing or damaged, or two tables have different rows for a variant, or none has the
 *   base
 */
export async function mergeAblations(grid: string, folders: readonly string[], out: string): Promise<AblationRow[]> {
  const found = new Map<string, AblationRow>();
  let title = '';
  const commands: string[] = [];
  for (const folder of folders) {
    const table = readAblation(folder);
    if (!table)
      throw new UserError(`${join(folder, 'ablation.json')}: expected the table of a shard, found no such file`);
    title ||= table.title;
    commands.push(table.command);
    for (const row of table.rows) {
      const before = found.get(row.name);
      if (before && JSON.stringify(before) !== JSON.stringify(row)) {
        throw new UserError(
          `${folder}: expected the same row for ${row.name} as in an earlier folder, found another one`,
        );
      }
      found.set(row.name, row);
    }
  }
  const names = readGrid(grid).map(({ name }) => name);
  const unknown = [...found.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UserError(`${grid}: expected a variant ${unknown}, found none; give the shards' grid`);
  if (!found.has(BASE))
    throw new UserError(`expected the base in one of ${folders.length} folders, found none; shard 1 trains it`);
  const rows = names.flatMap((name) => found.get(name) ?? []);
  makeFolder(out);
  await writeAblationReport(out, { title, command: commands.join('\n'), rows });
  return rows;
}
