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

/** One version of a bundle, ready to serve. */
export interface Model extends ModelTensors, Pick<Batcher, 'infer' | 'checkRoom' | 'waiting'> {
  readonly name: string;
  readonly version: string;
  /** Below this entropy the last exit of the branch answers alone. */
  readonly tau: number;
  /** Results on the validation images for other thresholds, if the bundle contains them. */
  readonly measured?: MeasuredCurve;
  readonly web: WebFolder;
  /** Why it can't answer; undefined if it can. */
  fault(): TailFault | undefined;
  /** Closes it after all its requests are answered. */
  close(): Promise<void>;
}

/** @throws UserError if the bundle differs from its manifest */
export async function openModel(
  source: BundleSource,
  options: ModelOptions,
  events: TailEvents & { batch(images: number, ms: number): void },
): Promise<Model> {
  const tail = await openSupervisedTail(source, options.threads, events);
  const batcher = createBatcher(tail, options, events.batch);
  const { manifest, files } = tail;
  const web = createWebFolder(manifest, files);
  if (options.packWeb) void packAll(web);
  return {
    name: manifest.name,
    version: manifest.version,
    tau: [manifest.tau].flat().at(-1)!,
    measured: readMeasuredCurve(files),
    input: { name: manifest.tail.input, shape: manifest.tail.shape, datatype: manifest.tail.datatype },
    output: { name: manifest.tail.output, shape: [manifest.labels.length] },
    maxBatch: options.maxBatch,
    web,
    infer: batcher.infer,
    checkRoom: batcher.checkRoom,
    waiting: batcher.waiting,
    fault: tail.fault,
    async close() {
      await batcher.idle();
      await tail.close();
    },
  };
}
