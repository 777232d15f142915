import { connect, type Socket } from 'node:net';

export interface RawConnection extends Socket {
  /** What has arrived, unless it isn't read. */
  readonly received: { text: string };
}

/** A connection on this machine that sends what it likes. Its errors are expected. */
export function rawConnection(port: number, { reads = true, localAddress = '127.0.0.1' } = {}): RawConnection {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
  const received = { text: '' };
  if (reads) {
    socket.setEncoding('latin1').on('data', (text) => {
      received.text += text;
    });
  }
  return Object.assign(socket, { received });
}

/** The head of a request. */
export function requestHead(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number | readonly string[]>> = {},
): string {
  const lines = Object.entries({ host: 'edge', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Status and content of each answer in what a connection received. Answers must have a length, or no body. */
export function answersIn(text: string): { status: number; head: string; body: string }[] {
  const answers: { status: number; head: string; body: string }[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const head = text.slice(at, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    answers.push({ status: Number(head.slice(9, 12)), head, body: text.slice(end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return answers;
}
