import type { ClassPredictions, CollaborativePredictions } from './predictions.js';

/** Images for a gallery, as indices of samples: the most telling ones first. */
export interface GalleryChoice {
  /** Wrong answers of the whole system, the most confident first. */
  readonly mistakes: readonly number[];
  /** Early exits with a wrong answer although the full branch is right, the surest first. */
  readonly harmful: readonly number[];
  /** Images that went to the edge although the last exit was right, those nearest to exiting first. */
  readonly needless: readonly number[];
}

/** Answers of all parts to the same samples. */
export interface JudgedAnswers {
  readonly labels: ArrayLike<number>;
  readonly full: ClassPredictions;
  readonly exits: readonly (ClassPredictions & { readonly entropy: ArrayLike<number> })[];
  /** The whole system at the tuned thresholds; missing until τ is tuned. */
  readonly together?: CollaborativePredictions;
}

/** @param most images of each kind */
export function chooseGallery({ labels, full, exits, together }: JudgedAnswers, most: number): GalleryChoice {
  const samples = Array.from({ length: labels.length }, (_, sample) => sample);
  const isRight = ({ classes }: ClassPredictions, sample: number): boolean => classes[sample] === labels[sample];
  const whole = together ?? full;
  const mistakes = samples
    .filter((sample) => !isRight(whole, sample))
    .sort((a, b) => whole.confidence[b] - whole.confidence[a]);
  if (!together || exits.length === 0) return { mistakes: mistakes.slice(0, most), harmful: [], needless: [] };
  const last = exits[exits.length - 1];
  const needless = samples
    .filter((sample) => together.early[sample] === 0 && isRight(last, sample))
    .sort((a, b) => last.entropy[a] - last.entropy[b]);
  return {
    mistakes: mistakes.slice(0, most),
    harmful: mistakes.filter((sample) => together.early[sample] === 1 && isRight(full, sample)).slice(0, most),
    needless: needless.slice(0, most),
  };
}
