// The shop's page. Text from the network enters the page only as text, never as markup.
// Parts, in this order: who you are, calls, the stream of one order, words, products, cart,
// checkout, the order's timeline, the list of orders, start.

const element = (id) => document.getElementById(id);

/** Makes an element: `make("p", { class: "fine", text: "…" }, child, …)`. */
function make(tag, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const [name, action] of Object.entries(on)) made.addEventListener(name, action);
  made.append(...children);
  return made;
}

/** Writes only what changed, so that screen readers and selections are left alone. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const done = () => { clearTimeout(timer); signal?.removeEventListener("abort", done); resolve(); };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });

/** Full jitter: many pages must not come back in step after an outage. */
const backoff = (attempt, base, cap) => Math.random() * Math.min(cap, base * 2 ** (attempt - 1)) + 50;

// ---------------------------------------------------------------- who you are

/** `crypto.randomUUID` exists on https and localhost only; the shop may be opened by address. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Browser storage that does without when the browser forbids it. */
function keeper(open) {
  const memory = new Map();
  let storage = null;
  try { storage = open(); } catch { storage = null; }
  return {
    get(key) {
      try { return JSON.parse(storage?.getItem(key) ?? "null") ?? memory.get(key) ?? null; } catch { return null; }
    },
    set(key, value) {
      memory.set(key, value);
      try { storage?.setItem(key, JSON.stringify(value)); } catch { /* Ignored: kept in memory. */ }
    },
    drop(key) {
      memory.delete(key);
      storage?.removeItem(key);
    },
  };
}
const kept = keeper(() => localStorage);
const session = keeper(() => sessionStorage);

const customer = kept.get("mercato.customer") ?? uuid();
kept.set("mercato.customer", customer);
const identity = { authorization: `Bearer demo-${customer}` };

// ---------------------------------------------------------------- calls

/** A refusal or a failure; `status` 0 when there was no answer at all. */
class Trouble extends Error {
  constructor(status, problem = {}, retryAfter = 0) {
    super(problem.detail || problem.title || "");
    Object.assign(this, { status, problem, code: problem.code ?? "", retryAfter });
  }
  /** Whether the same request may well succeed later; its outcome may be unknown. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500
      || this.code === "idempotency_in_progress";
  }
}

async function troubleOf(response) {
  let problem = {};
  if (/\bjson\b/.test(response.headers.get("content-type") ?? "")) {
    problem = await response.json().catch(() => ({}));
  }
  return new Trouble(response.status, problem, Number(response.headers.get("retry-after")) || 0);
}

async function call(method, path, { body, headers = {}, timeout = 8000 } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method, signal: AbortSignal.timeout(timeout), cache: "no-store",
      headers: { ...identity, ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    if (response.ok) return await response.json();
  } catch {
    throw new Trouble(0);
  }
  throw await troubleOf(response);
}

const sentences = {
  unauthenticated: "The shop does not know you. Its demo sign-in seems to be switched off.",
  upstream_unavailable: "A part of the shop cannot be reached right now. Please try again in a moment.",
  database_unavailable: "A part of the shop cannot be reached right now. Please try again in a moment.",
  upstream_timeout: "A part of the shop took too long to answer. Please try again in a moment.",
  deadline_exceeded: "That took too long. Please try again in a moment.",
  starting: "The shop is still opening. Please try again in a moment.",
  overloaded: "The shop is very busy. Please try again in a moment.",
  cart_empty: "Your cart is empty.",
  cart_version_stale: "Your cart has changed in the meantime. Have a look, then order again.",
  cart_already_ordered: "This cart was ordered already; here is that order.",
  cart_not_found: "Your cart could not be found; here is a fresh one.",
  unknown_sku: "One of these products is no longer sold. Please remove it.",
  quantity_out_of_range: "You can order between 1 and 99 of one product.",
  order_not_found: "This order could not be found.",
  idempotency_key_reused: "This order was sent before with other contents. Please order again.",
};

/** One sentence for people, whatever went wrong. */
function sentence(trouble) {
  if (!(trouble instanceof Trouble)) return "Something went wrong on this page. Please load it again.";
  if (trouble.status === 0) return "The shop does not answer. Check your connection; we keep trying.";
  return sentences[trouble.code] ?? (trouble.message || `The shop could not do that (error ${trouble.status}).`);
}

function notify(text) {
  element("notice").hidden = !text;
  write(element("notice-text"), text);
}
const complain = (trouble) => notify(sentence(trouble));

// ---------------------------------------------------------------- the stream of one order

/** Server-sent events out of text that comes in pieces (WHATWG HTML §9.2.6). */
class EventParser {
  #rest = "";
  #event = { id: null, type: "", data: [] };

