// The zones of the pipelines' schedules, for what names a pipeline and not its zone. They are asked for once, and only when a
// pointer wants to see one: a project may have thousands of pipelines.
import { api, everyItem } from '../api/client';
import type { Run } from '../api/types';

class Zones {
  private known = $state.raw<ReadonlyMap<string, string | undefined>>(new Map());
  private asked = false;

  of(pipeline: string): string | undefined {
    return this.known.get(pipeline);
  }
  ofRun(run: Pick<Run, 'pipeline' | 'timezone'>): string | undefined {
    return run.timezone ?? this.of(run.pipeline);
  }

  readonly ask = async (): Promise<void> => {
    if (this.asked) return;
    this.asked = true;
    try {
      const pipelines = await everyItem((cursor) => api.pipelines({ limit: 200, cursor }), 50);
      this.known = new Map(pipelines.map(({ name, schedules }) => [name, schedules[0]?.timezone]));
    } catch {
      // The other zones are shown meanwhile; the next pointer asks again.
      this.asked = false;
    }
  };
}

export const zones = new Zones();
