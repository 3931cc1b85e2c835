import { controlPlane } from './control-plane.ts';
import { fleet } from './fleet.ts';
import { jobs } from './jobs.ts';
import { money } from './money.ts';
import { dashboardJson } from './page.ts';
import { scheduling } from './scheduling.ts';
import { verification } from './verification.ts';

/** Every dashboard, by the name of its file. */
export function dashboardFiles(): Map<string, string> {
  const pages = [fleet, scheduling, jobs, verification, money, controlPlane];
  return new Map(pages.map((page) => [`${page.name}.json`, dashboardJson(page)]));
}
