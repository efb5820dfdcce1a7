// Addresses of pages. Pure: what a path means, not where the browser is.

export interface Match {
  name: string;
  params: Record<string, string>;
}
export type Routes = readonly (readonly [pattern: string, name: string])[];

// `/runs/:id`: a segment that begins with a colon takes one segment of the path, decoded.
export function matchPath(routes: Routes, path: string): Match | null {
  const segments = split(path);
  for (const [pattern, name] of routes) {
    const params = matchSegments(split(pattern), segments);
    if (params) return { name, params };
  }
  return null;
}

function split(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function matchSegments(pattern: string[], segments: string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (let index = 0; index < pattern.length; ++index) {
    const expected = pattern[index]!;
    const actual = segments[index]!;
    if (expected.startsWith(':')) params[expected.slice(1)] = decode(actual);
    else if (expected !== actual) return null;
  }
  return params;
}

// A percent sign that is no escape is left as it is rather than refused: people type addresses.
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// `#L123` names a line of a log.
export function lineOf(hash: string): number | null {
  const found = /^#L([1-9]\d*)$/.exec(hash);
  return found ? Number(found[1]) : null;
}
