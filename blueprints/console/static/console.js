// The console works without this. With it, the zone of this device can be chosen, keys lead through
// a page, and what is to be copied has a button.
"use strict";

function addButton(place, label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", () => act(button));
  place.append(button);
  return button;
}

const zones = document.querySelector("[data-own]");
if (zones) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const option =
    [...zones.options].find((one) => one.value === own) ?? new Option(own, own);
  option.value = own;
  option.text = `${own} (${zones.dataset.own})`;
  zones.prepend(option);
}

// On a phone the names of pages are wider than the screen.
document.querySelector("header [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Over plain http to another host there is no clipboard, but there still is a selection to copy.
async function copy(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

for (const copied of document.querySelectorAll("[data-copy]")) {
  addButton(copied.parentElement, copied.dataset.copy, async (button) => {
    await copy(copied.dataset.text ?? copied.innerText);
    button.textContent = copied.dataset.copied;
  });
}

// Rows of tables and steps of a timeline, one after the other.
const rows = [...document.querySelectorAll("main tbody tr, .timeline > li")].filter((row) =>
  row.querySelector("a[href]"),
);
let current = -1;

function goTo(number) {
  current = Math.max(0, Math.min(rows.length - 1, number));
  rows[current]?.querySelector("a[href]").focus();
  rows[current]?.scrollIntoView({ block: "nearest" });
}

// Single keys can be switched off (WCAG 2.1.4), in the dialog that lists them.
const help = document.querySelector("#keys");
const areOn = help?.querySelector("[type=checkbox]");
if (help) {
  areOn.checked = localStorage.getItem("keys") !== "off";
  areOn.addEventListener("change", () => localStorage.setItem("keys", areOn.checked ? "on" : "off"));
  const place = document.querySelector("[data-keys]");
  addButton(place, place.dataset.keys, () => help.showModal());
}

const keys = {
  "/": () => document.querySelector('[type="search"]')?.focus(),
  j: () => goTo(current + 1),
  k: () => goTo(current - 1),
  n: () => document.querySelector('[rel="next"]')?.click(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isPlain && !isTyping && areOn?.checked && keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
