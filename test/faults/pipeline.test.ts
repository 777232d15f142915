import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PipelineResult } from '../../src/api/pipeline/pipeline.js';
import { copyOf, expectMistake, folder, fresh, LCDNN, lcdnn, RUN, start, startProgram } from './cli.js';

const config = join(folder, 'lcdnn.config.yaml');
const CONFIG = `
all:
  junit: gates.xml
train:
  dataset: tiny
  batch-size: 10
  validation: 20
  epochs: 2
tune-tau: { objective: accuracy }
evaluate: { min-accuracy: [both=0, full=0] }
export: { uplink: f32, name: from-config }
`;
beforeAll(() => writeFileSync(config, CONFIG));

const pipeline = async (...args: string[]): Promise<PipelineResult & { code: number | null }> => {
  const { code, stdout } = await lcdnn('pipeline', '--json', ...args);
  return { code, ...JSON.parse(stdout) };
};

describe('lcdnn pipeline', () => {
  it('runs every step with the options of the config file, and skips what has not changed', async () => {
    const out = join(folder, 'build');
    const first = await pipeline('--out', out);
    expect(first).toMatchObject({ code: 0, passed: true, interrupted: false });
    expect(first.gates.map(({ name }) => name)).toEqual(['accuracy of both', 'accuracy of full']);
    const done = { check: 'done', train: 'done', tune: 'done', evaluate: 'done', gates: 'done', export: 'done' };
    expect(first.steps).toEqual(done);
    expect(JSON.parse(readFileSync(join(out, 'bundle/manifest.json'), 'utf8')).name).toBe('from-config');
    expect(readFileSync(first.card!, 'utf8')).toContain('library_name: lcdnn');
    expect(readFileSync(join(folder, 'gates.xml'), 'utf8')).toContain('name="Pipeline');

    const second = await pipeline('--out', out);
    expect(second).toMatchObject({ code: 0, version: first.version, run: first.run });
    expect(new Set(Object.values(second.steps))).toEqual(new Set(['skipped']));

    // A threshold that was edited is tuned again; then τ is as before, and nothing after it has changed.
    const tau = join(first.run, 'tau.json');
    writeFileSync(tau, readFileSync(tau, 'utf8').replace(/"tau": [\d.]+/, '"tau": 0.123'));
    const third = await pipeline('--out', out, '--max-bytes', '1KB');
    expect(third.steps).toEqual({ ...second.steps, tune: 'done', export: 'failed' });
    expect(third.code).toBe(3);
  });

  it('a failed gate ends it before the export; another option makes another run', async () => {
    const out = join(folder, 'failing');
    const failed = await pipeline('--out', out, '--min-accuracy', 'both=1', '--epochs', '1');
    expect(failed).toMatchObject({ code: 3, passed: false });
    expect(failed.steps).toMatchObject({ evaluate: 'done', gates: 'failed' });
    expect([failed.bundle, existsSync(join(out, 'bundle'))]).toEqual([undefined, false]);
    const leaking = await pipeline('--out', out, '--fail-on', 'leakage', '--seed', '2');
    expect(leaking.run).not.toBe(failed.run);
    expect(leaking.steps.check).toBe(leaking.code === 3 ? 'failed' : 'done');
  });

  it.each<[string, RegExp, ...string[]]>([
    ['epsilon: 2', /expected an epsilon in \[0, 1\), found 2/],
    ['cross-fit: 3', /expected a run that was trained with --views/],
    ['per-class: true', /expected objective risk with per-class, found accuracy/],
    ['method: algorithm-2', /expected method exact for several exits, found algorithm-2/, '--attach', 'conv1,conv2'],
    ['entropy-temperature: 0', /entropy temperature: expected a number from 0.01 to 100, found 0/],
  ])('refuses to tune with %s before anything is trained', async (option, fault, ...args) => {
    const [out, other] = [fresh('refused'), fresh('lcdnn.config.yaml')];
    writeFileSync(other, CONFIG.replace('objective: accuracy', `objective: accuracy, ${option}`));
    const { code, stderr } = await start(['pipeline', '--out', out, ...args], `export LCDNN_CONFIG=${other}`).ended;
    expect([code, stderr]).toEqual([2, expect.stringMatching(fault)]);
    expect(existsSync(join(out, 'runs'))).toBe(false);
  });

  it('continues a training that was interrupted', async () => {
    const args = ['pipeline', '--out', join(folder, 'interrupted'), '--epochs', '30'];
    const started = start(args);
    await started.printed('epoch  1/30');
    started.child.kill('SIGINT');
    expect((await started.ended).code).toBe(130);
    const { code, stderr } = await lcdnn(...args);
    expect(stderr).toMatch(/resumed at epoch \d+/);
    expect(code).toBe(0);
  });
});

it('lcdnn pipeline uses the flags of a section that are no options of the run', async () => {
  const other = join(folder, 'tracked.json');
  const run = (train: object) => {
    writeFileSync(other, JSON.stringify({ train: { dataset: 'tiny', epochs: 1, loaders: 0, ...train } }));
    return startProgram([...LCDNN, 'pipeline', '--out', join(folder, 'tracked')], { LCDNN_CONFIG: other }).ended;
  };
  const { code, stderr } = await run({ mlflow: 'nowhere' });
  expect(code).toBe(2);
  expect(stderr).toContain('--mlflow: expected the address of a server, found nowhere');
  const { stdout } = await run({ budget: '50KB', attach: 'auto' });
  expect(stdout).toContain('--budget 50000');
});

describe('lcdnn config', () => {
  it('shows the flags of a command and where each comes from', async () => {
    const { stdout } = await lcdnn('config', 'train', '--json');
    const { file, commands } = JSON.parse(stdout);
    expect(file).toBe(config);
    const flags = new Map(commands.train.map((shown: { flag: string }) => [shown.flag, shown]));
    expect(flags.get('epochs')).toEqual({ flag: 'epochs', value: 2, from: 'train' });
    expect(flags.get('seed')).toEqual({ flag: 'seed', value: '1', from: 'default' });
    expect((await lcdnn('config')).stdout).toMatch(/evaluate +--junit +\S+gates.xml +all/);
  });

  it('a module, a file that LCDNN_CONFIG names, and mistakes in it', async () => {
    const [module, wrong] = [fresh('lcdnn.config.mjs'), fresh('lcdnn.config.json')];
    writeFileSync(module, 'export default { train: { epochs: 7 } };');
    writeFileSync(wrong, '{ "train": { "epoch": 7 } }');
    const withConfig = (path: string, ...args: string[]) =>
      startProgram([...LCDNN, ...args], { LCDNN_CONFIG: path }).ended;
    expect((await withConfig(module, 'config')).stdout).toMatch(/train +--epochs +7 +train/);
    expect((await withConfig(wrong, 'train')).stderr).toMatch(
      /expected flags of "train", found epoch; did you mean epochs\?/,
    );
    expect((await withConfig('none', 'config')).stdout).toMatch(/^no lcdnn.config.json/);
    await expectMistake(['config', 'trian'], /expected a command, found "trian"/);
    const run = copyOf(RUN);
    const { code, stderr } = await lcdnn('evaluate', run, '--summary', run);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/expected a file that can be written/)]);
  });
});
