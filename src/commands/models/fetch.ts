import { Args } from '@oclif/core';
import { withDataProgress } from '../../cli/data-progress.js';
import { pretrainedModel } from '../../models/catalog.js';
import { fetchModel } from '../../models/model-file.js';
import { LcdnnCommand } from '../base-command.js';

export default class ModelsFetch extends LcdnnCommand {
  static override summary = 'Download a pretrained network, unless it is already on this machine.';
  static override description =
    'Compares the file with the SHA-256 in the catalogue, and continues an interrupted download.';
  static override examples = ['<%= config.bin %> <%= command.id %> efficientnet-lite0'];
  static override args = {
    name: Args.string({ description: 'Network; "lcdnn models list" shows all.', required: true, ignoreStdin: true }),
  };

  async run() {
    const { args } = await this.parse(ModelsFetch);
    const fetched = await withDataProgress(({ onProgress }) => fetchModel(pretrainedModel(args.name), { onProgress }));
    const how = fetched.downloaded ? 'downloaded' : `already here (${fetched.origin})`;
    this.log(`${args.name}: ${how}, checksum verified: ${fetched.path}`);
    return { name: args.name, ...fetched };
  }
}
