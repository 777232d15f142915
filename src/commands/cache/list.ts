import { fileSize, table } from '../../base/format.js';
import { type CacheEntry, listCache } from '../../datasets/cache.js';
import { LcdnnCommand } from '../base-command.js';

export default class CacheList extends LcdnnCommand {
  static override summary = 'List what is in the cache: downloaded data sets, packed images, results of image checks.';
  static override description =
    'The cache is $XDG_CACHE_HOME/lcdnn, or ~/.cache/lcdnn. Several jobs may use it at the same time.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run(): Promise<{ folder: string; bytes: number; entries: CacheEntry[] }> {
    await this.parse(CacheList);
    const { folder, entries } = listCache();
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (entries.length > 0) this.log(table([['name', 'kind', 'size', 'last used'], ...entries.map(cacheRow)], [2]));
    this.log(`${folder}: ${entries.length} entries, ${fileSize(bytes)}`);
    return { folder, bytes, entries };
  }
}

const cacheRow = ({ name, kind, bytes, used }: CacheEntry): string[] => [
  name,
  kind,
  fileSize(bytes),
  used.slice(0, 16),
];
