import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectClose, oneStep } from '../../../test/one-step.js';
import { expectSameState, fromOneStart, ZOO_TOLERANCE } from '../../../test/same-step.js';
import { severalExits, smallNetwork } from '../../../test/small-network.js';
import { TINY_ZOO } from '../../../test/zoo.js';
import { createEagerEngine } from './eager.js';
import type { Engine } from './engine.js';
import { createTensorflowEngine } from './tensorflow.js';

const onTensorflow = await createTensorflowEngine().catch(({ message }: Error) => {
  console.warn(`tests of engine tensorflow are skipped: ${message}; node scripts/make-tfjs-node.js builds it here`);
});

/** Timeout on a busy machine, for many starts of MobileNetV2. */
const SLOW_MS = 600_000;
/** libtensorflow's rounding differs more from the oracle's than ONNX Runtime's does. */
const STARTS = 24;
const networks = [
  ...TINY_ZOO,
  ['a small network with K', smallNetwork(true)] as const,
  ['three exits', severalExits(3)] as const,
];

describe.skipIf(!onTensorflow)('on libtensorflow', () => {
  let oracle: Engine;
  beforeAll(() => {
    oracle = createEagerEngine('cpu', 'cpu');
  });
  afterAll(async () => {
    await Promise.all([oracle.dispose(), onTensorflow?.dispose()]);
  });

  it.each(networks)(
    '%s takes the same step as in the oracle',
    async (_, network) => {
      await fromOneStart(
        network,
        async (start) => {
          const [ours, truth] = [await oneStep(onTensorflow!, start), await oneStep(oracle, start)];
          for (const [name, values] of Object.entries(truth.observed)) {
            expectClose(ours.observed[name], values, ZOO_TOLERANCE, name);
          }
          expectSameState(ours.state, truth.state);
        },
        STARTS,
      );
    },
    SLOW_MS,
  );
});
