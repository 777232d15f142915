import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plainImage } from '../image-files.js';
import { BUNDLE, expectMistake, fresh, lcdnn } from './cli.js';

it('stops every command when the data of a run have changed, and says what', async () => {
  const [images, run] = [fresh('images'), fresh('run')];
  for (const [label, name] of ['blue', 'green', 'red'].entries()) {
    for (let i = 0; i < 8; i++) await plainImage(join(images, name, `${i}.png`), [100 * label, 30 * i, 20]);
  }
  const small = ['--image-size', '16', '--epochs', '1', '--width', '0.1', '--validation', '0.2'];
  const trained = await lcdnn('train', '--dataset', 'folder', '--data-dir', images, ...small, '--out', run);
  expect([trained.code, trained.stderr]).toEqual([0, expect.stringMatching(/^data: \d+ images to train on/)]);
  expect(trained.stderr).toMatch(/\nbatch size (\d+) instead of 64, because there are only \1 training images\n/);

  rmSync(join(images, 'red', '3.png'));
  await expectMistake(
    ['evaluate', run],
    /^error: .*: expected the data that it was trained on, found changes: 1 image missing \(red\/3.png\)\. .*--accept-changed-data/,
  );
  expect((await lcdnn('evaluate', run, '--accept-changed-data')).code).toBe(0);

  renameSync(join(images, 'blue'), join(images, 'sky'));
  const renamed =
    /^error: .*: expected the classes that it was trained with \(blue, green, red\), found others \(missing: blue; new: sky\)/;
  await Promise.all([
    expectMistake(['evaluate', run, '--accept-changed-data'], renamed),
    expectMistake(['tune-tau', run], renamed),
    expectMistake(['export', run, '--out', fresh('bundle')], renamed),
    expectMistake(['train', '--resume', run], renamed),
  ]);
});

it('refuses photographs for LeNet, with advice', async () => {
  const images = fresh('images');
  for (const name of ['a', 'b'])
    for (let i = 0; i < 3; i++) await plainImage(join(images, name, `${i}.png`), [9, 9, 9 * i]);
  await expectMistake(
    ['train', '--dataset', 'folder', '--network', 'lenet', '--data-dir', images, '--out', fresh('run')],
    /^error: network lenet: expected images of up to 64x64 pixels, found 224x224; give --network resnet18 .*\n$/,
  );
});

it('predict answers the other images of a folder, names the broken one, and exits with 2', async () => {
  const folder = fresh('photos');
  mkdirSync(join(folder, '__MACOSX'), { recursive: true });
  copyFileSync(join(BUNDLE, 'demo/samples/00.png'), join(folder, 'a.png'));
  writeFileSync(join(folder, 'b.png'), 'no image');
  writeFileSync(join(folder, '._a.png'), 'hidden');
  writeFileSync(join(folder, 'desktop.ini'), '');
  const { code, stdout } = await lcdnn('predict', '--bundle', BUNDLE, folder, '--json');
  expect(code).toBe(2);
  const { predictions, skipped } = JSON.parse(stdout);
  expect(predictions.map(({ file }: { file: string }) => file)).toEqual([join(folder, 'a.png')]);
  expect(skipped).toMatchObject([{ file: join(folder, 'b.png') }]);
});
