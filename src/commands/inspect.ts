import { Args } from '@oclif/core';
import { fileSize, table, wholeNumber } from '../base/format.js';
import { openNetwork, zooFlags } from '../cli/zoo-network.js';
import { arenaBytes } from '../export/arena-bytes.js';
import { type CostTotal, networkCost } from '../network/cost.js';
import { networkNames } from '../network/zoo/index.js';
import { LcdnnCommand } from './base-command.js';

export default class Inspect extends LcdnnCommand {
  static override summary = 'Layers of a network or a run: shapes, parameters, binary bits, bytes, operations.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet',
    '<%= config.bin %> <%= command.id %> runs/mnist',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --branch conv=4,fc=1',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --attach conv1,conv3',
  ];
  static override args = {
    what: Args.string({ required: true, description: `Run directory, or a network: ${networkNames.join(', ')}.` }),
  };
  static override flags = zooFlags;

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Inspect);
    const { network } = openNetwork(args.what, flags);
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
      ...(cost.exits.length > 1
        ? cost.exits.map((total, i) => [`device, to exit ${i + 1}`, '', '', '', ...numbers(total)])
        : [['on the device', '', '', '', ...numbers(cost.device)]]),
    ];
    this.log(`${network.name}, input ${network.input.join('x')}, ${network.classes} classes, per image`);
    this.log(table([header, ...rows, ...totals], [4, 5, 6, 7, 8]));
    const peakBytes = arenaBytes(network);
    this.log(`values that the device holds at once: ${fileSize(peakBytes)} at most, beside the weights`);
    return { network, ...cost, peakBytes };
  }
}
