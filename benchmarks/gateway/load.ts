import { setTimeout as sleep } from 'node:timers/promises';
import autocannon, { type Options } from 'autocannon';
import { random } from '../../src/base/random.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';

/** A request, and the logits that a server that was asked alone gave. */
export interface Question {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly logits: readonly number[];
}

const PATH = (bundle: Bundle): string => `/v2/models/${bundle.manifest.name}/infer`;
const IMAGES = 8;
/** Of connections that begin one after another in the first second. */
const GROUPS = 20;

/** Requests of one image each, with what is right for them. */
export async function askAlone(server: string, bundle: Bundle): Promise<Question[]> {
  const { tail } = bundle.manifest;
  const next = random(3);
  const size = tail.shape.reduce((all, length) => all * length, 1);
  const questions: Question[] = [];
  for (let i = 0; i < IMAGES; i++) {
    const values = Buffer.from(Uint8Array.from({ length: size }, () => 256 * next()));
    const input = { name: tail.input, shape: [1, ...tail.shape], datatype: 'UINT8' };
    const parameters = { binary_data_size: values.length };
    const head = Buffer.from(JSON.stringify({ inputs: [{ ...input, parameters }] }));
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': `${head.length}` };
    const body = Buffer.concat([head, values]);
    const reply = await fetch(server + PATH(bundle), { method: 'POST', headers, body });
    if (!reply.ok) throw new Error(await reply.text());
    questions.push({ headers, body, logits: logitsIn(await reply.text()) });
  }
  return questions;
}

const logitsIn = (text: string): number[] => JSON.parse(text).outputs[0].data;

export interface Loaded {
  readonly perSecond: number;
  /** Of the answers that came. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answered: number;
  /** Answers with other logits. */
  readonly wrong: number;
  /** Told to come again later (503). */
  readonly refused: number;
  /** Anything else: cut off, timed out, another status. */
  readonly lost: number;
}

/** Asks as fast as answers come, over 32 connections. */
export const loadFully = (url: string, bundle: Bundle, questions: readonly Question[], seconds: number) =>
  gather(seconds, [ask(url, bundle, questions, seconds, { connections: 32 })]);

/**
 * Asks at a rate. A connection of autocannon sends all that is its share of a second at once, so that many of them, with
 * a request a second each, begin one after another.
 */
export function load(url: string, bundle: Bundle, questions: readonly Question[], seconds: number, rate: number) {
  const groups = Array.from({ length: GROUPS }, async (_, i) => {
    const connections = Math.floor((rate * (i + 1)) / GROUPS) - Math.floor((rate * i) / GROUPS);
    await sleep((1000 * i) / GROUPS);
    if (connections === 0) return [];
    const paced = { connections, overallRate: connections, ignoreCoordinatedOmission: true };
    return ask(url, bundle, questions, seconds, paced);
  });
  return gather(seconds, groups);
}

interface Reply {
  readonly status: number;
  readonly ms: number;
  readonly right: boolean;
}

function ask(
  url: string,
  bundle: Bundle,
  questions: readonly Question[],
  seconds: number,
  pace: Partial<Options>,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  const right: boolean[] = [];
  const requests = questions.map(({ headers, body, logits }) => ({
    method: 'POST' as const,
    path: PATH(bundle),
    headers,
    body,
    onResponse: (status: number, text: string) => right.push(status === 200 && isNear(logitsIn(text), logits)),
  }));
  return new Promise((resolve, reject) => {
    const running = autocannon({ url, duration: seconds, timeout: 30, requests, ...pace }, (thrown, result) => {
      if (thrown) return reject(thrown);
      const failed = { status: 0, ms: Number.NaN, right: false };
      resolve([...replies, ...Array.from({ length: result.errors }, () => failed)]);
    });
    // The request's own listener was told just before.
    running.on('response', (_client, status, _bytes, ms) => replies.push({ status, ms, right: right[replies.length] }));
  });
}

async function gather(seconds: number, groups: readonly Promise<readonly Reply[]>[]): Promise<Loaded> {
  const replies = (await Promise.all(groups)).flat();
  const latencies = replies.flatMap(({ status, ms }) => (status === 200 ? [ms] : [])).sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN;
  const count = (which: (reply: Reply) => boolean): number => replies.filter(which).length;
  const answered = count(({ right }) => right);
  return {
    perSecond: answered / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    answered,
    wrong: count(({ status, right }) => status === 200 && !right),
    refused: count(({ status }) => status === 503),
    lost: count(({ status }) => status !== 200 && status !== 503),
  };
}

/** The same but for the order in which a batch is summed. */
const isNear = (found: readonly number[], expected: readonly number[]): boolean =>
  found.length === expected.length && found.every((value, i) => Math.abs(value - expected[i]) <= 1e-3);
