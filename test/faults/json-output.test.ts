import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BUNDLE, DATA, fresh, lcdnn, RUN, tinyOptions } from './cli.js';

/** Commands that take a moment. Tests of the others, in this folder and in test/browser, use --json too. */
const CALLS: readonly string[][] = [
  ['cache', 'clear', '--max-bytes', '5GB'],
  ['cache', 'list'],
  ['config', 'train'],
  ['data', 'list'],
  ['data', 'verify', 'tiny'],
  ['inspect', 'lenet'],
  ['inspect', RUN],
  ['inspect', BUNDLE],
  ['plan', 'lenet', '--dataset', 'mnist'],
  ['predict', '--bundle', BUNDLE, join(BUNDLE, 'demo/samples')],
  ['recipes'],
  ['recipes', 'lenet-mnist'],
  ['runs', join(RUN, '..')],
  ['schedule', 'recommend'],
  [
    'schedule',
    'train',
    '--capacity',
    '10',
    '--slots',
    '10',
    '--steps',
    '20',
    '--episodes',
    '4',
    '--iterations',
    '2',
    '--out',
    fresh('policy'),
  ],
  ['train', ...tinyOptions(1), '--data-dir', DATA, '--out', fresh('run')],
  ['train', '--engine', 'pytorch', '--emit', 'slurm', '--out', 'x'],
];

it.concurrent.each(CALLS)('%s %s: the output with --json has the form of its schema', async (...args) => {
  // `lcdnn` of these tests compares it with the schema.
  const { code, stderr } = await lcdnn(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
});
