// Ask every two seconds whether the first callback has arrived, and show the answer.
"use strict";

const place = document.querySelector("[data-first]");
const PAUSE_MS = 2000;

async function askAgain() {
  if (!document.hidden) {
    const answer = await fetch(place.dataset.first).catch(() => null);
    const part = answer?.ok ? await answer.text() : place.innerHTML;
    if (part !== place.innerHTML) {
      place.innerHTML = part;
    }
  }
  if (!place.querySelector(".good")) {
    setTimeout(askAgain, PAUSE_MS);
  }
}

setTimeout(askAgain, PAUSE_MS);
