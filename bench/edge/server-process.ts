import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createEdgeServer, type EdgeServerOptions } from '../../src/edge/server.js';

/** An edge server in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  /** Value of a metric of a model. */
  metric(name: string, model: string): Promise<number>;
  /** Bytes of memory that the process holds. */
  memory(): number;
  close(): Promise<void>;
}

export async function startServer(folders: readonly string[], options: EdgeServerOptions): Promise<ServerProcess> {
  const file = fileURLToPath(import.meta.url);
  const child: ChildProcess = fork(file, [JSON.stringify({ folders, options })], { execArgv: ['--import', 'tsx'] });
  const [url] = (await once(child, 'message')) as [string];
  return {
    url,
    async metric(name, model) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(text.match(new RegExp(`^${name}\\{model="${model}"\\} (.*)$`, 'm'))?.[1] ?? 0);
    },
    memory: () => 1024 * Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)![1]),
    async close() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { folders, options } = JSON.parse(process.argv[2]) as { folders: string[]; options: EdgeServerOptions };
  const app = await createEdgeServer(folders, options);
  process.on('disconnect', () => process.exit());
  process.send(await app.listen({ port: 0, host: '127.0.0.1' }));
}
