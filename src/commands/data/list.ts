import { table } from '../../base/format.js';
import { catalogEntries } from '../../datasets/catalog.js';
import type { Location } from '../../datasets/formats/format.js';
import type { CatalogEntry } from '../../datasets/formats/index.js';
import { findDataset } from '../../datasets/locations.js';
import { LcdnnCommand } from '../base-command.js';

export default class DataList extends LcdnnCommand {
  static override summary = 'List the data sets of the catalogue and where they were found.';
  static override description =
    'Searches the folder that LCDNN_DATA names, the cache, the folder of a Debian package, and the data that comes with ' +
    'lcdnn. "lcdnn data fetch" downloads a missing data set. Image folders, such as ImageNet, are not listed: ' +
    '"lcdnn train --dataset folder --data-dir FOLDER" names one.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run() {
    await this.parse(DataList);
    const found = await Promise.all(
      catalogEntries().map(async (entry) => ({ entry, location: await findDataset(entry) })),
    );
    this.log(table([HEADER, ...found.map(row)]));
    return found.map(({ entry: { name, title, licence, train, test, shape, labels }, location }) => ({
      name,
      title,
      licence,
      images: { train, test },
      shape,
      labels,
      found: location ? { origin: location.origin, folder: location.folder } : null,
    }));
  }
}

const HEADER = ['NAME', 'IMAGES', 'SHAPE', 'CLASSES', 'LICENCE', 'WHERE'];

function row({ entry, location }: { entry: CatalogEntry; location: Location | undefined }): string[] {
  return [
    entry.name,
    `${entry.train.toLocaleString('en')} + ${entry.test.toLocaleString('en')}`,
    entry.shape.join('x'),
    String(entry.labels.length),
    entry.licence,
    location ? `${location.folder} (${location.origin})` : 'not here',
  ];
}
