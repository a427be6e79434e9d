// A customer's calls, counted by kind and answer, and the shelves before and after a run.
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

export const kinds = [
  'catalogue', 'product', 'cart_open', 'cart_add', 'order_place', 'order_follow', 'order_read',
];
// Names of answers that the report can tell apart; metrics must be known before the run.
export const answers = [
  '200', '201', '202', '204', '400', '401', '404', '405', '408', '409', '413', '415', '422', '429',
  '431', '500', '501', '502', '503', '504', 'timeout', 'connectFailed', 'reset', 'other',
];
export const reasons = [
  'no_stock', 'payment_declined', 'reservation_expired', 'timed_out', 'capture_refused',
  'cancelled_by_customer', 'unknown',
];
export const orderCounts = [
  'attempted', 'attempted_good', 'accepted', 'confirmed', 'confirmed_good', 'unfinished', 'unknown',
  'refused', 'not_placed', 'pieces',
];

const latency = {}, failed = {}, answered = {}, cancelled = {}, orders = {};
for (const kind of kinds) {
  latency[kind] = new Trend(`latency_${kind}`);
  failed[kind] = new Counter(`failed_${kind}`);
  for (const answer of answers) {
    answered[`${kind}_${answer}`] = new Counter(`answers_${kind}_${answer}`);
  }
}
for (const reason of reasons) cancelled[reason] = new Counter(`cancelled_${reason}`);
for (const name of orderCounts) orders[name] = new Counter(`orders_${name}`);
const failedRequests = new Rate('failed_requests');
const goodConfirmed = new Rate('good_confirmed');
const withoutEnd = new Counter('orders_without_end');
const accepted = new Trend('accepted_ms');
const confirmed = new Trend('confirmed_ms');
const startedLate = new Trend('start_delay_ms');
const confirmedAt = new Trend('confirmed_at_ms');
const stockBefore = new Gauge('stock_before');
const stockAfter = new Gauge('stock_after');

export const flashSKU = 'FLASH-SALE';
const requestLimit = '10s';
const followLimitMs = 30000;

function uuid() {
  const digits = 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx';
  return digits.replace(/x/g, () => Math.floor(Math.random() * 16).toString(16));
}

function failure(response) {
  if (response.status !== 0 && response.error_code < 1000) return null;
  if (response.error_code === 1050) return 'timeout';
  if (response.error_code === 1220 || response.error_code === 1230) return 'reset';
  if (response.error_code >= 1100 && response.error_code < 1300) return 'connectFailed';
  return response.status === 0 ? 'other' : null;
}

// One customer whom nobody has seen before. `spent` is the time since the intended instant: each
// latency of a first call counts from there, each later one from the end of the call before.
export class Customer {
  constructor(plan, delay) {
    this.plan = plan;
    this.id = uuid();
    this.spent = delay;
    this.pending = delay;
    startedLate.add(delay);
  }

  call(kind, method, path, body, headers, timeout) {
    const all = { Authorization: `Bearer demo-${this.id}`, ...headers };
    if (body !== null) all['Content-Type'] = 'application/json';
    const response = http.request(method, this.plan.gateway + path, body, {
      headers: all, timeout: timeout || requestLimit, tags: { kind }, redirects: 0,
    });
    const timing = response.timings;
    const took = timing.blocked + timing.connecting + timing.duration;
    this.spent += took;
    latency[kind].add(this.pending + took);
    this.pending = 0;
    const broken = failure(response);
    const isGood = broken === null && response.status >= 200 && response.status < 300;
    const answer = broken || String(response.status);
    answered[`${kind}_${answers.includes(answer) ? answer : 'other'}`].add(1);
    failedRequests.add(!isGood);
    if (!isGood) failed[kind].add(1);
    return { status: broken === null ? response.status : 0, broken, isGood, response };
  }

  look(sku) {
    this.call('catalogue', 'GET', '/v1/products', null);
    this.call('product', 'GET', `/v1/products/${sku}`, null);
  }

  // Cart, line, order, then its events to the final state.
  buy(sku, quantity, card, sinceStart) {
    const isGood = card === 'tok_ok';
    orders.attempted.add(1);
    if (isGood) orders.attempted_good.add(1);
    const end = this.attempt(sku, quantity, card);
    if (isGood) goodConfirmed.add(end.state === 'confirmed');
    if (end.state === 'cancelled') {
      cancelled[reasons.includes(end.reason) ? end.reason : 'unknown'].add(1);
      return;
    }
    orders[end.state].add(1);
    if (end.state === 'unfinished' || end.state === 'unknown') withoutEnd.add(1);
    if (end.state !== 'confirmed') return;
    if (isGood) orders.confirmed_good.add(1);
    orders.pieces.add(quantity);
    confirmed.add(this.spent);
    confirmedAt.add(sinceStart + this.spent);
  }

