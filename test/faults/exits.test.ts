import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUNDLE, editJson, expectMistake, fresh, lcdnn, RUN, tinyOptions } from './cli.js';

/** The road from training to an answer, with two exits. */
describe('a run with two exits', () => {
  const run = fresh('run');
  const bundle = fresh('bundle');
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await lcdnn(...args, '--json');
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  };
  beforeAll(async () => {
    await done('train', ...tinyOptions(1), '--attach', 'conv1,conv2', '--out', run);
  });

  it('trains, tunes, evaluates, exports and predicts', async () => {
    const tuned = await done('tune-tau', run, '--objective', 'accuracy');
    const taus = [tuned.tau, tuned.further[0].tau];
    for (const file of ['tau.svg', 'tau2.svg', 'tau2.png']) expect(existsSync(join(run, file))).toBe(true);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('against the threshold τ of exit 2');

    const { collaborative, further } = await done('evaluate', run);
    expect(collaborative.tau).toEqual(taus);
    expect(collaborative.exitRatios).toHaveLength(2);
    expect(further).toHaveLength(1);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('<th>test</th>');

    const { check } = await done('export', run, '--out', bundle);
    expect(check.images).toBe(120);
    const { tau, predictions } = await done('predict', '--bundle', bundle, join(bundle, 'demo/samples'));
    expect(tau).toEqual(taus);
    for (const { by, exit } of predictions) expect(by === 'edge' ? [undefined] : [1, 2]).toContain(exit);
  });

  it('is priced exit by exit', async () => {
    const { exits, device, peakBytes } = await done('inspect', run);
    expect(peakBytes).toBeGreaterThan(0);
    expect(exits).toHaveLength(2);
    expect(exits[1]).toEqual(device);
  });

  it.each([
    ['evaluate', () => ['evaluate', run]],
    ['export', () => ['export', run, '--out', fresh()]],
  ])('whose thresholds are of another run is refused by %s', async (_, args) => {
    const tau = join(run, 'tau.json');
    const { further: _further, ...one } = JSON.parse(readFileSync(join(RUN, 'tau.json'), 'utf8'));
    rmSync(tau, { force: true });
    await lcdnn('tune-tau', run);
    editJson(tau, { ...one, further: undefined });
    await expectMistake(args(), /tau\.json: expected a threshold for each of 2 exits, found 1; run "lcdnn tune-tau/);
  });

  it('has an order of layers', () =>
    expectMistake(
      ['train', ...tinyOptions(1), '--attach', 'conv2,conv1', '--out', fresh()],
      /attach: expected layers in the order of the network, each once, found conv1 after conv2/,
    ));
});

it('a bundle with one exit has one threshold', () => {
  expect(typeof JSON.parse(readFileSync(join(BUNDLE, 'manifest.json'), 'utf8')).tau).toBe('number');
});
