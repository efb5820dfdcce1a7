// Marks on a time axis from 0 to `seconds`: at most `most`, at steps that people count in.
const steps = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  14_400, 21_600, 43_200, 86_400,
];

export function niceTicks(seconds: number, most: number): number[] {
  const step = steps.find((each) => seconds / each <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400;
  const ticks: number[] = [];
  for (let count = 0; count * step < seconds * 0.97; ++count) ticks.push(Number((count * step).toFixed(6)));
  return ticks;
}
