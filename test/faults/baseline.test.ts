import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectMistake, fresh, lcdnn, RUN } from './cli.js';

const done = async (...args: string[]) => {
  const { code, stdout, stderr } = await lcdnn(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
};

describe('what a run is compared with', () => {
  it('is trained with its options, tuned, evaluated and exported: float exits', async () => {
    const out = fresh('edgent');
    const { config } = await done(
      'baseline',
      'train',
      'edgent',
      RUN,
      '--attach',
      'conv1',
      '--epochs',
      '1',
      '--out',
      out,
    );
    const compared = JSON.parse(readFileSync(join(RUN, 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      branch: 'float',
      dataset: compared.dataset,
      batchSize: compared.batchSize,
      epochs: 1,
    });
    await done('tune-tau', out, '--objective', 'accuracy');
    expect((await done('evaluate', out)).samples).toBe(30);
    const { check } = await done('export', out, '--out', fresh('bundle'));
    expect(check.rounded).toBe(0);
  });

  it('is distilled: a student, which has no branch', async () => {
    const out = fresh('student');
    await done('baseline', 'train', 'student', RUN, '--epochs', '1', '--out', out);
    const { full, branch } = await done('evaluate', out);
    expect(branch).toEqual(full);
    await done('tune-tau', out);
    await expectMistake(
      ['export', out, '--out', fresh()],
      /expected a run with a branch for the browser, found a network alone/,
    );
    await expectMistake(
      ['train', '--dataset', 'tiny', '--teacher', out, '--distillation', '1', '--engine', 'pytorch', '--out', fresh()],
      /engine pytorch: expected no teacher, found/,
    );
  });

  it('is trained in the stages of the run that train it, with options for each of them', async () => {
    const recipe = fresh('staged.json');
    const stages = [{ trains: 'full' }, { trains: 'branch', lr: 0.01 }];
    writeFileSync(recipe, JSON.stringify({ dataset: 'tiny', batchSize: 10, validation: 20, epochs: 2, stages }));
    const run = fresh('staged');
    await done('train', '--recipe', recipe, '--out', run);
    for (const [name, epochs] of [
      ['student', 1],
      ['mobilenet-v2', 1],
      ['edgent', 2],
    ] as const) {
      const { config } = await done('baseline', 'train', name, run, '--epochs', '1', '--out', fresh(name));
      expect([name, config.epochs]).toEqual([name, epochs]);
    }
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown name', ['baseline', 'train', 'vgg', RUN], /Expected vgg to be one of: edgent, mobilenet-v2, student/],
    ['no run', ['baseline', 'train', 'edgent', fresh()], /expected a run directory with a config\.json, found none/],
    ['no such place', ['baseline', 'train', 'edgent', RUN, '--attach', 'conv9'], /attach: no layer conv9/],
    [
      'a teacher without a weight',
      ['train', '--dataset', 'tiny', '--teacher', RUN],
      /teacher: expected a weight for its answers, found distillation 0/,
    ],
    [
      'a teacher that is no run',
      ['train', '--dataset', 'tiny', '--distillation', '1', '--teacher', fresh()],
      /expected a run directory/,
    ],
    [
      'a teacher of other images',
      ['train', '--distillation', '1', '--teacher', RUN, '--out', fresh()],
      /expected a network for 28x28x1, 10 classes, found one for 16x16x1, 3 classes/,
    ],
    [
      'nothing to train',
      [
        'train',
        '--dataset',
        'tiny',
        '--branch',
        'none',
        '--freeze-full',
        '--init-from',
        join(RUN, 'checkpoint.safetensors'),
      ],
      /expected a branch to train/,
    ],
  ])('%s is a mistake', async (_, args, line) => {
    await expectMistake(args, line);
    expect(existsSync(`${RUN}-edgent`)).toBe(false);
  });
});
