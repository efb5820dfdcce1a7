import { expect, it } from 'vitest';
import { edgePath, firstMiddle } from './edge_path';

it('is one curve between neighbours', () => {
  expect(edgePath({ x: 0, y: 0 }, [], { x: 100, y: 50 }, 'right')).toBe('M0,0C50,0 50,50 100,50');
  expect(edgePath({ x: 0, y: 0 }, [], { x: 100, y: 50 }, 'down')).toBe('M0,0C0,25 100,25 100,50');
});

it('goes straight through the ranks that it crosses', () => {
  expect(edgePath({ x: 0, y: 0 }, [{ x: 60, y: 20 }], { x: 320, y: 0 }, 'right')).toBe(
    'M0,0C30,0 30,20 60,20L260,20C290,20 290,0 320,0',
  );
  expect(edgePath({ x: 0, y: 0 }, [{ x: 20, y: 40 }], { x: 0, y: 126 }, 'down')).toBe(
    'M0,0C0,20 20,20 20,40L20,86C20,106 0,106 0,126',
  );
});

it('has its figure half way to its first bend', () =>
  expect(firstMiddle({ x: 0, y: 0 }, { x: 10, y: 20 })).toEqual({ x: 5, y: 10 }));
