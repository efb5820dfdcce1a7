// Figures as people read them. All are pure and answer an en dash for what is not known.

const none = '–';

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? none : value.toLocaleString('en-US');
}

// 1,234 · 12.3k · 4.56M: three figures at most.
export function shortCount(value: number | null | undefined): string {
  if (value === null || value === undefined) return none;
  if (Math.abs(value) < 10_000) return value.toLocaleString('en-US');
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (Math.abs(value) >= size * 0.9995) return threeFigures(value / size) + unit;
  }
  return String(value);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return none;
  if (value < 1024) return `${value} B`;
  let rest = value;
  for (const unit of ['kB', 'MB', 'GB', 'TB']) {
    rest /= 1024;
    if (rest < 1000) return `${threeFigures(rest)} ${unit}`;
  }
  return `${threeFigures(rest / 1024)} PB`;
}

function threeFigures(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return value
    .toFixed(digits)
    .replace(/\.0+$/, '')
    .replace(/(\.\d)0$/, '$1');
}

// 12 ms · 4.3 s · 2 min 5 s · 3 h 20 min · 2 d 4 h
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return none;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return pair(whole, 3600, 'h', 60, 'min');
  return pair(whole, 86_400, 'd', 3600, 'h');
}

function pair(whole: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((whole % big) / small);
  return `${Math.floor(whole / big)} ${bigUnit}` + (rest > 0 ? ` ${rest} ${smallUnit}` : '');
}

export function percent(part: number, whole: number): string {
  if (whole <= 0) return none;
  const value = (100 * part) / whole;
  return value > 0 && value < 0.1 ? '< 0.1 %' : `${value.toFixed(value >= 10 ? 0 : 1)} %`;
}

// +12 % against `before`; empty when that says nothing.
export function change(now: number | null | undefined, before: number | null | undefined): string {
  if (!now || !before) return '';
  const value = (100 * (now - before)) / before;
  if (Math.abs(value) < 0.5) return '±0 %';
  return `${value > 0 ? '+' : '−'}${Math.abs(value) >= 1000 ? '> 999' : Math.abs(value).toFixed(0)} %`;
}

export function plural(number: number, word: string, many = word + 's'): string {
  return `${count(number)} ${number === 1 ? word : many}`;
}
