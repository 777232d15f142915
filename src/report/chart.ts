import * as echarts from 'echarts';
import sharp from 'sharp';

/** Size of a chart in CSS pixels. The height of a chart with a row per run depends on the number of rows. */
export const WIDTH = 860;
export const HEIGHT = 460;

export type Theme = 'light' | 'dark';

/** Colours after Okabe and Ito, which colour-blind readers can tell apart; lightened for dark pages. */
export const PALETTES = {
  light: {
    background: '#ffffff',
    text: '#333333',
    faint: '#e3e3e3',
    both: '#0072b2',
    full: '#00805f',
    branch: '#c75200',
    exits: '#8a8a8a',
    chosen: '#111111',
  },
  dark: {
    background: '#1b1d21',
    text: '#d5d5d5',
    faint: '#3a3d44',
    both: '#56b4e9',
    full: '#2fc49b',
    branch: '#f0914a',
    exits: '#8f939b',
    chosen: '#ffffff',
  },
} as const;

/** Options of all charts: colours, fonts (the reader's own sans-serif), margins of the plot. */
export function frame(theme: Theme, legend: readonly string[]): echarts.EChartsOption {
  const { background, text } = PALETTES[theme];
  return {
    animation: false,
    backgroundColor: background,
    textStyle: { fontFamily: 'sans-serif', fontSize: 13, color: text },
    legend: {
      top: 12,
      selectedMode: false,
      data: [...legend],
      itemGap: 36, // text width is only estimated here: leave space for wider fonts
      itemWidth: 28,
      itemStyle: { opacity: 0 }, // lines only
      textStyle: { color: text, fontSize: 13 },
    },
    grid: { left: 78, right: 78, top: 76, bottom: 62, outerBoundsMode: 'none' },
  };
}

/** An axis with its name beside it; `label` formats the ticks. */
export function axis(theme: Theme, name: string, nameGap: number, label = (value: number) => String(rounded(value))) {
  const { text, faint } = PALETTES[theme];
  return {
    name,
    nameGap,
    nameLocation: 'middle' as const,
    nameTextStyle: { color: text, fontSize: 13 },
    axisLabel: { color: text, formatter: label },
    axisLine: { show: true, lineStyle: { color: text } },
    splitLine: { lineStyle: { color: faint } },
  };
}

/** Rounds off binary floating-point noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(9));
}

/** Limits and step of a percent axis that fits closely around the values, on round numbers. */
export function percentRange(shares: readonly number[]): { min: number; max: number; interval: number } {
  const lowest = 100 * Math.min(...shares);
  const highest = 100 * Math.max(...shares);
  const interval = roundInterval(Math.max(highest - lowest, 0.05));
  const min = Math.max(0, Math.floor(lowest / interval - 0.15) * interval);
  const max = Math.min(100, Math.ceil(highest / interval + 0.15) * interval);
  return { min: rounded(min), max: rounded(Math.max(max, min + interval)), interval };
}

/** A step of 1, 2 or 5 times a power of ten that divides the span of an axis into about five parts. */
export function roundInterval(span: number): number {
  const raw = span / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
}

/** Draws a chart without a browser. `id` is the prefix of all ids, so a page can hold several charts. */
export function renderSvg(id: string, option: echarts.EChartsOption, height = HEIGHT, width = WIDTH): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    // Remove what only mouse events need. Its numbers would differ with every drawing, as those of ids would.
    return chart
      .renderToSVGString()
      .replaceAll(/ (class|pointer-events|ecmeta_\w+)="[^"]*"/g, '')
      .replace(/<style.*<\/style>\s*/s, '')
      .replaceAll(/\bzr\d+-/g, `${id}-`);
  } finally {
    chart.dispose();
  }
}

/**
 * Renders a chart as a PNG of twice its size in pixels. Fonts are those that fontconfig finds on this machine.
 *
 * @param svg what a chart function returned
 */
export function toPng(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg), { density: 144 }).png({ palette: true }).toBuffer();
}
