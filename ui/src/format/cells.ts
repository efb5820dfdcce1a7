// Values of tables as text, and how wide their columns should be.
import type { Column, Json } from '../api/types';

export function cellText(value: Json | undefined): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function isNumeric(type: string): boolean {
  return /^(nullable\()?(lowcardinality\()?(u?int(?=\d|eger|\b)|float|decimal|numeric|bigint|smallint|integer|real|double)/i.test(
    type,
  );
}

// Widths in px by the longest of the name, the type and the first rows; 13 px monospace is about 7.3 px a character.
export function columnWidths(columns: Column[], rows: Json[][]): number[] {
  return columns.map((column, index) => {
    const sample = rows.slice(0, 60).map((row) => cellText(row[index]).length);
    const longest = Math.max(column.name.length + 1, column.type.length * 0.85, ...sample);
    return Math.round(Math.min(360, Math.max(64, longest * 7.4 + 22)));
  });
}

// RFC 4180: CRLF, quotes where they are needed; null is empty, an empty text is "".
export function csv(columns: Column[], rows: Json[][]): string {
  const line = (cells: string[]) => cells.join(',') + '\r\n';
  const quoted = (text: string) => (/[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text);
  return (
    line(columns.map((column) => quoted(column.name))) +
    rows.map((row) => line(row.map((value) => (value === null ? '' : quoted(cellText(value)))))).join('')
  );
}

// A list of objects; a column that stands twice gets a number, so that none is lost.
export function json(columns: Column[], rows: Json[][]): string {
  const seen = new Map<string, number>();
  const keys = columns.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}_${times}`;
  });
  const lines = rows.map((row) =>
    JSON.stringify(Object.fromEntries(keys.map((key, index) => [key, row[index] ?? null]))),
  );
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}

export function download(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
