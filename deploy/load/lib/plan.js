// What a run is to do, from the environment: the same names and defaults as `mercatoctl load`.
import exec from 'k6/execution';

function number(name, fallback, least, most) {
  const text = __ENV[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!(value >= least && value <= most)) {
    throw new Error(`${name} is a number from ${least} to ${most}, not "${text}"`);
  }
  return value;
}

// `500ms`, `30s`, `2m`, `1h` in seconds.
function seconds(name, fallback) {
  const text = __ENV[name] || fallback;
  const parts = /^([0-9]+)(ms|s|m|h)$/.exec(text);
  const value = parts ? Number(parts[1]) * { ms: 0.001, s: 1, m: 60, h: 3600 }[parts[2]] : 0;
  if (!(value > 0 && value <= 3600)) {
    throw new Error(`${name} is a time like 30s or 2m, at most an hour, not "${text}"`);
  }
  return value;
}

// Load is for one's own machine, unless somebody says otherwise in so many words.
function target(name, fallback) {
  const url = (__ENV[name] || fallback).replace(/\/$/, '');
  const parts = /^http:\/\/(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$/.exec(url);
  if (!parts) throw new Error(`${name} is an address like ${fallback}, not "${url}"`);
  const isLocal = parts[1] === 'localhost' || parts[1] === '[::1]'
    || /^127(\.[0-9]{1,3}){3}$/.test(parts[1]);
  if (!isLocal && __ENV.LOAD_ALLOW_REMOTE !== '1') {
    throw new Error(`${url} is not this machine; LOAD_ALLOW_REMOTE=1 says that it is yours`);
  }
  return url;
}

function bounds(text) {
  const found = {};
  for (const part of (text || '').split(',').filter((part) => part !== '')) {
    const [name, value] = part.split('=');
    found[name] = Number(value);
    if (!(found[name] >= 0)) throw new Error(`LOAD_BOUND is NAME=VALUE, not "${part}"`);
  }
  return found;
}

export function makePlan(profile) {
  const rate = number('LOAD_RATE', 10, 0.1, 5000);
  const duration = seconds('LOAD_DURATION', '60s');
  const planned = Math.max(1, Math.round(rate * duration));
  return {
    profile,
    rate,
    duration,
    planned,
    maxInFlight: number('LOAD_MAX_IN_FLIGHT', 1200, 1, 1200),
    seed: number('LOAD_SEED', 1, 0, Number.MAX_SAFE_INTEGER),
    stock: number('LOAD_STOCK', Math.max(1, Math.min(50, Math.floor(planned / 4))), 1, 1e6),
    topsUp: __ENV.LOAD_TOP_UP !== '0',
    bounds: bounds(__ENV.LOAD_BOUND),
    gateway: target('MERCATO_GATEWAY_URL', 'http://127.0.0.1:8080'),
    admin: target('MERCATO_ADMIN_URL', 'http://127.0.0.1:8081'),
    token: __ENV.MERCATO_ADMIN_TOKEN || '',
    json: __ENV.LOAD_JSON || '',
  };
}

// An open loop: iterations begin at a fixed rate whatever becomes of those before them.
export function scenario(plan) {
  // The rate is a whole number per unit of time; a tenth per second is the finest.
  const whole = Number.isInteger(plan.rate);
  return {
    [plan.profile]: {
      executor: 'constant-arrival-rate',
      rate: whole ? plan.rate : Math.round(plan.rate * 10),
      timeUnit: whole ? '1s' : '10s',
      duration: `${Math.round(plan.duration * 1000)}ms`,
      // An iteration without a free virtual user is dropped, and counted as not sent.
      preAllocatedVUs: Math.min(plan.maxInFlight, Math.max(50, Math.ceil(plan.rate * 10))),
      maxVUs: plan.maxInFlight,
      gracefulStop: '45s',
    },
  };
}

// Milliseconds by which this iteration began after its intended instant. After a dropped iteration
// the numbers no longer fit and this errs on the dark side; such a run has failed anyway.
export function startDelay(plan) {
  const due = exec.scenario.startTime + (exec.scenario.iterationInTest * 1000) / plan.rate;
  return Math.max(0, Date.now() - due);
}

// Evenly spread in [0, 1), the same for the same seed and iteration (mulberry32).
export function chance(plan, salt) {
  let state = (plan.seed * 0x9e3779b1 + exec.scenario.iterationInTest * 31 + salt) >>> 0;
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
