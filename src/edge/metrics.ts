import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CloseReason } from './connections.js';
import type { Models } from './models/models.js';
import { oncePerTurn } from './once-per-turn.js';

/** The server's own metrics for Prometheus. */
export interface Metrics {
  /** An inference request has arrived. */
  begin(model: string): void;
  /** It ended with this status (499: the client disconnected first). */
  request(model: string, code: number, seconds: number): void;
  batch(model: string, images: number, ms: number): void;
  /** Images that a client's branch answered without the edge. */
  exits(model: string, images: number): void;
  reload(model: string, result: 'replaced' | 'refused'): void;
  /** The thread of its tail died, restarted, or was given up. */
  tail(model: string, event: 'died' | 'restarted' | 'given up'): void;
  /** The server closed a connection on its own. */
  closed(reason: CloseReason): void;
  lostLogLines(lines: number): void;
  /** In Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** In seconds: from a small network's tail on an idle machine to the loader's timeout. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const IMAGES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** @param models gives the current models when metrics are read */
export function createMetrics(models: () => Models): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const entries = () => models().entries();
  collectDefaultMetrics({ register: registry });

  const requests = new Counter({
    name: 'lcdnn_requests_total',
    help: 'Inference requests by status code (499: the client disconnected first)',
    labelNames: ['model', 'code'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'lcdnn_request_seconds',
    help: 'Time from the headers of an inference request to the end of its answer',
    labelNames: ['model'],
    buckets: SECONDS,
    registers,
  });
  const batchImages = new Histogram({
    name: 'lcdnn_batch_images',
    help: 'Images in a computed batch',
    labelNames: ['model'],
    buckets: IMAGES,
    registers,
  });
  const batchSeconds = new Histogram({
    name: 'lcdnn_batch_seconds',
    help: 'Time to compute a batch',
    labelNames: ['model'],
    buckets: SECONDS,
    registers,
  });
  const exits = new Counter({
    name: 'lcdnn_client_exits_total',
    help: 'Images that clients report to have answered without the edge',
    labelNames: ['model'],
    registers,
  });
  const reloads = new Counter({
    name: 'lcdnn_reloads_total',
    help: 'New bundles in a served folder, by whether they replaced the previous one',
    labelNames: ['model', 'result'],
    registers,
  });
  const tails = new Counter({
    name: 'lcdnn_tail_events_total',
    help: 'Threads of tails that died, restarted or were given up',
    labelNames: ['model', 'event'],
    registers,
  });
  const closed = new Counter({
    name: 'lcdnn_connections_closed_total',
    help: 'Connections that the server closed to protect itself, by reason',
    labelNames: ['reason'],
    registers,
  });
  const lostLogLines = new Counter({
    name: 'lcdnn_log_lines_lost_total',
    help: 'Log lines that could not be written',
    registers,
  });
  const inFlight = new Map<string, number>();
  new Gauge({
    name: 'lcdnn_requests_in_flight',
    help: 'Inference requests that are not answered yet',
    labelNames: ['model'],
    registers,
    collect() {
      for (const model of ['unknown', ...entries()]) this.set({ model }, inFlight.get(model) ?? 0);
    },
  });
  new Gauge({
    name: 'lcdnn_queue_images',
    help: 'Images waiting for a batch',
    labelNames: ['model'],
    registers,
    collect() {
      for (const model of entries()) this.set({ model }, models().get(model)!.waiting());
    },
  });
  new Gauge({
    name: 'lcdnn_model_info',
    help: 'The version that serves new requests',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const model of models().names) this.set({ model, version: models().get(model)!.version }, 1);
    },
  });

  return {
    begin: (model) => void inFlight.set(model, (inFlight.get(model) ?? 0) + 1),
    request(model, code, seconds) {
      inFlight.set(model, inFlight.get(model)! - 1);
      requests.inc({ model, code });
      requestSeconds.observe({ model }, seconds);
    },
    batch(model, images, ms) {
      batchImages.observe({ model }, images);
      batchSeconds.observe({ model }, ms / 1000);
    },
    exits: (model, images) => exits.inc({ model }, images),
    reload: (model, result) => reloads.inc({ model, result }),
    tail: (model, event) => tails.inc({ model, event }),
    closed: (reason) => closed.inc({ reason }),
    lostLogLines: (lines) => lostLogLines.inc(lines),
    text: oncePerTurn(() => registry.metrics()),
    contentType: registry.contentType,
  };
}
