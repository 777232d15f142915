import { axis, frame, PALETTES, renderSvg, type Theme } from './chart.js';

/** Heights of a row and of the space above and below the rows, in pixels. */
const ROW = 26;
const TOP = 60;
const BOTTOM = 62;
/** Estimated width of a letter in pixels. */
const LETTER = 7.5;

/** The parts of a design's expected latency, in ms. They add up to it. */
export interface DesignBar {
  readonly label: string;
  readonly loadingMs: number;
  readonly deviceMs: number;
  readonly uplinkMs: number;
  readonly edgeMs: number;
}

/**
 * Expected latencies as stacked bars, one part per stage (3.4.1, 3.4.2).
 *
 * @returns SVG
 */
export function designsChart(bars: readonly DesignBar[], theme: Theme = 'light'): string {
  const palette = PALETTES[theme];
  const parts = [
    { name: 'loading', of: (bar: DesignBar) => bar.loadingMs, color: palette.exits },
    { name: 'device', of: (bar: DesignBar) => bar.deviceMs, color: palette.branch },
    { name: 'uplink', of: (bar: DesignBar) => bar.uplinkMs, color: palette.both },
    { name: 'edge', of: (bar: DesignBar) => bar.edgeMs, color: palette.full },
  ];
  const shared = frame(
    theme,
    parts.map(({ name }) => name),
  );
  const bare = { axisTick: { show: false }, axisLine: { show: false } };
  return renderSvg(
    `designs-${theme}`,
    {
      ...shared,
      legend: { ...shared.legend, itemWidth: 14, itemStyle: { opacity: 1 } },
      grid: {
        left: 28 + LETTER * Math.max(4, ...bars.map(({ label }) => label.length)),
        right: 90,
        top: TOP,
        bottom: BOTTOM,
        outerBoundsMode: 'none',
      },
      xAxis: { type: 'value', min: 0, ...axis(theme, 'expected latency of an image (ms)', 32) },
      yAxis: {
        type: 'category',
        inverse: true,
        data: bars.map(({ label }) => label),
        ...bare,
        axisLabel: { color: palette.text, fontSize: 13, interval: 0 },
      },
      series: parts.map(({ name, of, color }, i) => ({
        name,
        type: 'bar' as const,
        silent: true,
        stack: 'latency',
        barWidth: 15,
        data: bars.map(of),
        itemStyle: { color },
        label: {
          show: i === parts.length - 1,
          position: 'right' as const,
          color: palette.text,
          formatter: ({ dataIndex }: { dataIndex: number }) => {
            const total = parts.reduce((sum, part) => sum + part.of(bars[dataIndex]), 0);
            return `${total < 1000 ? total.toPrecision(3) : Math.round(total).toLocaleString('en-US')} ms`;
          },
        },
      })),
    },
    TOP + BOTTOM + ROW * Math.max(1, bars.length),
  );
}

/** A design in the chart: its download in bytes and its expected latency in ms. */
export interface DesignPoint {
  readonly label: string;
  readonly downloadBytes: number;
  readonly expectedMs: number;
  /** Whether no other design is both smaller and faster (and more accurate, if accuracies are known). */
  readonly best: boolean;
  readonly satisfies: boolean;
}

/**
 * Download against expected latency. The designs that no other beats are named and joined; lines show limits.
 *
 * @returns SVG
 */
export function paretoChart(
  points: readonly DesignPoint[],
  limits: { readonly bytes?: number; readonly ms?: number },
  theme: Theme = 'light',
): string {
  const palette = PALETTES[theme];
  const names = { front: 'no other beats them', inside: 'within the limits', outside: 'others' };
  const shared = frame(theme, Object.values(names));
  const place = ({ downloadBytes, expectedMs }: DesignPoint) => [downloadBytes / 1000, expectedMs];
  const front = points.filter(({ best }) => best).sort((a, b) => a.downloadBytes - b.downloadBytes);
  const dots = (name: string, chosen: readonly DesignPoint[], color: string) => ({
    name,
    type: 'scatter' as const,
    silent: true,
    symbolSize: 8,
    data: chosen.map(place),
    itemStyle: { color, opacity: 0.8 },
  });
  const lines = [
    ...(limits.bytes === undefined ? [] : [{ xAxis: limits.bytes / 1000 }]),
    ...(limits.ms === undefined ? [] : [{ yAxis: limits.ms }]),
  ];
  const log = {
    type: 'log' as const,
    ...rangeAround(
      points.map((point) => point.downloadBytes / 1000),
      limits.bytes && limits.bytes / 1000,
    ),
  };
  return renderSvg(`pareto-${theme}`, {
    ...shared,
    legend: { ...shared.legend, itemWidth: 14, itemStyle: { opacity: 1 } },
    xAxis: { ...log, ...axis(theme, 'download (KB, log scale)', 32) },
    yAxis: {
      type: 'log',
      ...rangeAround(
        points.map(({ expectedMs }) => expectedMs),
        limits.ms,
      ),
      ...axis(theme, 'expected latency of an image (ms, log scale)', 58),
    },
    series: [
      dots(
        names.outside,
        points.filter(({ satisfies, best }) => !satisfies && !best),
        palette.exits,
      ),
      dots(
        names.inside,
        points.filter(({ satisfies, best }) => satisfies && !best),
        palette.both,
      ),
      {
        name: names.front,
        type: 'line',
        silent: true,
        symbol: 'circle',
        symbolSize: 10,
        data: front.map(place),
        lineStyle: { color: palette.branch, width: 1.5 },
        itemStyle: { color: palette.branch, opacity: 1 },
        label: {
          show: true,
          position: 'right' as const,
          color: palette.text,
          formatter: ({ dataIndex }: { dataIndex: number }) => front[dataIndex].label,
        },
        markLine: {
          symbol: 'none',
          data: lines,
          label: { show: false },
          lineStyle: { color: palette.chosen, width: 1, type: 'dashed' },
        },
      },
    ],
  });
}

