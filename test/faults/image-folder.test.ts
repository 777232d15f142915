import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import { tinyImageFolder, writeText } from '../image-files.js';
import { PYTHON } from '../python.js';
import { expectMistake, fresh, lcdnn, start } from './cli.js';

const SMALL = ['--image-size', '16', '--batch-size', '2', '--validation', '2', '--epochs', '1', '--width', '0.1'];
let images: string;

beforeAll(async () => {
  images = fresh('images');
  await tinyImageFolder(images);
  writeText(join(images, 'train', 'b', 'broken.jpg'), 'no image');
});

const trained = (out: string, ...more: string[]) =>
  ['train', '--dataset', 'folder', '--data-dir', images, ...SMALL, '--out', out, ...more] as const;

describe.concurrent('an image folder', () => {
  it('trains, says what was skipped, and keeps the classes of a list that vanishes', async () => {
    const list = fresh('classes.txt');
    writeFileSync(list, 'c\nb\n');
    const out = fresh('run');
    const { code, stderr } = await lcdnn(...trained(out, '--classes', list));
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/skipped 1 of 11 images .*: train\/b\/broken.jpg: expected/),
    ]);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      classes: ['c', 'b'],
      dataDir: images,
    });
    rmSync(list);
    const evaluated = await lcdnn('evaluate', out, '--json');
    expect(evaluated.code).toBe(0);
  });

  it.skipIf(PYTHON === undefined)('trains in PyTorch, and is evaluated here', async () => {
    const out = fresh('run');
    const first = await lcdnn(...trained(out, '--engine', 'pytorch', '--python', PYTHON!, '--crop', '0.5'));
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('skipped 1 of 16 images')]);
    const { stdout } = await lcdnn('evaluate', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ full: { accuracy: expect.any(Number) } });
  });

  it('that vanishes while it trains ends it with one line, and the checkpoint stays', async () => {
    const [copy, out] = [fresh('images'), fresh('run')];
    cpSync(images, copy, { recursive: true });
    const small = [...SMALL.slice(0, 6), '--epochs', '500', '--width', '0.1'];
    const { ended, printed } = start(['train', '--dataset', 'folder', '--data-dir', copy, ...small, '--out', out]);
    await printed('epoch   2/500');
    rmSync(copy, { recursive: true });
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/\nerror: [^\n]*images\/train\/[^\n]*: expected an image [^\n]*\n$/),
    ]);
    expect(readRunCheckpoint(openRun(out)).progress.epoch).toBeGreaterThanOrEqual(2);
  });

  it('is deployed with the crop that it was evaluated with', async () => {
    const [run, bundle] = [fresh('run'), fresh('bundle')];
    for (const args of [
      trained(run),
      ['tune-tau', run, '--objective', 'accuracy', '--folds', '2'],
      ['export', run, '--out', bundle],
    ] as const) {
      const { code, stderr } = await lcdnn(...args);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    }
    const { input } = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'));
    expect(input).toMatchObject({ shape: [16, 16, 3], resize: 18 });
    const samples = JSON.parse(readFileSync(join(bundle, 'demo/samples.json'), 'utf8'));
    expect(new Set(samples.map(({ label }: { label: string }) => label))).toEqual(new Set(['a', 'b', 'c']));
    const sample = await sharp(join(bundle, 'demo', samples[0].file)).metadata();
    expect([sample.width, sample.height]).toEqual([18, 18]);

    // A slope in each direction; then the same within more of it, and lying on its side as a camera stores it.
    const slopes = (top: number, height: number) =>
      sharp(
        Uint8Array.from({ length: 18 * height * 3 }, (_, i) => {
          const [x, y] = [Math.floor(i / 3) % 18, top + Math.floor(i / 54)];
          return [12 * x, 6 * y, 3 * (x + y)][i % 3];
        }),
        { raw: { width: 18, height, channels: 3 } },
      );
    const photographs = fresh('photographs');
    mkdirSync(photographs);
    await slopes(8, 18).png().toFile(join(photographs, 'square.png'));
    await slopes(0, 34).png().toFile(join(photographs, 'tall.png'));
    const lying = slopes(0, 34).rotate(-90).withMetadata({ orientation: 6 });
    await lying.png().toFile(join(photographs, 'lying.png'));
    await slopes(0, 18).png().toFile(join(photographs, 'top.png'));
    const { stdout } = await lcdnn('predict', '--bundle', bundle, photographs, '--json');
    const [onItsSide, square, tall, top] = JSON.parse(stdout).predictions;
    expect(tall).toMatchObject({ probabilities: square.probabilities, entropy: square.entropy });
    expect(onItsSide).toMatchObject({ probabilities: square.probabilities, entropy: square.entropy });
    expect(top.probabilities).not.toEqual(square.probabilities);
  });

  it('is compared by ablate under the names of its classes', async () => {
    const [list, grid, out] = [fresh('classes.txt'), fresh('grid.json'), fresh('ablation')];
    writeFileSync(list, 'c\na\n');
    const base = {
      dataset: 'folder',
      classes: list,
      imageSize: 16,
      batchSize: 2,
      validation: 2,
      epochs: 1,
      width: 0.1,
    };
    writeFileSync(grid, JSON.stringify({ base, variants: { flip: { flip: true } } }));
    expect((await lcdnn('ablate', grid, '--data-dir', images, '--out', out)).code).toBe(0);
    for (const variant of ['base', 'flip']) {
      const config = JSON.parse(readFileSync(join(out, variant, 'config.json'), 'utf8'));
      expect(config.classes).toEqual(['c', 'a']);
    }
    writeFileSync(list, 'a\nb\n');
    await expectMistake(
      ['ablate', grid, '--data-dir', images, '--out', out],
      /base: holds a run with classes c,a, the grid asks for a,b in base/,
    );
  });

  it('stops with --strict', () =>
    expectMistake(
      trained(fresh('run'), '--strict'),
      /^error: .*train\/b\/broken.jpg: expected an image .*; without --strict it is skipped\n$/,
    ));

  it('needs to be named', () =>
    expectMistake(
      ['train', '--dataset', 'folder', '--out', fresh('run')],
      /^error: folder: expected a folder of images, found none named; name it with --data-dir .*\n$/,
    ));

  it('refuses classes that are none', () =>
    expectMistake(
      trained(fresh('run'), '--classes', '1'),
      /^error: options: classes: expected a number from 2.*, found 1\n$/,
    ));
});
