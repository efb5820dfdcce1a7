// Days as texts (2026-11-26), without a zone: whose day it is, the caller knows.

const dayMs = 86_400_000;
const utc = (date: string) => Date.parse(date + 'T00:00:00Z');
const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);

export function addDays(date: string, days: number): string {
  return text(utc(date) + days * dayMs);
}

// Whole weeks, Monday first, that contain both days.
export function weeksOf(from: string, to: string): string[][] {
  const monday = utc(from) - ((new Date(utc(from)).getUTCDay() + 6) % 7) * dayMs;
  const weeks: string[][] = [];
  for (let at = monday; at <= utc(to); at += 7 * dayMs) {
    weeks.push(Array.from({ length: 7 }, (_, index) => text(at + index * dayMs)));
  }
  return weeks;
}

const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// The weeks in which a month begins, and its name.
export function monthsOf(weeks: string[][]): { week: number; text: string }[] {
  return weeks.flatMap((week, index) => {
    const first = week.find((date) => date.endsWith('-01'));
    return first ? [{ week: index, text: names[Number(first.slice(5, 7)) - 1]! }] : [];
  });
}
