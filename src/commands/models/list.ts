import { fileSize, percent, table } from '../../base/format.js';
import { pretrainedModels } from '../../models/catalog.js';
import { findModelFile } from '../../models/model-file.js';
import { LcdnnCommand } from '../base-command.js';

export default class ModelsList extends LcdnnCommand {
  static override summary = 'List the pretrained networks that a run can start from.';
  static override description =
    '"lcdnn train --init-from NAME" starts from one of them, with its normalisation and a new last layer. To use another ' +
    'network, give its file: --init-from FILE, with --network, --mean and --std.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run() {
    await this.parse(ModelsList);
    const found = pretrainedModels().map((model) => ({ model, file: findModelFile(model) }));
    this.log(
      table([
        ['NAME', 'NETWORK', 'INPUT', 'ACCURACY', 'SIZE', 'LICENCE', 'WHERE'],
        ...found.map(({ model, file }) => [
          model.name,
          model.network,
          model.input.join('x'),
          `${percent(model.accuracy.value)} of ${model.accuracy.of}`,
          fileSize(model.bytes),
          model.licence,
          file ? `${file.path} (${file.origin})` : 'not here',
        ]),
      ]),
    );
    return found.map(({ model, file }) => ({ ...model, found: file ?? null }));
  }
}
