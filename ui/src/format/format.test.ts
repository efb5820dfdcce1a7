import { describe, expect, it } from 'vitest';
import { addDays, monthsOf, weeksOf } from './calendar';
import { cellText, columnWidths, csv, isNumeric, json } from './cells';
import { byStaleness } from './freshness';
import { marked } from './marked';
import { bytes, change, count, duration, percent, plural, shortCount } from './number';
import { readParam, showParam } from './param';
import { niceTicks } from './ticks';
import { ago, clockText, dated, dayStart, dayText, full, inZones, relative, short } from './time';

describe('numbers', () => {
  it('shows at most three figures of a large count', () => {
    expect([0, 999, 9999, 10_000, 12_345, 999_600, 1_000_000, 217_345_678, 1.5e9].map(shortCount)).toEqual([
      '0',
      '999',
      '9,999',
      '10k',
      '12.3k',
      '1M',
      '1M',
      '217M',
      '1.5B',
    ]);
    expect(shortCount(null)).toBe('–');
    expect(count(1234567)).toBe('1,234,567');
  });
  it('gives bytes in the unit that fits', () => {
    expect([0, 1023, 1024, 1536, 1023 * 1024, 5 * 1024 ** 3].map(bytes)).toEqual([
      '0 B',
      '1023 B',
      '1 kB',
      '1.5 kB',
      '1 MB',
      '5 GB',
    ]);
  });
  it('gives durations in at most two units', () => {
    expect([0, 0.0123, 0.9996, 4.31, 9.96, 59.4, 59.6, 125, 3600, 12_000, 90_061].map(duration)).toEqual([
      '0 ms',
      '12 ms',
      '1.0 s',
      '4.3 s',
      '10 s',
      '59 s',
      '1 min',
      '2 min 5 s',
      '1 h',
      '3 h 20 min',
      '1 d 1 h',
    ]);
    expect(duration(null)).toBe('–');
  });
  it('does not call a small share nothing', () => {
    expect([percent(0, 10), percent(1, 100_000), percent(1, 3), percent(99, 100), percent(1, 0)]).toEqual([
      '0.0 %',
      '< 0.1 %',
      '33 %',
      '99 %',
      '–',
    ]);
  });
  it('compares with before', () => {
    expect([
      change(112, 100),
      change(50, 100),
      change(100.2, 100),
      change(5000, 1),
      change(1, 0),
      change(null, 1),
    ]).toEqual(['+12 %', '−50 %', '±0 %', '+> 999 %', '', '']);
  });
  it('knows one from many', () => {
    expect([plural(1, 'run'), plural(0, 'run'), plural(2, 'query', 'queries')]).toEqual([
      '1 run',
      '0 runs',
      '2 queries',
    ]);
  });
});

