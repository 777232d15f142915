import { Args } from '@oclif/core';
import { type Inspection, inspect } from '../api/inspect.js';
import { type BundleInspection, inspectBundle, isBundle } from '../api/inspect-bundle.js';
import { fileSize, table, wholeNumber } from '../base/format.js';
import { bundleText } from '../cli/bundle-text.js';
import { networkFlags, networkOptions } from '../cli/network-flags.js';
import type { CostTotal } from '../network/cost.js';
import { networkNames } from '../network/zoo/index.js';
import { LcdnnCommand } from './base-command.js';

export default class Inspect extends LcdnnCommand {
  static override summary =
    'List the layers of a network or a run: shapes, parameters, binary weights, bytes, operations. Or tell where a bundle comes from.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet',
    '<%= config.bin %> <%= command.id %> runs/mnist',
    '<%= config.bin %> <%= command.id %> bundles/mnist',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --branch conv=4,fc=1',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --attach conv1,conv3',
  ];
  static override args = {
    what: Args.string({
      required: true,
      description: `Run directory, bundle, recipe (its name or a JSON file), or network: ${networkNames.join(', ')}.`,
    }),
  };
  static override flags = networkFlags;

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Inspect);
    if (isBundle(args.what)) return this.inspectBundle(args.what);
    const inspected = inspect(args.what, networkOptions(flags));
    const { network, peakBytes } = inspected;
    this.log(`${network.name}, input ${network.input.join('x')}, ${network.classes} classes, per image`);
    this.log(costTable(inspected));
    this.log(`memory for values on the device, beside the weights: at most ${fileSize(peakBytes)}`);
    return inspected;
  }

  private inspectBundle(folder: string): BundleInspection {
    const inspected = inspectBundle(folder);
    this.log(bundleText(inspected));
    return inspected;
  }
}

const HEADER = ['part', 'layer', 'type', 'output', 'float parameters', 'binary weights', 'size', 'MACs', 'binary ops'];

function costTable({ layers, full, device, exits }: Inspection): string {
  const numbers = (total: CostTotal): string[] => [
    wholeNumber(total.floatParameters),
    wholeNumber(total.binaryWeights),
    fileSize(total.bytes),
    wholeNumber(total.macs),
    wholeNumber(total.binaryOps),
  ];
  const rows = layers.map((layer) => [
    layer.part,
    layer.name || layer.type,
    layer.name ? layer.type : '',
    layer.output.join('x'),
    ...numbers(layer),
  ]);
  const totals = [
    ['full network', '', '', '', ...numbers(full)],
    ...(exits.length > 1
      ? exits.map((total, i) => [`device, to exit ${i + 1}`, '', '', '', ...numbers(total)])
      : [['on the device', '', '', '', ...numbers(device)]]),
  ];
  return table([HEADER, ...rows, ...totals], [4, 5, 6, 7, 8]);
}
