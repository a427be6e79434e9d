// Everybody wants the one product of which there are few: k6 run flash.js
// Sold out is a good answer; a piece that is sold twice, or not at all, is not.
import exec from 'k6/execution';
import { makePlan, scenario, startDelay } from './lib/plan.js';
import { afterFlash, beforeFlash, Customer, flashSKU } from './lib/shop.js';
import { summary, thresholds, trendStats } from './lib/report.js';

const plan = makePlan('flash');

export const options = {
  scenarios: scenario(plan), thresholds: thresholds(plan), summaryTrendStats: trendStats,
};

export function setup() {
  beforeFlash(plan);
}

export default function flash() {
  const delay = startDelay(plan);
  const sinceStart = Date.now() - exec.scenario.startTime - delay;
  new Customer(plan, delay).buy(flashSKU, 1, 'tok_ok', sinceStart);
}

export function teardown() {
  afterFlash(plan);
}

export function handleSummary(data) {
  return summary(plan, data);
}
