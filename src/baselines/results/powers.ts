import { z } from 'zod';
import { UserError } from '../../base/errors.js';
import { readJson } from '../../base/json.js';

const power = z.number().nonnegative();

/** A radio needs base + slope x bandwidth while it transfers data. Afterwards it stays awake for a while (its tail). */
const radio = z.strictObject({
  /** mW while it sends, receives or waits in between. */
  baseMw: power,
  /** mW per Mbit/s up and down, which equals mJ per Mbit. */
  upMwPerMbps: power,
  downMwPerMbps: power,
  /** The tail: mW while it is awake without transfers, and how many ms that lasts after the last byte. */
  tailMw: power,
  tailMs: power,
  source: z.string(),
});
export type Radio = z.infer<typeof radio>;

const processor = z.strictObject({
  /** mW of one busy core, above the idle phone. */
  busyMw: power,
  source: z.string(),
});

export interface Powers {
  readonly processor: z.infer<typeof processor>;
  /** Radios by connection. */
  readonly radios: Readonly<Record<string, Radio>>;
}

const HUANG =
  'Huang et al., "A Close Examination of Performance and Power Characteristics of 4G LTE Networks", MobiSys 2012, Tables 3 and 4, not checked against the print';

/** Published measurements; docs/reproduce/energy.md discusses how reliable they are. */
export const PUBLISHED_POWERS: Powers = {
  processor: {
    busyMw: 1812,
    source:
      'one Cortex-A73 of a Kirin 960 (the phone of the paper) at 2.362 GHz, above idle: Humrick, "HiSilicon Kirin 960: A Closer Look at Performance and Power", AnandTech, 14 March 2017, page 4',
  },
  radios: {
    '3g': {
      baseMw: 817.88,
      upMwPerMbps: 868.98,
      downMwPerMbps: 122.12,
      tailMw: 803.9,
      tailMs: 8088.2,
      source: `${HUANG} (3G; the tail's first state)`,
    },
    '4g': {
      baseMw: 1288.04,
      upMwPerMbps: 438.39,
      downMwPerMbps: 51.97,
      tailMw: 1060,
      tailMs: 11576,
      source: `${HUANG} (LTE)`,
    },
    '5g': {
      baseMw: 1940,
      upMwPerMbps: 29.15,
      downMwPerMbps: 13.52,
      tailMw: 249,
      tailMs: 10200,
      source:
        "Narayanan et al., \"A Variegated Look at 5G in the Wild\", SIGCOMM 2021 (low band, Galaxy S20 Ultra), slope down in keeping with the authors' traces, slope up and tail not checked; the base is LTE's and the 0.65 W that low band takes more in the authors' traces",
    },
    wifi: {
      baseMw: 132.86,
      upMwPerMbps: 283.17,
      downMwPerMbps: 137.01,
      tailMw: 119.3,
      tailMs: 238.1,
      source: `${HUANG} (WiFi)`,
    },
  },
};

const ownPowers = z.strictObject({
  processor: processor.partial().optional(),
  radios: z.record(z.string(), radio.partial()).optional(),
});

/**
 * Reads powers from a JSON file. Published values fill in whatever the file omits.
 *
 * @throws UserError if the file isn't such JSON, or describes an additional connection only in part
 */
export function readPowers(path: string): Powers {
  const source = path;
  const given = readJson(path, ownPowers, 'powers of processor and radios', 'see docs/reproduce/energy.md');
  const { processor: own, radios = {} } = given;
  return {
    processor: own ? { ...PUBLISHED_POWERS.processor, source, ...own } : PUBLISHED_POWERS.processor,
    radios: {
      ...PUBLISHED_POWERS.radios,
      ...Object.fromEntries(Object.entries(radios).map(([name, given]) => [name, completeRadio(path, name, given)])),
    },
  };
}

function completeRadio(path: string, name: string, given: Partial<Radio>): Radio {
  const result = radio.safeParse({ ...PUBLISHED_POWERS.radios[name], source: path, ...given });
  if (result.success) return result.data;
  const missing = result.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new UserError(
    `${path}: expected all powers of the connection ${name}, which has no published ones; add ${missing}`,
  );
}

/** Published powers of a device on this connection, in mW. Partitions are priced with them. */
export const devicePowers = (connection: string) => ({
  computeMw: PUBLISHED_POWERS.processor.busyMw,
  radioMw: PUBLISHED_POWERS.radios[connection.split(',')[0]]?.baseMw ?? 0,
});
