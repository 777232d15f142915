import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { random } from '../src/base/random.js';

/** What a network does to those who use it. */
export interface Faults {
  /** Milliseconds that what is sent takes longer. */
  delayMs: number;
  /** Share of what is sent, in pieces as they come, whose connection is reset. */
  resets: number;
  /** `cut`: connections are reset and refused; `silent`: nothing passes, and nobody is told. */
  link: 'up' | 'cut' | 'silent';
}

export interface FaultProxy {
  readonly url: string;
  readonly faults: Faults;
  /** Resets all connections that are open now. */
  cut(): void;
  /** How many were opened so far. */
  connections(): number;
  close(): Promise<void>;
}

/** A TCP proxy on this machine, before the server at `port`, with the faults that it is given. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const faults: Faults = { delayMs: 0, resets: 0, link: 'up' };
  const draw = random(11);
  const open = new Set<Socket>();
  let connections = 0;

  const server = createServer((client) => {
    connections++;
    if (faults.link === 'cut') return void client.resetAndDestroy();
    const upstream = connect(port, '127.0.0.1');
    const pair = [client, upstream];
    const reset = () => {
      for (const socket of pair) socket.resetAndDestroy();
    };
    /** Sends what comes from one to the other, in its order. */
    const forward = (from: Socket, to: Socket, delayMs: () => number) => {
      const later = (send: () => void) => (delayMs() ? setTimeout(send, delayMs()) : send());
      from.on('data', (bytes) => {
        if (faults.link === 'silent') return;
        if (from === client && draw() < faults.resets) return reset();
        later(() => to.writable && to.write(bytes));
      });
      from.on('end', () => later(() => to.end()));
      from.on('error', reset);
      from.on('close', () => open.delete(from));
      open.add(from);
    };
    forward(client, upstream, () => faults.delayMs);
    forward(upstream, client, () => 0);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    cut,
    connections: () => connections,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
