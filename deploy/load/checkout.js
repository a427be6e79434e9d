// Customers who buy one or two pieces of something, one card of ten declined: k6 run checkout.js
import exec from 'k6/execution';
import { chance, makePlan, scenario, startDelay } from './lib/plan.js';
import { Customer, skus, stockUp } from './lib/shop.js';
import { summary, thresholds, trendStats } from './lib/report.js';

const plan = makePlan('checkout');

export const options = {
  scenarios: scenario(plan), thresholds: thresholds(plan), summaryTrendStats: trendStats,
  setupTimeout: '120s',
};

export function setup() {
  const found = skus(plan);
  const pieces = Math.floor((plan.planned * 2) / found.length) * 2 + 20;
  if (plan.topsUp) for (const sku of found) stockUp(plan, sku, pieces);
  return { skus: found };
}

export default function checkout(data) {
  const delay = startDelay(plan);
  const sku = data.skus[Math.floor(chance(plan, 1) * data.skus.length)];
  const card = chance(plan, 3) < 0.1 ? 'tok_declined' : 'tok_ok';
  const sinceStart = Date.now() - exec.scenario.startTime - delay;
  new Customer(plan, delay).buy(sku, chance(plan, 2) < 0.5 ? 1 : 2, card, sinceStart);
}

export function handleSummary(data) {
  return summary(plan, data);
}
