/** Predicted class of each sample, and its probability by softmax. */
export interface ClassPredictions {
  readonly classes: Uint16Array;
  /** In (0, 1]. */
  readonly confidence: Float64Array;
}

/** The predictions from logits [n, classes], row-major. Of equal logits the first one wins. */
export function predictionsOf(logits: Float32Array, classes: number): ClassPredictions {
  const samples = logits.length / classes;
  const result = { classes: new Uint16Array(samples), confidence: new Float64Array(samples) };
  for (let sample = 0; sample < samples; sample++) {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    let best = 0;
    for (let i = 1; i < classes; i++) if (row[i] > row[best]) best = i;
    let sum = 0;
    for (const logit of row) sum += Math.exp(logit - row[best]);
    result.classes[sample] = best;
    result.confidence[sample] = 1 / sum;
  }
  return result;
}

export interface CollaborativePredictions extends ClassPredictions {
  /** 1 for each sample that exits early, else 0. */
  readonly early: Uint8Array;
  /** The exit that answers, from 0; -1 for the full branch. */
  readonly exit: Int16Array;
}

/** Predictions of the whole system: the first exit with an entropy below τ answers, otherwise the full branch. */
export function collaborativePredictions(
  full: ClassPredictions,
  exits: readonly (ClassPredictions & { readonly entropy: ArrayLike<number> })[],
  taus: readonly number[],
): CollaborativePredictions {
  const samples = full.classes.length;
  const result = {
    classes: full.classes.slice(),
    confidence: full.confidence.slice(),
    early: new Uint8Array(samples),
    exit: new Int16Array(samples).fill(-1),
  };
  for (let sample = 0; sample < samples; sample++) {
    const exit = exits.findIndex(({ entropy }, i) => entropy[sample] < taus[i]);
    if (exit < 0) continue;
    result.classes[sample] = exits[exit].classes[sample];
    result.confidence[sample] = exits[exit].confidence[sample];
    result.early[sample] = 1;
    result.exit[sample] = exit;
  }
  return result;
}

/** The samples for which `keep` holds. */
export function selectPredictions({ classes, confidence }: ClassPredictions, keep: (sample: number) => boolean) {
  return {
    classes: classes.filter((_, sample) => keep(sample)),
    confidence: confidence.filter((_, sample) => keep(sample)),
  };
}
