import { fileSize } from '../../base/format.js';
import { bytesFlag } from '../../cli/bytes-flag.js';
import { type CacheEntry, listCache } from '../../datasets/cache/entries.js';
import { clearCache } from '../../datasets/cache/make-room.js';
import { LcdnnCommand } from '../base-command.js';

export default class CacheClear extends LcdnnCommand {
  static override summary = 'Empty the cache, or make it smaller.';
  static override description =
    'With --max-bytes, entries that were used longest ago are removed until the rest fits. What a running job uses stays; ' +
    'jobs that start later download or compute again what they miss.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --max-bytes 5GB',
  ];
  static override flags = {
    'max-bytes': bytesFlag('Size of the cache that may remain. [default: 0]'),
  };

  async run(): Promise<{ removed: CacheEntry[]; inUse: CacheEntry[] }> {
    const { flags } = await this.parse(CacheClear);
    const removed = clearCache({ maxBytes: flags['max-bytes'] });
    for (const { name, bytes } of removed) this.log(`removed ${name} (${fileSize(bytes)})`);
    const inUse = listCache().entries.filter((entry) => entry.inUse);
    for (const { name, bytes } of inUse) this.log(`kept ${name} (${fileSize(bytes)}): a running job uses it`);
    if (removed.length + inUse.length === 0) this.log('nothing to remove');
    return { removed, inUse };
  }
}
