import { randomBytes } from 'node:crypto';
import type { ApiClient } from './client.ts';
import { systemClock, type Clock, type Timer } from './clock.ts';
import { core, type Event } from './core.ts';
import { ApiError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { keyOf, refOf, type KubeObject } from './object.ts';
import { RateLimiter } from './rate-limiter.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { formatMicroTime } from './time.ts';

export interface EventRecorderOptions {
  client: Pick<ApiClient, 'create' | 'mergePatch'>;
  /** `reportingController`, for example `isochrone.dev/job-controller`. */
  controller: string;
  /** `reportingInstance`, for example the Pod's name. */
  instance: string;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
}
export interface RecordedEvent {
  type: 'Normal' | 'Warning';
  /** CamelCase. */
  reason: string;
  /** CamelCase verb. Default: the reason. */
  action?: string;
  note: string;
}
/** client-go's limits: a burst per object, then one event in five minutes. */
const burstPerObject = 25;
const ratePerObjectPerSecond = 1 / 300;
/** Equal events this close together are one series. */
const seriesGapMilliseconds = 360_000;
/** A series is written again at most this often. */
const seriesWriteMilliseconds = 10_000;
/** Tries to write one event while the server cannot be reached or is ill. */
const mostTries = 5;
/** Bounds the memory of series and of limits, and what may wait to be written. */
const mostRemembered = 4096;
const mostWaiting = 1000;
/** The API refuses longer notes. */
const longestNoteBytes = 1024;

interface Series {
  readonly event: Event;
  readonly subject: string;
  count: number;
  /** As the API server has it; 0 before the event exists there. */
  writtenCount: number;
  lastObserved: number;
  lastWritten: number;
  /** In a row. */
  failures: number;
  /** Runs while a repeat, or another try, waits to be written. */
  timer?: Timer;
}

/**
 * Writes `events.k8s.io/v1` events in the background: equal ones become a series with a count, each object is
 * rate-limited, and what cannot be written is logged and counted, never thrown into a reconcile.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  /** By equality of their events, least recently seen first. */
  readonly #series = new Map<string, Series>();
  readonly #limits = new Map<string, RateLimiter>();
  readonly #waiting = new Set<Series>();
  #writing: Promise<void> | undefined;
  /** Flushes that wait: what fails now is not tried again. */
  #flushing = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Queues an event about the object and returns at once. Never throws; a dropped event is counted. */
  record(resource: Resource, regarding: KubeObject, event: RecordedEvent): void {
    try {
      const subject = `${resource.group}/${resource.kind}/${keyOf(regarding)}/${regarding.metadata.uid ?? ''}`;
      const { type, reason, action, note } = event;
      const key = JSON.stringify([subject, type, reason, action, note]);
      const known = this.#series.get(key);
      const now = this.#clock.now();
      if (known !== undefined && now - known.lastObserved < seriesGapMilliseconds) {
        known.count += 1;
        known.lastObserved = now;
        touch(this.#series, key, known);
        this.#options.metrics.events.inc({ result: 'aggregated' });
        known.timer ??= this.#clock.setTimeout(
          () => this.#enqueue(known),
          known.lastWritten + seriesWriteMilliseconds - now,
        );
        return;
      }
      if (!this.#isAllowed(subject)) {
        this.#drop({ subject, reason }, 'event dropped: too many about one object');
        return;
      }
      const series: Series = {
        event: this.#eventOf(resource, regarding, event, now),
        subject,
        count: 1,
        writtenCount: 0,
        lastObserved: now,
        lastWritten: now,
        failures: 0,
      };
      touch(this.#series, key, series);
      this.#enqueue(series);
    } catch (error) {
      this.#drop({ err: error, reason: event.reason }, 'event dropped: it cannot be built');
    }
  }

  /** Resolves when all queued events, and the counts of all series, are written or given up; after the limit they are given up. */
  async flush(limitMilliseconds = 5_000): Promise<void> {
    for (const series of this.#series.values()) {
      if (series.count > series.writtenCount) this.#enqueue(series);
    }
    this.#flushing += 1;
    const written = this.#allWritten().finally(() => (this.#flushing -= 1));
    const late = Promise.withResolvers<undefined>();
    const limit = this.#clock.setTimeout(() => {
      for (const { subject, event } of this.#waiting) {
        this.#drop({ subject, reason: event.reason }, 'event dropped: not written in time');
      }
      this.#waiting.clear();
      late.resolve(undefined);
    }, limitMilliseconds);
    await Promise.race([written, late.promise]);
    limit.cancel();
  }

  async #allWritten(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #isAllowed(subject: string): boolean {
    const limit = this.#limits.get(subject) ?? new RateLimiter(ratePerObjectPerSecond, burstPerObject, this.#clock);
    touch(this.#limits, subject, limit);
    return limit.tryTake();
  }

  #eventOf(resource: Resource, regarding: KubeObject, recorded: RecordedEvent, now: number): Event {
    const { name, namespace } = refOf(regarding);
    const { uid, resourceVersion } = regarding.metadata;
    return {
      metadata: { name: eventName(name), namespace: namespace ?? 'default' },
      eventTime: formatMicroTime(now),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, 128),
      action: (recorded.action ?? recorded.reason).slice(0, 128),
      reason: recorded.reason.slice(0, 128),
      type: recorded.type,
      note: truncate(recorded.note, longestNoteBytes),
      regarding: {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
  }

  #enqueue(series: Series): void {
    series.timer?.cancel();
    delete series.timer;
    if (this.#waiting.size >= mostWaiting && !this.#waiting.has(series)) {
      const { subject, event } = series;
      this.#drop({ subject, reason: event.reason }, 'event dropped: too many wait to be written');
      return;
    }
    this.#waiting.add(series);
    this.#startWriting();
  }

  #startWriting(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      // One that came after the last was taken.
      if (this.#waiting.size > 0) this.#startWriting();
    });
  }

  async #writeAll(): Promise<void> {
    // Leaves the caller's turn first: recording must cost it nothing.
    await Promise.resolve();
    for (const series of this.#waiting) {
      this.#waiting.delete(series);
      series.lastWritten = this.#clock.now();
      try {
        await this.#write(series);
        series.failures = 0;
      } catch (error) {
        series.failures += 1;
        if (series.failures < mostTries && this.#flushing === 0 && mayPass(error)) {
          series.timer ??= this.#clock.setTimeout(() => this.#enqueue(series), seriesWriteMilliseconds);
          continue;
        }
        const { subject, event } = series;
        series.failures = 0;
        this.#options.metrics.events.inc({ result: 'failed' });
        this.#options.logger.warn({ err: error, subject, reason: event.reason }, 'event not written');
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const { client, metrics } = this.#options;
    const { event, count } = series;
    const repeats = { count, lastObservedTime: formatMicroTime(series.lastObserved) };
    if (series.writtenCount > 0) {
      try {
        await client.mergePatch(core.events, refOf(event), { series: repeats });
        series.writtenCount = count;
        return;
      } catch (error) {
        // Events live an hour by default: one that has expired is written anew.
        if (!(error instanceof ApiError && error.isNotFound)) throw error;
      }
    }
    try {
      await client.create(core.events, count > 1 ? { ...event, series: repeats } : event);
    } catch (error) {
      // An earlier try whose answer was lost.
      if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
    }
    series.writtenCount = count;
    metrics.events.inc({ result: 'created' });
  }

  #drop(fields: object, message: string): void {
    this.#options.metrics.events.inc({ result: 'dropped' });
    this.#options.logger.warn(fields, message);
  }
}

/** Another try may succeed: no answer came, or the server was ill or busy. */
function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.isTooManyRequests || error.status >= 500;
}

/** The object's name, cut, and something unique. No part between dots may be empty or end in a hyphen. */
function eventName(name: string): string {
  return `${name.slice(0, 230).replace(/[-.]+$/, '')}.${randomBytes(8).toString('hex')}`;
}

/** Makes the key the most recently used one, and forgets the least recently used beyond the bound. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > mostRemembered) map.delete(map.keys().next().value!);
}

/** Cuts at a code point, so that the note stays valid UTF-8. */
function truncate(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return (
    Buffer.from(text)
      .subarray(0, bytes - 3)
      .toString('utf8')
      .replace(/\uFFFD+$/, '') + '...'
  );
}
