/**
 * Early exits and accuracy of a trained run at several prices, with the entropy at two temperatures:
 * `npm run bench:prices -- RUN --data-dir DIR`. Thresholds are tuned on the validation images; exits and accuracies are
 * those of the test split. Prints a Markdown table and leaves the run as it is.
 */
import { parseArgs } from 'node:util';
import { openTrained } from '../src/api/open-trained.js';
import { exitsOf } from '../src/base/exits.js';
import { percent } from '../src/base/format.js';
import { collaborativeExits } from '../src/tau/exits.js';
import { outcomesFromLogits } from '../src/tau/outcomes.js';
import type { ExitResult, TauOptions } from '../src/tau/tune.js';
import { tuneExits } from '../src/tau/tune-exits.js';
import { splitByConfig } from '../src/train/split-by-config.js';
import { printTable } from './print-table.js';

const PRICES: readonly TauOptions[] = [
  { method: 'algorithm-2' },
  { objective: 'risk', epsilon: 0.001 },
  { objective: 'risk', epsilon: 0.005 },
  { objective: 'risk', epsilon: 0.01 },
  { objective: 'exits', epsilon: 0.003 },
];
const TEMPERATURES = [1, 0.5];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'data-dir': { type: 'string' } },
});
const { run, dataset, evaluate } = await openTrained(positionals[0], { dataDir: flags['data-dir'] });
const { seed } = run.config;
const { certifying } = splitByConfig(dataset.train, run.config);
const [tuning, testing] = await evaluate(async (logitsOf) => [
  await logitsOf(dataset.train, certifying),
  await logitsOf(dataset.test),
]);

const rows = PRICES.map((price) => {
  const name = Object.entries(price).map(([flag, value]) => `--${flag} ${value}`);
  const cells = TEMPERATURES.map((temperature) => {
    const [known, unseen] = [tuning, testing].map((logits) =>
      outcomesFromLogits(logits, logits.labels, logits.classes, temperature),
    );
    const taus = exitsOf<ExitResult>(tuneExits(known, { seed, ...price }, tuning)).map(({ tau }) => tau);
    const { accuracy, exitRatio } = collaborativeExits(unseen, taus);
    return [taus.map((tau) => tau.toFixed(3)).join(', '), percent(exitRatio), percent(accuracy)];
  });
  return [`\`${name.join(' ')}\``, ...cells.flat()];
});
const title = (temperature: number) => [`τ at temperature ${temperature}`, 'exit early', 'both'];
const columns = ['price', ...TEMPERATURES.flatMap(title)].map((name, i) => ({
  title: name,
  align: i === 0 ? ('left' as const) : ('right' as const),
}));
console.log(printTable({ columns, rows }));
