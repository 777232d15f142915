import { expect, it } from 'vitest';
import { normal, random } from '../../base/random.js';
import { createEngine } from '../engines/index.js';
import { probeLogits } from './probe.js';

const IMAGES = 120;
const CLASSES = 3;

it('answers images that it was not trained on', async () => {
  const next = random(1);
  const labels = Array.from({ length: IMAGES }, (_, i) => i % CLASSES);
  const noise = () => normal(next);
  // One kind of features has the class in it, with an offset and another scale; the other is noise.
  const informed = labels.flatMap((label) => [100 + 5 * label + noise(), noise(), 1e-3 * (label === 1 ? 9 : noise())]);
  const noisy = Array.from({ length: IMAGES * 40 }, noise);
  const folds = labels.map((_, i) => Math.floor(i / CLASSES) % 4);
  const engine = await createEngine('onnxruntime');
  const probes = [
    { features: 3, values: Float32Array.from(informed) },
    { features: 40, values: Float32Array.from(noisy) },
  ];
  const found = await probeLogits(engine, probes, labels, CLASSES, folds);
  await engine.dispose();
  const accuracies = found.map((logits) => {
    const right = labels.filter((label, i) => {
      const row = [...logits.subarray(i * CLASSES, (i + 1) * CLASSES)];
      return row.indexOf(Math.max(...row)) === label;
    });
    return right.length / IMAGES;
  });
  expect(accuracies[0]).toBeGreaterThan(0.95);
  // Trained on the same images, 40 features of noise would fit most of their labels.
  expect(accuracies[1]).toBeLessThan(0.5);
});
