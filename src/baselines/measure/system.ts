import type { BrowserContext } from 'playwright-core';
import { messageOf, UserError } from '../../base/errors.js';
import { type Bundle, readBundle } from '../../bundle/read-bundle.js';
import { floatModel } from '../../export/float-model.js';
import type { JointNetwork } from '../../network/layers.js';
import { onDevice, partitioned, type TrainedNetwork } from '../approaches/partition.js';
import { chainOf, segmentsOf } from '../approaches/segments.js';
import { APPROACHES, type Approach, type ApproachResults, type Measurement } from '../results/results.js';
import { baselineContender, type Contender, type LiteRtModel, liteRtContender } from './contender.js';
import { requestCosts } from './edge-cost.js';
import { type Host, startHost } from './host.js';
import { type Effort, measure } from './measure.js';
import { type ExitNetwork, type PartitionSettings, planPartitions } from './plan-partitions.js';
import { runtimeFiles } from './runtime.js';
import { type Conditions, recordRequest, type SentRequest } from './visit.js';

/** Accuracy on the test split. */
export type Accuracy = NonNullable<ApproachResults['accuracy']>;

/** A network that runs entirely in the page. */
export interface CompressedNetwork {
  readonly approach: Approach;
  readonly network: JointNetwork;
  /** ONNX model: float32 [batch, ...input] to logits. */
  readonly model: Uint8Array;
  readonly plan: string;
  readonly accuracy?: Accuracy;
}

/** The full network in LiteRT.js. */
export interface LiteRtPeers {
  readonly models: readonly LiteRtModel[];
  /** Files of LiteRT.js (`liteRtFiles`). */
  readonly runtime: ReadonlyMap<string, Uint8Array>;
}

/** The approaches to compare. */
export interface ComparedSystem {
  readonly trained: TrainedNetwork;
  /** Folder of LcDNN's bundle. */
  readonly bundle: string;
  /** Results of the joint network; `exitRatio` is the share of images that are answered without the edge. */
  readonly accuracy: {
    readonly full: Accuracy;
    readonly branch: Accuracy;
    readonly both: Accuracy;
    readonly exitRatio: number;
  };
  readonly compressed: readonly CompressedNetwork[];
  readonly litert?: LiteRtPeers;
  readonly exits?: ExitNetwork & { readonly tested: readonly Accuracy[] };
}

export interface SystemSettings extends PartitionSettings {
  readonly effort: Effort;
  /** How long each approach's request is sent to the edge to measure its CPU time. */
  readonly edgeMs: number;
  /** Approaches to leave out. */
  readonly without: readonly Approach[];
  /** Called with a line about the current measurement. */
  onProgress?(text: string): void;
}

/**
 * Measures every approach in the browser and on an edge server on this machine.
 *
 * @param images of the test split, normalised, NHWC
 */
export async function measureSystem(
  browser: BrowserContext,
  compared: ComparedSystem,
  images: readonly Float32Array[],
  settings: SystemSettings,
): Promise<ApproachResults[]> {
  const { trained, bundle, exits, accuracy } = compared;
  const { conditions, effort, without } = settings;
  const tell = settings.onProgress ?? (() => {});
  const wanted = APPROACHES.filter((approach) => !without.includes(approach));
  const isPartitioned = wanted.some((approach) => approach === 'neurosurgeon' || approach === 'edgent');
  if (isPartitioned) tell('layers');
  const planned = isPartitioned ? await planPartitions(browser, trained, exits, settings) : [];
  const own = readBundle(bundle);
  const fixed = fixedContenders(compared, own);
  const contendersOf = (approach: Approach): (Contender | undefined)[] =>
    approach === 'neurosurgeon' || approach === 'edgent'
      ? planned.map(({ [approach]: { id, baseline } }) => baselineContender(id, baseline))
      : conditions.map(() => fixed.get(approach));
  const plans = wanted.flatMap((approach) => {
    const contenders = contendersOf(approach);
    return contenders.every((contender) => contender !== undefined) ? [{ approach, contenders }] : [];
  });
  // Approaches that share a contender are hosted and measured once.
  const distinct = new Map(plans.flatMap(({ contenders }) => contenders).map((contender) => [contender.id, contender]));
  const edges = [...distinct.values()].flatMap(({ edge }) => edge ?? []);
  // A server with one model has its page at the root.
  const folder = `http://host/${edges.length > 0 ? `${own.manifest.name}/` : ''}`;
  const all = new Map(
    Array.from(distinct, ([id, contender]) => [
      id,
      { ...contender, module: new URL(contender.module, folder).pathname },
    ]),
  );
  const host = await startHost({
    ...{ bundle, edges },
    files: new Map([...runtimeFiles(), ...[...all.values()].flatMap(({ files }) => [...files])]),
    threads: settings.threads,
  });
  try {
    const measured = new Map<string, Measurement>();
    tell('edge');
    const sent = new Map<string, SentRequest>();
    for (const { id, module, options, hints, edge } of all.values()) {
      const isAsked = askedShare({ id, edge }, accuracy.exitRatio) > 0;
      if (isAsked) sent.set(id, await recordRequest(browser, { url: host.url, module, options, hints }, images[0]));
    }
    const costs = await requestCosts(host, sent, settings.edgeMs);
    const results: ApproachResults[] = [];
    for (const { approach, contenders } of plans) {
      const measurements: Measurement[] = [];
      for (const [i, at] of conditions.entries()) {
        const contender = all.get(contenders[i].id)!;
        const key = `${contender.id}/${at.network.name}/${at.slowdown}`;
        tell(`${approach} over ${at.network.name}${at.slowdown > 1 ? `, ${at.slowdown} times slower` : ''}`);
        const found = measured.get(key) ?? (await measureOn(browser, host, contender, at, images, effort));
        measured.set(key, found);
        measurements.push(found);
      }
      const [first] = contenders;
      const asked = askedShare(first, accuracy.exitRatio);
      const cost = costs.get(first.id);
      const cpuMs = cost ? asked * cost.processorMs : 0;
      results.push({
        approach,
        plan: planInWords(contenders, conditions),
        accuracy: accuracyOf(approach, compared, contenders[0]),
        downloadBytes: measurements[0].cold.bytesDown,
        edge: { asked, cpuMs, perSecond: cpuMs > 0 ? 1000 / cpuMs : undefined, joules: cost?.joules },
        measurements,
      });
    }
    return results;
  } finally {
    await host.close();
  }
}

