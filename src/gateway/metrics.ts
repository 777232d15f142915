import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CloseReason } from '../edge/connections.js';
import { oncePerTurn } from '../edge/once-per-turn.js';
import type { DispatcherEvents } from './dispatcher.js';
import type { SchedulerEvents } from './scheduler.js';
import { type Upstream, utilisationOf } from './upstream.js';

/** The gateway's own metrics for Prometheus. */
export interface GatewayMetrics extends DispatcherEvents, SchedulerEvents {
  /** A request ended with this status (499: the client disconnected first). */
  request(code: number, seconds: number): void;
  /** The gateway closed a connection on its own. */
  closed(reason: CloseReason): void;
  lostLogLines(lines: number): void;
  /** In Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DECISION_SECONDS = [0.00001, 0.0001, 0.001, 0.01, 0.1];

/** @param upstreams may change later @param waiting gives the number of requests in the buffer */
export function createGatewayMetrics(upstreams: readonly Upstream[], waiting: () => number): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `lcdnn_gateway_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `lcdnn_gateway_${name}`, help, buckets, registers });
  const ofServers = (name: string, help: string, value: (upstream: Upstream) => number) =>
    new Gauge({
      name: `lcdnn_gateway_${name}`,
      help,
      labelNames: ['server'],
      registers,
      collect() {
        this.reset(); // servers may have been removed
        for (const upstream of upstreams) this.set({ server: upstream.origin }, value(upstream));
      },
    });

  const requests = counter('requests_total', 'Requests by status code (499: the client disconnected first)', 'code');
  const requestSeconds = histogram(
    'request_seconds',
    'Time from the headers of a request to the end of its answer',
    SECONDS,
  );
  const sent = counter('sent_total', 'Requests sent to a server', 'server');
  const unanswered = counter('unanswered_total', 'Requests that a server did not answer, by reason', 'server', 'how');
  const retries = counter('retries_total', 'Attempts at another server after one did not answer');
  const overflow = counter('overflow_total', 'Requests that found no room or no server, by destination', 'to');
  const decisionSeconds = histogram('decision_seconds', 'Time of a scheduling decision', DECISION_SECONDS);
  const closed = counter('connections_closed_total', 'Connections closed for self-protection, by reason', 'reason');
  const lostLogLines = counter('log_lines_lost_total', 'Log lines that could not be written');
  const fallback = new Gauge({
    name: 'lcdnn_gateway_fallback',
    help: '1 while least-loaded replaces the chosen policy, which failed',
    registers,
  });
  new Gauge({
    name: 'lcdnn_gateway_waiting',
    help: 'Requests waiting for a server',
    registers,
    collect() {
      this.set(waiting());
    },
  });
  ofServers('server_up', '1 if the server gets requests', ({ up }) => Number(up));
  ofServers('server_in_flight', 'Requests of the gateway at a server', ({ inFlight }) => inFlight);
  ofServers(
    'server_utilisation',
    'Requests at a server, including those of other clients, divided by its capacity',
    utilisationOf,
  );

  return {
    request(code, seconds) {
      requests.inc({ code });
      requestSeconds.observe(seconds);
    },
    sent: ({ origin }) => sent.inc({ server: origin }),
    unanswered: ({ origin }, { how }) => unanswered.inc({ server: origin, how }),
    retried: () => retries.inc(),
    overflowed: (to) => overflow.inc({ to }),
    decided: (seconds) => decisionSeconds.observe(seconds),
    fallback: (reason) => fallback.set(reason === undefined ? 0 : 1),
    closed: (reason) => closed.inc({ reason }),
    lostLogLines: (lines) => lostLogLines.inc(lines),
    text: oncePerTurn(() => registry.metrics()),
    contentType: registry.contentType,
  };
}
