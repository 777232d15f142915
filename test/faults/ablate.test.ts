import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PYTHON } from '../python.js';
import { expectMistake, fresh, lcdnn, leftovers, start } from './cli.js';

const EPOCHS = 6;
const base = { dataset: 'tiny', batchSize: 10, validation: 20, epochs: EPOCHS };
const variants = { 'lr-0.01': { lr: 0.01 }, wild: { optimizer: 'momentum', lr: 1e30 }, flip: { flip: true } };

function gridFile(content: object): string {
  const path = fresh('grid.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const grid = gridFile({ base, variants });
const whole = fresh('whole');
const wholeDone = lcdnn('ablate', grid, '--out', whole, '--json');

const read = (out: string, file: string): string => readFileSync(join(out, file), 'utf8');

/** The rows without what differs between two runs of the same: times, and the folder in the command. */
const rowsOf = (out: string): object[] =>
  JSON.parse(read(out, 'ablation.json')).rows.map((row: { command: string }) => ({
    ...row,
    command: row.command.replaceAll(out, 'OUT'),
    seconds: undefined,
    imagesPerSecond: undefined,
  }));

it('trains base and variants, records what diverges, and writes table and chart', async () => {
  const { code, stdout, stderr } = await wholeDone;
  expect([code, stderr]).toEqual([0, '']);
  const { out, rows } = JSON.parse(stdout);
  expect([out, rows]).toEqual([whole, JSON.parse(read(whole, 'ablation.json')).rows]);
  expect(rows.map((row: { name: string }) => row.name)).toEqual(['base', 'lr-0.01', 'wild', 'flip']);
  expect(rows[2].failed).toMatch(/^the loss is no longer a number \(full \S+, branch \S+\) in epoch 1, step \d+$/);
  const lastEpoch = JSON.parse(read(join(whole, 'flip'), 'metrics.jsonl').trim().split('\n')[EPOCHS - 1]);
  expect(rows[3]).toMatchObject({
    changes: { flip: true },
    branchAccuracy: lastEpoch.branchAccuracy,
    fullAccuracy: lastEpoch.fullAccuracy,
    epochs: EPOCHS,
    command: `lcdnn train --dataset tiny --flip --validation 20 --epochs ${EPOCHS} --batch-size 10 --out ${whole}/flip`,
  });
  expect(read(whole, 'ablation.md')).toMatch(/^\| wild \| optimizer momentum, lr 1e\+30 \| diverged \|/m);
  expect(read(whole, 'ablation.svg')).toContain('>lr-0.01</text>');
  expect(readFileSync(join(whole, 'ablation.png')).subarray(1, 4).toString()).toBe('PNG');
  expect(leftovers(whole)).toEqual([]);
});

it('trains in stages, and tells how to train a variant again', async () => {
  const stages = [
    { trains: 'full', epochs: 1 },
    { trains: 'branch', epochs: 1, lr: 0.01 },
  ];
  const staged = gridFile({
    base: { dataset: 'tiny', batchSize: 10, validation: 20, stages },
    variants: { slower: { stages: { branch: { lr: 0.001 } } } },
  });
  const out = fresh('staged');
  expect(await lcdnn('ablate', staged, '--out', out)).toMatchObject({ code: 0 });
  const [, { changes, command, epochs }] = JSON.parse(read(out, 'ablation.json')).rows;
  expect([changes, epochs]).toEqual([{ stages: { branch: { lr: 0.001 } } }, 2]);
  expect(read(out, 'ablation.md')).toMatch(/^\| slower \| branch: lr 0\.001 \|/m);
  expect(command).toBe(`lcdnn train --recipe ${out}/slower/config.json --out ${out}/slower-again`);
  expect(await lcdnn(...command.split(' ').slice(1))).toMatchObject({ code: 0 });
  expect(read(join(out, 'slower-again'), 'config.json')).toBe(read(join(out, 'slower'), 'config.json'));
});

it('compares branches on one trained full network', async () => {
  const [trained, out] = [fresh('trained'), fresh('branches')];
  const options = ['--dataset', 'tiny', '--batch-size', '10', '--validation', '20', '--epochs', '2'];
  expect(await lcdnn('train', ...options, '--out', trained)).toMatchObject({ code: 0 });
  const branches = gridFile({ base: { ...base, freezeFull: true }, variants: { start: { branchStart: 'full' } } });
  const checkpoint = join(trained, 'checkpoint.safetensors');
  const { code, stdout } = await lcdnn('ablate', branches, '--init-from', checkpoint, '--out', out, '--json');
  expect(code).toBe(0);
  const { rows } = JSON.parse(stdout);
  const { fullAccuracy } = JSON.parse(read(trained, 'metrics.jsonl').trim().split('\n')[1]);
  for (const row of rows)
    expect(row).toMatchObject({ fullAccuracy, command: expect.stringContaining('--freeze-full') });
  expect(rows.map((row: { name: string }) => row.name)).toEqual(['base', 'start']);
  await expectMistake(
    ['ablate', branches, '--init-from', join(trained, 'none.safetensors'), '--out', fresh('none')],
    /none\.safetensors/,
  );
});

it('goes on where batches are larger than the training images', async () => {
  const large = gridFile({ base: { ...base, batchSize: 5000, epochs: 1 }, variants: { flip: { flip: true } } });
  const out = fresh('large');
  expect(await lcdnn('ablate', large, '--out', out)).toMatchObject({ code: 0 });
  expect(await lcdnn('ablate', large, '--out', out)).toMatchObject({ code: 0 });
});

it('is the same in two shards that are merged', async () => {
  await wholeDone;
  const [one, two, merged] = [fresh('one'), fresh('two'), fresh('merged')];
  await Promise.all([
    lcdnn('ablate', grid, '--shard', '1/2', '--out', one),
    lcdnn('ablate', grid, '--shard', '2/2', '--out', two),
  ]);
  const names = (out: string) => JSON.parse(read(out, 'ablation.json')).rows.map((row: { name: string }) => row.name);
  expect([names(one), names(two)]).toEqual([
    ['base', 'wild'],
    ['lr-0.01', 'flip'],
  ]);
  const { code } = await lcdnn('ablate', grid, '--merge', one, '--merge', two, '--out', merged);
  expect(code).toBe(0);
  const withoutCommand = (out: string) => rowsOf(out).map((row) => ({ ...row, command: undefined }));
  expect(withoutCommand(merged)).toEqual(withoutCommand(whole));
  await expectMistake(['ablate', grid, '--merge', two, '--out', merged], /expected the base in one of 1 folders/);
  await expectMistake(['ablate', grid, '--shard', '5/4', '--out', merged], /expected K\/N with K from 1 to N/);
});

it('gives a row to the byte of the run that its command trains', async () => {
  await wholeDone;
  const run = fresh('alone');
  const { command } = JSON.parse(read(whole, 'ablation.json')).rows[3];
  const [, ...args] = command.replace(join(whole, 'flip'), run).split(' ');
  expect((await lcdnn(...args)).code).toBe(0);
  const checkpoint = (path: string) => readFileSync(join(path, 'checkpoint.safetensors'));
  expect(checkpoint(run).equals(checkpoint(join(whole, 'flip')))).toBe(true);
});

it('goes on after Ctrl-C and after a kill to the same table, and trains nothing twice', async () => {
  await wholeDone;
  const out = fresh('stopped');
  const first = start(['ablate', grid, '--out', out]);
  await first.printed(`/base\nepoch 1/${EPOCHS}`);
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(130);
  const second = start(['ablate', grid, '--out', out]);
  await second.printed(`/lr-0.01\nepoch 1/${EPOCHS}`);
  second.child.kill('SIGKILL');
  expect((await second.ended).stderr).toContain('resumed at epoch');
  const third = await lcdnn('ablate', grid, '--out', out);
  expect(third.code).toBe(0);
  expect(third.stderr).not.toContain('/base\n');
  expect(third.stdout).toMatch(/\nbase .*\nlr-0\.01 .*\nwild .* diverged .*\nflip /);
  expect(rowsOf(out)).toEqual(rowsOf(whole));

  rmSync(join(out, 'ablation.md'));
  const again = await lcdnn('ablate', grid, '--out', out);
  expect([again.code, again.stderr]).toEqual([0, '']); // what diverged isn't tried again either
  expect(rowsOf(out)).toEqual(rowsOf(whole));
  expect(existsSync(join(out, 'ablation.md'))).toBe(true);
});

it('refuses a grid that changed a variant which was begun', async () => {
  await wholeDone;
  const changed = gridFile({ base, variants: { ...variants, flip: { flip: true, shift: 1 } } });
  await expectMistake(
    ['ablate', changed, '--out', whole],
    `${whole}/flip: holds a run with shift 0, the grid asks for 1 in flip; choose another --out`,
  );
  await expectMistake(['ablate', grid, '--out', whole, '--seed', '2'], /base: holds a run with seed 1, .* asks for 2/);
});

it.each<[string, object, RegExp]>([
  ['an unknown option', { x: { rate: 1 } }, /grid\.json, variant x: no option is called rate/],
  ['an unknown network', { x: { network: 'resnet' } }, /^error: variant x: no network resnet; expected one of/],
  ['an unknown engine', { x: { engine: 'abacus' } }, /^error: variant x: no engine abacus; expected one of/],
  ['a branch that can not be', { x: { branch: 'conv=9,fc=9' } }, /^error: variant x: branch after conv1: expected/],
  ['more validation images than there are', { x: { validation: 500 } }, /^error: variant x: validation: /],
])('trains nothing where a variant has %s', async (_, wrong, line) => {
  const out = fresh('out');
  await expectMistake(['ablate', gridFile({ base, variants: { ...variants, ...wrong } }), '--out', out], line);
  expect(existsSync(out)).toBe(false);
});

it.skipIf(PYTHON === undefined)('trains in PyTorch', async () => {
  const out = fresh('in-python');
  const two = gridFile({ base: { ...base, epochs: 1 }, variants: { flip: variants.flip } });
  const { code, stdout } = await lcdnn(
    'ablate',
    two,
    '--engine',
    'pytorch',
    '--python',
    PYTHON!,
    '--out',
    out,
    '--json',
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout).rows.map(({ epochs }: { epochs: number }) => epochs)).toEqual([1, 1]);
});

it('stops where the base itself diverges', async () => {
  const wild = gridFile({ base: { ...base, ...variants.wild }, variants: { tame: { lr: 0.01 } } });
  const { code, stderr } = await lcdnn('ablate', wild, '--out', fresh('out'));
  expect(code).toBe(2);
  expect(stderr).toMatch(/\nerror: the loss is no longer a number [^\n]*\n$/);
});

it('refuses a record that it has not written', async () => {
  const out = fresh('foreign');
  mkdirSync(out);
  writeFileSync(join(out, 'ablation.json'), '{"rows":[]}');
  await expectMistake(
    ['ablate', grid, '--out', out],
    /ablation\.json: expected what "lcdnn ablate" writes, found .*; remove it/,
  );
});
