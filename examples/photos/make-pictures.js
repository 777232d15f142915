// node make-pictures.js FOLDER [COUNT]: draws COUNT pictures of three fabrics (striped, dotted, checked) in a folder each.
// Colours, angles, sizes and light differ from picture to picture. The same arguments give the same pictures.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const [folder = 'pictures', count = '60'] = process.argv.slice(2);
const [WIDTH, HEIGHT] = [320, 240];

/** A seeded generator of numbers in [0, 1) (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The pattern of each fabric: what is drawn in a tile of this size. */
const FABRICS = {
  striped: (size) => `<rect width="${size}" height="${size / 2}"/>`,
  dotted: (size) => `<circle cx="${size / 2}" cy="${size / 2}" r="${size / 3.5}"/>`,
  checked: (size) =>
    `<rect width="${size / 2}" height="${size / 2}"/><rect x="${size / 2}" y="${size / 2}" width="${size / 2}" height="${size / 2}"/>`,
};

function picture(draw, next) {
  const colour = (lightness) => `hsl(${Math.round(360 * next())} ${Math.round(20 + 60 * next())}% ${lightness}%)`;
  const size = 14 + 40 * next();
  const transform = `rotate(${Math.round(180 * next())}) skewX(${Math.round(30 * next() - 15)})`;
  const [light, dark] = [colour(60 + 30 * next()), colour(15 + 30 * next())];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
    <defs>
      <pattern id="fabric" width="${size}" height="${size}" patternUnits="userSpaceOnUse" patternTransform="${transform}">
        <g fill="${dark}">${draw(size)}</g>
      </pattern>
      <radialGradient id="lamp" cx="${next()}" cy="${next()}" r="1">
        <stop offset="0" stop-color="white" stop-opacity="0.35"/><stop offset="1" stop-color="black" stop-opacity="0.5"/>
      </radialGradient>
    </defs>
    <rect width="100%" height="100%" fill="${light}"/>
    <rect width="100%" height="100%" fill="url(#fabric)"/>
    <rect width="100%" height="100%" fill="url(#lamp)"/>
  </svg>`;
}

for (const [kind, [name, draw]] of Object.entries(FABRICS).entries()) {
  mkdirSync(join(folder, name), { recursive: true });
  for (let i = 0; i < Number(count); i++) {
    const svg = picture(draw, generator(1000 * kind + i));
    const file = join(folder, name, `${String(i).padStart(3, '0')}.jpg`);
    await sharp(Buffer.from(svg)).blur(0.6).jpeg({ quality: 82 }).toFile(file);
  }
}
console.log(`${folder}: ${count} pictures each of ${Object.keys(FABRICS).join(', ')}`);