  *feed(text) {
    this.#rest += text;
    // A carriage return at the very end may be half of a line end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line !== "") { this.#field(line); continue; }
      const { id, type, data } = this.#event;
      this.#event = { id, type: "", data: [] };
      if (data.length) yield { id, type: type || "message", data: data.join("\n") };
    }
  }

  #field(line) {
    if (line.startsWith(":")) return;
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "data") this.#event.data.push(value);
    if (name === "event") this.#event.type = value;
    if (name === "id") this.#event.id = value;
  }
}

/** The server sends a heartbeat each 15 s: longer silence means that the connection is dead. */
const silenceLimit = 40_000;

/** Follows an order to its end, over as many connections as it takes. `fetch`, since EventSource sends no token. */
async function follow(orderID, { signal, onEvent, onConnection }) {
  let last = null;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal.addEventListener("abort", stop);
    let watchdog = setTimeout(stop, silenceLimit);
    try {
      const response = await fetch(`/v1/orders/${orderID}/events`, {
        signal: connection.signal, cache: "no-store",
        headers: { ...identity, accept: "text/event-stream", ...(last !== null && { "last-event-id": last }) },
      });
      if (!response.ok) throw await troubleOf(response);
      onConnection(true);
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        attempt = 0;
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, silenceLimit);
        for (const event of parser.feed(value)) {
          last = event.id ?? last;
          if (onEvent(JSON.parse(event.data))) return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Trouble && !error.isPassing) throw error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", stop);
      connection.abort();
    }
    if (signal.aborted) return;
    onConnection(false);
    await pause(backoff(Math.max(1, attempt), 250, 5_000), signal);
  }
}

// ---------------------------------------------------------------- words

