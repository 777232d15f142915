import { readBundle } from '../bundle/read-bundle.js';
import { listen } from '../edge/listen.js';
import { browseUntil } from '../profiling/browse-until.js';
import { createDeviceBench, type DeviceResult } from '../profiling/device-bench.js';
import { findBrowser } from '../profiling/find-browser.js';

export interface BenchDeviceOptions {
  /** Path of a Chromium or Chrome. */
  readonly browser?: string;
  /** Called with the page's address for a person to open. If given, no browser is started. */
  readonly onAddress?: (url: string) => void;
  /** Where the server listens. Default: 127.0.0.1, a free port. */
  readonly host?: string;
  readonly port?: number;
  /** Samples of the time per image. Default: 30. */
  readonly rounds?: number;
  /** Path of a .tflite model, which is timed in LiteRT.js. */
  readonly litert?: string;
}

/** A measurement with the name and version of the bundle. */
export type BenchDeviceResult = { readonly model: string; readonly version: string } & DeviceResult;

/**
 * Measures a bundle's branch in a browser: in a headless one on this machine, or in any that opens the page.
 *
 * @throws UserError if the bundle is damaged, no browser is found, or the page can't measure
 */
export async function benchDevice(folder: string, options: BenchDeviceOptions = {}): Promise<BenchDeviceResult> {
  const { onAddress, host = '127.0.0.1', port = 0, rounds = 30, litert } = options;
  const bundle = readBundle(folder);
  const program = onAddress ? undefined : findBrowser(options.browser);
  const { app, result } = await createDeviceBench(bundle, litert);
  try {
    const query = `rounds=${rounds}${program ? '&edge' : ''}${litert === undefined ? '' : '&litert'}`;
    const url = `${await listen(app, { host, port })}/bench/?${query}`;
    onAddress?.(url);
    const found = await (program ? Promise.race([result, browseUntil(program, url, result)]) : result);
    const { name, version } = bundle.manifest;
    return { model: name, version, ...found };
  } finally {
    await app.close();
  }
}
