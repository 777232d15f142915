import { describe, expect, it } from 'vitest';
import { readReport } from './read-report.js';
import { takeReport } from './reports.js';
import { createUpstream } from './upstream.js';

const metrics = (inFlight: number | string, seconds = 0, images = 0) => `# HELP lcdnn_requests_in_flight Requests
# TYPE lcdnn_requests_in_flight gauge
lcdnn_requests_in_flight{model="a"} ${inFlight}
lcdnn_requests_in_flight{model="b }1"} 1
lcdnn_requests_in_flight_other 1000
lcdnn_batch_seconds_bucket{le="1",model="a"} 77
lcdnn_batch_seconds_sum{model="a"} ${seconds}
lcdnn_batch_images_sum{model="a"} ${images}
`;

describe('a report', () => {
  it('is summed over models', () => {
    expect(readReport(metrics(4, 1.5, 300))).toEqual({ inFlight: 5, batchSeconds: 1.5, images: 300 });
  });

  it('is read before the first batch', () => {
    expect(readReport('lcdnn_requests_in_flight{model="a"} 0')).toEqual({ inFlight: 0, batchSeconds: 0, images: 0 });
  });

  it.each(['', '<html>', 'up 1\n'])('is nothing in the metrics of other servers: %j', (text) => {
    expect(readReport(text)).toBeUndefined();
  });

  it.each([
    [metrics('soon'), /expected a number from 0 for lcdnn_requests_in_flight, found soon/],
    [metrics('-1'), /found -1/],
    [metrics('NaN'), /found NaN/],
    [metrics('+Inf'), /found \+Inf/],
    [metrics(''), /found none/],
  ])('of no use says why: %j', (text, reason) => {
    expect(() => readReport(text)).toThrow(reason);
  });
});

describe('taking a report', () => {
  const upstream = () => Object.assign(createUpstream('http://a', 10), { up: true, inFlight: 3 });
  const said =
    (text: string, status = 200) =>
    async () => ({ status, text });

  it('tells what others have there, and how fast it is', async () => {
    const server = upstream();
    await takeReport(server, said(metrics(6, 2, 200)));
    expect(server).toMatchObject({ others: 4, imagesPerSecond: 100 });
    await takeReport(server, said(metrics(1, 3, 400)));
    expect(server.others).toBe(0);
    expect(server.imagesPerSecond).toBeCloseTo(120);
    await takeReport(server, said(metrics(1, 0, 0))); // started anew
    expect(server.imagesPerSecond).toBeCloseTo(120);
  });

  it('counts none of the own requests as others, come or gone meanwhile', async () => {
    const server = upstream();
    await takeReport(server, async () => {
      server.inFlight = 7;
      return { status: 200, text: metrics(6) };
    });
    expect(server.others).toBe(0);
  });

  it('says what is wrong, and forgets it at the next good one', async () => {
    const server = upstream();
    await takeReport(server, said('', 401));
    expect(server.reportFault).toBe('expected HTTP 200, found 401');
    await takeReport(server, said(metrics('?')));
    expect(server.reportFault).toMatch(/found \?/);
    await takeReport(server, said(metrics(0)));
    expect(server.reportFault).toBeUndefined();
  });

  it.each([
    ['other metrics', 'up 1\n', 200],
    ['no metrics', 'not found', 404],
  ])('counts only the own requests to a server with %s', async (_, text, status) => {
    const server = Object.assign(upstream(), { others: 5 });
    await takeReport(server, said(text, status));
    expect(server).toMatchObject({ others: 0, reportsLoad: false, reportFault: undefined });
    await takeReport(server, said(metrics(6)));
    expect(server).toMatchObject({ others: 4, reportsLoad: true });
  });

  it('leaves it to the health checks whether the server is there', async () => {
    const server = upstream();
    await takeReport(server, async () => {
      throw new Error('away');
    });
    expect(server.reportFault).toBeUndefined();
  });
});
