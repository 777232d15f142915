import { entryPointsOf } from '../../bundle/entry-points.js';
import type { EntryPoint } from '../../bundle/manifest.js';
import { type MeasuredCurve, readMeasuredCurve } from '../../bundle/measured-curve.js';
import type { ModelTensors } from '../protocol.js';
import { createWebFolder, packAll, type WebFolder } from '../web-folder.js';
import { type Batcher, type BatcherOptions, createBatcher } from './batcher.js';
import { openSupervisedTail, type TailEvents, type TailFault } from './supervised-tail.js';
import type { BundleSource } from './tail-messages.js';

export interface ModelOptions extends BatcherOptions {
  /** Number of threads for one batch. */
  readonly threads: number;
  /** Whether the web folder is compressed before the first request. */
  readonly packWeb?: boolean;
}

/** One version of a bundle at one of its entry points, ready to serve. */
export interface Model extends ModelTensors, Pick<Batcher, 'infer' | 'checkRoom' | 'waiting'> {
  readonly name: string;
  readonly version: string;
  /** Below this entropy the last exit of the branch answers alone. */
  readonly tau: number;
  /** Temperature of that entropy; undefined is 1. */
  readonly entropyTemperature?: number;
  /** Results on the validation images for other thresholds, if the bundle contains them. */
  readonly measured?: MeasuredCurve;
  readonly web: WebFolder;
  /** Why it can't answer; undefined if it can. */
  fault(): TailFault | undefined;
  /** The bundle's other entry points, which answer under their own names. Closing the bundle's model closes them. */
  readonly entries: readonly Model[];
  /** Closes it after all its requests are answered. */
  close(): Promise<void>;
}

/** Opens the model of a bundle's tail. @throws UserError if the bundle differs from its manifest */
export async function openModel(
  source: BundleSource,
  options: ModelOptions,
  events: TailEvents & { batch(model: string, images: number, ms: number): void },
): Promise<Model> {
  const tail = await openSupervisedTail(source, options.threads, events);
  const { manifest, files } = tail;
  const web = createWebFolder(manifest, files);
  if (options.packWeb) void packAll(web);
  const measured = readMeasuredCurve(files);
  const open = ({ model, input, output, shape, datatype }: EntryPoint, entry: number): Omit<Model, 'entries'> => {
    const infer: typeof tail.infer = (parts, batch) => tail.infer(parts, batch, entry);
    const batcher = createBatcher({ infer }, options, (images, ms) => events.batch(model, images, ms));
    return {
      name: model,
      version: manifest.version,
      tau: [manifest.tau].flat().at(-1)!,
      entropyTemperature: manifest.entropyTemperature,
      // Only devices whose last exit was unsure can send fewer images.
      measured: entry === 0 ? measured : undefined,
      input: { name: input, shape, datatype },
      output: { name: output, shape: [manifest.labels.length] },
      maxBatch: options.maxBatch,
      web,
      infer: batcher.infer,
      checkRoom: batcher.checkRoom,
      waiting: batcher.waiting,
      fault: tail.fault,
      close: batcher.idle,
    };
  };
  const [own, ...others] = entryPointsOf(manifest).map(open);
  return {
    ...own,
    entries: others.map((other) => ({ ...other, entries: [] })),
    async close() {
      for (const { close } of [own, ...others]) await close();
      await tail.close();
    },
  };
}
