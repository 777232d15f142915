import { countSent, emptyUseCounts, type UseCounts } from '../tau/in-use.js';
import type { Model } from './models/model.js';
import type { InferRequest } from './protocol.js';
import type { ModelUsage } from './read-usage-counts.js';

/** What a server learns about τ from the images it receives (section 4.4): counts for the current version of each model. */
export interface UsageCounter {
  /** Counts an image if the client reports what its branch found. Clients with their own τ are skipped. */
  count(model: Model, asked: InferRequest, logits: Float32Array): void;
  of(models: readonly Model[]): ModelUsage[];
}

export function createUsageCounts(): UsageCounter {
  const known = new WeakMap<Model, UseCounts>();
  const countsOf = (model: Model): UseCounts => {
    const counts = known.get(model) ?? emptyUseCounts(model.tau);
    known.set(model, counts);
    return counts;
  };
  return {
    count(model, { batch, exits = 0, entropy, branch, audit = false, tau }, logits) {
      if (tau !== undefined || batch !== 1) return;
      const counts = countsOf(model);
      counts.exits += exits;
      // Skip forced requests: they would bias the audit sample.
      if (entropy === undefined || branch === undefined || entropy < counts.tau !== audit) return;
      countSent(counts, entropy, branch === logits.indexOf(Math.max(...logits)));
    },
    of: (models) =>
      models.map((model) => {
        const { name, version, entropyTemperature } = model;
        return { model: name, version, entropyTemperature, counts: countsOf(model) };
      }),
  };
}
