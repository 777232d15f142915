import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUNDLE, expectMistake, fresh, lcdnn, leftovers, start } from './cli.js';
import { ask, questions, serving } from './serving.js';

/** Servers and episodes so small that a training takes a second. */
const SMALL = ['--capacity', '10', '--slots', '10', '--steps', '20'];
const TRAIN = ['schedule', 'train', ...SMALL, '--episodes', '4'];

const whole = fresh('whole');
const wholeTrained = lcdnn(...TRAIN, '--iterations', '300', '--out', whole, '--json');
const policyOf = (folder: string): string => join(folder, 'policy.safetensors');

function file(name: string, content: string): string {
  const path = fresh(name);
  writeFileSync(path, content);
  return path;
}

describe.concurrent('simulate refuses', () => {
  it.each<[string[], RegExp | string]>([
    [['--servers', '0'], 'error: --servers: expected 1 to 256 servers, found 0\n'],
    [['--capacity', '-5'], /^error: settings: servers\.0\.capacity: .*>=1.*servers\.2\.capacity/],
    [['--speed', '1,fast'], 'error: --speed: expected numbers separated by commas, found 1,fast\n'],
    [['--fail', 'all'], 'error: --fail: expected SERVER:FROM-TO, as 0:20-40, found all\n'],
    [['--policy', 'least-load'], /no policy is called least-load; did you mean least-loaded\?/],
  ])('%j', (flags, line) => expectMistake(['schedule', 'simulate', ...flags], line));

  it('a malformed trace', async () => {
    const trace = file('trace.csv', 'arrivalMs,serviceMs\n0,5\n3,soon\n');
    await expectMistake(['schedule', 'simulate', '--trace', trace], /trace\.csv, line 3: .*serviceMs: /);
  });

  it('a settings file without servers', async () => {
    const none = file('none.json', '{ "servers": [] }');
    await expectMistake(['schedule', 'simulate', '--settings', none], /none\.json: servers: /);
  });
});

describe('a policy file', () => {
  it('of a training is simulated beside the rules', async () => {
    const { code, stdout } = await wholeTrained;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ policy: policyOf(whole), last: { iteration: 300 } });
    const simulated = await lcdnn('schedule', 'simulate', ...SMALL, '--policy', whole, '--policy', 'random', '--json');
    const [own, random] = JSON.parse(simulated.stdout).results;
    expect(own.variance.mean).toBeLessThan(random.variance.mean);
  });

  it('cut short is damaged', async () => {
    await wholeTrained;
    const path = file('policy.safetensors', '');
    writeFileSync(path, readFileSync(policyOf(whole)).subarray(0, -7));
    await expectMistake(['schedule', 'simulate', '--policy', path], /expected a safetensors file, found tensor/);
  });

  it('for another number of servers', async () => {
    await wholeTrained;
    await expectMistake(
      ['schedule', 'simulate', '--servers', '4', '--policy', whole],
      /expected a policy for 4 servers, found one for 3; train one/,
    );
  });
});

describe('a training', () => {
  it('saves at Ctrl-C, exits with 130, and goes on to the bytes of one that was never stopped', async () => {
    expect((await wholeTrained).code).toBe(0);
    const out = fresh('stopped');
    const training = start([...TRAIN, '--iterations', '300', '--out', out]);
    await training.printed('iteration  50/300');
    training.child.kill('SIGINT');
    const ended = await training.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(ended.stderr).not.toMatch(/error|^\s+at /m);
    const resumed = await lcdnn('schedule', 'train', '--resume', out);
    expect([resumed.code, resumed.stderr.includes('resumed at iteration')]).toEqual([0, true]);
    for (const name of ['policy.safetensors', 'training.jsonl']) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name)))).toBe(true);
    }
    expect(leftovers(out)).toEqual([]);
  });

  it('refuses what it can not do, and writes nothing', async () => {
    const out = fresh('out');
    const refused: [string[], RegExp][] = [
      [['--servers', '9'], /expected at most 8 servers for 2\^N actions, found 9; train the method per-server/],
      [['--iterations', '0'], /training: iterations: /],
      [['--trace', 'gone.csv'], /gone\.csv: expected a trace of tasks, found: no such file/],
    ];
    for (const [flags, line] of refused) await expectMistake([...TRAIN, ...flags, '--out', out], line);
    expect(existsSync(out)).toBe(false);
    await expectMistake(['schedule', 'train'], /expected a folder for the policy, found none; give --out or --resume/);
  });

  it('does not write over another, and resumes with its own options only', async () => {
    await wholeTrained;
    await expectMistake(
      [...TRAIN, '--out', whole],
      /expected a folder without a policy, found one; continue it with --resume/,
    );
    await expectMistake(
      ['schedule', 'train', '--resume', whole, '--lr', '1'],
      /continues with its own --lr; leave out --lr/,
    );
  });
});

it('draws the figures of a quick report, and goes by what is trained', async () => {
  const out = fresh('report');
  const report = () => lcdnn('schedule', 'report', '--quick', '--out', out, '--json');
  const { code, stdout } = await report();
  expect(code).toBe(0);
  const { figures } = JSON.parse(stdout);
  const ids = ['fig-15a', 'fig-15b', 'fig-16a', 'fig-16b', 'fig-16c', 'fig-17a', 'fig-17b'];
  expect(figures.map(({ id }: { id: string }) => id)).toEqual(ids);
  for (const id of ids) expect(readFileSync(join(out, `${id}.svg`), 'utf8')).toContain('<svg');
  const written = readFileSync(policyOf(join(out, 'policies', 'drlos-2')));
  expect((await report()).code).toBe(0);
  expect(readFileSync(policyOf(join(out, 'policies', 'drlos-2'))).equals(written)).toBe(true);
});

it('replays the log of a server, which tells of its requests no more than it takes', async () => {
  const asked = await questions(BUNDLE, 3);
  const server = await serving(BUNDLE, ['--log', 'info']);
  for (let i = 0; i < 12; i++) expect((await ask(server, asked, i % 3)).status).toBe(200);
  server.child.kill('SIGINT');
  const { stderr } = await server.ended;
  const lines = stderr.split('\n').filter((line) => line.includes('"inferred"'));
  expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual(
    Array(12).fill(['level', 'time', 'reqId', 'model', 'images', 'arrivalMs', 'queueMs', 'serviceMs', 'msg']),
  );
  const simulated = await lcdnn('schedule', 'simulate', ...SMALL, '--trace', file('serve.log', stderr), '--json');
  expect(simulated).toMatchObject({ code: 0 });
  for (const { tasks } of JSON.parse(simulated.stdout).results) expect(tasks.mean).toBe(12);
});

it('recommends by what was measured', async () => {
  const { code, stdout } = await lcdnn('schedule', 'recommend', '--measure', 'variance', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ policy: 'least-loaded', scenario: { servers: 3, reportEvery: 1 } });
});
