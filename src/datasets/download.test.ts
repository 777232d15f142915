import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { integer, random } from '../base/random.js';
import { type Download, DownloadError, download } from './download.js';

const next = random(1);
const content = Buffer.from(Uint8Array.from({ length: 100_000 }, () => integer(next, 256)));

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let base: string;
let folder: string;
/** The server's behaviour for each path, and the `range` header of each request. */
let answers: Record<string, Answer>;
let ranges: (string | undefined)[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lcdnn-download-'));
  answers = {};
  ranges = [];
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answers[request.url ?? ''](request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function job(more: Partial<Download> = {}): Download {
  return {
    urls: [`${base}/file`],
    path: join(folder, 'file'),
    bytes: content.length,
    sha256: sha256(content),
    ...more,
  };
}

const sendAll: Answer = (_, response) => response.end(content);

const sendRange: Answer = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
  if (request.headers.range) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`);
  }
  response.end(content.subarray(start));
};

/** Sends some bytes of the file and breaks the connection; later requests are answered by `afterwards`. */
function breakAfter(bytes: number, afterwards: Answer): Answer {
  let broken = false;
  return (request, response) => {
    if (broken) return afterwards(request, response);
    broken = true;
    response.setHeader('content-length', content.length);
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
  };
}

const status =
  (code: number): Answer =>
  (_, response) => {
    response.statusCode = code;
    response.end('no');
  };

describe('download', () => {
  it('writes the file, tells its progress, and leaves nothing else behind', async () => {
    answers['/file'] = sendAll;
    const progress: number[] = [];
    await download(job({ onProgress: (received) => progress.push(received) }));
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
    expect(readdirSync(folder)).toEqual(['file']);
    expect(progress.at(-1)).toBe(content.length);
    expect([...progress].sort((a, b) => a - b)).toEqual(progress);
  });

  it('continues a broken transfer where it ended', async () => {
    answers['/file'] = breakAfter(40_000, sendRange);
    await download(job());
    expect(ranges).toEqual([undefined, 'bytes=40000-']);
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
  });

  it('starts afresh where the server sends everything again', async () => {
    answers['/file'] = breakAfter(40_000, sendAll);
    await download(job());
    expect(ranges).toEqual([undefined, 'bytes=40000-']);
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
  });

  it('continues what an earlier run left, from another source', async () => {
    answers['/gone'] = status(404);
    answers['/file'] = sendRange;
    writeFileSync(join(folder, 'file.part'), content.subarray(0, 99_999));
    await download(job({ urls: [`${base}/gone`, `${base}/file`] }));
    expect(ranges).toEqual(['bytes=99999-', 'bytes=99999-']);
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
  });

  it('takes a whole part as it is, and throws away one that is too long or wrong', async () => {
    answers['/file'] = sendRange;
    writeFileSync(join(folder, 'file.part'), content);
    await download(job());
    expect(ranges).toEqual([]);
    for (const part of [Buffer.concat([content, content]), Buffer.alloc(500)]) {
      writeFileSync(join(folder, 'file.part'), part);
      await download(job());
      expect(readFileSync(join(folder, 'file'))).toEqual(content);
      expect(ranges.at(-1)).toBeUndefined();
    }
  });

  it('starts afresh where the server refuses to continue', async () => {
    answers['/file'] = (request, response) => (request.headers.range ? status(416) : sendAll)(request, response);
    writeFileSync(join(folder, 'file.part'), content.subarray(0, 10));
    await download(job());
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
  });

  it('does not trust a server that continues elsewhere', async () => {
    answers['/file'] = (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}` });
      response.end(content);
    };
    writeFileSync(join(folder, 'file.part'), content.subarray(0, 10));
    await expect(download(job())).rejects.toThrow('continued at another byte than asked');
    expect(existsSync(join(folder, 'file'))).toBe(false);
  });

  it('leaves nothing behind where the checksum is wrong', async () => {
    answers['/file'] = (_, response) => response.end(Buffer.alloc(content.length));
    await expect(download(job())).rejects.toThrow(/expected SHA-256 \w{64}, found \w{64}/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes on to the next source after each kind of failure', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const refused = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/file`;
    await new Promise((resolve) => closed.close(resolve));
    answers['/gone'] = status(404);
    answers['/wrong'] = (_, response) => response.end(Buffer.alloc(content.length));
    answers['/short'] = (_, response) => response.end('short');
    answers['/file'] = sendAll;
    const failing = [refused, `${base}/gone`, `${base}/wrong`, `${base}/short`];
    await download(job({ urls: [...failing, `${base}/file`] }));
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
    const failed = download(job({ urls: failing, path: join(folder, 'other') }));
    await expect(failed).rejects.toThrow(DownloadError);
    await expect(failed).rejects.toThrow(
      /ECONNREFUSED; .*: HTTP 404; .*: expected SHA-256 .*; .*: expected 100000 bytes, found 5$/,
    );
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('never writes more than the file has', async () => {
    let most = 0;
    answers['/file'] = (_, response) => {
      for (let i = 0; i < 50; i++) response.write(content); // chunked: no length is announced
      response.end();
    };
    const loading = download(job({ onProgress: (received) => (most = Math.max(most, received)) }));
    await expect(loading).rejects.toThrow('expected 100000 bytes, found more');
    expect(most).toBeLessThanOrEqual(content.length);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives a silent source up', async () => {
    answers['/dumb'] = () => {};
    answers['/stalls'] = (_, response) => {
      response.setHeader('content-length', content.length);
      response.write(content.subarray(0, 1000));
    };
    const urls = [`${base}/dumb`, `${base}/stalls`];
    await expect(download(job({ urls, stallTimeout: 200 }))).rejects.toThrow(
      /sent nothing for 0.2 s; .*: sent nothing for 0.2 s/,
    );
  });

  it('stops when told, and keeps what has arrived', async () => {
    const controller = new AbortController();
    answers['/file'] = (_, response) => {
      response.setHeader('content-length', content.length);
      response.write(content.subarray(0, 30_000));
    };
    const reason = new Error('enough');
    const stopped = job({ signal: controller.signal, onProgress: (n) => n >= 30_000 && controller.abort(reason) });
    await expect(download(stopped)).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual(['file.part']);
    answers['/file'] = sendRange;
    await download(job());
    expect(ranges.at(-1)).toBe('bytes=30000-');
    expect(readFileSync(join(folder, 'file'))).toEqual(content);
  });

  it('blames the disk and not the source where it can not write', async () => {
    answers['/file'] = sendAll;
    mkdirSync(join(folder, 'taken', 'x'), { recursive: true });
    await expect(download(job({ path: join(folder, 'taken') }))).rejects.toThrow(UserError);
    writeFileSync(join(folder, 'plain'), '');
    await expect(download(job({ path: join(folder, 'plain', 'file') }))).rejects.toThrow(UserError);
  });
});
