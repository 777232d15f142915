import { Args, Flags } from '@oclif/core';
import { table } from '../../base/format.js';
import { median } from '../../base/statistics.js';
import { openNetwork, zooFlags } from '../../cli/zoo-network.js';
import type { JointNetwork } from '../../network/layers.js';
import { networkNames } from '../../network/zoo/index.js';
import { benchEdge, type TailTime } from '../../profiling/edge-bench.js';
import { networkOf } from '../../run/run-directory.js';
import { LcdnnCommand } from '../base-command.js';

export default class BenchEdge extends LcdnnCommand {
  static override summary = "Time the edge server's part of a network on this machine, for every place of a branch.";

  static override description =
    'Cuts the full network behind each layer that a branch can leave behind (as --attach names them), and runs the rest ' +
    'in ONNX Runtime, one image at a time. "lcdnn plan --edge" reads the JSON.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet',
    '<%= config.bin %> <%= command.id %> runs/mnist --json >edge.json',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --json >edge.json',
  ];

  static override args = {
    what: Args.string({ required: true, description: `Run directory, or a network: ${networkNames.join(', ')}.` }),
  };

  static override flags = {
    ...zooFlags,
    rounds: Flags.integer({ default: 30, min: 1, max: 1000, summary: 'Samples of the time of an image.' }),
  };

  async run(): Promise<EdgeResult> {
    const { args, flags } = await this.parse(BenchEdge);
    const { network, config } = openNetwork(args.what, flags);
    const { name, input, classes } = network;
    const at = (attach: string): JointNetwork =>
      networkOf({ ...config, attach, branch: 'conv=0,fc=0' }, input, classes);
    const tails = await benchEdge(network, at, flags.rounds);
    this.log(`${name}, input ${input.join('x')}, ${classes} classes: one image behind each layer (median)`);
    this.log(table([['behind', 'ms'], ...tails.map(({ attach, tailMs }) => [attach, median(tailMs).toFixed(3)])], [1]));
    return { network: name, input, classes, tails };
  }
}

/** What `--json` prints. */
interface EdgeResult {
  readonly network: string;
  readonly input: JointNetwork['input'];
  readonly classes: number;
  readonly tails: readonly TailTime[];
}
