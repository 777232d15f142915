import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST_FILE, versionOf } from '../../src/bundle/manifest.js';
import { BUNDLE, copyOf, editJson, expectMistake, fresh, lcdnn, start } from './cli.js';

const image = fresh('image.png');
let png: Buffer;

beforeAll(async () => {
  png = await sharp({ create: { width: 16, height: 16, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  writeFileSync(image, png);
});

const files = (readdirSync(BUNDLE, { recursive: true }) as string[]).filter((path) => {
  return statSync(join(BUNDLE, path)).isFile() && !path.startsWith('demo/samples/');
});

/** A copy of the bundle that asks the edge for every image. */
function unsureBundle(): string {
  const bundle = copyOf(BUNDLE);
  const path = join(bundle, MANIFEST_FILE);
  const manifest = { ...JSON.parse(readFileSync(path, 'utf8')), tau: 0 };
  writeFileSync(path, JSON.stringify({ ...manifest, version: versionOf(manifest) }));
  return bundle;
}

/** Both read a bundle alike; each is asked in turn. */
const READERS = [
  (bundle: string) => ['predict', '--bundle', bundle, image],
  (bundle: string) => ['serve', bundle, '--port', '0'],
];

describe.concurrent('a bundle', () => {
  it.each(
    files.map((file, i) => [file, READERS[i % 2]] as const),
  )('with a bit of %s flipped is refused', async (file, reader) => {
    const bundle = copyOf(BUNDLE);
    const bytes = readFileSync(join(bundle, file));
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(join(bundle, file), bytes);
    await expectMistake(reader(bundle), `error: ${join(bundle, file)}: expected `);
  });

  it.each([
    [
      'a file cut short',
      'lcdnn.js',
      (path: string) => writeFileSync(path, ''),
      /lcdnn\.js: expected \d+ bytes, found 0/,
    ],
    [
      'a file gone',
      'edge/tail.onnx',
      (path: string) => rmSync(path),
      /tail\.onnx: expected a file of the bundle, found: no/,
    ],
    [
      'no manifest',
      'manifest.json',
      (path: string) => rmSync(path),
      /expected the manifest of a bundle .*found: no such/,
    ],
    [
      'another threshold',
      'manifest.json',
      (path: string) => editJson(path, { tau: 1 }),
      /bundle was changed or damaged/,
    ],
    [
      'a file outside',
      'manifest.json',
      (path: string) => editJson(path, { files: { '../x': {} } }),
      /expected the manifest of a bundle .*, found "\.\.\/x" at files/,
    ],
    [
      'the format of a later version',
      'manifest.json',
      (path: string) => editJson(path, { format: 3 }),
      /in format 2 or earlier, found format 3, which a newer version of lcdnn wrote/,
    ],
  ])('with %s is refused', async (_, file, damage, line) => {
    const bundle = copyOf(BUNDLE);
    damage(join(bundle, file));
    await expectMistake(READERS[0](bundle), line);
  });

  it.each(READERS)('that is not there is asked for', (reader) =>
    expectMistake(reader('nowhere'), /made by "lcdnn export"\), found: no such file/));
});

describe.concurrent('predict', () => {
  const odd = (content: Uint8Array | string): string => {
    const path = fresh('odd.png');
    writeFileSync(path, content);
    return path;
  };

  it.each([
    ['no image', () => odd('hello'), /expected an image \(PNG, .*\), found: .*unsupported image format/],
    ['a PNG cut short', () => odd(png.subarray(0, png.length - 30)), /expected an image \(PNG, .*\), found: /],
    ['an empty file', () => odd(''), /expected an image \(PNG, .*\), found: /],
    ['a file that is not there', () => 'gone.png', /^skipped gone\.png: expected an image file, found: no such file\n/],
  ])('skips %s, answers the other image, and exits with 2', async (_, path, line) => {
    const { code, stdout, stderr } = await lcdnn('predict', '--bundle', BUNDLE, image, path());
    expect(stderr).toMatch(line);
    expect(code).toBe(2);
    expect(stdout).toContain(image);
  });

  it('refuses a folder without images', () =>
    expectMistake(
      ['predict', '--bundle', BUNDLE, image, join(BUNDLE, 'edge')],
      /expected images \(\.png, \.jpg, \.webp, \.\.\.\), found none/,
    ));

  it("gives the branch's answer, marked unsure, where the edge server is away", async () => {
    const bundle = unsureBundle();
    const { code, stdout, stderr } = await lcdnn('predict', '--bundle', bundle, image, '--edge', 'http://127.0.0.1:2');
    expect(code).toBe(0);
    expect(stdout).toContain('branch (unsure)');
    expect(stderr).toMatch(/^the edge didn't answer, so some images have the branch's answer only: [^\n]+\n$/);
    const json = await lcdnn('predict', '--bundle', bundle, image, '--edge', 'http://127.0.0.1:2', '--json');
    expect(JSON.parse(json.stdout).predictions[0]).toMatchObject({ by: 'branch', unsure: true });
  });
});

describe.concurrent('serve', () => {
  it('names a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expectMistake(
      ['serve', BUNDLE, '--port', `${port}`],
      `error: 127.0.0.1:${port}: expected a free port, found one in use; choose another with --port\n`,
    );
    other.close();
  });

  it('names an address that is not of this machine', () =>
    expectMistake(
      ['serve', BUNDLE, '--host', '192.0.2.1', '--port', '0'],
      /192\.0\.2\.1: expected an address of this/,
    ));

  it.each(['SIGINT', 'SIGTERM'] as const)('stops at %s without complaint', async (signal) => {
    const server = start(['serve', BUNDLE, '--port', '0']);
    await server.printed('Ctrl-C stops');
    server.child.kill(signal);
    const { code, stderr } = await server.ended;
    expect([code, stderr]).toEqual([0, '']);
  });
});
