import { fileSize, table } from '../../base/format.js';
import { type CacheEntry, listCache } from '../../datasets/cache/entries.js';
import { cacheLimit } from '../../datasets/cache/make-room.js';
import { LcdnnCommand } from '../base-command.js';

export default class CacheList extends LcdnnCommand {
  static override summary =
    'List what is in the cache: data sets, models, features of frozen layers, packed images, results of image checks.';
  static override description =
    'The cache is $XDG_CACHE_HOME/lcdnn, or ~/.cache/lcdnn. It keeps to LCDNN_CACHE_LIMIT (20 GB): if something new does not ' +
    'fit, the least recently used entries go. Several jobs may use it at the same time.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run(): Promise<{ folder: string; bytes: number; limit: number | null; entries: CacheEntry[] }> {
    await this.parse(CacheList);
    const { folder, entries } = listCache();
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (entries.length > 0) this.log(table([['name', 'kind', 'size', 'last used', ''], ...entries.map(cacheRow)], [2]));
    const limit = cacheLimit();
    const isLimited = Number.isFinite(limit);
    const most = isLimited ? `of at most ${fileSize(limit)}` : 'without a limit';
    this.log(`${folder}: ${entries.length} entries, ${fileSize(bytes)} ${most}`);
    return { folder, bytes, limit: isLimited ? limit : null, entries };
  }
}

const cacheRow = ({ name, kind, bytes, used, inUse }: CacheEntry): string[] => [
  name,
  kind,
  fileSize(bytes),
  used.slice(0, 16),
  inUse ? 'in use' : '',
];