describe('times', () => {
  const at = '2026-11-24T09:45:00.123456Z';
  const now = new Date('2026-11-24T12:00:00Z');
  it('are in the zone that is asked for', () => {
    expect(full(at, 'Europe/Moscow')).toBe('Tue, 24 Nov 2026, 12:45:00 GMT+3');
    expect(clockText(at, 'UTC')).toBe('09:45:00.123');
    expect(short(at, now, 'UTC')).toBe('09:45');
    expect(short(at, new Date('2026-11-25T00:00:00Z'), 'UTC')).toBe('24 Nov, 09:45');
    expect(short(at, new Date('2027-01-01T00:00:00Z'), 'UTC')).toBe('24 Nov 2026, 09:45');
    expect(dated(at, now, 'UTC')).toBe('24 Nov, 09:45');
  });
  it('know on which day they are there', () => {
    expect(dayText(new Date('2026-11-24T23:30:00Z'), 'UTC')).toBe('2026-11-24');
    expect(dayText(new Date('2026-11-24T23:30:00Z'), 'Asia/Tokyo')).toBe('2026-11-25');
  });
  it('survive a zone that the browser does not know', () => expect(short(at, now, 'Mars/Olympus')).toBe('09:45'));
  it('say how long ago or until', () => {
    expect(relative(at, now)).toBe('2 h ago');
    expect(relative('2026-11-24T12:14:30Z', now)).toBe('in 14 min');
    expect(relative('2026-11-24T12:00:01Z', now)).toBe('now');
    expect([3, 59, 60, 86_399, 86_400, 2_700_000, 40_000_000].map(ago)).toEqual([
      '3 s',
      '59 s',
      '1 min',
      '23 h',
      '1 d',
      '1 mo',
      '1 y',
    ]);
  });
  it('know when a day begins there, also where clocks change at midnight', () => {
    expect(dayStart('2026-11-24', 'Europe/Moscow')).toBe('2026-11-23T21:00:00.000Z');
    expect(dayStart('2026-11-24', 'Pacific/Kiritimati')).toBe('2026-11-23T10:00:00.000Z');
    expect(dayStart('2026-11-24', 'Pacific/Pago_Pago')).toBe('2026-11-24T11:00:00.000Z');
    expect(dayStart('2026-03-29', 'Europe/Berlin')).toBe('2026-03-28T23:00:00.000Z');
    expect(dayStart('2026-03-30', 'Europe/Berlin')).toBe('2026-03-29T22:00:00.000Z');
    expect(dayStart('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z'); // 00:00 is 01:00
    expect(dayStart('2018-02-18', 'America/Sao_Paulo')).toBe('2018-02-18T03:00:00.000Z'); // 00:00 was 23:00 first
    expect(dayStart('2026-11-01', 'America/Havana')).toBe('2026-11-01T04:00:00.000Z'); // 00:00 twice
  });
  it('show the pipeline’s zone too', () => expect(inZones(at, 'Asia/Tokyo')).toContain('18:45:00 GMT+9 · Asia/Tokyo'));
});

describe('freshness', () => {
  it('puts what was never written first, then the oldest, and what nobody writes last', () => {
    const by = { pipeline: 'p', task: 't', run: null };
    const tables = [
      { name: 'new', written_at: '2026-11-24T00:00:00Z', written_by: by },
      { name: 'source', written_at: null, written_by: null },
      { name: 'old', written_at: '2025-11-24T00:00:00Z', written_by: by },
      { name: 'never', written_at: null, written_by: by },
    ];
    expect(tables.sort(byStaleness).map(({ name }) => name)).toEqual(['never', 'old', 'new', 'source']);
  });
});

describe('calendar', () => {
  it('has whole weeks from Monday', () => {
    const weeks = weeksOf('2026-11-26', '2026-12-01');
    expect(weeks.map((week) => [week[0], week[6]])).toEqual([
      ['2026-11-23', '2026-11-29'],
      ['2026-11-30', '2026-12-06'],
    ]);
    expect(monthsOf(weeks)).toEqual([{ week: 1, text: 'Dec' }]);
  });
  it('counts days over the ends of months and years', () => {
    expect([addDays('2026-12-31', 1), addDays('2028-03-01', -1), addDays('2026-03-29', 1)]).toEqual([
      '2027-01-01',
      '2028-02-29',
      '2026-03-30',
    ]);
  });
});

describe('cells', () => {
  const columns = [
    { name: 'a', type: 'Int32' },
    { name: 'b "x"', type: 'String' },
  ];
  it('writes CSV as RFC 4180 has it, null apart from the empty text', () => {
    expect(
      csv(columns, [
        [1, 'x,y'],
        [null, ''],
        [2, 'line\n"two"'],
      ]),
    ).toBe('a,"b ""x"""\r\n1,"x,y"\r\n,""\r\n2,"line\n""two"""\r\n');
  });
  it('writes JSON as a list of objects, and loses no column', () => {
    const text = json(
      [...columns, columns[0]!],
      [
        [1, 'x', null],
        [2, '"', { k: [1] }],
      ],
    );
    expect(JSON.parse(text)).toEqual([
      { a: 1, 'b "x"': 'x', a_2: null },
      { a: 2, 'b "x"': '"', a_2: { k: [1] } },
    ]);
    expect(json(columns, [])).toBe('[]\n');
  });
  it('knows numbers in both databases', () => {
    expect(
      ['Nullable(Decimal(18, 2))', 'UInt64', 'numeric(12,2)', 'bigint', 'String', 'interval', 'Date'].map(isNumeric),
    ).toEqual([true, true, true, true, false, false, false]);
  });
  it('shows what JSON holds', () =>
    expect([null, true, 'x', 1.5, [1], { a: 1 }].map(cellText)).toEqual([
      'null',
      'true',
      'x',
      '1.5',
      '[1]',
      '{"a":1}',
    ]));
  it('keeps columns between narrow and wide', () => {
    expect(columnWidths(columns, [[1, 'x'.repeat(500)]])).toEqual([64, 360]);
  });
});

describe('parameters', () => {
  it('become the type that they have', () => {
    expect([
      readParam('5', 'integer'),
      readParam('1.5', 'number'),
      readParam('true', 'flag'),
      readParam('[1]', 'list'),
      readParam('5', 'text'),
    ]).toEqual([5, 1.5, true, [1], '5']);
  });
  it('that do not fit are passed on for the server to refuse', () => {
    expect([
      readParam('abc', 'integer'),
      readParam('', 'integer'),
      readParam('{', 'map'),
      readParam('9007199254740993', 'integer'),
    ]).toEqual(['abc', '', '{', '9007199254740993']);
  });
  it('are shown as they are typed', () =>
    expect([showParam(null), showParam(7), showParam([1, 'a'])]).toEqual(['', '7', '[1,"a"]']));
});

describe('ticks', () => {
  it('are few and at round steps', () => {
    expect(niceTicks(5, 6)).toEqual([0, 1, 2, 3, 4]);
    expect(niceTicks(0.4, 4)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(niceTicks(400_000, 3).length).toBeLessThanOrEqual(4);
    expect(niceTicks(0.0001, 3)).toEqual([0]);
  });
});

describe('marked', () => {
  it('cuts at each hit', () => {
    expect(marked('Error: no error', 'error')).toEqual([
      { text: 'Error', hit: true },
      { text: ': no ', hit: false },
      { text: 'error', hit: true },
    ]);
    expect(marked('abc', '')).toEqual([{ text: 'abc', hit: false }]);
    expect(marked('', 'x')).toEqual([{ text: '', hit: false }]);
  });
});
