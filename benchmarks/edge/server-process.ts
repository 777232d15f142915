import { readFileSync } from 'node:fs';
import { startListening } from '../../test/serve-process.js';

/** `lcdnn serve`, as it is built, in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  /** Value of a metric of a model. */
  metric(name: string, model: string): Promise<number>;
  /** Bytes of memory that the process holds. */
  memory(): number;
  /** Milliseconds of processor time that it has taken. */
  cpuMs(): number;
  close(): Promise<void>;
}

/** @param flags of `lcdnn serve`, by name */
export async function startServer(
  folders: readonly string[],
  flags: Readonly<Record<string, number>>,
): Promise<ServerProcess> {
  const given = Object.entries({ port: 0, ...flags }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const { port, pid, kill } = await startListening('serve', ...folders, ...given);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async metric(name, model) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(text.match(new RegExp(`^${name}\\{model="${model}"\\} (.*)$`, 'm'))?.[1] ?? 0);
    },
    memory: () => 1024 * Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)![1]),
    cpuMs() {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
      return 10 * (user + system); // ticks of a hundredth of a second
    },
    close: kill,
  };
}
