import { Args, Flags } from '@oclif/core';
import { progressLine } from '../../cli/download-progress.js';
import { catalogEntry } from '../../datasets/catalog.js';
import { fetchDataset } from '../../datasets/fetch.js';
import { LcdnnCommand } from '../base-command.js';

export default class DataFetch extends LcdnnCommand {
  static override summary = 'Download a data set, unless it is already on this machine.';
  static override description =
    'Compares each file with the SHA-256 in the catalogue, and continues an interrupted download.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> mnist',
    '<%= config.bin %> <%= command.id %> fashion-mnist --data-dir ./data',
    '<%= config.bin %> <%= command.id %> mnist --force',
  ];
  static override args = {
    name: Args.string({ description: 'data set, see `lcdnn data list`', required: true, ignoreStdin: true }),
  };
  static override flags = {
    'data-dir': Flags.string({ summary: 'Folder for the data set, in a subfolder with its name. Default: the cache.' }),
    force: Flags.boolean({ summary: 'Download it even if it is already here and correct.' }),
  };

  async run() {
    const { args, flags } = await this.parse(DataFetch);
    const progress = progressLine();
    try {
      const { location, downloaded } = await fetchDataset(catalogEntry(args.name), {
        dataDir: flags['data-dir'],
        force: flags.force,
        onProgress: progress.onProgress,
      });
      progress.stop();
      const how = downloaded.length > 0 ? `downloaded ${downloaded.length} files` : `already here (${location.origin})`;
      this.log(`${args.name}: ${how}, checksums verified: ${location.folder}`);
      return { name: args.name, folder: location.folder, origin: location.origin, downloaded };
    } finally {
      progress.stop();
    }
  }
}