/** Limits of a logarithmic axis around the values, with a margin. */
function rangeAround(values: readonly number[], limit?: number): { min: number; max: number } {
  const all = limit === undefined ? values : [...values, limit];
  const round = (value: number, up: boolean): number => {
    const power = 10 ** Math.floor(Math.log10(value));
    const digit = value / power;
    return (
      power *
      (up ? ([1, 2, 5, 10].find((step) => step >= digit) ?? 10) : ([5, 2, 1].find((step) => step <= digit) ?? 1))
    );
  };
  return { min: round(Math.min(...all) * 0.9, false), max: round(Math.max(...all) * 1.1, true) };
}

/** A branch of n binary convolutions and m binary fully-connected layers. */
export interface SizePoint {
  readonly conv: number;
  readonly fc: number;
  readonly bytes: number;
  /** Accuracy of the branch, in [0, 1]; absent if it was not trained. */
  readonly accuracy?: number;
}

/**
 * Fig. 7: size of the device's part in bytes, and the branch's accuracy if known, against the number of binary layers.
 *
 * @returns SVG
 */
export function sizesChart(points: readonly SizePoint[], theme: Theme = 'light'): string {
  const palette = PALETTES[theme];
  const colors = [palette.both, palette.branch, palette.full, palette.exits, palette.chosen];
  const fcs = [...new Set(points.map(({ fc }) => fc))];
  const convs = [...new Set(points.map(({ conv }) => conv))];
  const trained = points.filter(({ accuracy }) => accuracy !== undefined);
  const name = (fc: number) => `${fc} fully-connected`;
  const shared = frame(theme, fcs.map(name));
  const two = trained.length > 0;
  const panels = two ? [{ right: '54.5%' }, { left: '57%', right: 28 }] : [{}];
  const at = (conv: number, fc: number) => points.find((point) => point.conv === conv && point.fc === fc);
  const measures = [
    (point?: SizePoint) => point && point.bytes / 1000,
    (point?: SizePoint) => (point?.accuracy === undefined ? undefined : 100 * point.accuracy),
  ];
  const titles = ['conv1 and branch (KB, log scale)', 'accuracy of the branch (%)'];
  return renderSvg(`sizes-${theme}`, {
    ...shared,
    legend: { ...shared.legend, itemGap: 20, itemStyle: { opacity: 1 } },
    grid: panels.map((panel) => ({ ...shared.grid, top: 60, ...panel })),
    xAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'category',
      data: convs,
      ...axis(theme, 'binary convolutions', 32),
      axisLabel: { color: palette.text },
      splitLine: { show: false },
    })),
    yAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      ...(gridIndex === 0
        ? { type: 'log' as const, ...rangeAround(points.map(({ bytes }) => bytes / 1000)) }
        : { type: 'value' as const, scale: true }),
      ...axis(theme, titles[gridIndex], 52),
    })),
    series: panels.flatMap((_, panel) =>
      fcs.map((fc, i) => ({
        name: name(fc),
        type: 'line' as const,
        silent: true,
        xAxisIndex: panel,
        yAxisIndex: panel,
        data: convs.map((conv) => measures[panel](at(conv, fc)) ?? '-'),
        symbol: 'circle',
        symbolSize: 7,
        lineStyle: { color: colors[i % colors.length], width: 2 },
        itemStyle: { color: colors[i % colors.length] },
      })),
    ),
  });
}
