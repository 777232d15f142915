import { describe, expect, it } from 'vitest';
import { severalExits, smallNetwork } from '../../test/small-network.js';
import { networkParameters } from '../network/parameters.js';
import { checkPartialConfig, resolveConfig } from './config.js';
import { currentStage, stageOfEpoch, trainingStages } from './stages.js';

const config = resolveConfig({
  lr: 0.01,
  batchSize: 32,
  stages: [
    { trains: 'full', epochs: 3, lr: 0.1, optimizer: 'nesterov' },
    { trains: 'branch', epochs: 2, distillation: 1 },
    { trains: 'both', epochs: 1, batchSize: 16 },
  ],
});

describe('the stages of a run', () => {
  const stages = trainingStages({ config, network: severalExits(2) });

  it('have their own options over those of the run', () => {
    expect(stages.map(({ config: { epochs, lr, branchLr, batchSize } }) => [epochs, lr, branchLr, batchSize])).toEqual([
      [3, 0.1, 0.1, 32],
      [2, 0.01, 0.01, 32],
      [1, 0.01, 0.01, 16],
    ]);
    expect(stages.map(({ stage, epochsBefore }) => [stage, epochsBefore])).toEqual([
      [0, 0],
      [1, 3],
      [2, 5],
    ]);
    expect(stages.map(({ config: { freezeFull } }) => freezeFull)).toEqual([false, true, false]);
  });

  it('train the full network without branches, its parameters under the same names', () => {
    const names = networkParameters(stages[0].network).map(({ name }) => name);
    const joint = networkParameters(severalExits(2)).map(({ name }) => name);
    expect(names).toEqual(joint.filter((name) => !name.startsWith('branch')));
    expect(stages[1].network).toEqual(severalExits(2));
  });

  it('sum up to the epochs of the run', () => {
    expect(config.epochs).toBe(6);
  });

  it('are found again by progress', () => {
    const run = { config, network: smallNetwork(false) };
    expect(currentStage(run, undefined).stage).toBe(0);
    expect(currentStage(run, { stage: 2 }).config.batchSize).toBe(16);
  });

  it('are one where a config names none', () => {
    const run = { config: resolveConfig(), network: smallNetwork(false) };
    expect(trainingStages(run)).toEqual([run]);
  });
});

it('an option that a stage sets can not be given beside the recipe', () => {
  const recipe = { stages: [{ trains: 'full', epochs: 3 }] } as const;
  expect(() => resolveConfig(recipe as never, { epochs: 1 })).toThrow(/epochs: .*the stages of the recipe set it/);
  expect(resolveConfig(recipe as never, { lr: 0.5 }).lr).toBe(0.5);
});

it.each([
  [{ stages: [] }, /stages: /],
  [{ stages: [{ epochs: 1 }] }, /stages: 0: trains: expected one of both, full, branch/],
  [{ stages: [{ trains: 'full', width: 2 }] }, /width/],
  [{ stages: [{ trains: 'full', lr: -1 }] }, /stages: 0: lr: expected a number above 0/],
])('a recipe with %j is refused', (recipe, fault) => {
  expect(() => checkPartialConfig(recipe, 'recipe')).toThrow(fault);
});

it('last layers of folds answer only for a network that is not fine-tuned beside the branch', () => {
  const given = { views: 2, distillationFolds: 4 };
  const stages = (trains: 'full' | 'both') => [{ trains, epochs: 1, fineTune: 3 }, { trains: 'branch' as const }];
  expect(resolveConfig({ ...given, stages: stages('full') }).epochs).toBe(21);
  expect(() => resolveConfig({ ...given, stages: stages('both') })).toThrow(
    'distillationFolds: expected stages that fine-tune the full network alone, found 4 beside another; fine-tune in a ' +
      'stage with trains "full", then train the branch',
  );
});

it('a stage without epochs has those of the options', () => {
  const config = resolveConfig({ epochs: 2, stages: [{ trains: 'full' }, { trains: 'branch', epochs: 3 }] });
  const run = { config, network: smallNetwork(false) };
  expect([config.epochs, trainingStages(run).map((stage) => [stage.epochsBefore, stage.config.epochs])]).toEqual([
    5,
    [
      [0, 2],
      [2, 3],
    ],
  ]);
  expect([1, 2, 3, 5].map((epoch) => stageOfEpoch(run, epoch).stage)).toEqual([0, 0, 1, 1]);
  expect(resolveConfig(config)).toEqual(config);
});

it('no stage trains the branch of a network without one', () => {
  const stages = [{ trains: 'full' as const }, { trains: 'branch' as const }];
  expect(() => resolveConfig({ branch: 'none', stages })).toThrow(
    /stages: expected a branch for stage 2 to train, found branch none/,
  );
});

it('stages and a frozen full network exclude each other', () => {
  const stages = [{ trains: 'full' as const }];
  expect(() => resolveConfig({ stages, freezeFull: true })).toThrow(/each stage says what it trains/);
});
