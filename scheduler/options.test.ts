import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bindAddress, valueOfTime } from './options.ts';

const cases = [
  { listenAddress: '127.0.0.1:7300', insecureListen: false, refused: undefined },
  { listenAddress: '127.9.9.9:0', insecureListen: false, refused: undefined },
  { listenAddress: '[::1]:7300', insecureListen: false, refused: undefined },
  { listenAddress: 'localhost:7300', insecureListen: false, refused: undefined },
  { listenAddress: '0.0.0.0:7300', insecureListen: false, refused: /--insecure-listen/ },
  { listenAddress: '[::]:7300', insecureListen: false, refused: /--insecure-listen/ },
  { listenAddress: '127.0.0.1.example.org:7300', insecureListen: false, refused: /--insecure-listen/ },
  { listenAddress: '0.0.0.0:7300', insecureListen: true, refused: undefined },
  { listenAddress: '7300', insecureListen: true, refused: /write host:port/ },
  { listenAddress: ':7300', insecureListen: false, refused: /write host:port/ },
  { listenAddress: '127.0.0.1:70000', insecureListen: false, refused: /write host:port/ },
];

describe('bindAddress', () => {
  for (const { refused, ...options } of cases) {
    test(`${options.listenAddress}${options.insecureListen ? ' --insecure-listen' : ''}`, () => {
      if (refused === undefined) assert.equal(bindAddress(options, false), options.listenAddress);
      else assert.throws(() => bindAddress(options, false), { code: 'OPTION_INVALID', message: refused });
    });
  }
});

test('with TLS any address will do', () => {
  assert.equal(bindAddress({ listenAddress: '0.0.0.0:7300', insecureListen: false }, true), '0.0.0.0:7300');
});

test('the value of time is per millisecond', () => {
  assert.equal(valueOfTime({ valueOfTimePerHour: '3.60' }), 1);
});
