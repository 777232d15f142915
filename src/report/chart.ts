import * as echarts from 'echarts';
import sharp from 'sharp';

/** Size of a chart in CSS pixels; one with a row per run is as high as it needs. */
export const WIDTH = 860;
export const HEIGHT = 460;

export type Theme = 'light' | 'dark';

/** Colours after Okabe and Ito (told apart by colour-blind readers), lightened for dark pages. */
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

/** What all charts share: colours, fonts (whatever sans-serif the reader's machine has), room around the plot. */
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
      itemGap: 36, // text is measured by guess here: room for wider fonts
      itemWidth: 28,
      itemStyle: { opacity: 0 }, // lines alone
      textStyle: { color: text, fontSize: 13 },
    },
    grid: { left: 78, right: 78, top: 76, bottom: 62, outerBoundsMode: 'none' },
  };
}

/** An axis named along its middle; ticks are formatted by `label`. */
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

/** Without the noise of the last binary digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(9));
}

/** Limits and step of an axis in percent that holds all the values, close around them, on round numbers. */
export function percentRange(shares: readonly number[]): { min: number; max: number; interval: number } {
  const lowest = 100 * Math.min(...shares);
  const highest = 100 * Math.max(...shares);
  const interval = roundInterval(Math.max(highest - lowest, 0.05));
  const min = Math.max(0, Math.floor(lowest / interval - 0.15) * interval);
  const max = Math.min(100, Math.ceil(highest / interval + 0.15) * interval);
  return { min: rounded(min), max: rounded(Math.max(max, min + interval)), interval };
}

/** A step of 1, 2 or 5 times a power of ten that divides such a span of an axis in about five. */
export function roundInterval(span: number): number {
  const raw = span / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
}

/** Draws without a browser. `id` begins all ids, so that charts can stand side by side in one page. */
export function renderSvg(id: string, option: echarts.EChartsOption, height = HEIGHT, width = WIDTH): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    // What serves pointers alone is left out; its numbers, like those of ids, would differ with every drawing.
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
 * A chart as PNG with twice its pixels. Letters come from the machine's fonts, as fontconfig finds them.
 *
 * @param svg what a chart function returned.
 */
export function toPng(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg), { density: 144 }).png({ palette: true }).toBuffer();
}
