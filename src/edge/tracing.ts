import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { codeOf, UserError } from '../base/errors.js';

type Attributes = Readonly<Record<string, string | number>>;

/** A request as spans of OpenTelemetry. Times are those of `performance.now()`. */
export interface Trace {
  /** A step that has ended, such as waiting in the queue. */
  step(name: string, from: number, to: number, attributes?: Attributes): void;
  /** Headers for the next server, which make its spans children of this request's. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Records requests, if the operator wants that. Without it, servers don't load OpenTelemetry at all. */
export interface Tracing {
  /** A request whose span ends with its response. Continues the trace that its `traceparent` header names. */
  begin(name: string, headers: IncomingHttpHeaders, response: ServerResponse, attributes?: Attributes): Trace;
  /** Sends the last spans. */
  close(): Promise<void>;
}

const SDK = '@opentelemetry/sdk-node';

/** The SDK, and the API that it uses itself: another version of the API would record nothing. */
function loadSdk() {
  const require = createRequire(import.meta.url);
  const path = require.resolve(SDK);
  return {
    sdk: require(path) as typeof import('@opentelemetry/sdk-node'),
    api: createRequire(path)('@opentelemetry/api') as typeof import('@opentelemetry/api'),
  };
}

function loadOrExplain(load: typeof loadSdk): ReturnType<typeof loadSdk> {
  try {
    return load();
  } catch (thrown) {
    if (codeOf(thrown) !== 'MODULE_NOT_FOUND') throw thrown;
    throw new UserError(`--otel: expected the package ${SDK}, found none; install it beside lcdnn with npm`);
  }
}

/**
 * Starts OpenTelemetry's Node SDK, which sends spans as the standard `OTEL_*` variables say (default: OTLP to
 * http://localhost:4318). Its metrics and logs stay off unless these variables name exporters for them.
 *
 * @throws UserError if the SDK isn't installed
 */
export function startTracing(service: string, load = loadSdk): Tracing {
  const { api, sdk: installed } = loadOrExplain(load);
  const { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  process.env['OTEL_METRICS_EXPORTER'] ??= 'none';
  process.env['OTEL_LOGS_EXPORTER'] ??= 'none';
  const sdk = new installed.NodeSDK({ serviceName: process.env['OTEL_SERVICE_NAME'] ?? service, instrumentations: [] });
  sdk.start();
  const tracer = trace.getTracer('lcdnn');
  return {
    begin(name, received, response, attributes = {}) {
      const parent = propagation.extract(ROOT_CONTEXT, received);
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: performance.now(), attributes }, parent);
      const own = trace.setSpan(parent, span);
      const headers: Record<string, string> = {};
      propagation.inject(own, headers);
      response.once('close', () => {
        const status = response.writableFinished ? response.statusCode : 499;
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(performance.now());
      });
      return {
        headers,
        step(name, startTime, endTime, attributes = {}) {
          tracer.startSpan(name, { startTime, attributes }, own).end(endTime);
        },
      };
    },
    close: () => sdk.shutdown().catch(() => {}), // the collector may be away
  };
}