async function measureOn(
  browser: BrowserContext,
  { url }: Host,
  { module, options, hints, origin }: Contender,
  conditions: Conditions,
  images: readonly Float32Array[],
  effort: Effort,
): Promise<Measurement> {
  // The emulation slows down only the page, not its Workers.
  const inPage = conditions.slowdown > 1 ? { worker: false } : {};
  const visited = { url, module, options: { ...options, ...inPage }, hints };
  try {
    const { chosen: _, ...measurement } = await measure(browser, visited, conditions, images, effort);
    return measurement;
  } catch (thrown) {
    if (origin === undefined) throw thrown;
    const [reason] = messageOf(thrown).split('\n');
    throw new UserError(`${origin}: expected a model that LiteRT.js runs on these images, found: ${reason}`);
  }
}

/** The approaches whose plan doesn't depend on connection or processor. */
function fixedContenders(
  { trained, compressed, litert }: ComparedSystem,
  { manifest }: Bundle,
): Map<Approach, Contender> {
  const { network, state } = trained;
  const segments = segmentsOf(chainOf(network));
  const own = (id: string, plan: string, options: object): Contender => ({
    ...{ id, plan, options, files: new Map() },
    module: `${manifest.version}/lcdnn.js`,
  });
  const full = floatModel(network, state, ['shared', 'full']);
  return new Map<Approach, Contender>([
    ['lcdnn', own('lcdnn', 'binary branch on the device, edge where it is unsure', { timeoutMs: 60_000 })],
    [
      'lcdnn-first',
      {
        ...own('lcdnn-first', 'as lcdnn; the edge answers alone until the branch is loaded', {
          timeoutMs: 60_000,
          first: 'edge',
        }),
        hints: ['lcdnn-first.js', 'manifest.json'],
      },
    ],
    ['binary', own('binary', 'binary branch alone', { edge: false })],
    ['mobile-only', baselineContender('mobile-only', onDevice('mobile-only', network, full, 'all on the device'))],
    [
      'edge-only',
      baselineContender('edge-only', partitioned('edge-only', trained, { segments, cut: 0, begins: 'device' })),
    ],
    ...compressed.map(({ approach, network: own, model, plan }): [Approach, Contender] => [
      approach,
      baselineContender(approach, onDevice(approach, own, model, plan)),
    ]),
    ...(litert?.models ?? []).map((model): [Approach, Contender] => [
      model.approach,
      liteRtContender(model, litert!.runtime),
    ]),
  ]);
}

/** Share of the test images for which the edge is called. */
function askedShare({ id, edge }: Pick<Contender, 'id' | 'edge'>, exitRatio: number): number {
  if (id === 'lcdnn' || id === 'lcdnn-first') return 1 - exitRatio;
  return edge ? 1 : 0;
}

function accuracyOf(approach: Approach, compared: ComparedSystem, { id }: Contender): Accuracy | undefined {
  const { accuracy, compressed, exits } = compared;
  switch (approach) {
    case 'lcdnn':
    case 'lcdnn-first':
      return accuracy.both;
    case 'binary':
      return accuracy.branch;
    case 'mobile-only':
    case 'edge-only':
    case 'neurosurgeon':
      return accuracy.full;
    case 'edgent': {
      if (!exits) return accuracy.full;
      const exit = /^edgent-(\d+)-/.exec(id)?.[1];
      return exit === undefined ? exits.tested.at(-1) : exits.tested[Number(exit) - 1];
    }
    default:
      return compressed.find((one) => one.approach === approach)?.accuracy;
  }
}

/** The plan, or one per connection if they differ. */
function planInWords(contenders: readonly Contender[], conditions: readonly Conditions[]): string {
  const plans = [...new Set(contenders.map(({ plan }) => plan))];
  if (plans.length === 1) return plans[0];
  return plans
    .map((plan) => {
      const where = conditions
        .filter((_, i) => contenders[i].plan === plan)
        .map(({ network, slowdown }) => (slowdown > 1 ? `${network.name} ${slowdown}x` : network.name));
      return `${where.join(', ')}: ${plan}`;
    })
    .join('; ');
}
