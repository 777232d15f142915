import { type CatalogEntry, catalogEntries } from '../../datasets/catalog.js';
import { findPlace, type Place } from '../../datasets/locations.js';
import { LcdnnCommand } from '../base-command.js';

export default class DataList extends LcdnnCommand {
  static override summary = 'List the data sets of the catalogue and where they were found.';
  static override description =
    'A data set is looked for in the folder that LCDNN_DATA names, in the cache, in the folder of a Debian package, ' +
    'and among what comes with lcdnn; "lcdnn data fetch" downloads one that is not here. Image folders, ImageNet among ' +
    'them, are not listed: "lcdnn train --dataset folder --data-dir FOLDER" names one.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run() {
    await this.parse(DataList);
    const found = await Promise.all(catalogEntries().map(async (entry) => ({ entry, place: await findPlace(entry) })));
    for (const line of table([HEADER, ...found.map(row)])) this.log(line);
    return found.map(({ entry: { name, title, licence, train, test, shape, labels }, place }) => ({
      name,
      title,
      licence,
      images: { train, test },
      shape,
      labels,
      found: place ? { origin: place.origin, folder: place.folder } : null,
    }));
  }
}

const HEADER = ['NAME', 'IMAGES', 'SHAPE', 'CLASSES', 'LICENCE', 'WHERE'];

function row({ entry, place }: { entry: CatalogEntry; place: Place | undefined }): string[] {
  return [
    entry.name,
    `${entry.train.toLocaleString('en')} + ${entry.test.toLocaleString('en')}`,
    entry.shape.join('x'),
    String(entry.labels.length),
    entry.licence,
    place ? `${place.folder} (${place.origin})` : 'not here',
  ];
}

/** Lines with the cells of a column below each other. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
}
