// One clock for every relative time on the page. `slow` moves each 20 s, `fast` each second and only while somebody reads it.
import { createSubscriber } from 'svelte/reactivity';

class Clock {
  private readonly everySecond = ticking(1000);
  private readonly everyWhile = ticking(20_000);

  get fast(): Date {
    this.everySecond();
    return new Date();
  }
  get slow(): Date {
    this.everyWhile();
    return new Date();
  }
}

function ticking(periodMs: number): () => void {
  return createSubscriber((update) => {
    const timer = setInterval(update, periodMs);
    return () => clearInterval(timer);
  });
}

export const clock = new Clock();
