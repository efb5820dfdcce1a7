// A layered layout for graphs of tasks and tables: ranks from left to right, few crossings, neighbours near each other.
// Linear in nodes and edges for each of a fixed number of sweeps, so that a thousand tasks take milliseconds.
// The steps are those of Sugiyama, Tagawa, Toda (1981); a long edge bends around the ranks that it crosses.

export interface LayoutNode {
  id: string;
}
export interface LayoutEdge {
  from: string;
  to: string;
}
export interface Place {
  x: number;
  y: number;
  rank: number;
}
// `gap` between ranks (room for edges and their figures), `space` between neighbours of one rank.
export interface Sizes {
  width: number;
  height: number;
  gap: number;
  space: number;
}
export type Direction = 'right' | 'down';
export interface Layout {
  places: Map<string, Place>;
  // By "from→to", for edges that cross ranks: where they enter each one, as the middle of its near side.
  routes: Map<string, { x: number; y: number }[]>;
  direction: Direction;
  width: number;
  height: number;
}

interface Vertex {
  id: string; // "" for a bend of an edge
  rank: number;
  y: number; // across the ranks
  from: Vertex[];
  to: Vertex[];
}
// More bends than this cost more time than their edges are worth.
const bendsMax = 600;
const bendSize = 6;

const orderSweeps = 6;
const placeSweeps = 8;

// Edges to unknown nodes are left out; an edge that closes a cycle is ignored for ranks.
export function layout(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  sizes: Sizes,
  direction: Direction = 'right',
): Layout {
  const vertices = [...connect(nodes, edges).values()];
  rank(vertices);
  const bent = bend(vertices);
  const layers = layersOf([...vertices, ...bent.flatMap(({ bends }) => bends)]);
  for (let sweep = 0; sweep < orderSweeps; ++sweep) order(layers, sweep % 2 === 0);
  const isRight = direction === 'right';
  const across = isRight ? sizes.height : sizes.width;
  // Where each would stand if the first stood at 0, by half its size and the next one's.
  const offsets = layers.map((layer) => {
    let at = 0;
    return layer.map((vertex, index) => {
      const half = (each: Vertex) => (each.id === '' ? bendSize : across) / 2;
      if (index > 0) at += half(layer[index - 1]!) + half(vertex) + (vertex.id === '' ? sizes.space / 2 : sizes.space);
      return at;
    });
  });
  layers.forEach((layer, number) =>
    layer.forEach((vertex, index) => (vertex.y = offsets[number]![index]! - offsets[number]!.at(-1)! / 2)),
  );
  for (let sweep = 0; sweep < placeSweeps; ++sweep) place(layers, offsets, sweep % 2 === 0);
  const first = Math.min(...vertices.map((vertex) => vertex.y)) - across / 2;
  const step = (isRight ? sizes.width : sizes.height) + sizes.gap;
  const places = new Map<string, Place>();
  let [width, height] = [0, 0];
  for (const vertex of vertices) {
    const near = Math.round(vertex.y - across / 2 - first);
    const spot = isRight ? { x: vertex.rank * step, y: near } : { x: near, y: vertex.rank * step };
    places.set(vertex.id, { ...spot, rank: vertex.rank });
    width = Math.max(width, spot.x + sizes.width);
    height = Math.max(height, spot.y + sizes.height);
  }
  const routes = new Map(
    bent.map(({ from, to, bends }) => [
      `${from}→${to}`,
      bends.map(({ rank: number, y }) =>
        isRight ? { x: number * step, y: y - first } : { x: y - first, y: number * step },
      ),
    ]),
  );
  return { places, routes, direction, width, height };
}

export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

// The whole in a frame, centred, never larger than life.
export function fit(
  graph: Pick<Layout, 'width' | 'height'>,
  frame: { width: number; height: number },
  margin = 28,
): Viewport {
  const zoom = Math.max(
    0.02,
    Math.min(
      1,
      (frame.width - 2 * margin) / Math.max(1, graph.width),
      (frame.height - 2 * margin) / Math.max(1, graph.height),
    ),
  );
  return { x: (frame.width - graph.width * zoom) / 2, y: (frame.height - graph.height * zoom) / 2, zoom };
}

// To the right or down, whichever shows the whole larger; to the right when there is little in it.
export function layoutFor(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  frame: { width: number; height: number },
  sizes: { right: Sizes; down: Sizes },
): Layout {
  const right = layout(nodes, edges, sizes.right, 'right');
  const zoom = fit(right, frame).zoom;
  if (zoom > 0.85) return right;
  const down = layout(nodes, edges, sizes.down, 'down');
  return fit(down, frame).zoom > zoom * 1.15 ? down : right;
}

