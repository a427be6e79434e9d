// The report of a run: `mercato.load.v1` as JSON, and the page that `mercatoctl load` prints.
import { answers, flashSKU, kinds, reasons } from './shop.js';

// The promises of each profile: name, rule, bound, and k6's own threshold where it can say it.
const always = [
  ['not_sent', 'at_most', 0, (bound) => ({ dropped_iterations: [`count<=${bound}`] })],
  ['failed_requests_share', 'at_most', 0.01, (bound) => ({ failed_requests: [`rate<=${bound}`] })],
];
const p99 = (metric) => (bound) => ({ [metric]: [`p(99)<=${bound}`] });
const withoutEnd = [
  'unfinished_orders', 'at_most', 0, (bound) => ({ orders_without_end: [`count<=${bound}`] }),
];
const promises = {
  browse: [...always, ['request_p99_ms', 'at_most', 500, (bound) => ({
    latency_catalogue: [`p(99)<=${bound}`], latency_product: [`p(99)<=${bound}`],
  })]],
  checkout: [
    ...always,
    ['accepted_p99_ms', 'at_most', 1000, p99('accepted_ms')],
    ['confirmed_p99_ms', 'at_most', 5000, p99('confirmed_ms')],
    ['good_confirmed_share', 'at_least', 0.99, (bound) => ({ good_confirmed: [`rate>=${bound}`] })],
    withoutEnd,
  ],
  flash: [
    ...always,
    ['accepted_p99_ms', 'at_most', 2000, p99('accepted_ms')],
    withoutEnd,
    ['oversold_pieces', 'at_most', 0, () => ({})],
    ['unsold_pieces', 'at_most', 0, () => ({})],
    ['stock_difference', 'at_most', 0, () => ({})],
  ],
};

export const trendStats = ['p(50)', 'p(90)', 'p(99)', 'max', 'count'];

// k6 run ends with 99 when one of these is crossed.
export function thresholds(plan) {
  const known = promises[plan.profile].map((promise) => promise[0]);
  for (const name of Object.keys(plan.bounds)) {
    if (!known.includes(name)) throw new Error(`LOAD_BOUND knows ${known.join(', ')}, not ${name}`);
  }
  const found = {};
  for (const [name, , bound, own] of promises[plan.profile]) {
    Object.assign(found, own(plan.bounds[name] === undefined ? bound : plan.bounds[name]));
  }
  return found;
}

export function makeReport(plan, data) {
  const metrics = data.metrics;
  const values = (name) => (metrics[name] ? metrics[name].values : null);
  const count = (name) => (values(name) ? values(name).count : 0);
  const rounded = (value) => Math.round(value * 1000) / 1000;
  const quantiles = (name) => {
    const seen = values(name);
    if (seen === null || seen.count === 0) return { max: null, p50: null, p90: null, p99: null };
    return {
      max: rounded(seen.max), p50: rounded(seen['p(50)']), p90: rounded(seen['p(90)']),
      p99: rounded(seen['p(99)']),
    };
  };
  const sent = count('start_delay_ms');
  const requests = kinds.filter((kind) => values(`latency_${kind}`) !== null
    && count(`latency_${kind}`) > 0).map((kind) => ({
    kind,
    count: count(`latency_${kind}`),
    failed: count(`failed_${kind}`),
    answers: named(answers, (answer) => count(`answers_${kind}_${answer}`)),
    latency_ms: quantiles(`latency_${kind}`),
  }));
  const notSent = count('dropped_iterations');
  const report = {
    schema: 'mercato.load.v1',
    generator: 'k6',
    profile: plan.profile,
    target: plan.gateway,
    started_at: new Date(Date.now() - data.state.testRunDurationMs).toISOString(),
    rate_per_second: plan.rate,
    duration_seconds: plan.duration,
    seed: plan.seed,
    arrivals: {
      planned: sent + notSent, sent, not_sent: notSent,
      latest_start_ms: quantiles('start_delay_ms').max || 0,
    },
    requests,
  };
  if (plan.profile !== 'browse') report.orders = orders(plan, count, quantiles, values);
  if (plan.profile === 'flash' && values('stock_before') !== null) {
    report.stock = { sku: flashSKU, before: values('stock_before').value, sold: count('orders_pieces') };
    if (values('stock_after') !== null) report.stock.after = values('stock_after').value;
  }
  report.thresholds = verdict(plan, figures(report, count, quantiles));
  report.passed = report.thresholds.every((threshold) => threshold.passed);
  return report;
}

function named(names, value) {
  const found = {};
  for (const name of names) if (value(name) > 0) found[name] = value(name);
  return found;
}

function orders(plan, count, quantiles, values) {
  const last = values('confirmed_at_ms');
  const took = Math.max(plan.duration, last === null ? 0 : last.max / 1000);
  const confirmed = count('orders_confirmed');
  return {
    attempted: count('orders_attempted'),
    accepted: count('orders_accepted'),
    confirmed,
    cancelled: named(reasons, (reason) => count(`cancelled_${reason}`)),
    unfinished: count('orders_unfinished'),
    unknown: count('orders_unknown'),
    refused: count('orders_refused'),
    not_placed: count('orders_not_placed'),
    confirmed_per_second: confirmed / took,
    accepted_ms: quantiles('accepted_ms'),
    confirmed_ms: quantiles('confirmed_ms'),
  };
}

