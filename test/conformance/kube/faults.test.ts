import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import type { InformerOptions, ConfigMap } from '@isochrone/kube';
import { cutAfter, eachLine, eventually, slowly, withControlPlane, type FaultProxy } from '@isochrone/test/harness';
import { integerBetween, seeded } from '../../chaos/random.ts';
import { converges, follow, put, remove } from './config-maps.ts';
import { adminClient, counted, proxiedClient } from './network.ts';

const isWatch = ({ url }: IncomingMessage): boolean => url!.includes('watch=true');
/** Pages of a list; a check of how old the server is asks for one object. */
const isPage = ({ url }: IncomingMessage): boolean => url!.includes('limit=500');

/** Answers the next so many requests of a kind. */
function answer(
  proxy: FaultProxy,
  times: number,
  which: (request: IncomingMessage) => boolean,
  respond: (response: ServerResponse) => void,
): void {
  let left = times;
  proxy.fault = (request, response) => {
    if (left === 0 || !which(request)) return false;
    left -= 1;
    respond(response);
    return true;
  };
}

/** Alters the answer to the next request of a kind. */
function alterNext(proxy: FaultProxy, which: (request: IncomingMessage) => boolean, alteration: () => Duplex): void {
  proxy.alter = (request) => {
    if (!which(request)) return undefined;
    proxy.alter = () => undefined;
    return alteration();
  };
}

const refuse =
  (status: number, reason: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: status, reason, message: 'injected' }));
  };

/** Turns the order of every two lines of a watch. */
function swapped(): Duplex {
  let kept: string | undefined;
  return eachLine((line) => {
    if (kept === undefined) {
      kept = line;
      return [];
    }
    const first = kept;
    kept = undefined;
    return [line, first];
  });
}

interface Case {
  name: string;
  options?: Partial<InformerOptions<ConfigMap, string>>;
  /** Called when the informer is synced; what it sets up meets the changes that follow. */
  inject: (proxy: FaultProxy) => void;
  /** The counter, with labels, that shows the fault. */
  metric: [name: string, labels: Record<string, string>];
  /** What a log line above debug says. */
  line: RegExp;
  /** Called when the metric has shown the fault. */
  mend?: (proxy: FaultProxy) => void;
}

const restarted = (reason: string): Case['metric'] => ['reflector_watch_restarts_total', { reason }];
const outOfOrder = (verdict: string): Case['metric'] => ['reflector_events_out_of_order_total', { verdict }];
const quick = { inactivityMilliseconds: 1_500 };
/** Meets the watch that follows the present one. */
const onNextWatch =
  (alteration: () => Duplex): Case['inject'] =>
  (proxy) => {
    alterNext(proxy, isWatch, alteration);
    proxy.reset();
  };

