import type { BrowserContext } from 'playwright-core';
import type { AnswerTimes, Measurement } from '../results/results.js';
import { type AnswerRecord, type Conditions, type PageTarget, visit } from './visit.js';

/** How much to measure. */
export interface Effort {
  /** Number of visits with an empty cache, for each kind of image. */
  readonly visits: number;
  /** A visit that takes longer than this, in ms, is not repeated. */
  readonly longMs: number;
}

/** Usual value of `longMs`. */
export const LONG_VISIT_MS = 15_000;

const WARM_UP = 5;

/** A first answer, or a later one, with its loading times. */
type AnswerWithLoading = Omit<AnswerRecord, 'index' | 'asked'> & {
  readonly downloadMs: number;
  readonly compileMs: number;
};

/**
 * Measures an approach over one connection: first answers (empty cache) and later ones. There are two kinds of images:
 * those that need the edge and those that don't. Only a few visits with an empty cache are made for each kind; each
 * image of the sample is then assigned one of its kind, in turn.
 *
 * @param images normalised, NHWC
 * @returns also the chosen class of each image
 */
export async function measure(
  browser: BrowserContext,
  visited: PageTarget,
  conditions: Conditions,
  images: readonly Float32Array[],
  effort: Effort,
): Promise<Measurement & { readonly chosen: readonly number[] }> {
  const { answers: further } = await visit(browser, visited, conditions, images, { cold: false, warmUp: WARM_UP });
  const warm = further.map((answer): AnswerWithLoading => ({ ...answer, downloadMs: 0, compileMs: 0 }));

  const firsts = new Map<boolean, AnswerWithLoading[]>();
  for (const asked of new Set(further.map((answer) => answer.asked))) {
    firsts.set(
      asked,
      await firstAnswers(
        browser,
        visited,
        conditions,
        images.filter((_, i) => further[i].asked === asked),
        effort,
      ),
    );
  }
  const taken = new Map([...firsts.keys()].map((asked) => [asked, 0]));
  const cold = further.map(({ asked }) => {
    const turn = taken.get(asked)!;
    taken.set(asked, turn + 1);
    const ofKind = firsts.get(asked)!;
    return ofKind[turn % ofKind.length];
  });
  return {
    connection: conditions.network.name,
    slowdown: conditions.slowdown,
    cold: summary(cold),
    warm: summary(warm),
    chosen: further.map(({ index }) => index),
  };
}

async function firstAnswers(
  browser: BrowserContext,
  visited: PageTarget,
  conditions: Conditions,
  images: readonly Float32Array[],
  { visits, longMs }: Effort,
): Promise<AnswerWithLoading[]> {
  const found: AnswerWithLoading[] = [];
  for (let i = 0; i < visits; i++) {
    const image = images[i % images.length];
    const { loading, answers } = await visit(browser, visited, conditions, [image], { cold: true, warmUp: 0 });
    const [answer] = answers;
    const { downloadMs, compileMs } = loading;
    const ms = downloadMs + compileMs + answer.ms;
    found.push({ ...answer, ms, downloadMs, compileMs, bytesDown: loading.bytesDown + answer.bytesDown });
    if (ms > longMs) break;
  }
  return found;
}

function summary(all: readonly AnswerWithLoading[]): AnswerTimes {
  const mean = (of: (answer: AnswerWithLoading) => number): number =>
    all.reduce((sum, answer) => sum + of(answer), 0) / all.length;
  const sorted = all.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    meanMs: mean(({ ms }) => ms),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    parts: {
      downloadMs: mean(({ downloadMs }) => downloadMs),
      compileMs: mean(({ compileMs }) => compileMs),
      computeMs: mean(({ computeMs }) => computeMs),
      uplinkMs: mean(({ uplinkMs }) => uplinkMs),
      edgeMs: mean(({ edgeMs }) => edgeMs),
    },
    bytesDown: mean(({ bytesDown }) => bytesDown),
    bytesUp: mean(({ bytesUp }) => bytesUp),
    eachMs: all.map(({ ms }) => ms),
  };
}