function connect(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Map<string, Vertex> {
  const vertices = new Map(nodes.map(({ id }) => [id, { id, rank: 0, y: 0, from: [], to: [] } as Vertex]));
  for (const { from, to } of edges) {
    const [a, b] = [vertices.get(from), vertices.get(to)];
    if (!a || !b || a === b || a.to.includes(b)) continue;
    a.to.push(b);
    b.from.push(a);
  }
  return vertices;
}

// The longest path from a start; then starts move right, next to what needs them.
function rank(vertices: Vertex[]): void {
  const waiting = new Map(vertices.map((vertex) => [vertex, vertex.from.length]));
  const ready = vertices.filter((vertex) => vertex.from.length === 0);
  for (let at = 0; at < ready.length; ++at) {
    const vertex = ready[at]!;
    for (const next of vertex.to) {
      next.rank = Math.max(next.rank, vertex.rank + 1);
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  for (const vertex of vertices) {
    if (vertex.from.length === 0 && vertex.to.length > 0) {
      vertex.rank = Math.max(0, Math.min(...vertex.to.map((next) => next.rank)) - 1);
    }
  }
}

// A vertex of its own in each rank that an edge crosses, so that boxes make way for it.
function bend(vertices: Vertex[]): { from: string; to: string; bends: Vertex[] }[] {
  const long = vertices.flatMap((from) => from.to.filter((to) => to.rank > from.rank + 1).map((to) => ({ from, to })));
  if (long.reduce((sum, { from, to }) => sum + to.rank - from.rank - 1, 0) > bendsMax) return [];
  return long.map(({ from, to }) => {
    const bends = Array.from({ length: to.rank - from.rank - 1 }, (_, index): Vertex => ({
      id: '',
      rank: from.rank + 1 + index,
      y: 0,
      from: [],
      to: [],
    }));
    from.to = from.to.map((each) => (each === to ? bends[0]! : each));
    to.from = to.from.map((each) => (each === from ? bends.at(-1)! : each));
    bends.forEach((each, index) => {
      each.from = [bends[index - 1] ?? from];
      each.to = [bends[index + 1] ?? to];
    });
    return { from: from.id, to: to.id, bends };
  });
}

function layersOf(vertices: Vertex[]): Vertex[][] {
  const layers: Vertex[][] = [];
  for (const vertex of vertices) (layers[vertex.rank] ??= []).push(vertex);
  const dense = layers.filter((layer) => layer !== undefined);
  for (const layer of dense) layer.forEach((vertex, index) => (vertex.y = index));
  return dense;
}

const neighbours = (vertex: Vertex, forward: boolean) => (forward ? vertex.from : vertex.to);
const mean = (list: Vertex[]) => list.reduce((sum, vertex) => sum + vertex.y, 0) / list.length;

// Each layer by the mean position of its neighbours in the layer before; `y` is the position meanwhile.
function order(layers: Vertex[][], forward: boolean): void {
  for (const layer of forward ? layers : [...layers].reverse()) {
    const wanted = new Map(
      layer.map((vertex) => {
        const list = neighbours(vertex, forward);
        return [vertex, list.length > 0 ? mean(list) : vertex.y];
      }),
    );
    layer.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
    // In shares of the layer, so that layers of different length compare.
    layer.forEach((vertex, index) => (vertex.y = ((index + 0.5) / layer.length) * 1000));
  }
}

// Each vertex towards its neighbours as far as the distance to the one above and below allows.
function place(layers: Vertex[][], offsets: number[][], forward: boolean): void {
  const numbers = layers.map((_, number) => number);
  for (const number of forward ? numbers : numbers.reverse()) {
    const layer = layers[number]!;
    const wanted = layer.map((vertex) => {
      const list = neighbours(vertex, forward);
      return list.length > 0 ? mean(list) : vertex.y;
    });
    spread(wanted, offsets[number]!).forEach((y, index) => (layer[index]!.y = y));
  }
}

// The positions nearest to `wanted` (least squares) whose distances are at least those of `offsets`: pool adjacent violators.
export function spread(wanted: number[], offsets: number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  wanted.forEach((value, index) => {
    pools.push({ sum: value - offsets[index]!, count: 1 });
    while (pools.length > 1) {
      const [last, before] = [pools[pools.length - 1]!, pools[pools.length - 2]!];
      if (before.sum / before.count <= last.sum / last.count) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  });
  const places: number[] = [];
  for (const { sum, count } of pools) {
    for (let each = 0; each < count; ++each) places.push(sum / count + offsets[places.length]!);
  }
  return places;
}
