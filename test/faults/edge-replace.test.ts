import { expect, it } from 'vitest';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { tinyDraft } from '../tiny-bundle.js';
import { fresh } from './cli.js';
import { ask, type Questions, questions, serving } from './serving.js';

const CLIENTS = 8;

it('a bundle that is replaced under load costs no request, and no answer mixes two versions', async () => {
  const folder = fresh('bundle');
  const drafts = [1, 2, 3].map((seed) => tinyDraft({}, seed));
  const versions: Questions[] = [];
  for (const draft of [...drafts].reverse()) {
    await writeBundle(folder, draft);
    versions.unshift(await questions(folder, 4));
  }
  const answersOf = new Map(versions.map(({ bundle, answers }) => [bundle.manifest.version, answers]));
  const server = await serving(folder);
  let stop = false;
  const seen: string[] = [];
  const client = async (at: number) => {
    while (!stop) {
      const reply = await ask(server, versions[0], at);
      if (!('logits' in reply)) throw new Error(`expected an answer, found status ${reply.status}`);
      expect(reply.logits).toEqual(answersOf.get(reply.version)![at]);
      if (!seen.includes(reply.version)) seen.push(reply.version);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i % 4)));
  clients.catch(() => {
    stop = true;
  });
  for (const [i, { bundle }] of versions.entries()) {
    if (i > 0) await writeBundle(folder, drafts[i]);
    await expect.poll(() => stop || seen.includes(bundle.manifest.version), { timeout: 60_000 }).toBe(true);
  }
  stop = true;
  await clients;
  expect(seen).toEqual(versions.map(({ bundle }) => bundle.manifest.version));
  server.child.kill('SIGINT');
  expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('another version serves now') });
});
