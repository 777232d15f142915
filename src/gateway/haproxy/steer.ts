import { UserError } from '../../base/errors.js';
import type { Scheduler } from '../scheduler.js';
import type { Upstream } from '../upstream.js';
import { readStat } from './read-stat.js';
import { command } from './socket.js';
import { weightsOf } from './weights.js';

export interface Haproxy {
  /** Path of its runtime socket. */
  readonly socket: string;
  readonly backend: string;
}

/** Smallest number of requests per server for a decision. With fewer, shares would be coarse. */
const LEAST = 8;

/** Turns decisions of the scheduler into weights of HAProxy's servers. */
export interface Steering {
  /** Reads statistics, decides once and sets the weights. @throws UserError if HAProxy is away or has other servers */
  step(): Promise<void>;
  /** Number of requests that wait in HAProxy. */
  waiting(): number;
}

/** @param names the upstreams' names in the backend */
export function createSteering(
  { socket, backend }: Haproxy,
  upstreams: readonly Upstream[],
  names: readonly string[],
  scheduler: Pick<Scheduler, 'offers'>,
  onChange: (upstream: Upstream) => void,
): Steering {
  let before = { total: 0, set: '' };
  let waiting = 0;
  return {
    waiting: () => waiting,
    async step() {
      const { servers, whole } = readStat(await command(socket, 'show stat'), backend);
      const byName = new Map(servers.map((stat) => [stat.name, stat]));
      upstreams.forEach((upstream, i) => {
        const { up, current } = byName.get(names[i])!;
        upstream.inFlight = current;
        if (upstream.up === up) return;
        upstream.up = up;
        if (!up) upstream.others = 0;
        onChange(upstream);
      });
      waiting = whole.queued;
      // Until the next step, expect as many requests as since the last one.
      const coming = Math.max(0, whole.total - before.total);
      const weights = weightsOf(scheduler.offers(Math.max(LEAST * upstreams.length, waiting + coming)));
      const set = weights?.map((weight, i) => `set weight ${backend}/${names[i]} ${weight}`) ?? [];
      if (weights && set.join() !== before.set) await command(socket, ...set);
      before = { total: whole.total, set: weights ? set.join() : before.set };
    },
  };
}

/** Finds the names of the backend's servers with these origins. @throws UserError */
export async function findNames({ socket, backend }: Haproxy, upstreams: readonly Upstream[]): Promise<string[]> {
  const { servers } = readStat(await command(socket, 'show stat'), backend);
  return upstreams.map(({ origin }) => {
    const { hostname, port, protocol } = new URL(origin);
    const address = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
    // HAProxy shows the resolved address of a host name. Such a server is found by its name.
    const found = servers.find((stat) => stat.address === address || stat.name === hostname);
    if (found) return found.name;
    const listed = servers.map((stat) => `${stat.name} ${stat.address}`).join(', ');
    throw new UserError(`expected a server at ${address} in HAProxy's backend ${backend}, found ${listed || 'none'}`);
  });
}
