import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { messageOf } from '../../base/errors.js';
import { createGuards, currentToken } from '../../edge/access.js';
import { createHttpServer } from '../../edge/http-server.js';
import { inUrl, listen } from '../../edge/listen.js';
import { createLog } from '../../edge/log.js';
import { findServers, serverProbes, warnOfUnreportedLoad } from '../find-servers.js';
import { createForwarder } from '../forward.js';
import type { GatewayOptions } from '../gateway.js';
import { createGatewayMetrics } from '../metrics.js';
import { ownRoutes } from '../own-routes.js';
import { repeat } from '../repeat.js';
import { pollReports } from '../reports.js';
import { createScheduler, loggedEvents, type Scheduler } from '../scheduler.js';
import { createUpstream, type Upstream } from '../upstream.js';
import { BACKEND, haproxyConfig } from './config.js';
import { freePort, type HaproxyProcess, startHaproxy } from './start-haproxy.js';
import { createSteering, findNames, type Haproxy, type Steering } from './steer.js';

export interface HaproxyGatewayOptions extends GatewayOptions {
  /** Where HAProxy listens; or, if it runs already, where the gateway serves its metrics. */
  readonly host: string;
  readonly port: number;
  /** A HAProxy that runs already, and only gets the weights. Default: one is started. */
  readonly running?: Haproxy;
}

export interface HaproxyGateway {
  readonly url: string;
  readonly upstreams: readonly Upstream[];
  readonly scheduler: Scheduler;
  readonly log: Pick<Logger, 'error'>;
  /** Reports that it isn't ready, waits for so many milliseconds, then lets running requests end. */
  drain(ms: number): Promise<void>;
  /** Fulfilled with HAProxy's error output if it ends by itself. */
  readonly failed: Promise<string>;
}

const LOCAL = '127.0.0.1';
/** Milliseconds for running requests after HAProxy has stopped listening. */
const END_MS = 30_000;

/**
 * Makes the same decisions as the embedded gateway, and applies them as weights of a HAProxy that forwards the requests.
 *
 * @throws UserError if no server or no HAProxy is available, or the port is in use
 */
export async function startHaproxyGateway(options: HaproxyGatewayOptions): Promise<HaproxyGateway> {
  const { reportEveryMs = 100, token, running, host } = options;
  const upstreams = options.servers.map(({ origin, capacity }) => createUpstream(origin, capacity));
  let steering: Steering | undefined;
  const metrics = createGatewayMetrics(upstreams, () => steering?.waiting() ?? 0);
  const log = createLog(options.log ?? 'error', metrics.lostLogLines);
  const forwarder = createForwarder({
    answerTimeoutMs: options.answerTimeoutMs ?? 5000,
    token: () => currentToken(token),
  });
  const { fetchMetrics, isReady } = serverProbes(forwarder);
  // A HAProxy that is started here passes on requests for the gateway's own routes, with the client's address.
  const own = createHttpServer(log, running ? options : { ...options, trustProxy: ['loopback'] }, metrics.closed);
  ownRoutes(own.app, own, upstreams, metrics, createGuards(token, options.rateLimit).other);
  const stops: (() => unknown)[] = [() => forwarder.close(), () => own.app.close()];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    await findServers(upstreams, isReady, fetchMetrics);
    warnOfUnreportedLoad(upstreams, log);
    const scheduler = createScheduler(upstreams, options.policy, reportEveryMs, loggedEvents(metrics, log));
    const ownUrl = await listen(own.app, running ? options : { host: LOCAL, port: 0 });
    const port = options.port || (await freePort(host));
    const started = running ? undefined : await start({ ...options, port }, Number(new URL(ownUrl).port), stops);
    const haproxy: Haproxy = running ?? { socket: started!.socket, backend: BACKEND };
    const names = running ? await findNames(haproxy, upstreams) : upstreams.map((_, i) => `s${i}`);
    const steer = createSteering(haproxy, upstreams, names, scheduler, (upstream) =>
      log.warn({ server: upstream.origin }, upstream.up ? 'the server is back' : 'the server is out'),
    );
    steering = steer;
    await steer.step();
    const failed = (thrown: unknown): void => log.error({ reason: messageOf(thrown) }, 'HAProxy could not be steered');
    const polling = pollReports(upstreams, fetchMetrics, reportEveryMs, failed);
    stops.push(() => polling.stop());
    stops.push(repeat(reportEveryMs, () => steer.step(), failed));
    return {
      url: running ? ownUrl : `http://${inUrl(host)}:${port}`,
      upstreams,
      scheduler,
      log,
      failed: started?.process.ended ?? new Promise(() => {}),
      async drain(ms) {
        own.endReadiness();
        await new Promise((resolve) => setTimeout(resolve, ms));
        await stop();
      },
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** Starts HAProxy in a temporary folder. @param stops receives the functions that end it */
async function start(
  options: HaproxyGatewayOptions,
  ownPort: number,
  stops: (() => unknown)[],
): Promise<{ readonly process: HaproxyProcess; readonly socket: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-haproxy-'));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'haproxy.sock');
  const defaults = { healthEveryMs: 500, maxWaiting: 512, maxConnections: 1024, timeoutMs: 10_000 };
  const timeouts = { answerTimeoutMs: 5000, requestTimeoutMs: 30_000, sendTimeoutMs: 30_000 };
  const config = haproxyConfig({
    ...defaults,
    ...timeouts,
    maxBodyBytes: 16 << 20,
    ...given(options),
    socket,
    ownPort,
  });
  const process = await startHaproxy(folder, config, socket);
  stops.push(() => process.stop(END_MS));
  return { process, socket };
}

/** Removes the fields whose value is undefined. */
const given = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
