// The console works without this; with it, times show the reader's own, "/" leads to the search,
// and what is to be copied has a button.
"use strict";

for (const time of document.querySelectorAll("time")) {
  const local = new Date(time.dateTime);
  time.title = `${local.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" })}\n${time.dateTime}`;
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector('[type="search"]').focus();
  }
});

for (const copied of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.textContent = copied.dataset.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copied.innerText);
    button.textContent = copied.dataset.copied;
  });
  copied.after(button);
}
