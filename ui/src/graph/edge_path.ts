// The line of an edge: a curve to each rank that it crosses, straight through it, and a curve to its end.
import type { Direction } from './layout';

interface Point {
  x: number;
  y: number;
}
// How long a rank is, along the edges: the size of the boxes in it.
export const rankLength = { right: 200, down: 46 };

export function edgePath(start: Point, route: Point[], end: Point, direction: Direction): string {
  const length = rankLength[direction];
  let at = start;
  let path = `M${text(start)}`;
  for (const point of route) {
    path += curve(at, point, direction);
    at = direction === 'right' ? { x: point.x + length, y: point.y } : { x: point.x, y: point.y + length };
    path += `L${text(at)}`;
  }
  return path + curve(at, end, direction);
}

export function firstMiddle(start: Point, next: Point): Point {
  return { x: (start.x + next.x) / 2, y: (start.y + next.y) / 2 };
}

const text = ({ x, y }: Point) => `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;

function curve(from: Point, to: Point, direction: Direction): string {
  const middle = firstMiddle(from, to);
  const [a, b] =
    direction === 'right'
      ? [
          { x: middle.x, y: from.y },
          { x: middle.x, y: to.y },
        ]
      : [
          { x: from.x, y: middle.y },
          { x: to.x, y: middle.y },
        ];
  return `C${text(a)} ${text(b)} ${text(to)}`;
}
