/**
 * Evaluates on a trained run how a threshold learns from real use: `npm run bench:tau-in-use -- RUN`.
 *
 * τ is tuned (objective `risk`) on one half of the validation images. The other half represents the images in use,
 * unchanged or from a camera with less contrast. The counts that an edge server would collect give a proposal. For
 * comparison, a bandit like UAT (arXiv 2509.23666) learns from many repetitions of the same images: UCB1 over thresholds.
 * Its reward needs no labels: the confidence of the answer given, minus a cost for calling the edge. (UAT's own reward
 * also weighs confidence by a measure of reliability.) All are compared on the test split.
 */
import { parseArgs } from 'node:util';
import { openTrained } from '../src/api/open-trained.js';
import { percent, table } from '../src/base/format.js';
import { permutation, random } from '../src/base/random.js';
import type { Dataset, Split } from '../src/datasets/dataset.js';
import { splitTrainValidation } from '../src/datasets/split.js';
import { binStart, countSent, emptyUseCounts, proposeTau } from '../src/tau/in-use.js';
import { collaborative, count, outcomesFromLogits } from '../src/tau/outcomes.js';
import { tuneOneExit } from '../src/tau/tune.js';
import type { Logits } from '../src/train/evaluate.js';
import { withEvaluator } from '../src/train/with-evaluator.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string' },
    passes: { type: 'string', default: '40' },
    audit: { type: 'string', default: '0.02' },
    cost: { type: 'string', default: '0.05' },
    epsilon: { type: 'string', default: '0.005' },
  },
});
const [passes, audit, cost, epsilon] = [flags.passes, flags.audit, flags.cost, flags.epsilon].map(Number);
const ARMS = [0, ...Array.from({ length: 20 }, (_, i) => binStart(16 * (i + 1)))];

const trained = await openTrained(positionals[0], { dataDir: flags['data-dir'] });
const { run, dataset, state } = trained;
const { validation } = splitTrainValidation(dataset.train, run.config.validation, run.config.seed);
const order = permutation(random(run.config.seed, 7), validation.length);
const half = validation.length >> 1;

/** Outcomes of both branches for the images; with several exits, of the last one. */
function summarise({ branches, full, labels, classes }: Logits) {
  const branch = branches[branches.length - 1];
  const [outcomes] = outcomesFromLogits({ branches: [branch], full }, labels, classes);
  return { outcomes, branch: answers(branch, classes), full: answers(full, classes) };
}

/** Class and confidence of each answer. */
function answers(logits: Float32Array, classes: number): { best: number; confidence: number }[] {
  return Array.from({ length: logits.length / classes }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const most = Math.max(...row);
    return { best: row.indexOf(most), confidence: 1 / row.reduce((sum, logit) => sum + Math.exp(logit - most), 0) };
  });
}

type Summary = ReturnType<typeof summarise>;

/** Indices of the images in use, in random order. */
function* stream(images: number, passes: number): Generator<number> {
  for (let pass = 0; pass < passes; pass++) yield* permutation(random(run.config.seed, 11, pass), images);
}

function propose({ outcomes, branch, full }: Summary, tau: number) {
  const counts = emptyUseCounts(tau);
  const next = random(run.config.seed, 13);
  for (const i of stream(branch.length, 1)) {
    const entropy = outcomes.entropy[i];
    if (entropy >= tau || next() < audit) countSent(counts, entropy, branch[i].best === full[i].best);
    else counts.exits++;
  }
  return proposeTau(counts, { epsilon });
}

/** The arm chosen most often in the last quarter. */
function bandit({ outcomes, branch, full }: Summary): number {
  const pulls = ARMS.map(() => 0);
  const rewards = ARMS.map(() => 0);
  const late = ARMS.map(() => 0);
  let step = 0;
  const bonus = (arm: number) => (pulls[arm] === 0 ? Infinity : Math.sqrt((2 * Math.log(step)) / pulls[arm]));
  for (const i of stream(branch.length, passes)) {
    const scores = ARMS.map((_, arm) => rewards[arm] / Math.max(1, pulls[arm]) + bonus(arm));
    const arm = scores.indexOf(Math.max(...scores));
    const reward = outcomes.entropy[i] < ARMS[arm] ? branch[i].confidence : full[i].confidence - cost;
    pulls[arm]++;
    rewards[arm] += reward;
    step++;
    if (step > 0.75 * passes * branch.length) late[arm]++;
  }
  return ARMS[late.indexOf(Math.max(...late))];
}

async function logitsOf(from: Dataset, split: Split, places?: Int32Array): Promise<Summary> {
  return withEvaluator(run.config, run.network, state, from, async (evaluate) =>
    summarise(await evaluate(split, places)),
  );
}

const first = await logitsOf(
  dataset,
  dataset.train,
  validation.filter((_, i) => order[i] < half),
);
const tuned = tuneOneExit(first.outcomes);
console.log(
  `${run.config.network} on ${run.config.dataset}: tau ${tuned.tau.toFixed(5)} of ${half} validation images; in use ${validation.length - half} others, audits ${percent(audit)}, epsilon ${percent(epsilon)}; bandit with cost ${cost} and ${passes} passes; judged on ${dataset.test.count} test images\n`,
);
const reasons: string[] = [];
const rows = [['images in use', 'threshold', 'tau', 'accuracy', 'exit', 'against full']];
const cameras: Record<string, Dataset> = {
  'as in training': dataset,
  'less contrast': {
    ...dataset,
    mean: dataset.mean.map((mean) => mean - 0.15),
    std: dataset.std.map((std) => 1.6 * std),
  },
};
for (const [camera, seen] of Object.entries(cameras)) {
  const inUse = await logitsOf(
    seen,
    seen.train,
    validation.filter((_, i) => order[i] >= half),
  );
  const judge = await logitsOf(seen, seen.test);
  const full = count(judge.outcomes.fullRight) / judge.branch.length;
  rows.push([camera, 'full network alone', '', percent(full), '', '']);
  const proposal = propose(inUse, tuned.tau);
  const thresholds = { tuned: tuned.tau, proposed: proposal.tau, bandit: bandit(inUse) };
  for (const [name, tau] of Object.entries(thresholds)) {
    const { accuracy, exitRatio } = collaborative(judge.outcomes, tau);
    const lost = `${(100 * (accuracy - full)).toFixed(2)} points`;
    rows.push(['', name, tau.toFixed(5), percent(accuracy), percent(exitRatio), lost]);
  }
  reasons.push(`${camera}: ${proposal.reason}`);
}
console.log(`${table(rows, [2, 3, 4, 5])}\n\n${reasons.join('\n')}`);
