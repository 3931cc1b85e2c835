import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianMirror } from './base-images.ts';

for (const [name, sources, mirror] of [
  [
    'the newer format',
    'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm',
    'http://mirror.example/debian',
  ],
  ['one line', 'deb [signed-by=/k.gpg] https://mirror.example/debian/ bookworm main', 'https://mirror.example/debian/'],
  ['security updates alone are no base', 'URIs: http://mirror.example/debian-security', 'http://deb.debian.org/debian'],
  ["another's packages", 'deb https://packages.example/apt stable main', 'http://deb.debian.org/debian'],
  ['a comment', '# deb http://old.example/debian bookworm main', 'http://deb.debian.org/debian'],
  ['a source of sources', 'deb-src http://mirror.example/debian bookworm main', 'http://deb.debian.org/debian'],
] as const) {
  test(`finds the mirror of Debian: ${name}`, () => assert.equal(debianMirror([sources]), mirror));
}