const cases: Case[] = [
  {
    name: 'connection reset',
    inject: (proxy) => proxy.reset(),
    metric: restarted('error'),
    line: /^watch failed/,
  },
  {
    name: 'half-open connection',
    options: quick,
    inject: (proxy) => proxy.stall(),
    metric: restarted('inactive'),
    line: /^watch was silent for too long/,
  },
  {
    name: 'black hole',
    options: quick,
    inject: (proxy) => proxy.blackhole(),
    metric: restarted('inactive'),
    line: /^watch was silent for too long/,
    mend: (proxy) => proxy.mend(),
  },
  {
    name: '410 to a watch',
    inject: (proxy) => {
      answer(proxy, 1, isWatch, refuse(410, 'Expired'));
      proxy.reset();
    },
    metric: restarted('gone'),
    line: /^the server has forgotten our version/,
  },
  {
    name: '410 in a watch',
    inject: onNextWatch(() =>
      eachLine(() => [JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })]),
    ),
    metric: restarted('gone'),
    line: /^the server has forgotten our version/,
  },
  {
    name: '429 with Retry-After',
    inject: (proxy) => {
      answer(proxy, 1, isWatch, refuse(429, 'TooManyRequests', { 'retry-after': '1' }));
      proxy.reset();
    },
    metric: restarted('throttled'),
    line: /^the server throttles/,
  },
  {
    name: '503 without Retry-After',
    inject: (proxy) => {
      answer(proxy, 1, isWatch, refuse(503, 'ServiceUnavailable'));
      proxy.reset();
    },
    metric: ['rest_client_requests_total', { code: '503' }],
    line: /^watch failed/,
  },
  {
    name: 'page of a login',
    inject: (proxy) => {
      answer(proxy, 1, isWatch, (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
      proxy.reset();
    },
    metric: restarted('error'),
    line: /^watch failed/,
  },
  {
    name: 'body that drips',
    options: quick,
    inject: onNextWatch(() => slowly(1, 40)),
    metric: restarted('inactive'),
    line: /^watch was silent for too long/,
  },
  {
    name: 'end inside an object',
    inject: onNextWatch(() => cutAfter(700, 'end')),
    metric: restarted('error'),
    line: /^watch failed/,
  },
  {
    name: 'break inside an object',
    inject: onNextWatch(() => cutAfter(700, 'break')),
    metric: restarted('error'),
    line: /^watch failed/,
  },
  {
    name: 'line that is not JSON',
    inject: onNextWatch(() => eachLine((line) => [line, line.slice(1)])),
    metric: restarted('error'),
    line: /^watch failed/,
  },
  {
    name: 'events twice',
    inject: onNextWatch(() => eachLine((line) => [line, line])),
    metric: outOfOrder('repeated'),
    line: /^event out of order/,
  },
  {
    name: 'events that others overtake',
    inject: onNextWatch(swapped),
    metric: outOfOrder('outdated'),
    line: /^event out of order/,
    // What is kept for want of a second one comes with the next.
    mend: (proxy) => proxy.reset(),
  },
  {
    name: 'events after those of their deletion',
    inject: onNextWatch(() => {
      const kept: string[] = [];
      // The addition of an object comes once it was deleted.
      return eachLine((line) => {
        if (!line.includes('-passing"')) return [line];
        kept.unshift(line);
        return line.startsWith('{"type":"DELETED"') ? kept : [];
      });
    }),
    metric: restarted('disorder'),
    line: /^events came out of order/,
  },
  {
    name: 'page cut inside an object',
    options: { firstSync: 'pages' },
    inject: (proxy) => {
      alterNext(proxy, isPage, () => cutAfter(400, 'end'));
      answer(proxy, 1, isWatch, refuse(410, 'Expired'));
      proxy.reset();
    },
    metric: ['rest_client_request_retries_total', { verb: 'GET', code: '<error>' }],
    line: /^request failed; it is sent again/,
  },
  {
    name: '429 to a page',
    options: { firstSync: 'pages' },
    inject: (proxy) => {
      let gone = false;
      answer(
        proxy,
        2,
        (request) => isWatch(request) || isPage(request),
        (response) => {
          if (gone) refuse(429, 'TooManyRequests', { 'retry-after': '1' })(response);
          else refuse(410, 'Expired')(response);
          gone = true;
        },
      );
      proxy.reset();
    },
    metric: ['rest_client_request_retries_total', { verb: 'GET', code: '429' }],
    line: /^request failed; it is sent again/,
  },
  {
    name: 'answer that is lost',
    options: { firstSync: 'pages' },
    inject: (proxy) => {
      answer(proxy, 1, isWatch, refuse(410, 'Expired'));
      proxy.loseAnswer = (request) => {
        if (!isPage(request)) return false;
        proxy.loseAnswer = () => false;
        return true;
      };
      proxy.reset();
    },
    metric: ['rest_client_request_retries_total', { verb: 'GET', code: '<error>' }],
    line: /^request failed; it is sent again/,
  },
];

const plane = await withControlPlane({ name: 'kube-faults', crds: false });

// Each has a proxy, a client and objects of its own, and most of them wait.
describe(
  'through faults an Informer loses nothing, says so and does not hammer',
  { concurrency: 30, timeout: 60_000 },
  () => {
    for (const [index, { name, options, inject, metric, line, mend }] of cases.entries()) {
      test(name, async (t) => {
        const client = await adminClient(t, plane);
        const own = `fault-${index}`;
        for (const object of ['changes', 'goes', 'returns']) await put(client, own, object, 'before');
        const observed = await proxiedClient(t, plane);
        const { informer, replica } = follow(t, observed, own, options);
        await informer.synced();
        const requests = await counted(observed, 'rest_client_requests_total');

        inject(observed.proxy);
        await remove(client, own, 'returns');
        for (const value of ['1', '2', '3']) await put(client, own, 'changes', value);
        await remove(client, own, 'goes');
        await put(client, own, 'returns', 'again');
        await put(client, own, 'passing', 'briefly');
        await remove(client, own, 'passing');
        await put(client, own, 'comes', '1');
        await eventually(async () => (await counted(observed, ...metric)) > 0, {
          timeout: 20_000,
          describe: `${metric[0]} ${JSON.stringify(metric[1])} shows the fault`,
        });
        mend?.(observed.proxy);

        await converges(client, own, replica);
        // The watch works again.
        await put(client, own, 'after', '1');
        await converges(client, own, replica);
        const told = observed.logger.lines.filter(({ level }) => level !== 'debug').map(({ message }) => message);
        assert.ok(
          told.some((message) => line.test(message)),
          told.join('\n'),
        );
        const more = (await counted(observed, 'rest_client_requests_total')) - requests;
        assert.ok(more <= 12, `${more} requests`);
      });
    }

    const lasting: Record<string, (proxy: FaultProxy) => void> = {
      'every connection is reset': (proxy) => proxy.cut(),
      'every request is answered 410': (proxy) => answer(proxy, Infinity, () => true, refuse(410, 'Expired')),
      'every request is told to come back at once': (proxy) =>
        answer(proxy, Infinity, () => true, refuse(429, 'TooManyRequests', { 'retry-after': '0' })),
      'every request is answered 500': (proxy) => answer(proxy, Infinity, () => true, refuse(500, 'InternalError')),
      'every watch ends at once': (proxy) =>
        answer(proxy, Infinity, isWatch, (response) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(),
        ),
      'every watch repeats an old event and ends': (proxy) =>
        answer(proxy, Infinity, isWatch, (response) => {
          const metadata = { namespace: 'default', name: 'old', resourceVersion: '1' };
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(`${JSON.stringify({ type: 'DELETED', object: { metadata } })}\n`);
        }),
    };
    for (const [name, break_] of Object.entries(lasting)) {
      test(`while ${name}`, async (t) => {
        const own = `lasting-${Object.keys(lasting).indexOf(name)}`;
        const observed = await proxiedClient(t, plane);
        const { informer } = follow(t, observed, own);
        await informer.synced();
        break_(observed.proxy);
        if (name !== 'every connection is reset') observed.proxy.reset();
        const before = await counted(observed, 'rest_client_requests_total');
        // The backoff has doubled twice: a loop would have made thousands.
        await eventually(
          () => observed.logger.lines.filter(({ message }) => /resumed|anew|later|again/.test(message)).length >= 4,
          { timeout: 20_000 },
        );
        const requests = (await counted(observed, 'rest_client_requests_total')) - before;
        assert.ok(requests <= 30, `${requests} requests`);
      });
    }

    for (const seed of [1, 2, 3, randomInt(2 ** 31)]) {
      test(`property: the store ends up as the server is, and no handler sees an object go back (seed ${seed})`, async (t) => {
        const random = seeded(seed);
        const client = await adminClient(t, plane);
        const own = `random-${seed}`;
        const observed = await proxiedClient(t, plane);
        const { proxy } = observed;
        const { informer, replica } = follow(t, observed, own, {
          ...quick,
          firstSync: random() < 0.5 ? 'pages' : 'auto',
        });
        const newest = new Map<string, number>();
        informer.onChange((change) => {
          if (change.type === 'Deleted') return;
          const [last, now] = [newest.get(change.key) ?? 0, Number(change.current)];
          assert.ok(now > last, `${change.key} went from ${last} back to ${now}`);
          newest.set(change.key, now);
        });
        const alterations = [
          () => eachLine((line) => [line, line]),
          swapped,
          () => cutAfter(integerBetween(random, 1, 3000), random() < 0.5 ? 'end' : 'break'),
          () => slowly(integerBetween(random, 20, 200), 5),
        ];
        const faults = [
          () => proxy.reset(),
          () => proxy.stall(),
          () => proxy.blackhole(),
          () => proxy.cut(),
          () => proxy.mend(),
          () => answer(proxy, 1, () => true, refuse(410, 'Expired')),
          () => answer(proxy, 1, () => true, refuse(429, 'TooManyRequests', { 'retry-after': '0' })),
          () => answer(proxy, 2, () => true, refuse(503, 'ServiceUnavailable')),
          () => alterNext(proxy, () => true, alterations[integerBetween(random, 0, alterations.length - 1)]!),
        ];
        for (let step = 1; step <= 60; step += 1) {
          const name = `n${integerBetween(random, 0, 4)}`;
          if (random() < 0.25) await remove(client, own, name);
          else await put(client, own, name, String(step));
          if (random() < 0.3) faults[integerBetween(random, 0, faults.length - 1)]!();
        }
        Object.assign(proxy, { fault: () => false, alter: () => undefined });
        proxy.mend();
        // What a proxy kept back for want of more is sent again.
        proxy.reset();
        await converges(client, own, replica);
        const requests = await counted(observed, 'rest_client_requests_total');
        assert.ok(requests <= 80, `${requests} requests`);
      });
    }
  },
);
