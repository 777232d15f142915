import { existsSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { catalogEntry } from '../datasets/catalog.js';
import { type CostTotal, networkCost } from '../network/cost.js';
import { networkNames } from '../network/zoo/index.js';
import { DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { networkOf, openRun } from '../run/run-directory.js';
import { fileSize, table, wholeNumber } from '../terminal/format.js';
import { LcdnnCommand } from './base-command.js';

export default class Inspect extends LcdnnCommand {
  static override summary = 'Layers of a network or a run: shapes, parameters, binary bits, bytes, operations.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet',
    '<%= config.bin %> <%= command.id %> runs/mnist',
  ];
  static override args = {
    what: Args.string({ required: true, description: `Run directory, or a network: ${networkNames.join(', ')}.` }),
  };
  static override flags = {
    dataset: Flags.string({ summary: 'Data set whose images a network is for.', default: DEFAULT_CONFIG.dataset }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Inspect);
    const network = existsSync(args.what) ? openRun(args.what).network : this.fromZoo(args.what, flags.dataset);
    const cost = networkCost(network);
    const numbers = (total: CostTotal): string[] => [
      wholeNumber(total.floatParameters),
      wholeNumber(total.binaryWeights),
      fileSize(total.bytes),
      wholeNumber(total.macs),
      wholeNumber(total.binaryOps),
    ];
    const rows = cost.layers.map((layer) => [
      layer.part,
      layer.name || layer.type,
      layer.name ? layer.type : '',
      layer.output.join('x'),
      ...numbers(layer),
    ]);
    const header = [
      'part',
      'layer',
      'type',
      'output',
      'float parameters',
      'binary weights',
      'size',
      'MACs',
      'binary ops',
    ];
    const totals = [
      ['full network', '', '', '', ...numbers(cost.full)],
      ['on the device', '', '', '', ...numbers(cost.device)],
    ];
    this.log(`${network.name}, input ${network.input.join('x')}, ${network.classes} classes, per image`);
    this.log(table([header, ...rows, ...totals], [4, 5, 6, 7, 8]));
    return { network, ...cost };
  }

  private fromZoo(name: string, dataset: string) {
    const { shape, labels } = catalogEntry(dataset);
    return networkOf(resolveConfig({ network: name, dataset }), shape, labels.length);
  }
}
