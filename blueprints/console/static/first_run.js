// Ask every two seconds whether the first callback has arrived, and then show the overview.
"use strict";

const place = document.querySelector("[data-first]");
const PAUSE_MS = 2000;

async function askAgain() {
  if (!document.hidden) {
    const answer = await fetch(place.dataset.first).catch(() => null);
    if (answer?.redirected) {
      return location.reload();
    }
    const part = answer?.ok ? await answer.text() : place.innerHTML;
    if (part !== place.innerHTML) {
      place.innerHTML = part;
    }
  }
  setTimeout(askAgain, PAUSE_MS);
}

setTimeout(askAgain, PAUSE_MS);
