import type { Edge, Node } from '@xyflow/svelte';
import type { Direction } from './layout';
import type { Marks } from './marks.svelte';

// What a page says about a node; the graph adds the rest.
export interface GraphItem {
  id: string;
  label: string;
  sub: string;
  kind: string;
  title: string;
  href: string | undefined;
}
export type GraphNodeType = Node<
  GraphItem & { marks: Marks | null; isCurrent: () => boolean; direction: Direction } & Record<string, unknown>,
  'item'
>;
export type GraphEdgeType = Edge<
  { marks: Marks | null; showRows: boolean; route: { x: number; y: number }[]; direction: Direction },
  'rows'
>;
