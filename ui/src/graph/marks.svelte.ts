// What changes on a graph while one looks: read by each node and edge for itself, so that one task's progress does not
// draw a thousand others again.
import { SvelteMap } from 'svelte/reactivity';
import type { State } from '../api/types';

export interface Mark {
  state: State | null;
  text: string; // beside the kind: rows, a duration
  rows: number | null; // on the edges that leave it
}

export class Marks {
  private readonly byId = new SvelteMap<string, Mark>();

  get(id: string): Mark | undefined {
    return this.byId.get(id);
  }
  // Only what differs is set: nodes listen to their own.
  update(id: string, mark: Mark): void {
    const old = this.byId.get(id);
    if (!old || old.state !== mark.state || old.text !== mark.text || old.rows !== mark.rows) this.byId.set(id, mark);
  }
}
