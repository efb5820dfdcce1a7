// Instants in the viewer's zone, and in a pipeline's zone where one is given. Pure: `now` and zones are arguments.

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
    } catch {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
    }
    formats.set(key, found);
  }
  return found;
}

const day: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
const numeric: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
};
const clock: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };

// "Thu 26 Nov 2026, 13:04:05 GMT+3"
export function full(instant: string, zone = viewerZone): string {
  return format(zone, {
    weekday: 'short',
    ...day,
    year: 'numeric',
    ...clock,
    second: '2-digit',
    timeZoneName: 'shortOffset',
  }).format(new Date(instant));
}

// "13:04" today, "26 Nov, 13:04" this year, "26 Nov 2025, 13:04" before
export function short(instant: string, now: Date, zone = viewerZone): string {
  const date = new Date(instant);
  const time = format(zone, clock).format(date);
  if (dayText(date, zone) === dayText(now, zone)) return time;
  const sameYear = dayText(date, zone).slice(0, 4) === dayText(now, zone).slice(0, 4);
  return `${format(zone, sameYear ? day : { ...day, year: 'numeric' }).format(date)}, ${time}`;
}

// "26 Nov, 13:04": with the day even when it is today
export function dated(instant: string, now: Date, zone = viewerZone): string {
  const text = short(instant, now, zone);
  return text.includes(',') ? text : `${format(zone, day).format(new Date(instant))}, ${text}`;
}

// "13:04:05.123"
export function clockText(instant: string, zone = viewerZone): string {
  return format(zone, { ...clock, second: '2-digit', fractionalSecondDigits: 3 } as Intl.DateTimeFormatOptions).format(
    new Date(instant),
  );
}

// "2026-11-26" as that zone has it
export function dayText(date: Date, zone = viewerZone): string {
  const parts = format(zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(date);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

// The instant at which a day (2026-11-26) begins in a zone, as RFC 3339 in UTC. Where clocks skip midnight, the day begins
// after the gap.
export function dayStart(date: string, zone: string): string {
  const utc = Date.parse(`${date}T00:00:00Z`);
  // Offsets lie between -12 and +14 hours, and change at most once in between: the earliest instant of that day is the answer.
  const candidates = [-14, -12, 0, 12].map((hours) => utc + hours * 3_600_000).map((at) => utc - offsetMs(at, zone));
  const starts = candidates.filter((at) => dayText(new Date(at), zone) === date);
  return new Date(Math.min(...(starts.length > 0 ? starts : [utc]))).toISOString();
}

// How far a zone's clock is ahead of UTC.
function offsetMs(at: number, zone: string): number {
  const parts = format(zone, { ...numeric, hourCycle: 'h23' }).formatToParts(at);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return local - Math.floor(at / 1000) * 1000;
}

// "just now", "5 min ago", "in 3 h": the largest unit that says it
export function relative(instant: string, now: Date): string {
  const seconds = (new Date(instant).getTime() - now.getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return seconds > 0 ? 'now' : 'just now';
  const text = ago(size);
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

// An age in one unit: "40 s", "12 min", "5 h", "3 d", "4 mo", "2 y"
export function ago(seconds: number): string {
  for (const [size, unit] of [
    [31_557_600, 'y'],
    [2_629_800, 'mo'],
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ] as const) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

// What a pointer shows: the viewer's zone, UTC, and the pipeline's zone when it is another one.
export function inZones(instant: string, zone?: string | null): string {
  const lines = [full(instant)];
  if (zone && zone !== viewerZone && zone !== 'UTC') lines.push(`${full(instant, zone)} · ${zone}`);
  if (viewerZone !== 'UTC') lines.push(`${full(instant, 'UTC')} · UTC`);
  return lines.join('\n');
}
