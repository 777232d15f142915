import { fileSize } from '../../base/format.js';
import { bytesFlag } from '../../cli/bytes-flag.js';
import { type CacheEntry, clearCache } from '../../datasets/cache.js';
import { LcdnnCommand } from '../base-command.js';

export default class CacheClear extends LcdnnCommand {
  static override summary = 'Empty the cache, or make it smaller.';
  static override description =
    'With --max-bytes, entries that were used longest ago are removed until the rest fits. Other jobs may be running: they ' +
    'download or compute again what they miss.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --max-bytes 5GB',
  ];
  static override flags = {
    'max-bytes': bytesFlag('Size of the cache that may remain. [default: 0]'),
  };

  async run(): Promise<{ removed: CacheEntry[] }> {
    const { flags } = await this.parse(CacheClear);
    const removed = clearCache({ maxBytes: flags['max-bytes'] });
    for (const { name, bytes } of removed) this.log(`removed ${name} (${fileSize(bytes)})`);
    if (removed.length === 0) this.log('nothing to remove');
    return { removed };
  }
}
