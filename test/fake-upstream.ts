import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server such as `lcdnn serve` seems to be to a gateway, which does what a test wants. */
export interface FakeUpstream {
  readonly origin: string;
  /** Requests that came, but for metrics and health. */
  readonly asked: IncomingMessage[];
  ready: boolean;
  metrics: string;
  /** Answers what is asked; by default with the body that came. */
  answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void;
  /** Cuts all connections and listens no longer. */
  kill(): Promise<void>;
  /** Listens again where it did. */
  revive(): Promise<void>;
}

export async function fakeUpstream(change: Partial<FakeUpstream> = {}): Promise<FakeUpstream> {
  const listener: RequestListener = async (request, response) => {
    if (request.url === '/metrics') return void response.end(fake.metrics);
    if (request.url === '/v2/health/ready') return void response.writeHead(fake.ready ? 200 : 503).end();
    fake.asked.push(request);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    fake.answer(request, response, Buffer.concat(parts));
  };
  let server: Server;
  const listen = (port: number) => {
    server = createServer((request, response) => void Promise.resolve(listener(request, response)).catch(() => {}));
    return new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  };
  await listen(0);
  const { port } = server!.address() as AddressInfo;
  const fake: FakeUpstream = {
    origin: `http://127.0.0.1:${port}`,
    asked: [],
    ready: true,
    metrics: 'lcdnn_requests_in_flight{model="tiny"} 0\n',
    answer: (_request, response, body) => void response.end(body),
    kill() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
    revive: () => listen(port),
    ...change,
  };
  return fake;
}