function price(money) {
  if (!money) return "–";
  const format = new Intl.NumberFormat("en-IE", { style: "currency", currency: money.currency });
  return format.format(money.amount_minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const productName = (sku) => shop.products.get(sku)?.name ?? sku ?? "one of the products";

/** Every step as a sentence, and what the shop does next. */
const steps = {
  OrderPlaced: [() => "We have your order.", "Setting the goods aside…"],
  StockReserved: [() => "The goods are set aside for you.", "Asking the bank…"],
  StockRejected: [(detail) => Number(detail.available) > 0
    ? `Not enough left of ${productName(detail.sku)}: only ${detail.available}.`
    : `${detail.sku ? productName(detail.sku) : "Something in it"} is sold out.`, "Closing the order…"],
  PaymentAuthorized: [() => "The bank holds the money; nothing is charged yet.", "Taking the goods off the shelf…"],
  PaymentDeclined: [(detail) => ({
    card_declined: "The bank declined the card.",
    unknown_card: "The bank does not know this card.",
    capture_refused: "The bank refused the charge after all.",
  })[detail.reason] ?? "The bank said no.", "Undoing what was done…"],
  StockCommitted: [() => "The goods are yours and off the shelf.", "Charging the card…"],
  PaymentCaptured: [() => "The card was charged, once.", "Confirming…"],
  CompensationStarted: [() => "This order cannot go through, so every step is undone.", "Undoing what was done…"],
  PaymentVoided: [(detail) => detail.outcome === "nothing"
    ? "There was no money to give back." : "The bank let go of the money.", "Undoing what was done…"],
  StockReleased: [(detail) => detail.outcome === "nothing"
    ? "There were no goods to put back." : "The goods are back on the shelf.", "Undoing what was done…"],
  OrderConfirmed: [() => "Your order is confirmed.", ""],
  OrderCancelled: [() => "Your order is cancelled.", ""],
};

const reasons = {
  no_stock: "There was not enough in stock. You were not charged.",
  payment_declined: "The bank declined the card. You were not charged, and the goods are back on the shelf.",
  reservation_expired: "It took so long that the goods were given free again. You were not charged.",
  timed_out: "A part of the shop did not answer in time, so everything was undone. You were not charged.",
  capture_refused: "The bank refused the charge in the end. You were not charged, and the goods are back on the shelf.",
  cancelled_by_customer: "You cancelled it. You were not charged.",
};
const statusOf = { OrderConfirmed: "CONFIRMED", OrderCancelled: "CANCELLED" };
const statusWords = { PENDING: "In progress", CONFIRMED: "Confirmed", CANCELLED: "Cancelled" };

/** "PaymentRefunded" → "Payment refunded.": for steps that are newer than this page. */
const plain = (type) => type.replace(/(?!^)([A-Z])/g, (letter) => " " + letter.toLowerCase()) + ".";

// ---------------------------------------------------------------- products

const shop = {
  products: new Map(), tiles: new Map(),
  cart: null, rows: new Map(), changes: 0, queue: Promise.resolve(),
  isPlacing: false, open: null, follower: null, seen: new Set(), firstAt: null,
};

/** A product's emoji → our drawing of it, which looks the same without an emoji font, and its hue. */
const pictures = {
  "☕": ["mug", 5], "🫖": ["teapot", 1], "📓": ["notebook", 2], "✏": ["pencils", 3], "💡": ["lamp", 4], "👜": ["bag", 5],
  "🕰": ["clock", 2], "🪴": ["plant", 0], "🧶": ["yarn", 3], "🕯": ["candle", 4], "🧩": ["puzzle", 0], "🎫": ["ticket", 1],
};

function picture(product) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  const [drawn, hue] = pictures[(product.image ?? "").replace(/\uFE0F/g, "")] ?? ["parcel", product.sku.length % 6];
  use.setAttribute("href", `#art-${drawn}`);
  drawing.append(use);
  return make("div", { class: `tile hue-${hue}`, "aria-hidden": "true" }, drawing);
}

function makeTile(product) {
  const { sku } = product;
  const parts = {
    name: make("h2"), about: make("p", { class: "about" }), price: make("b", { class: "price" }),
    stock: make("span", { class: "stock", "data-testid": `stock-${sku}` }),
    add: make("button", {
      type: "button", class: "add", "data-testid": `add-${sku}`,
      on: { click: () => setQuantity(sku, quantityOf(sku) + 1) },
    }),
  };
  const art = picture(product);
  art.append(parts.stock);
  parts.item = make("li", { class: "product", "data-testid": `product-${sku}` }, art,
    make("div", { class: "words" }, parts.name, parts.about),
    make("div", { class: "deal" }, parts.price, parts.add));
  return parts;
}

function showProduct(product) {
  const { sku, available } = product;
  if (!shop.tiles.has(sku)) shop.tiles.set(sku, makeTile(product));
  const tile = shop.tiles.get(sku);
  write(tile.name, product.name);
  write(tile.about, product.description);
  write(tile.price, price(product.price));
  write(tile.stock, available > 0 ? `${available} left` : "sold out");
  tile.stock.dataset.level = available > 10 ? "many" : available > 0 ? "few" : "none";
  // Still for sale: whoever orders it sees how a refusal is undone.
  write(tile.add, available > 0 ? "Add" : "Order anyway");
  tile.add.setAttribute("aria-label", `${tile.add.textContent}: ${product.name}`);
  tile.add.classList.toggle("quiet", available <= 0);
  return tile.item;
}

function showProducts({ products, stale }) {
  const grid = element("grid");
  const known = new Set(products.map((product) => product.sku));
  for (const sku of [...shop.tiles.keys()].filter((sku) => !known.has(sku))) {
    shop.tiles.get(sku).item.remove();
    shop.tiles.delete(sku);
  }
  shop.products = new Map(products.map((product) => [product.sku, product]));
  products.forEach((product, index) => {
    const item = showProduct(product);
    if (grid.children[index] !== item) grid.insertBefore(item, grid.children[index] ?? null);
  });
  grid.setAttribute("aria-busy", "false");
  element("stale").hidden = !stale;
  setLive(stale ? "stale" : "live");
  showCart();
}

function setLive(state) {
  // The shop is back: what was said while it was away is no longer true.
  if (state !== "down" && element("live").dataset.state === "down") notify("");
  element("live").dataset.state = state;
  write(element("live"), {
    live: "Live stock", stale: "Stock may be old", down: "Reconnecting…",
  }[state]);
}

/** The shelves are looked at every 2 s, while somebody looks at the page. */
async function watchProducts() {
  for (let failures = 0; ; ) {
    if (!document.hidden) {
      try {
        showProducts(await call("GET", "/v1/products", { timeout: 5_000 }));
        failures = 0;
        await refreshCart();
      } catch (trouble) {
        failures += 1;
        setLive("down");
        element("stale").hidden = shop.products.size === 0;
        if (!(trouble instanceof Trouble)) complain(trouble);
      }
    }
    const shown = new AbortController();
    const wake = () => shown.abort();
    document.addEventListener("visibilitychange", wake, { once: true });
    await pause(failures > 1 ? 2_000 + backoff(failures, 500, 8_000) : 2_000, shown.signal);
    document.removeEventListener("visibilitychange", wake);
  }
}

// ---------------------------------------------------------------- cart

const quantityOf = (sku) => shop.cart?.lines.find((line) => line.sku === sku)?.quantity ?? 0;

async function openCart() {
  adopt(await call("POST", "/v1/carts"));
}

/** Takes the server's cart, unless it is older than what is shown or a change is on its way. */
function adopt(cart) {
  const isOlder = cart.id === shop.cart?.id && cart.version < shop.cart.version;
  if (shop.changes > 0 || isOlder) return;
  shop.cart = cart;
  showCart();
}

/** Orders and other tabs change the cart, too. */
async function refreshCart() {
  if (!shop.cart) return openCart();
  try {
    adopt(await call("GET", `/v1/carts/${shop.cart.id}`, { timeout: 5_000 }));
  } catch (trouble) {
    if (trouble.code !== "cart_not_found") throw trouble;
    await openCart();
  }
}

/** Shows the wish at once and sends the changes one after the other; the last answer is the truth. */
function setQuantity(sku, quantity) {
  if (!shop.cart || quantity > 99) return notify(shop.cart ? sentences.quantity_out_of_range : sentences.starting);
  notify("");
  const { id } = shop.cart;
  const before = quantityOf(sku);
  putLine(sku, quantity);
  shop.changes += 1;
  showCart();
  shop.queue = shop.queue.then(() => sendLine(id, sku, quantity, before));
}

function putLine(sku, quantity) {
  const { lines } = shop.cart;
  const line = lines.find((each) => each.sku === sku);
  if (quantity <= 0) shop.cart.lines = lines.filter((each) => each !== line);
  else if (line) line.quantity = quantity;
  else lines.push({ sku, quantity });
}

async function sendLine(id, sku, quantity, before) {
  const path = `/v1/carts/${id}/lines/${encodeURIComponent(sku)}`;
  try {
    const cart = quantity > 0 ? await call("PUT", path, { body: { quantity } }) : await call("DELETE", path);
    if (shop.changes === 1) shop.cart = cart;
    else shop.cart.version = cart.version;
  } catch (trouble) {
    complain(trouble);
    // What the server has is shown; when it cannot be asked, what it had before this change.
    await call("POST", "/v1/carts").then((cart) => { shop.cart = cart; }, () => putLine(sku, before));
  }
  shop.changes -= 1;
  showCart();
}

function makeLine(sku) {
  const step = (by) => () => setQuantity(sku, quantityOf(sku) + by);
  const button = (mark, text, label, action) => make("button", {
    type: "button", text, "aria-label": label, "data-testid": `${mark}-${sku}`, on: { click: action },
  });
  const parts = {
    name: make("span", { class: "line-name" }), price: make("b", { class: "line-price" }),
    quantity: make("output", { "data-testid": `quantity-${sku}` }), hint: make("p", { class: "hint", hidden: "" }),
  };
  const name = productName(sku);
  parts.item = make("li", { "data-testid": `cart-line-${sku}` }, parts.name, parts.price,
    make("div", { class: "stepper" },
      button("decrease", "−", `One less: ${name}`, step(-1)), parts.quantity,
      button("increase", "+", `One more: ${name}`, step(+1))),
    button("remove", "Remove", `Remove: ${name}`, () => setQuantity(sku, 0)), parts.hint);
  return parts;
}

function showLine(line) {
  if (!shop.rows.has(line.sku)) {
    shop.rows.set(line.sku, makeLine(line.sku));
    element("lines").append(shop.rows.get(line.sku).item);
  }
  const row = shop.rows.get(line.sku);
  const product = shop.products.get(line.sku);
  const unit = product?.price ?? line.price;
  write(row.name, product?.name ?? line.name ?? line.sku);
  write(row.price, price(unit && { ...unit, amount_minor: unit.amount_minor * line.quantity }));
  write(row.quantity, String(line.quantity));
  const isShort = product && product.available < line.quantity && !isOnOrder();
  row.hint.hidden = !isShort;
  if (isShort) write(row.hint, product.available > 0 ? `Only ${product.available} left.` : "Sold out: expect a refusal.");
  return unit && { ...unit, amount_minor: unit.amount_minor * line.quantity };
}

/** What is in the cart is being ordered right now. */
const isOnOrder = () => shop.open?.isPending === true && shop.open.cartVersion === shop.cart?.version;

function showCart() {
  const lines = shop.cart?.lines ?? [];
  const known = new Set(lines.map((line) => line.sku));
  for (const [sku, row] of [...shop.rows].filter(([sku]) => !known.has(sku))) {
    const hadFocus = row.item.contains(document.activeElement);
    row.item.remove();
    shop.rows.delete(sku);
    if (hadFocus) element("cart-title").focus();
  }
  const amounts = lines.map(showLine);
  const isPriced = amounts.every(Boolean) && new Set(amounts.map((money) => money.currency)).size === 1;
  const total = isPriced ? { ...amounts[0], amount_minor: amounts.reduce((sum, money) => sum + money.amount_minor, 0) } : null;
  write(element("cart-count"), String(lines.reduce((sum, line) => sum + line.quantity, 0)));
  element("cart-empty").hidden = lines.length > 0;
  element("cart-total").hidden = lines.length === 0;
  write(element("total"), price(total));
  element("lines").classList.toggle("on-order", isOnOrder());
  write(element("cart-note"), isOnOrder() ? "being ordered" : "");
  const isBusy = shop.isPlacing || shop.open?.isPending === true;
  element("checkout").disabled = isBusy || !lines.length || shop.changes > 0;
  write(element("checkout"), shop.isPlacing ? "Placing your order…"
    : isBusy ? "Waiting for your order…" : total ? `Place order · ${price(total)}` : "Place order");
}

/** The cart learns of an order's end through Kafka: wait until its version moved, for up to 2 s. */
async function settleCart(orderedVersion, isConfirmed) {
  await shop.queue;
  const before = shop.cart?.version;
  // A cart that was changed since has a version of its own already.
  if (!isConfirmed && orderedVersion !== null && before !== orderedVersion) return;
  for (const end = performance.now() + 2_000; performance.now() < end; await pause(100)) {
    await refreshCart().catch(() => { /* Ignored: the shelves' watch goes on and tells. */ });
    if (shop.cart?.version !== before) return;
  }
}

// ---------------------------------------------------------------- checkout

/** The attempt, with its key, outlives a reload: asked again it is the same order, never a second one. */
const attemptKey = "mercato.attempt";
const openKey = "mercato.open";
const placingLimit = 60_000;

function cardToken() {
  return new FormData(element("checkout-form")).get("card");
}

async function checkOut() {
  if (shop.isPlacing || !shop.cart) return;
  notify("");
  shop.isPlacing = true;
  showCart();
  try {
    await shop.queue;
    for (const end = performance.now() + 2_000; ; await pause(100)) {
      const attempt = session.get(attemptKey) ?? {
        key: uuid(),
        body: { cart_id: shop.cart.id, cart_version: shop.cart.version, card_token: cardToken() },
      };
      session.set(attemptKey, attempt);
      if (await place(attempt, performance.now() < end)) break;
    }
  } catch (trouble) {
    if (session.get(attemptKey)) notify("We do not know yet whether your order arrived. Press again: it stays one order.");
    else complain(trouble);
  } finally {
    shop.isPlacing = false;
    showCart();
  }
}

/** Places one attempt. False: the cart was waiting for an order's end; look at it and try again. */
async function place(attempt, mayRepeat) {
  try {
    const order = await insist(attempt);
    session.drop(attemptKey);
    openOrder({ ...order, cartVersion: attempt.body.cart_version, isNew: true });
    return true;
  } catch (trouble) {
    if (!(trouble instanceof Trouble) || trouble.isPassing) throw trouble;
    session.drop(attemptKey);
    const { order: path, order_status: status } = trouble.problem;
    if (trouble.code === "cart_already_ordered" && status === "CANCELLED" && mayRepeat) {
      await settleCart(attempt.body.cart_version, false);
      return false;
    }
    if (trouble.code === "cart_already_ordered" && status !== "CANCELLED" && path) {
      openOrder({ id: path.split("/").pop(), cartVersion: attempt.body.cart_version });
    }
    await openCart().catch(() => { /* Ignored: the first trouble is the one to tell. */ });
    throw trouble;
  }
}

/** Sends the same attempt with the same key until there is an answer. */
async function insist({ key, body }) {
  const end = performance.now() + placingLimit;
  for (let attempt = 1; ; attempt++) {
    try {
      const order = await call("POST", "/v1/orders", { body, headers: { "idempotency-key": key }, timeout: 10_000 });
      notify("");
      return order;
    } catch (trouble) {
      if (!(trouble instanceof Trouble) || !trouble.isPassing || performance.now() > end) throw trouble;
      if (attempt > 1) notify("No answer yet. We ask again with the same order number, so you pay only once.");
      await pause(Math.max(trouble.retryAfter * 1000, backoff(attempt, 200, 4_000)));
    }
  }
}

// ---------------------------------------------------------------- the order's timeline

function openOrder({ id, status, cartVersion = null, isNew = false, ...order }) {
  shop.follower?.abort();
  shop.follower = new AbortController();
  shop.open = { id, cartVersion, isPending: status === "PENDING" || cartVersion !== null };
  shop.seen = new Set();
  shop.firstAt = null;
  session.set(openKey, { id, cartVersion });
  element("order").hidden = false;
  element("order").dataset.status = "PENDING";
  element("order").dataset.order = id;
  write(element("order-title"), `Order ${shortID(id)}`);
  write(element("order-status"), statusWords.PENDING);
  summarize(id, order);
  element("timeline").replaceChildren();
  element("order-result").hidden = true;
  write(element("order-next"), "Waiting for the first step…");
  showCart();
  element("order-title").focus({ preventScroll: true });
  reveal(element("order"));
  follow(id, {
    signal: shop.follower.signal, onEvent: showStep,
    onConnection: (isUp) => element("order").classList.toggle("offline", !isUp),
  }).catch((trouble) => {
    session.drop(openKey);
    shop.open = null;
    element("order").hidden = true;
    showCart();
    complain(trouble);
  });
  if (isNew) showOrders();
}

/** Scrolls only when the panel's head is not well in sight. */
function reveal(panel) {
  const { top } = panel.getBoundingClientRect();
  if (top > 60 && top < innerHeight / 2) return;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
}

const shortID = (id) => id.slice(-6);

async function summarize(id, order) {
  const show = ({ lines, total }) => write(element("order-summary"), total
    ? [...(lines ?? []).map((line) => `${line.quantity} × ${line.name}`), price(total)].join(" · ") : "");
  show(order);
  if (order.lines) return;
  // Ignored when it fails: the timeline does not need it.
  const full = await call("GET", `/v1/orders/${id}`).catch(() => null);
  if (full && shop.open?.id === id) show(full);
}

/** Adds one step. True when nothing follows it. */
function showStep({ seq, type, at, detail = {} }) {
  if (shop.seen.has(seq)) return type in statusOf;
  shop.seen.add(seq);
  const time = Date.parse(at);
  shop.firstAt ??= time;
  const [say, next] = steps[type] ?? [() => plain(type), "Working on it…"];
  element("timeline").append(
    make("li", { "data-testid": `step-${type}`, "data-type": type, "data-kind": kindOf(type) },
      make("span", { class: "say", text: say(detail ?? {}) }),
      make("time", { datetime: at, text: `+${time - shop.firstAt} ms` })));
  write(element("order-next"), next);
  if (!(type in statusOf)) return false;
  endOrder(statusOf[type], detail?.reason);
  return true;
}

const kindOf = (type) =>
  /Rejected|Declined|Cancelled/.test(type) ? "bad" : /Compensation|Voided|Released/.test(type) ? "undo" : "good";

async function endOrder(status, reason) {
  const order = shop.open;
  const isConfirmed = status === "CONFIRMED";
  element("order").dataset.status = status;
  write(element("order-status"), statusWords[status]);
  element("order-result").hidden = false;
  write(element("order-verdict"), status);
  write(element("order-reason"), isConfirmed ? "Thank you! It is paid and on its way."
    : reasons[reason] ?? "It was undone. You were not charged.");
  showOrders();
  if (order.isPending) await settleCart(order.cartVersion, isConfirmed);
  order.isPending = false;
  if (shop.open === order) session.set(openKey, { id: order.id });
  showCart();
}

// ---------------------------------------------------------------- the list of orders

async function showOrders() {
  let orders;
  try {
    ({ orders } = await call("GET", "/v1/orders"));
  } catch {
    return; // Ignored: the list is shown again after each order; the timeline says what matters.
  }
  const newestFirst = [...orders].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  element("orders-empty").hidden = orders.length > 0;
  element("orders-list").replaceChildren(...newestFirst.slice(0, 20).map((order) =>
    make("li", {}, orderButton(order))));
}

function orderButton(order) {
  const { id, status, total, created_at: createdAt } = order;
  const time = new Date(createdAt).toLocaleTimeString("en-IE", { hour: "2-digit", minute: "2-digit" });
  return make("button", {
    type: "button", "data-testid": `order-row-${id}`, "data-status": status, on: { click: () => openOrder(order) },
  },
    make("span", { class: "fine", text: `${shortID(id)} · ${time}` }),
    make("b", { text: price(total) }),
    make("span", { class: "badge", "data-status": status, text: statusWords[status] ?? status }));
}

// ---------------------------------------------------------------- start

function showCard() {
  write(element("card-about"), element("checkout-form").querySelector("input:checked").dataset.about);
}

function start() {
  element("checkout-form").addEventListener("submit", (event) => { event.preventDefault(); checkOut(); });
  element("checkout-form").addEventListener("change", showCard);
  element("notice-close").addEventListener("click", () => notify(""));
  showCard();
  const open = session.get(openKey);
  openCart().catch(complain).then(() => {
    if (open) openOrder(open);
    // An attempt without an answer from before a reload: find out what became of it.
    if (session.get(attemptKey)) checkOut();
  });
  showOrders();
  watchProducts();
}

start();
