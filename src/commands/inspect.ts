import { existsSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { catalogEntry } from '../datasets/catalog.js';
import { arenaBytes } from '../export/arena-bytes.js';
import { type CostTotal, networkCost } from '../network/cost.js';
import type { JointNetwork } from '../network/layers.js';
import { networkNames } from '../network/zoo/index.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { NETWORK_OPTIONS } from '../run/options.js';
import { networkOf, openRun } from '../run/run-directory.js';
import { configFlags, givenConfig } from '../terminal/config-flags.js';
import { fileSize, table, wholeNumber } from '../terminal/format.js';
import { numberFlag } from '../terminal/number-flag.js';
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
  static override flags = {
    dataset: Flags.string({ summary: 'Data set whose images a network is for.', default: DEFAULT_CONFIG.dataset }),
    image: Flags.string({ summary: 'Images a network is for, instead of a data set: HEIGHTxWIDTHxCHANNELS.' }),
    classes: numberFlag('Number of classes. [default: those of the data set]'),
    ...configFlags(NETWORK_OPTIONS),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Inspect);
    const network = existsSync(args.what) ? openRun(args.what).network : fromZoo(args.what, givenConfig(flags), flags);
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

/** What a network for all of ImageNet is given, and tells apart. */
const IMAGENET = { shape: [224, 224, 3] as const, labels: { length: 1000 } };

interface ZooFlags {
  readonly dataset: string;
  readonly image?: string;
  readonly classes?: number;
}

function fromZoo(network: string, given: Partial<Config>, { dataset, image, classes }: ZooFlags): JointNetwork {
  const { shape, labels } = dataset === 'imagenet' ? IMAGENET : catalogEntry(dataset);
  const input = image === undefined ? shape : imageShape(image);
  return networkOf(resolveConfig(given, { network, dataset }), input, classes ?? labels.length);
}

function imageShape(text: string): JointNetwork['input'] {
  const [, ...sizes] = /^([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (sizes.length === 0) throw new UserError(`image: expected HEIGHTxWIDTHxCHANNELS, as 224x224x3, found ${text}`);
  const [height, width, channels] = sizes.map(Number);
  return [height, width, channels];
}
