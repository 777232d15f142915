import { createHash } from 'node:crypto';
import type { Dataset, Split } from '../dataset.js';
import { findNearCopies } from '../near-copies/find-near-copies.js';
import { decodeFingerprint, type Fingerprint, fingerprint } from '../near-copies/fingerprint.js';
import { bytesOf } from '../pixels.js';
import type { Copies, ImageFacts } from './report.js';

/** Number of images after which the thread yields, so that seconds of computing don't block other work. */
const IMAGES_AT_ONCE = 500;

/**
 * Finds copies of images within and between splits. If an image has several copies, each is paired with the first.
 *
 * @param validation which training images are for validation
 */
export async function findCopies(dataset: Dataset, validation: ReadonlySet<number>): Promise<Copies[]> {
  const { train, test, labels, folder } = dataset;
  const factsOf = (split: Split, files: readonly { file: string }[] | undefined, named: 'train' | 'test') =>
    Array.from(split.labels, (label, i): ImageFacts => {
      const part = named === 'train' && validation.has(i) ? 'validation' : named;
      return { split: part, label: labels[label], name: files ? files[i].file : `${named} ${i}` };
    });
  const images = [...factsOf(train, folder?.train, 'train'), ...factsOf(test, folder?.test, 'test')];
  const contents = [...(await contentsOf(dataset, train, 'train')), ...(await contentsOf(dataset, test, 'test'))];

  const copies: Copies[] = [];
  const firstOf = new Map<string, number>();
  const distinct: number[] = [];
  for (const [i, { hash }] of contents.entries()) {
    const first = firstOf.get(hash);
    if (first === undefined) {
      firstOf.set(hash, i);
      distinct.push(i);
    } else {
      copies.push({ first: images[first], second: images[i], exact: true });
    }
  }
  for (const { first, second } of findNearCopies(distinct.map((i) => contents[i].fingerprint))) {
    copies.push({ first: images[distinct[first]], second: images[distinct[second]], exact: false });
  }
  return copies;
}

interface Content {
  readonly hash: string;
  readonly fingerprint: Fingerprint;
}

async function contentsOf({ stored, folder }: Dataset, split: Split, name: 'train' | 'test'): Promise<Content[]> {
  const { pixels } = split;
  if (pixels.in !== 'memory') {
    return split.hashes!.map((hash, i) => ({ hash, fingerprint: decodeFingerprint(folder![name][i].fingerprint) }));
  }
  const size = bytesOf(stored);
  const contents: Content[] = [];
  for (let i = 0; i < split.count; i++) {
    const image = pixels.bytes.subarray(i * size, (i + 1) * size);
    const hash = createHash('sha1').update(image).digest('base64');
    contents.push({ hash, fingerprint: fingerprint(image, stored) });
    if (i % IMAGES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return contents;
}
