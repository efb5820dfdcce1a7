// Edges as a graph draws them: a step lists everything that it needs, and what another need implies would only be a weave.
interface Needing {
  name: string;
  needs: string[];
}

// Beyond this many the reduction costs more than it clears up.
const reducedMax = 400;

export function edgesOf(steps: Needing[]): { from: string; to: string }[] {
  const above = steps.length <= reducedMax ? ancestors(steps) : new Map<string, Set<string>>();
  return steps.flatMap(({ name, needs }) =>
    needs
      .filter((need) => !needs.some((other) => other !== need && above.get(other)?.has(need)))
      .map((need) => ({ from: need, to: name })),
  );
}

// Everything that a step needs, directly or not. A cycle, which no plan has, ends where it began.
function ancestors(steps: Needing[]): Map<string, Set<string>> {
  const needs = new Map(steps.map((step) => [step.name, step.needs]));
  const found = new Map<string, Set<string>>();
  const collect = (name: string): Set<string> => {
    const known = found.get(name);
    if (known) return known;
    const all = new Set<string>();
    found.set(name, all);
    for (const need of needs.get(name) ?? []) {
      all.add(need);
      for (const each of collect(need)) all.add(each);
    }
    return all;
  };
  for (const { name } of steps) collect(name);
  return found;
}
