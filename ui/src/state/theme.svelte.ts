// Dark or light: the system's preference unless somebody chose. public/theme.js applies the choice before the first paint.
export type Choice = 'system' | 'light' | 'dark';

const key = 'weir.theme';
const preference = window.matchMedia('(prefers-color-scheme: dark)');

class Theme {
  choice = $state<Choice>(read());
  private systemDark = $state(preference.matches);

  constructor() {
    preference.addEventListener('change', (event) => (this.systemDark = event.matches));
  }

  get dark(): boolean {
    return this.choice === 'dark' || (this.choice === 'system' && this.systemDark);
  }

  // A colour of app.css as a canvas takes it.
  colour(name: string): string {
    const value = getComputedStyle(document.documentElement)
      .getPropertyValue('--' + name)
      .trim();
    const pair = /^light-dark\(\s*([^,]+),\s*(.+)\)$/.exec(value);
    return pair ? pair[this.dark ? 2 : 1]! : value;
  }

  choose(choice: Choice): void {
    this.choice = choice;
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    try {
      if (choice === 'system') localStorage.removeItem(key);
      else localStorage.setItem(key, choice);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }
  toggle(): void {
    this.choose(this.dark ? 'light' : 'dark');
  }
}

function read(): Choice {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = new Theme();