  attempt(sku, quantity, card) {
    const refused = (answer) => ({
      state: answer.status >= 400 && answer.status < 500 ? 'refused' : 'not_placed',
    });
    const opened = this.call('cart_open', 'POST', '/v1/carts', '{}');
    if (!opened.isGood) return refused(opened);
    const cart = opened.response.json('id');
    const added = this.call(
      'cart_add', 'PUT', `/v1/carts/${cart}/lines/${sku}`, JSON.stringify({ quantity }));
    if (!added.isGood) return refused(added);
    const placed = this.call(
      'order_place', 'POST', '/v1/orders', JSON.stringify({ card_token: card, cart_id: cart }),
      { 'Idempotency-Key': `load-${this.id}` });
    if (placed.status !== 202) {
      // A server's error, or silence, says nothing about what happened behind it.
      const isOpen = placed.status >= 500 || (placed.status === 0 && placed.broken !== 'connectFailed');
      return isOpen ? { state: 'unknown' } : refused(placed);
    }
    orders.accepted.add(1);
    accepted.add(this.spent);
    return this.follow(placed.response.json('id'));
  }

  // Reads the events to their end; when the stream breaks off, asks for the order now and then.
  follow(order) {
    const begin = this.spent;
    const events = this.call(
      'order_follow', 'GET', `/v1/orders/${order}/events`, null, { Accept: 'text/event-stream' },
      `${followLimitMs}ms`);
    const text = events.status === 200 ? String(events.response.body || '') : '';
    if (/^event: OrderConfirmed$/m.test(text)) return { state: 'confirmed' };
    if (/^event: OrderCancelled$/m.test(text)) {
      const reason = /"reason":"([a-z_]+)"[^\n]*"type":"OrderCancelled"/.exec(text);
      return { state: 'cancelled', reason: reason ? reason[1] : 'unknown' };
    }
    while (this.spent - begin < followLimitMs) {
      const view = this.call('order_read', 'GET', `/v1/orders/${order}`, null);
      const status = view.isGood ? view.response.json('status') : '';
      if (status === 'CONFIRMED') return { state: 'confirmed' };
      if (status === 'CANCELLED') {
        return { state: 'cancelled', reason: view.response.json('reason') || 'unknown' };
      }
      sleep(0.5);
      this.spent += 500;
    }
    return { state: 'unfinished' };
  }
}

// --- Shelves ----------------------------------------------------------------------------------

function admin(plan, method, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  if (plan.token !== '') headers.Authorization = `Bearer ${plan.token}`;
  const response = http.request(method, plan.admin + path, JSON.stringify(body), { headers });
  if (response.status < 200 || response.status > 299) {
    throw new Error(`${method} ${path} answered ${response.status}: ${response.body}`);
  }
}

function available(plan, sku) {
  const response = http.get(`${plan.gateway}/v1/products/${sku}`);
  if (response.status !== 200) {
    throw new Error(`the product ${sku} cannot be read (${response.status}); is Mercato seeded?`);
  }
  return response.json('available');
}

// The catalogue may be two seconds old: what is expected is waited for.
function settled(plan, sku, isExpected) {
  let seen = available(plan, sku);
  for (let round = 0; round < 40 && !isExpected(seen); round += 1) {
    sleep(0.25);
    seen = available(plan, sku);
  }
  return seen;
}

export function stockUp(plan, sku, pieces) {
  const there = available(plan, sku);
  if (there >= pieces) return there;
  admin(plan, 'POST', '/admin/inventory/receipts', {
    receipt_id: uuid(), sku, quantity: pieces - there,
  });
  return settled(plan, sku, (seen) => seen >= pieces);
}

export function skus(plan) {
  const response = http.get(`${plan.gateway}/v1/products`);
  if (response.status !== 200) throw new Error(`the catalogue answered ${response.status}`);
  const found = response.json('products').map((product) => product.sku)
    .filter((sku) => sku !== 'SOLD-OUT-POSTER' && sku !== flashSKU).sort();
  if (found.length === 0) throw new Error('the shop is empty; run: mercatoctl seed');
  return found;
}

export function showFlashProduct(plan, active) {
  admin(plan, 'PUT', `/admin/inventory/products/${flashSKU}`, {
    name: 'Flash sale', description: 'One piece each, while there are any.',
    price: { amount_minor: 500, currency: 'EUR' }, image: '⚡', active,
  });
}

export function beforeFlash(plan) {
  if (plan.topsUp) showFlashProduct(plan, true);
  const before = plan.topsUp ? stockUp(plan, flashSKU, plan.stock) : available(plan, flashSKU);
  stockBefore.add(before);
}

// What was sold is known to the summary only, so the shelf is read until it stands still.
export function afterFlash(plan) {
  let seen = available(plan, flashSKU);
  for (let round = 0; round < 4; round += 1) {
    sleep(2.5);
    const next = available(plan, flashSKU);
    if (next === seen) break;
    seen = next;
  }
  stockAfter.add(seen);
  if (plan.topsUp) showFlashProduct(plan, false);
}
