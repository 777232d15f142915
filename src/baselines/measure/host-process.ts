// Process that runs a benchmark's edge server and serves the files of its pages.
import { failureOf } from '../../base/threads.js';
import { createEdgeServer } from '../../edge/server.js';
import { webFile } from '../../edge/web-folder.js';
import { sendFile } from '../../edge/web-routes.js';
import { FILES_PATH, type FromHost, type HostedFiles, type ToHost } from './host-messages.js';

const tell = (message: FromHost): void => void process.send!(message);

process.on('disconnect', () => process.exit());
process.on('message', (message: ToHost) => {
  if ('ask' in message) {
    const { user, system } = process.cpuUsage();
    return tell({ processorMs: (user + system) / 1000 });
  }
  host(message.host).then(
    (url) => tell({ url }),
    (thrown) => tell({ failure: failureOf(thrown) }),
  );
});

/** Starts the same server as `lcdnn serve`, and also serves the files of the other approaches. */
async function host({ bundle, edges, files, threads }: HostedFiles): Promise<string> {
  const app = await createEdgeServer([...(bundle === undefined ? [] : [bundle]), ...edges], { threads, packWeb: true });
  const folder = new Map(Array.from(files, ([path, bytes]) => [path, webFile(path, bytes)] as const));
  for (const file of folder.values()) await file.packed('br');
  app.get<{ Params: { '*': string } }>(`${FILES_PATH}*`, (request, reply) =>
    sendFile(folder.get(request.params['*']), true, request, reply),
  );
  return app.listen({ host: '127.0.0.1', port: 0 });
}
