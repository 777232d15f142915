import { expect, it } from 'vitest';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { deployedState } from '../../src/network/deployed.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { initialState } from '../../src/train/initial-state.js';
import { zooDraft } from '../zoo-bundle.js';
import { fresh } from './cli.js';
import { ask, questions, serving } from './serving.js';

const [BATCH, QUEUE] = [4, 12];
/** Ten times as many as are served and wait, each of which asks again at once. */
const CLIENTS = 10 * (BATCH + QUEUE);
const SECONDS = 4;
/** Weights of 60 MB are drawn, written, hashed and opened before. */
const LIMIT_MS = 400_000;
/** What memory may grow by: connections, bodies, and the heap between two collections. */
const MOST_GROWTH = 150e6;
/** In a batch of another size, sums may be added up in another order. */
const PLACES = 4;

it(
  'ten times more than it can do costs neither memory, nor a right answer, nor time afterwards',
  async () => {
    const network = createNetwork('alexnet', [32, 32, 3], 10); // slow enough for one process to overload it
    const folder = fresh('bundle');
    await writeBundle(folder, zooDraft(network, deployedState(network, initialState(network, 'momentum', 1)), 0.5));
    const asked = await questions(folder, 8);
    const server = await serving(folder, ['--max-batch', `${BATCH}`, '--queue', `${QUEUE}`]);
    for (let i = 0; i < 4; i++) await Promise.all(asked.requests.map((_, at) => ask(server, asked, at)));
    const before = server.memory();

    const seen = { answered: 0, refused: 0, wrong: [] as unknown[] };
    let most = before;
    let stop = false;
    const client = async (at: number) => {
      while (!stop) {
        const reply = await ask(server, asked, at);
        if ('logits' in reply) {
          const off = reply.logits.some((logit, i) => Math.abs(logit - asked.answers[at][i]) > 10 ** -PLACES);
          if (off) seen.wrong.push(reply.logits);
          else seen.answered++;
        } else if (reply.status === 503 && Number(reply.headers.get('retry-after')) >= 1) seen.refused++;
        else seen.wrong.push(reply.status);
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, i) => client(i % 8));
    for (let i = 0; i < 2 * SECONDS; i++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      most = Math.max(most, server.memory());
    }
    stop = true;
    await Promise.all(clients);
    const alone = await ask(server, asked, 0, AbortSignal.timeout(2000));
    expect(alone.status).toBe(200);
    expect(seen.wrong).toEqual([]);
    expect(seen.answered).toBeGreaterThan(CLIENTS / 10);
    expect(seen.refused).toBeGreaterThan(CLIENTS);
    expect(most - before).toBeLessThan(MOST_GROWTH);
  },
  LIMIT_MS,
);
