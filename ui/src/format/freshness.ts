// How fresh tables are: what was never written, or not for long, is what one wants to see first.
import type { TableSummary } from '../api/types';

type Written = Pick<TableSummary, 'written_at' | 'written_by'>;

// Never written first, then the oldest; last what no task writes, which can be neither fresh nor stale.
export function byStaleness(a: Written, b: Written): number {
  const weight = (table: Written) => (table.written_at ? 1 : table.written_by ? 0 : 2);
  return weight(a) - weight(b) || (a.written_at ?? '').localeCompare(b.written_at ?? '');
}
