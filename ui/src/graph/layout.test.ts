import { describe, expect, it } from 'vitest';
import { fit, layout, layoutFor, spread, type LayoutEdge } from './layout';

const sizes = { width: 200, height: 50, gap: 60, space: 20 };
const ids = (...names: string[]) => names.map((id) => ({ id }));
const edge = (text: string): LayoutEdge => ({ from: text.split('>')[0]!, to: text.split('>')[1]! });

describe('layout', () => {
  it('puts what needs something to the right of it', () => {
    const edges = ['a>b', 'b>c', 'a>c'].map(edge);
    const { places } = layout(ids('c', 'b', 'a'), edges, sizes);
    expect(['a', 'b', 'c'].map((id) => places.get(id)!.x)).toEqual([0, 260, 520]);
  });
  it('puts a start next to what needs it', () => {
    const { places } = layout(ids('a', 'b', 'c', 'late'), ['a>b', 'b>c', 'late>c'].map(edge), sizes);
    expect(places.get('late')!.rank).toBe(1);
  });
  it('never lets two boxes overlap', () => {
    const nodes = Array.from({ length: 200 }, (_, index) => ({ id: String(index) }));
    const edges = nodes.slice(20).flatMap((node, index) => [
      { from: String(index), to: node.id },
      { from: String((index * 7) % (index + 20)), to: node.id },
    ]);
    for (const direction of ['right', 'down'] as const) {
      const boxes = [...layout(nodes, edges, sizes, direction).places.values()];
      const overlap = boxes.some((a, i) =>
        boxes.slice(i + 1).some((b) => Math.abs(a.x - b.x) < sizes.width && Math.abs(a.y - b.y) < sizes.height),
      );
      expect(overlap).toBe(false);
    }
  });
  it('bears a cycle, an unknown end and an edge to itself', () => {
    const { places } = layout(ids('a', 'b', 'c'), ['a>b', 'b>a', 'b>c', 'x>a', 'c>c'].map(edge), sizes);
    expect(places.size).toBe(3);
    expect([...places.values()].every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  });
  it('leads a long edge past the boxes between its ends', () => {
    const { places, routes } = layout(ids('a', 'b', 'c'), ['a>b', 'b>c', 'a>c'].map(edge), sizes);
    const [bend] = routes.get('a→c')!;
    const b = places.get('b')!;
    expect(bend!.x).toBe(b.x);
    expect(bend!.y < b.y || bend!.y > b.y + sizes.height).toBe(true);
    expect([...routes.keys()]).toEqual(['a→c']);
  });
  it('bears nothing at all', () => expect(layout([], [], sizes).places.size).toBe(0));
  it('does not cross what need not cross', () => {
    const { places } = layout(ids('a', 'b', 'x', 'y'), ['a>y', 'b>x'].map(edge), sizes);
    expect(places.get('a')!.y < places.get('b')!.y).toBe(places.get('y')!.y < places.get('x')!.y);
  });
  it('lays out a thousand tasks at once', () => {
    const nodes = Array.from({ length: 1000 }, (_, index) => ({ id: String(index) }));
    const edges = nodes.slice(50).flatMap((node, index) => [
      { from: String(index), to: node.id },
      { from: String(Math.max(0, index - 3)), to: node.id },
    ]);
    const start = performance.now();
    layout(nodes, edges, sizes);
    // Some 50 ms on a quiet machine; the bound is for what grows with the square.
    expect(performance.now() - start).toBeLessThan(3000);
  });
  it('goes down where that shows the whole larger', () => {
    const chain = Array.from({ length: 9 }, (_, index) => String(index));
    const edges = chain.slice(1).map((to, index) => ({ from: chain[index]!, to }));
    const frame = { width: 1000, height: 600 };
    expect(layoutFor(ids(...chain), edges, frame, { right: sizes, down: sizes }).direction).toBe('down');
    const fan = Array.from({ length: 20 }, (_, index) => ({ from: 'a', to: `t${index}` }));
    expect(layoutFor(ids('a', ...fan.map(({ to }) => to)), fan, frame, { right: sizes, down: sizes }).direction).toBe(
      'right',
    );
  });
});

it('fits a graph into its frame and does not blow a small one up', () => {
  expect(fit({ width: 100, height: 100 }, { width: 500, height: 300 })).toEqual({ x: 200, y: 100, zoom: 1 });
  const { zoom, x, y } = fit({ width: 2000, height: 100 }, { width: 556, height: 300 });
  expect([zoom, x, y]).toEqual([0.25, 28, 137.5]);
});

it('keeps places apart and as near to where they want to be as that allows', () => {
  expect(spread([0, 100, 200], [0, 50, 100])).toEqual([0, 100, 200]);
  expect(spread([0, 0, 0], [0, 10, 20])).toEqual([-10, 0, 10]);
  expect(spread([50, 0], [0, 10])).toEqual([20, 30]);
});
