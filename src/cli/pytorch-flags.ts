import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { PYTORCH } from '../train/engines/index.js';

const helpGroup = 'PYTORCH';

export const pythonFlag = Flags.string({
  summary: 'Python with torch, numpy and safetensors, for engine pytorch. [default: found on the PATH]',
  helpGroup,
});

/** Flags of `train` for processes and machines of engine pytorch. */
export const pytorchFlags = {
  python: pythonFlag,
  processes: Flags.integer({
    summary: 'Number of processes of engine pytorch on this machine, one per GPU. [default: 1]',
    helpGroup,
    min: 1,
    max: 64,
  }),
  nodes: Flags.integer({
    summary: 'Number of machines that train together. Each runs this command and sees the same folders. [default: 1]',
    helpGroup,
    min: 1,
    max: 4096,
  }),
  'node-rank': Flags.integer({
    summary: 'Rank of this machine. Rank 0 reports and saves checkpoints. [default: 0]',
    helpGroup,
    min: 0,
  }),
  rendezvous: Flags.string({ summary: 'HOST:PORT of the machine of rank 0, if there are several.', helpGroup }),
};

interface GivenPytorchFlags {
  readonly emit?: string;
  readonly python?: string;
  readonly processes?: number;
  readonly nodes?: number;
  readonly 'node-rank'?: number;
  readonly rendezvous?: string;
}

/** The values of those flags as plain options. @throws UserError if one is given with another engine */
export function pytorchOptions(flags: GivenPytorchFlags, engine: string) {
  const { emit, python, processes, nodes, 'node-rank': nodeRank, rendezvous } = flags;
  const given = Object.entries({ emit, python, processes, nodes, 'node-rank': nodeRank, rendezvous });
  const [unfit] = given.find(([, value]) => value !== undefined) ?? [];
  if (unfit !== undefined && engine !== PYTORCH) {
    throw new UserError(`--${unfit}: expected engine ${PYTORCH}, found ${engine}; give --engine ${PYTORCH}`);
  }
  return { python, processes, nodes, nodeRank, rendezvous };
}
