// Who looks at the page, and what they may do. The server decides; this only spares people a refusal.
import { api } from '../api/client';
import type { Role, Session } from '../api/types';

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

class CurrentSession {
  value = $state.raw<Session | null>(null);

  get role(): Role | null {
    if (!this.value) return null;
    return this.value.user?.role ?? (this.value.open ? 'admin' : null);
  }
  get signedIn(): boolean {
    return this.role !== null;
  }
  get timezone(): string {
    return this.value?.timezone ?? 'UTC';
  }

  async load(): Promise<void> {
    this.value = await api.session();
  }

  may(role: Role): boolean {
    return this.role !== null && rank[this.role] >= rank[role];
  }
  // Why a button is off; undefined when it is not.
  refusal(role: Role): string | undefined {
    return this.may(role) ? undefined : `This needs the role ${role}; you are ${this.role ?? 'not signed in'}`;
  }
}

export const session = new CurrentSession();
