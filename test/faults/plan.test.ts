import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyOf, expectMistake, fresh, lcdnn, RUN } from './cli.js';

interface PlannedDesign {
  readonly attach: string;
  readonly branch: string;
  readonly expectedMs: number;
  readonly furtherMs: number;
  readonly paper: { readonly milliseconds: number };
  readonly exits: { readonly ratios: number[]; readonly from: string; readonly accuracies?: object };
  readonly command: string;
}

interface Planned {
  readonly design: PlannedDesign;
  readonly places: PlannedDesign[];
  readonly sizes: PlannedDesign[];
  readonly front?: PlannedDesign[];
}

async function plan(...args: string[]): Promise<Planned> {
  const { code, stdout, stderr } = await lcdnn('plan', ...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe.concurrent('plan answers', () => {
  it('without any measurement, and says what it assumes', async () => {
    const { code, stdout } = await lcdnn('plan', 'lenet', '--dataset', 'mnist', '--network', '3g');
    expect(code).toBe(0);
    expect(stdout).toMatch(/connection 3g: 0.768 Mbit\/s up, 1.6 down, round trip 300 ms \(WebPageTest/);
    expect(stdout).toMatch(/branch: estimated from a table measured on .*edge: estimated from a table/s);
    expect(stdout).toMatch(/exit ratios: 80.00 % behind conv1 \(assumed\)/);
    expect(stdout).toMatch(/by the law of total expectation .*by Eq. 11-16 of the paper/s);
  });

  it("with a run's exit ratios and accuracies", async () => {
    const { collaborative, branch, full } = JSON.parse(readFileSync(join(RUN, 'tau.json'), 'utf8'));
    const { design, places } = await plan(RUN);
    expect(design.exits).toMatchObject({
      ratios: [collaborative.exitRatio],
      from: `${RUN} (tau.json)`,
      accuracies: { branches: [branch.accuracy], full: full.accuracy },
    });
    expect(places.find(({ attach }) => attach === 'conv2')!.exits.from).toBe('assumed');
  });

  it('with exit ratios and accuracies by flags, for several exits', async () => {
    const exits = ['--attach', 'conv1,conv2', '--exit-ratios', '0.5,0.25', '--accuracies', '0.8,0.9,0.95'];
    const { design } = await plan('lenet', '--dataset', 'mnist', ...exits);
    expect(design.exits).toMatchObject({ ratios: [0.5, 0.25], from: 'flags' });
    expect(design.paper.milliseconds).not.toBeCloseTo(design.expectedMs, 3);
  });

  it('with measured times of device and edge', async () => {
    const edge = fresh('edge.json');
    const measured = await lcdnn('bench', 'edge', 'lenet', '--dataset', 'mnist', '--rounds', '1', '--json');
    const { tails, ...rest } = JSON.parse(measured.stdout);
    expect(tails.map(({ attach }: { attach: string }) => attach)).toEqual(['conv1', 'conv2', 'fc1']);
    const slower = tails.map((tail: object) => ({ ...tail, tailMs: [5000] }));
    writeFileSync(edge, JSON.stringify({ ...rest, tails: slower }));
    const of = ['lenet', '--dataset', 'mnist', '--exit-ratios', '0.5'];
    const [byTable, byEdge] = [await plan(...of), await plan(...of, '--edge', edge)];
    expect(byEdge.design.furtherMs - byTable.design.furtherMs).toBeGreaterThan(2400);
    expect(byEdge.design.furtherMs - byTable.design.furtherMs).toBeLessThan(2500);
  });

  it('with designs within limits, as files and with the command that trains each', async () => {
    const out = fresh('plan');
    const limits = ['--max-bytes', '60KB', '--max-latency', '5000', '--out', out];
    const { front } = await plan('lenet', '--dataset', 'mnist', ...limits);
    const best = front![0];
    expect(best.command).toBe(
      `lcdnn train --network lenet --attach ${best.attach} --branch ${best.branch} --dataset mnist`,
    );
    expect(readdirSync(out).sort()).toEqual(['designs.svg', 'places.svg', 'plan.json', 'plan.md', 'sizes.svg']);
    expect(readFileSync(join(out, 'plan.md'), 'utf8')).toContain(best.command);
    const { code, stdout } = await lcdnn('plan', 'lenet', '--max-bytes', '100');
    expect([code, stdout]).toEqual([0, expect.stringContaining('No design keeps the limits.')]);
  });

  it("by a recipe's name, whose command it repeats", async () => {
    const { design } = await plan('lenet-mnist', '--network', 'wifi', '--max-exits', '1');
    expect(design.command).toBe('lcdnn train --recipe lenet-mnist --attach conv1 --branch mirror');
  });
});

it("trains what Fig. 7's grid lacks, and not again", async () => {
  const runs = fresh('runs');
  const train = [RUN, '--epochs', '1', '--runs', runs, '--train'];
  const { sizes } = await plan(...train);
  expect(sizes.map(({ exits }) => exits.accuracies)).not.toContain(undefined);
  const [first] = readdirSync(runs);
  expect(existsSync(join(runs, first, 'tau.json'))).toBe(true);
  rmSync(join(runs, first, 'tau.json')); // as if it was interrupted
  const { stdout, stderr } = await lcdnn('plan', ...train);
  expect(stdout).toMatch(/1\/1 conv1-conv0-fc0/);
  expect(stdout + stderr).not.toMatch(/epoch 1/);
  expect((await plan(RUN, '--runs', runs)).sizes.map(({ exits }) => exits.from)).not.toContain('assumed');
});

describe.concurrent('plan refuses', () => {
  it.each<[string[], RegExp | string]>([
    [['--network', '6g'], /^error: network: expected one of 3g, 4g, 5g, wifi, found 6g/],
    [['--up', '0'], 'error: --up: expected a bandwidth above 0 Mbit/s, found 0\n'],
    [['--down', '0'], 'error: --down: expected a bandwidth above 0 Mbit/s, found 0\n'],
    [['--rtt', '-1'], 'error: --rtt: expected a round trip of 0 ms or more, found -1\n'],
    [['--exit-ratios', '0.5,0.2'], /^error: --exit-ratios: expected 1 numbers? from 0 to 1/],
    [['--exit-ratios', '1.5'], /^error: --exit-ratios: expected 1 numbers? from 0 to 1/],
    [['--attach', 'conv1,conv2', '--exit-ratios', '0.7,0.7'], /^error: --exit-ratios: expected shares of all images/],
    [['--accuracies', '0.9'], /^error: --accuracies: expected 2 numbers from 0 to 1/],
    [['--accuracies', '0.9,0'], /^error: --accuracies: the full network's accuracy must be above 0/],
    [['--max-bytes', 'small'], /^error: --max-bytes: expected a size, as 79000, 79KB or 1.5MB, found small/],
    [['--max-latency', '0'], 'error: --max-latency: expected a time above 0 ms, found 0\n'],
    [['--min-accuracy', '90'], 'error: --min-accuracy: expected a number from 0 to 1, found 90\n'],
    [
      ['--device', 'nowhere.json'],
      /^error: nowhere.json: expected what "lcdnn bench device --json" prints, found: no such/,
    ],
    [['--runs', 'nowhere'], 'error: nowhere: expected a folder of runs, found no such folder\n'],
    [['--train'], /^error: All of the following must be provided when using --train: --runs/],
    [['--runs', 'nowhere', '--train', '--image', '32x32x3'], /^error: --train: expected the images of a data set/],
  ])('%j', (flags, line) => expectMistake(['plan', 'lenet', ...flags], line));

  it('a network that is none', () => expectMistake(['plan', 'lennet'], /^error: no network lennet; expected one of: /));

  it('times of another network', async () => {
    const edge = fresh('edge.json');
    const tails = [{ attach: 'conv1', tailMs: [1] }];
    writeFileSync(edge, JSON.stringify({ network: 'vgg16', input: [32, 32, 3], classes: 10, tails }));
    const line = /expected times of lenet for 28x28x1 and 10 classes, found times of vgg16 for 32x32x3 and 10 classes/;
    await expectMistake(['plan', 'lenet', '--edge', edge], line);
    writeFileSync(edge, '{ "network": "lenet" }');
    await expectMistake(['plan', 'lenet', '--edge', edge], /expected what "lcdnn bench edge --json" prints, found /);
  });

  it('a run whose tau.json is broken', async () => {
    const run = copyOf(RUN);
    writeFileSync(join(run, 'tau.json'), '{}');
    await expectMistake(['plan', run], /tau.json: expected what "lcdnn tune-tau" writes, found /);
  });
});