function figures(report, count, quantiles) {
  const all = report.requests.reduce((sum, request) => sum + request.count, 0);
  const failed = report.requests.reduce((sum, request) => sum + request.failed, 0);
  const good = count('orders_attempted_good');
  const found = {
    not_sent: report.arrivals.not_sent,
    failed_requests_share: all > 0 ? failed / all : null,
    // The worst kind: a mean over kinds would hide it.
    request_p99_ms: all > 0
      ? Math.max(...report.requests.map((request) => request.latency_ms.p99)) : null,
    accepted_p99_ms: quantiles('accepted_ms').p99,
    confirmed_p99_ms: quantiles('confirmed_ms').p99,
    good_confirmed_share: good > 0 ? count('orders_confirmed_good') / good : null,
    unfinished_orders: count('orders_unfinished') + count('orders_unknown'),
  };
  if (report.stock) {
    const { before, sold, after } = report.stock;
    found.oversold_pieces = Math.max(0, sold - before);
    found.unsold_pieces = Math.max(0, Math.min(before, report.orders.accepted) - sold);
    found.stock_difference = after === undefined ? null : Math.abs(before - sold - after);
  }
  return found;
}

function verdict(plan, found) {
  return promises[plan.profile].map(([name, rule, bound]) => {
    const limit = plan.bounds[name] === undefined ? bound : plan.bounds[name];
    const value = found[name] === undefined ? null : found[name];
    const passed = value !== null && (rule === 'at_most' ? value <= limit : value >= limit);
    const threshold = { bound: limit, name, passed, rule };
    // Without observations there is no value, and no pass.
    return value === null ? threshold : { ...threshold, value };
  });
}

// --- The page (Services/Mercatoctl/Load/LoadTable.swift prints the same) ------------------------

const left = (text, width) => text + ' '.repeat(Math.max(1, width - text.length));
const right = (text, width) => ' '.repeat(Math.max(1, width - text.length)) + text;
// Halves go up, as in LoadTable: each language's own printing would choose differently.
const roundedTo = (value, scale) => Math.round(value * scale) / scale;
const milliseconds = (value) =>
  (value === null || value === undefined ? '-' : roundedTo(value, 10).toFixed(1));
const number = (value) => roundedTo(value, 1000).toFixed(3).replace(/\.?0+$/, '');
const list = (counts) => Object.keys(counts).sort().map((key) => `${key}: ${counts[key]}`).join(', ');
const row = (name, columns, rest) =>
  left(name, 14) + columns.map((column) => right(column, 9)).join('') + `  ${rest}`;
const quantileText = (values) => `p50 ${milliseconds(values.p50)}, p90 ${milliseconds(values.p90)}, `
  + `p99 ${milliseconds(values.p99)}, max ${milliseconds(values.max)}`;

export function table(report) {
  const { arrivals } = report;
  const lines = [
    `${report.profile}: ${number(report.rate_per_second)}/s for ${number(report.duration_seconds)} s `
      + `against ${report.target} (${report.generator}, seed ${report.seed})`,
    '',
    row('request, ms', ['count', 'failed', 'p50', 'p90', 'p99', 'max'], 'answers'),
    ...report.requests.map((request) => row(
      request.kind,
      [String(request.count), String(request.failed), milliseconds(request.latency_ms.p50),
        milliseconds(request.latency_ms.p90), milliseconds(request.latency_ms.p99),
        milliseconds(request.latency_ms.max)],
      list(request.answers))),
    '',
    `${left('arrivals', 14)}${arrivals.planned} planned, ${arrivals.sent} sent, `
      + `${arrivals.not_sent} not sent; latest start ${milliseconds(arrivals.latest_start_ms)} ms`,
  ];
  if (report.orders) {
    const { orders: seen } = report;
    const cancelled = Object.values(seen.cancelled).reduce((sum, value) => sum + value, 0);
    const why = cancelled > 0 ? ` (${list(seen.cancelled)})` : '';
    lines.push(
      `${left('orders', 14)}${seen.attempted} attempted, ${seen.accepted} accepted: `
        + `${seen.confirmed} confirmed, ${cancelled} cancelled${why}, ${seen.unfinished} unfinished`,
      `${left('without 202', 14)}${seen.refused} refused, ${seen.unknown} unknown, `
        + `${seen.not_placed} not placed`,
      left('accepted, ms', 14) + quantileText(seen.accepted_ms),
      left('confirmed, ms', 14) + quantileText(seen.confirmed_ms),
      left('confirmed/s', 14) + number(seen.confirmed_per_second));
  }
  if (report.stock) {
    const { sku, before, sold, after } = report.stock;
    lines.push(`${left('stock', 14)}${sku}: ${before} before, ${sold} sold, `
      + `${after === undefined ? '?' : after} after`);
  }
  lines.push('', `${left('threshold', 24)}${right('value', 12)}${right('bound', 12)}  verdict`);
  for (const threshold of report.thresholds) {
    const sign = threshold.rule === 'at_most' ? '<=' : '>=';
    lines.push(left(threshold.name, 24)
      + right(threshold.value === undefined ? 'no data' : number(threshold.value), 12)
      + right(`${sign} ${number(threshold.bound)}`, 12)
      + `  ${threshold.passed ? 'pass' : 'FAIL'}`);
  }
  lines.push('', report.passed ? 'PASSED' : 'FAILED', '');
  return lines.join('\n');
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const copy = {};
  // A quantile without observations is left out, as the other generator does.
  for (const key of Object.keys(value).sort()) if (value[key] !== null) copy[key] = sorted(value[key]);
  return copy;
}

export function summary(plan, data) {
  const report = makeReport(plan, data);
  const files = { stdout: table(report) };
  if (plan.json !== '') files[plan.json] = `${JSON.stringify(sorted(report), null, 2)}\n`;
  return files;
}
