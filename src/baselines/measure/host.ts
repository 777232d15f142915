import { once } from 'node:events';
import { startProcess } from '../../base/processes.js';
import { errorFromFailure } from '../../base/threads.js';
import type { FromHost, HostedFiles, ToHost } from './host-messages.js';

/** The edge server and the pages' files, in a separate process. */
export interface Host {
  readonly url: string;
  /** CPU time that the process has used so far, in ms. */
  processorMs(): Promise<number>;
  close(): Promise<void>;
}

/** @throws UserError if a bundle doesn't match its manifest */
export async function startHost(files: HostedFiles): Promise<Host> {
  const child = startProcess(import.meta.url, 'host-process');
  const ended = once(child, 'exit');
  const ask = async (message: ToHost): Promise<FromHost> => {
    const answer = once(child, 'message');
    child.send(message);
    const early = ended.then(([code]) => {
      throw new Error(`the process of the edge server ended with ${code}`);
    });
    const [found] = (await Promise.race([answer, early])) as [FromHost];
    return found;
  };
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const started = await ask({ host: files });
  if ('failure' in started) {
    await close();
    throw errorFromFailure(started.failure);
  }
  return {
    url: (started as { url: string }).url,
    processorMs: async () => ((await ask({ ask: 'processor' })) as { processorMs: number }).processorMs,
    close,
  };
}
