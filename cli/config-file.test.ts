import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFile } from './config-file.ts';

test('the flag wins over the variable, and an empty variable is not set', () => {
  const own = import.meta.filename;
  assert.equal(configFile(undefined, {}), undefined);
  assert.equal(configFile(undefined, { ISOCHRONE_CONFIG: '' }), undefined);
  assert.equal(configFile(undefined, { ISOCHRONE_CONFIG: own })?.path, own);
  assert.equal(configFile(own, { ISOCHRONE_CONFIG: '/nowhere' })?.path, own);
  assert.throws(() => configFile('/nowhere', {}), { code: 'CONFIG_UNREADABLE' });
});
