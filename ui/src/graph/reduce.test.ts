import { expect, it } from 'vitest';
import { edgesOf } from './reduce';

it('draws no edge that others imply', () => {
  const steps = [
    { name: 'a', needs: [] },
    { name: 'b', needs: ['a'] },
    { name: 'c', needs: ['a', 'b'] },
    { name: 'd', needs: ['a', 'b', 'c'] },
  ];
  expect(edgesOf(steps).map(({ from, to }) => `${from}>${to}`)).toEqual(['a>b', 'b>c', 'c>d']);
});

it('keeps a diamond', () => {
  const steps = [
    { name: 'a', needs: [] },
    { name: 'b', needs: ['a'] },
    { name: 'c', needs: ['a'] },
    { name: 'd', needs: ['b', 'c'] },
  ];
  expect(edgesOf(steps)).toHaveLength(4);
});
