import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BUNDLE } from './cli.js';
import { ask, questions, serving } from './serving.js';

describe('serve', () => {
  it('goes on where its log finds no room', async () => {
    const server = await serving(BUNDLE, ['--log', 'info'], 'exec > /dev/full 2>&1');
    const asked = await questions(BUNDLE, 4);
    for (let i = 0; i < 100; i++)
      expect(await ask(server, asked, i % 4)).toMatchObject({ logits: asked.answers[i % 4] });
    expect(await server.metric('lcdnn_log_lines_lost_total')).toBeGreaterThan(0);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });

  it('killed at once leaves its clients with an error, and none waiting', async () => {
    const server = await serving(BUNDLE, ['--log', 'silent']);
    const asked = await questions(BUNDLE, 4);
    let answered = 0;
    const client = async (at: number): Promise<string> => {
      for (;;) {
        const reply = await ask(server, asked, at).catch((thrown: Error) => thrown);
        if (reply instanceof Error) return reply.message;
        expect(reply).toMatchObject({ logits: asked.answers[at] });
        if (++answered === 200) server.child.kill('SIGKILL');
      }
    };
    const ends = await Promise.all([0, 1, 2, 3].map(client));
    expect(ends).toEqual(Array(4).fill(expect.stringMatching(/fetch failed|terminated/)));
  });

  it('at SIGTERM is not ready first, answers everything, and ends', async () => {
    const server = await serving(BUNDLE, ['--drain', '4']);
    const asked = await questions(BUNDLE, 4);
    let [stop, answered] = [false, 0];
    const client = async () => {
      for (; !stop; answered++) expect(await ask(server, asked, 0)).toMatchObject({ logits: asked.answers[0] });
    };
    const clients = [client(), client()];
    server.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${server.url}/v2/health/ready`)).status, { timeout: 3000 }).toBe(503);
    const before = answered;
    await expect.poll(() => answered).toBeGreaterThan(before);
    stop = true;
    await Promise.all(clients);
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('told twice to stop stops at once', async () => {
    const server = await serving(BUNDLE, ['--drain', '60']);
    server.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${server.url}/v2/health/ready`)).status).toBe(503);
    server.child.kill('SIGTERM');
    expect(await once(server.child, 'exit')).toEqual([143, null]);
  });
});
