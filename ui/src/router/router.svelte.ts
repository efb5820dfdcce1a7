// Where the browser is, over the history API. Plain <a href> work: clicks on addresses of this application are taken
// over; everything else (another button, a modifier, a download) is the browser's.
import { lineOf, matchPath, type Match, type Routes } from './match';

class Router {
  path = $state('/');
  query = $state.raw(new URLSearchParams());
  line = $state<number | null>(null); // of a log, from `#L123`
  match = $state.raw<Match | null>(null);
  private routes: Routes = [];

  start(routes: Routes): void {
    this.routes = routes;
    this.read();
    window.addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => this.click(event));
  }

  // `replace` for what should not be a step of "back": filters, tabs.
  go(address: string, how: 'push' | 'replace' = 'push'): void {
    if (how === 'push' && address !== location.pathname + location.search + location.hash)
      history.pushState(null, '', address);
    else history.replaceState(null, '', address);
    const before = this.path;
    this.read();
    if (how === 'push' && before !== this.path) window.scrollTo(0, 0);
  }

  // Changes parts of the query and leaves the rest; an empty value removes its key.
  setQuery(changes: Record<string, string | null>): void {
    const query = new URLSearchParams(this.query);
    for (const [key, value] of Object.entries(changes)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    const text = query.toString();
    this.go(this.path + (text ? '?' + text : ''), 'replace');
  }

  private read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    this.line = lineOf(location.hash);
    this.match = matchPath(this.routes, location.pathname);
  }

  private click(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || (link.hash && lineOf(link.hash) === null)) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

export const router = new Router();
