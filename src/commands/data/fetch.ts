import { Args, Flags } from '@oclif/core';
import { withDataProgress } from '../../cli/data-progress.js';
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
    name: Args.string({ description: 'Data set; "lcdnn data list" shows all.', required: true, ignoreStdin: true }),
  };
  static override flags = {
    'data-dir': Flags.string({
      summary: 'Folder in which a subfolder with the name of the data set is created. [default: the cache]',
    }),
    force: Flags.boolean({ summary: 'Download again even if the files are present and correct.' }),
  };

  async run() {
    const { args, flags } = await this.parse(DataFetch);
    const { 'data-dir': dataDir, force } = flags;
    const { location, downloaded } = await withDataProgress(({ onProgress }) =>
      fetchDataset(catalogEntry(args.name), { dataDir, force, onProgress }),
    );
    const how = downloaded.length > 0 ? `downloaded ${downloaded.length} files` : `already here (${location.origin})`;
    this.log(`${args.name}: ${how}, checksums verified: ${location.folder}`);
    return { name: args.name, folder: location.folder, origin: location.origin, downloaded };
  }
}
