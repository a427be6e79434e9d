"use strict";

// Shows the catalogue; text only ever enters the page as text.
async function showProducts() {
  const status = document.getElementById("status");
  const response = await fetch("/v1/products");
  const answer = await response.json();
  if (!response.ok) {
    status.textContent = answer.detail || answer.title;
    return;
  }
  const rows = answer.products.map((product) => {
    const row = document.createElement("tr");
    const price = `${(product.price.amount_minor / 100).toFixed(2)} ${product.price.currency}`;
    for (const text of [product.name, price, product.available]) {
      row.insertCell().textContent = text;
    }
    return row;
  });
  document.getElementById("products").replaceChildren(...rows);
  status.textContent = answer.stale ? `As of ${answer.as_of}` : "";
}

showProducts();
