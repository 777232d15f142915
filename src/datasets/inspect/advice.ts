import type { Advice, Copies, DataReport } from './report.js';

/** Ratio between the largest and smallest class that triggers a warning. */
const IMBALANCE = 10;
/** A class with fewer training images than this can hardly be learned. */
const FEW_IMAGES = 20;
/** Default of `tune-tau`: the probability that a certified threshold breaks its guarantee. */
const DELTA = 0.1;
/** The share of harmful exits that a useful certificate guarantees at most. */
const EPSILON = 0.01;
const EXAMPLES = 3;

/** Minimum number of images to prove a share of harmful exits below ε: (1 - ε)^n <= δ. */
export const imagesToCertify = (epsilon: number, delta = DELTA): number =>
  Math.ceil(Math.log(delta) / Math.log(1 - epsilon));

/** Advice on everything in the report that needs it, the most harmful first. */
export function adviceOn(report: Omit<DataReport, 'advice'>): Advice[] {
  return [
    ...tableAdvice(report),
    ...copiesAdvice(report.copies),
    ...classAdvice(report),
    ...certificateAdvice(report),
    ...fileAdvice(report),
  ];
}

function tableAdvice({ contradicted }: Pick<DataReport, 'contradicted'>): Advice[] {
  if (contradicted.length === 0) return [];
  const text =
    `${contradicted.length} images are in the folder of one class, and the table names another: ` +
    `${contradicted.slice(0, EXAMPLES).join(', ')}. The table counts; remove it to use the folders`;
  return [{ kind: 'folders against table', text }];
}

function copiesAdvice(copies: readonly Copies[]): Advice[] {
  const isBetweenSplits = ({ first, second }: Copies) => first.split !== second.split;
  const inTwoClasses = copies.filter(({ first, second }) => first.label !== second.label);
  const between = copies.filter(isBetweenSplits);
  const within = copies.filter((pair) => !isBetweenSplits(pair) && pair.first.label === pair.second.label);
  return [
    ...advice('copies in two classes', inTwoClasses, (text) => `${text} have different classes: decide on one of them`),
    ...advice(
      'copies between splits',
      between,
      (text) => `${text} are in different splits: what was trained on is tested again. Keep one of each pair`,
    ),
    ...advice('copies', within, (text) => `${text} are in the same split and class: they count twice`),
  ];
}

function advice(kind: Advice['kind'], pairs: readonly Copies[], sentence: (text: string) => string): Advice[] {
  if (pairs.length === 0) return [];
  const exact = pairs.filter((pair) => pair.exact).length;
  const counts = [
    ...(exact > 0 ? [`${exact} with the same content`] : []),
    ...(exact < pairs.length ? [`${pairs.length - exact} that look alike`] : []),
  ];
  const subject = `${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'} of images (${counts.join(', ')})`;
  const examples = pairs.slice(0, EXAMPLES).map(({ first, second }) => `${first.name} = ${second.name}`);
  return [{ kind, text: `${sentence(subject)}. For example: ${examples.join('; ')}` }];
}

function classAdvice({ classes, images }: Pick<DataReport, 'classes' | 'images'>): Advice[] {
  const byCount = [...classes].sort((a, b) => a.train - b.train);
  const [least, most] = [byCount[0], byCount[byCount.length - 1]];
  const lacksValidation = (validation: number) => validation === 0 && images.validation > 0;
  const oneSided = classes.filter(
    ({ train, validation, test }) => train > 0 && (lacksValidation(validation) || test === 0),
  );
  const few = classes.filter(({ train }) => train < FEW_IMAGES);
  const similar = similarNames(classes.map(({ name }) => name));
  return [
    ...(oneSided.length === 0
      ? []
      : [
          {
            kind: 'tiny class' as const,
            text:
              `${listed(oneSided.map(({ name }) => name))}: too few different images to train on, validate and test. ` +
              'Nothing is known of its accuracy; add images',
          },
        ]),
    ...(few.length === 0
      ? []
      : [
          {
            kind: 'few images' as const,
            text:
              `${listed(few.map(({ name, train }) => `${name} (${train})`))}: fewer than ${FEW_IMAGES} training images. ` +
              'Add images. A pretrained network (recipe photos, or --init-from) needs fewer than one trained from nothing',
          },
        ]),
    ...(most.train < IMBALANCE * Math.max(1, least.train)
      ? []
      : [
          {
            kind: 'imbalance' as const,
            text:
              `${most.name} has ${most.train} training images, ${least.name} has ${least.train}: rare classes are ` +
              'hardly ever answered. Add images of them, or use fewer of the others',
          },
        ]),
    ...similar.map(([one, other]) => ({
      kind: 'similar names' as const,
      text: `classes "${one}" and "${other}" differ only in capitals, spaces or hyphens: are they the same class?`,
    })),
  ];
}

function certificateAdvice({ classes, images }: Pick<DataReport, 'classes' | 'images'>): Advice[] {
  const needed = imagesToCertify(EPSILON);
  if (images.validation === 0) {
    const text = 'no validation images: a threshold can be estimated ("tune-tau --cross-fit"), but nothing is proven';
    return [{ kind: 'weak certificate', text }];
  }
  if (images.validation < needed) {
    return [
      {
        kind: 'weak certificate',
        text:
          `${images.validation} validation images: a threshold with at most ${100 * EPSILON} % harmful exits needs ` +
          `${needed} or more to be proven (objective risk). Add images, or give a larger --validation`,
      },
    ];
  }
  const weak = classes.filter(({ validation }) => validation < needed);
  if (weak.length === 0) return [];
  return [
    {
      kind: 'weak certificate',
      text:
        `${weak.length} of ${classes.length} classes have fewer than ${needed} validation images: at most ` +
        `${100 * EPSILON} % harmful exits can be proven for all images together, but not for each of these classes`,
    },
  ];
}

function fileAdvice({ broken, ignored, sizes }: Pick<DataReport, 'broken' | 'ignored' | 'sizes'>): Advice[] {
  const examples = broken.slice(0, EXAMPLES).map(({ file, reason }) => `${file}: ${reason}`);
  return [
    ...(broken.length === 0
      ? []
      : [
          {
            kind: 'broken files' as const,
            text: `${broken.length} images can't be used: ${examples.join('; ')}. Replace or delete them`,
          },
        ]),
    ...ignored
      .filter(({ reason }) => reason !== 'system files')
      .map(({ reason, count, examples: named }) => ({
        kind: 'ignored files' as const,
        text: `${count} ${count === 1 ? 'file' : 'files'} ignored, ${reason}: ${named.join(', ')}${count > named.length ? ', ...' : ''}`,
      })),
    ...(sizes === undefined || sizes.blurred === 0
      ? []
      : [
          {
            kind: 'small images' as const,
            text: `${sizes.blurred} images are less than half as large as the network's input, and blurred: give a smaller --image-size`,
          },
        ]),
  ];
}

function similarNames(names: readonly string[]): [string, string][] {
  const plain = new Map<string, string>();
  return names.flatMap((name): [string, string][] => {
    const key = name
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[\s_\p{Cf}-]/gu, '');
    const other = plain.get(key);
    plain.set(key, other ?? name);
    return other === undefined ? [] : [[other, name]];
  });
}

const listed = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
