// Short messages about what an action did. Errors stay until they are closed.
import { asApiError } from '../api/client';

export interface Notice {
  id: number;
  kind: 'done' | 'error';
  text: string;
  hint?: string | null;
  link?: { href: string; text: string };
}

class Notices {
  list = $state.raw<Notice[]>([]);
  private last = 0;

  done(text: string, link?: Notice['link']): void {
    const id = this.add({ kind: 'done', text, link });
    setTimeout(() => this.close(id), 5000);
  }
  failed(reason: unknown): void {
    const error = asApiError(reason);
    this.add({ kind: 'error', text: error.message, hint: error.hint });
  }
  close(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
  // An action whose failure is told.
  async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (reason) {
      this.failed(reason);
      return undefined;
    }
  }

  private add(notice: Omit<Notice, 'id'>): number {
    this.last += 1;
    this.list = [...this.list.slice(-3), { ...notice, id: this.last }];
    return this.last;
  }
}

export const notices = new Notices();
