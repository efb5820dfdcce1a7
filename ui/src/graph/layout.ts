// A layered layout for graphs of tasks and tables: ranks from left to right, few crossings, neighbours near each other.
// Linear in nodes and edges for each of a fixed number of sweeps, so that a thousand tasks take milliseconds.
// The steps are those of Sugiyama, Tagawa, Toda (1981), without invisible nodes for long edges.

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
  direction: Direction;
  width: number;
  height: number;
}

interface Vertex {
  id: string;
  rank: number;
  y: number;
  from: Vertex[];
  to: Vertex[];
}

const orderSweeps = 6;
const placeSweeps = 8;

// Edges to unknown nodes are left out; an edge that closes a cycle is ignored for ranks.
export function layout(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[], sizes: Sizes, direction: Direction = 'right'): Layout {
  const vertices = [...connect(nodes, edges).values()];
  rank(vertices);
  const layers = layersOf(vertices);
  for (let sweep = 0; sweep < orderSweeps; ++sweep) order(layers, sweep % 2 === 0);
  const isRight = direction === 'right';
  const step = (isRight ? sizes.height : sizes.width) + sizes.space;
  for (const layer of layers) layer.forEach((vertex, index) => (vertex.y = (index - (layer.length - 1) / 2) * step));
  for (let sweep = 0; sweep < placeSweeps; ++sweep) place(layers, sweep % 2 === 0, step);
  const first = Math.min(...vertices.map((vertex) => vertex.y));
  const places = new Map<string, Place>();
  let [width, height] = [0, 0];
  for (const vertex of vertices) {
    const along = vertex.rank * ((isRight ? sizes.width : sizes.height) + sizes.gap);
    const across = Math.round(vertex.y - first);
    const spot = isRight ? { x: along, y: across } : { x: across, y: along };
    places.set(vertex.id, { ...spot, rank: vertex.rank });
    width = Math.max(width, spot.x + sizes.width);
    height = Math.max(height, spot.y + sizes.height);
  }
  return { places, direction, width, height };
}

export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

// The whole in a frame, centred, never larger than life.
export function fit(graph: Pick<Layout, 'width' | 'height'>, frame: { width: number; height: number }, margin = 28): Viewport {
  const zoom = Math.max(
    0.02,
    Math.min(1, (frame.width - 2 * margin) / Math.max(1, graph.width), (frame.height - 2 * margin) / Math.max(1, graph.height)),
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
    if (!a || !b || a === b) continue;
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
function place(layers: Vertex[][], forward: boolean, step: number): void {
  for (const layer of forward ? layers : [...layers].reverse()) {
    const wanted = layer.map((vertex) => {
      const list = neighbours(vertex, forward);
      return list.length > 0 ? mean(list) : vertex.y;
    });
    spread(wanted, step).forEach((y, index) => (layer[index]!.y = y));
  }
}

// The positions nearest to `wanted` (least squares) that keep their order and are `step` apart: pool adjacent violators.
export function spread(wanted: number[], step: number): number[] {
  const pools: { sum: number; count: number }[] = [];
  wanted.forEach((value, index) => {
    pools.push({ sum: value - index * step, count: 1 });
    while (pools.length > 1) {
      const [last, before] = [pools[pools.length - 1]!, pools[pools.length - 2]!];
      if (before.sum / before.count <= last.sum / last.count) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  });
  const places: number[] = [];
  for (const { sum, count } of pools) {
    for (let each = 0; each < count; ++each) places.push(sum / count + places.length * step);
  }
  return places;
}
