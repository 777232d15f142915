import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { UserError } from '../../base/errors.js';
import { random } from '../../base/random.js';
import { closest } from '../policies/closest.js';
import { resolveSettings } from '../settings.js';
import { runEpisode } from '../simulation/run-episode.js';
import { createWorld } from '../world.js';
import { readTrace } from './read-trace.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));
const world = createWorld(resolveSettings({}));

function read(content: string) {
  const path = join(folder, 'trace');
  writeFileSync(path, content);
  return readTrace(path, world);
}

it('reads CSV and JSON lines alike, in the order of arrival', () => {
  const fromCsv = read('arrivalMs,serviceMs,place\n1000,35,2\n985,20,0\n\n1031,5,1\n');
  const lines = [
    { arrivalMs: 985, serviceMs: 20 },
    { arrivalMs: 1000, serviceMs: 35, place: 2 },
    { arrivalMs: 1031, serviceMs: 5, place: 1 },
  ];
  expect(read(lines.map((line) => JSON.stringify(line)).join('\n'))).toEqual(fromCsv);
  expect(fromCsv.steps).toBe(5);
  expect([...fromCsv.firstOf]).toEqual([0, 1, 2, 2, 2, 3]);
  expect([...fromCsv.work]).toEqual([2, 3.5, 0.5]);
  expect([...fromCsv.place]).toEqual([0, 2, 1]);
});

it('reads the requests in a log of a server', () => {
  const tasks = read(`
{"level":30,"time":"2026-11-26T17:49:03.678Z","msg":"Server listening at http://127.0.0.1:8080"}
{"level":30,"time":"2026-11-26T17:49:07.239Z","reqId":"req-1","req":{"method":"POST"},"msg":"incoming request"}
{"level":30,"time":"2026-11-26T17:49:07.241Z","reqId":"req-1","model":"a","images":1,"arrivalMs":1000,"queueMs":0,"serviceMs":2,"msg":"inferred"}
{"level":30,"time":"2026-11-26T17:49:07.244Z","reqId":"req-1","res":{"statusCode":200},"responseTime":4.5,"msg":"request completed"}
{"level":30,"time":"2026-11-26T17:49:08.241Z","reqId":"req-2","model":"a","images":1,"arrivalMs":2000,"queueMs":0,"serviceMs":5,"msg":"inferred"}
`);
  expect([[...tasks.arrival], [...tasks.work], [...tasks.place]]).toEqual([
    [0, 100],
    [0.2, 0.5].map(Math.fround),
    [0, 0],
  ]);
});

it('is replayed, task for task', () => {
  const rows = Array.from({ length: 50 }, (_, i) => `${1e9 + 4 * i},${i % 5 === 0 ? 120 : 20},${i % 3}`);
  const tasks = read(['arrivalMs,serviceMs,place', ...rows].join('\n'));
  const { tasks: count, meanMs, forwarded } = runEpisode(world, tasks, closest, random(1));
  expect([count, meanMs, forwarded]).toEqual([50, 40, 0]);
});

it.each<[string, string, RegExp]>([
  ['no such columns', 'time,ms\n1,2\n', /line 2: expected arrivalMs, serviceMs and place; arrivalMs: /],
  ['a word for a number', 'arrivalMs,serviceMs,place\n0,5,0\n3,soon,0\n', /line 3: .*serviceMs: /],
  ['a negative time', 'arrivalMs,serviceMs,place\n0,-5,0\n', /line 2: .*serviceMs: /],
  ['an empty cell', 'arrivalMs,serviceMs,place\n0,,0\n', /line 2: .*serviceMs: /],
  ['a place without a server', 'arrivalMs,serviceMs,place\n0,5,3\n', /line 2: expected a place from 0 to 2.* found 3/],
  ['torn JSON', '{"arrivalMs":0,"serviceMs":5}\n{"arriv', /line 2: expected a JSON object/],
  ['ragged rows', 'arrivalMs,serviceMs\n1,2,3,4\n', /expected CSV with the columns/],
  ['no task', 'arrivalMs,serviceMs,place\n', /expected at least one task, found none/],
  ['nothing', '', /expected at least one task, found none/],
  ['no request in its log', '{"level":40,"msg":"another version serves now"}', /found none; .* --log info/],
  ['times of years', 'arrivalMs,serviceMs\n0,5\n9e12,5\n', /at most 10000000 steps/],
])('refuses a trace with %s', (_, content, line) => {
  expect(() => read(content)).toThrow(UserError);
  expect(() => read(content)).toThrow(line);
});
