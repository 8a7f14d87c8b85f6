// The console works without this. With it, times can be the reader's own, "/" leads to the search,
// and what is to be copied has a button.
"use strict";

function addButton(place, label, act) {
  const button = document.createElement("button");
  button.textContent = label;
  button.addEventListener("click", () => act(button));
  place.append(button);
  return button;
}

const times = [...document.querySelectorAll("time")].map((time) => ({
  time,
  utc: time.textContent,
  local: new Date(time.dateTime).toLocaleString("sv-SE"),
}));
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const { time, local } of times) {
  time.title = `${local} ${zone}\n${time.dateTime}`;
}

const sentence = document.querySelector("[data-times]");
const ofUtc = sentence?.textContent;

function showTimes(isLocal) {
  sentence.textContent = isLocal ? sentence.dataset.times.replace("{}", zone) : ofUtc;
  for (const { time, utc, local } of times) {
    time.textContent = isLocal ? local : utc;
  }
  localStorage.setItem("local", isLocal ? "1" : "");
}

const zones = document.querySelector("[data-local]");
if (zones) {
  const labels = { true: zones.dataset.utc, false: zones.dataset.local };
  let isLocal = localStorage.getItem("local") === "1";
  showTimes(isLocal);
  addButton(zones, labels[isLocal], (button) => {
    isLocal = !isLocal;
    showTimes(isLocal);
    button.textContent = labels[isLocal];
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector('[type="search"]').focus();
  }
});

if (navigator.clipboard) {
  for (const copied of document.querySelectorAll("[data-copy]")) {
    addButton(copied.parentElement, copied.dataset.copy, async (button) => {
      await navigator.clipboard.writeText(copied.innerText);
      button.textContent = copied.dataset.copied;
    });
  }
}
