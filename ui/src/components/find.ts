// Which things a few letters mean: pure, so that its order can be tested.

export interface Findable {
  kind: string;
  text: string;
  href: string;
}

// How well `wanted` fits: 0 not at all; the start of a word beats the middle, a whole piece beats scattered letters.
export function fit(text: string, wanted: string): number {
  const lower = text.toLowerCase();
  const letters = wanted.toLowerCase();
  if (letters === '') return 1;
  const at = lower.indexOf(letters);
  if (at === 0) return 100 - text.length / 100;
  if (at > 0) return (/[^a-z0-9]/.test(lower[at - 1]!) ? 80 : 60) - text.length / 100;
  let from = 0;
  for (const letter of letters) {
    from = lower.indexOf(letter, from) + 1;
    if (from === 0) return 0;
  }
  return 20 - text.length / 100;
}

const runId = /^\d{8}-\d{6}-[a-z0-9]+$/;

// Best first; what fits alike keeps its order. A run's id is an address of its own.
export function rankMatches(items: Findable[], wanted: string): Findable[] {
  const ranked = items
    .map((item, index) => ({ item, index, value: fit(item.text, wanted) }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value || a.index - b.index)
    .map(({ item }) => item);
  if (runId.test(wanted)) ranked.unshift({ kind: 'Run', text: wanted, href: `/runs/${wanted}` });
  return ranked;
}
