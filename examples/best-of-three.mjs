// Trains three recipes, keeps the one with the best accuracy on validation images, and exports it.
// node best-of-three.mjs [DATASET] [EPOCHS], in a folder where "npm install lcdnn" was run.
import { evaluate, exportWeb, train, tuneTau } from 'lcdnn';

const [dataset = 'fashion-mnist-sample', epochs = '8'] = process.argv.slice(2);
const recipes = {
  plain: {},
  learned: { filterScale: 'learned' },
  wide: { width: 1.5 },
};

let best;
for (const [name, options] of Object.entries(recipes)) {
  const { run } = await train({ out: `runs/${name}`, options: { dataset, epochs: Number(epochs), ...options } });
  const { collaborative } = await tuneTau(run, { objective: 'accuracy' });
  console.log(`${name}: ${collaborative.accuracy.toFixed(4)} on validation images`);
  if (!best || collaborative.accuracy > best.accuracy) best = { name, run, accuracy: collaborative.accuracy };
}
const tested = await evaluate(best.run);
const { downloadBytes } = await exportWeb(best.run, { out: 'bundle' });
console.log(`best: ${best.name}, ${tested.collaborative.accuracy.toFixed(4)} on test images, ${downloadBytes} bytes`);
