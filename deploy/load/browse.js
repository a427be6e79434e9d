// Visitors who look at the catalogue and at one product: k6 run browse.js
import { chance, makePlan, scenario, startDelay } from './lib/plan.js';
import { Customer, skus } from './lib/shop.js';
import { summary, thresholds, trendStats } from './lib/report.js';

const plan = makePlan('browse');

export const options = {
  scenarios: scenario(plan), thresholds: thresholds(plan), summaryTrendStats: trendStats,
};

export function setup() {
  return { skus: skus(plan) };
}

export default function browse(data) {
  const delay = startDelay(plan);
  new Customer(plan, delay).look(data.skus[Math.floor(chance(plan, 1) * data.skus.length)]);
}

export function handleSummary(data) {
  return summary(plan, data);
}
