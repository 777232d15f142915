import { Args, Flags } from '@oclif/core';
import { type BenchEdgeResult, benchEdge } from '../../api/bench-edge.js';
import { table } from '../../base/format.js';
import { median } from '../../base/statistics.js';
import { networkFlags, networkOptions } from '../../cli/network-flags.js';
import { networkNames } from '../../network/zoo/index.js';
import { LcdnnCommand } from '../base-command.js';

export default class BenchEdge extends LcdnnCommand {
  static override summary =
    "Measure the edge server's part of a network on this machine, for every position of a branch.";

  static override description =
    'Splits the full network behind each layer that a branch can attach to (as --attach names them) and runs the rest in ' +
    'ONNX Runtime, one image at a time. "lcdnn plan --edge" reads the JSON.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet',
    '<%= config.bin %> <%= command.id %> runs/mnist --json >edge.json',
    '<%= config.bin %> <%= command.id %> alexnet --image 32x32x3 --classes 10 --json >edge.json',
  ];

  static override args = {
    what: Args.string({ required: true, description: `Run directory, or a network: ${networkNames.join(', ')}.` }),
  };

  static override flags = {
    ...networkFlags,
    rounds: Flags.integer({ default: 30, min: 1, max: 1000, summary: 'Number of samples of the time per image.' }),
  };

  async run(): Promise<BenchEdgeResult> {
    const { args, flags } = await this.parse(BenchEdge);
    const result = await benchEdge(args.what, { ...networkOptions(flags), rounds: flags.rounds });
    const { network, input, classes, tails } = result;
    const rows = tails.map(({ attach, tailMs }) => [attach, median(tailMs).toFixed(3)]);
    this.log(`${network}, input ${input.join('x')}, ${classes} classes: one image behind each layer (median)`);
    this.log(table([['behind', 'ms'], ...rows], [1]));
    return result;
  }
}
