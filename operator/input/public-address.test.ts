import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedSources, isAllowedSource, isPublicAddress } from './public-address.ts';

test('addresses that are not public', () => {
  for (const address of [
    '127.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '239.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    'localhost',
  ])
    assert.ok(!isPublicAddress(address), address);
  for (const address of ['1.1.1.1', '172.32.0.1', '11.0.0.1', '2606:4700::1111', '2a00:1450::1'])
    assert.ok(isPublicAddress(address), address);
});

test('what an administrator lists is read, and nothing beside it', () => {
  const { allowsHost, allowsAddress } = allowedSources([
    'Files.corp',
    'minio:9000',
    '10.20.0.0/16',
    'fd00:1::/32',
    '10.0.0.7',
  ]);
  assert.ok(allowsHost('files.corp:8080', 'files.corp'));
  assert.ok(allowsHost('minio:9000', 'minio'));
  assert.ok(!allowsHost('minio:9001', 'minio'));
  assert.ok(!allowsHost('10.20.0.1', '10.20.0.1'), 'a network is no host');
  for (const address of ['10.20.255.1', '10.0.0.7', 'fd00:1::5', '8.8.8.8']) assert.ok(allowsAddress(address), address);
  for (const address of ['10.21.0.1', '10.0.0.8', 'fd00:2::5', '169.254.169.254', '::ffff:10.20.0.1'])
    assert.ok(!allowsAddress(address), address);
});

test('an entry is a host or a network', () => {
  for (const entry of ['files.corp', 'files.corp:443', '10.0.0.0/8', '::1', 'fd00::/8'])
    assert.ok(isAllowedSource(entry), entry);
  for (const entry of ['', 'https://files.corp', '10.0.0.0/33', 'a b', 'host:0', '*'])
    assert.ok(!isAllowedSource(entry), entry);
});
