import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { networkNames } from '../../src/network/zoo/index.js';
import { BUNDLE, expectMistake, fresh, lcdnn, RUN } from './cli.js';

/** Runs `train` with these flags beside `--dataset tiny` in an out folder, and expects that nothing was written. */
async function expectRefused(flags: readonly string[], line: RegExp | string): Promise<void> {
  const out = fresh('run');
  const dataset = flags.includes('--dataset') ? [] : ['--dataset', 'tiny'];
  await expectMistake(['train', ...dataset, ...flags, '--out', out], line);
  expect(existsSync(out)).toBe(false);
}

describe.concurrent('train refuses', () => {
  it.each<[string[], RegExp | string]>([
    [['--network', 'resnet'], `error: no network resnet; expected one of: ${networkNames.join(', ')}\n`],
    [['--dataset', 'mnits'], 'error: no data set is called "mnits"; did you mean mnist?'],
    [['--engine', 'cuda'], 'error: no engine cuda; expected one of: onnxruntime, tensorflow, pytorch\n'],
    [
      ['--optimizer', 'sgd'],
      'error: Expected --optimizer=sgd to be one of: momentum, nesterov, adam (see lcdnn train --help)\n',
    ],
    [['--lr', 'NaN'], 'error: --lr: expected a number, found NaN\n'],
    [['--epochs', '1.5'], 'error: options: epochs: expected a whole number, found 1.5\n'],
    [
      ['--lr', '-1', '--branch-lr', '0', '--batch-size', '70000', '--seed', '-1', '--shift', '0.5'],
      'error: options: shift: expected a whole number, found 0.5; batchSize: expected a number up to 65536, found 70000; ' +
        'lr: expected a number above 0, found -1; branchLr: expected a number above 0, found 0; ' +
        'seed: expected a number from 0, found -1\n',
    ],
    [['--validation', '0.000001'], /^error: validation: expected a share between 0 and 1 or a number of images/],
    [['--train-size', '16'], 'error: engine onnxruntime: expected trainSize 0, found 16; it takes --engine pytorch\n'],
    [['--dropout', '0.5'], 'error: engine onnxruntime: expected dropout 0, found 0.5; it takes --engine pytorch\n'],
    [['--learning-rate', '1'], 'error: Nonexistent flag: --learning-rate (see lcdnn train --help)\n'],
    [['--resume', 'nowhere'], /^error: --out=\S+ cannot also be provided when using --resume \(see lcdnn train/],
    [['extra'], 'error: Unexpected argument: extra (see lcdnn train --help)\n'],
    [['--epochs'], 'error: Flag --epochs expects a value (see lcdnn train --help)\n'],
  ])('%j', (flags, line) => expectRefused(flags, line));

  it.each([
    ['no JSON', '{ "lr": ', /expected a recipe, found text that isn't JSON/],
    ['no object', '[1]', /: expected an object of options, found \[1\]\n$/],
    [
      'an unknown option',
      '{ "learningRate": 1 }',
      /no option is called learningRate; the options are network, width, form, attach, /,
    ],
    ['text for a number', '{ "lr": "fast" }', /: lr: expected a number, found "fast"\n$/],
  ])('a recipe with %s', async (_, text, line) => {
    const config = fresh('config.json');
    writeFileSync(config, text);
    await expectRefused(['--recipe', config], line);
  });

  it('a recipe that is not there', async () => {
    await expectRefused(['--recipe', 'gone.json'], 'error: gone.json: expected a recipe, found: no such file\n');
    await expectRefused(
      ['--recipe', 'lenet-mnits'],
      'error: no recipe is called "lenet-mnits"; did you mean lenet-mnist?',
    );
  });

  it.each([
    ['absent', 'gone.onnx', /^error: gone.onnx: expected a trained network, found: no such file\n/],
    ['of another kind', 'weights.pth', /that ends in .safetensors or .onnx, found weights.pth; in Python, .*save_file/],
  ])('a warm start from a file that is %s', (_, file, line) => expectRefused(['--init-from', file], line));

  it('to freeze what it was not given', () =>
    expectRefused(['--freeze-full'], /^error: freezeFull: expected a trained network .* give --init-from\n/));

  it('another option than the run that it resumes has', () =>
    expectMistake(
      ['train', '--resume', RUN, '--batch-size', '9'],
      / goes on with batchSize \d+, found 9; leave the option out/,
    ));
});

describe.concurrent('other commands refuse', () => {
  it.each<[string[], RegExp | string]>([
    [['tune-tau', RUN, '--objective', 'speed'], /one of: risk, accuracy, exits, latency \(see lcdnn tune-tau --help\)/],
    [['tune-tau', RUN, '--epsilon', 'NaN'], 'error: --epsilon: expected a number, found NaN\n'],
    [['tune-tau', RUN, '--epsilon', '2'], 'expected an epsilon in (0, 1), found 2'],
    [['tune-tau', RUN, '--folds', '1'], /greater than or equal to 2 but received: 1/],
    [['tune-tau'], /^error: Missing 1 required arg: run/],
    [['export', RUN, '--target', 'ios', '--out', 'x'], 'Expected --target=ios to be one of: web, triton'],
    [['export', RUN, '--uplink', 'u4', '--out', 'x'], 'to be one of: auto, f32, f16, u8, image'],
    [
      ['export', BUNDLE, '--target', 'triton', '--uplink', 'u8', '--out', 'x'],
      /: a bundle already has a name and an uplink; leave out --name and --uplink/,
    ],
    [['export', RUN], 'error: --out: expected a folder for the bundle, found none; give --out or --check\n'],
    [
      ['export', RUN, '--out', 'x', '--name', 'A b'],
      '--name: expected lower-case letters, digits and hyphens, found A b',
    ],
    [['inspect', 'resnet'], `error: no network resnet; expected one of: ${networkNames.join(', ')}\n`],
    [['inspect', 'lenet', '--dataset', 'svhn'], 'error: no data set is called "svhn". There are: mnist'],
    [['serve', BUNDLE, '--port', '99999'], /less than or equal to 65535 but received: 99999/],
    [['serve', BUNDLE, '--max-batch', '0'], /greater than or equal to 1 but received: 0/],
    [['predict', 'x.png'], 'error: Missing required flag bundle (see lcdnn predict --help)\n'],
    [['predict', '--bundle', BUNDLE], /^error: Missing 1 required arg: images/],
    [['predict', '--bundle', BUNDLE, 'x.png', '--edge', 'here'], /Expected a valid url but received: here/],
    [
      ['predict', '--bundle', BUNDLE, 'x.png', '--edge', 'ftp://x/'],
      /--edge: expected .* http:\/\/ .* found ftp:\/\/x\//,
    ],
  ])('%j', (args, line) => expectMistake(args, line));
});

it.concurrent.each([
  ['train', '--network', 'resnet'],
  ['train', '--lr', 'NaN'],
  ['train', '--resume', 'nowhere'],
  ['tune-tau', 'nowhere'],
  ['inspect', 'resnet'],
  ['data', 'verify', 'tiny', '--data-dir', 'nowhere'],
])('says it as one JSON object on stdout under --json: %s %s %s', async (...args) => {
  const { code, stdout, stderr } = await lcdnn(...args, '--json');
  expect([code, stderr]).toEqual([2, '']);
  expect(JSON.parse(stdout)).toEqual({ error: { message: expect.stringMatching(/^[^\n]{10,}$/) } });
});
