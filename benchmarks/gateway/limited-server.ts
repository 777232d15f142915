import { type ServeProcess, startServe } from '../../test/serve-process.js';

const PERIOD_MS = 50;

export interface LimitedServer {
  readonly url: string;
  kill(): Promise<void>;
}

/**
 * `lcdnn serve` with one thread and a share of a core: it is stopped for the rest of every 50 ms, as CPU limiters do it
 * where there are no cgroups.
 */
export async function startLimited(bundle: string, share: number, port = 0): Promise<LimitedServer> {
  const server = await startServe(bundle, port, '--threads', '1');
  const stop = limit(server, share);
  return {
    url: `http://127.0.0.1:${server.port}`,
    async kill() {
      stop();
      await server.kill();
    },
  };
}

function limit({ pid }: ServeProcess, share: number): () => void {
  let timer: NodeJS.Timeout;
  const signal = (name: NodeJS.Signals, next: () => void, ms: number): void => {
    process.kill(pid, name);
    timer = setTimeout(next, ms);
  };
  const rest = (): void => signal('SIGSTOP', work, PERIOD_MS * (1 - share));
  const work = (): void => signal('SIGCONT', rest, PERIOD_MS * share);
  work();
  return () => {
    clearTimeout(timer);
    process.kill(pid, 'SIGCONT');
  };
}
