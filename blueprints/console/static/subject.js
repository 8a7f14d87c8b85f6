// With this, the slider says what it stands at and goes there, the members that are shown can be
// filtered, and what is copied for a ticket leads back here.
"use strict";

const slider = document.querySelector("#step");
if (slider) {
  const mark = () => slider.list?.querySelector(`[value="${slider.value}"]`)?.label;
  const said = slider.form.querySelector("output");
  const wait = { milliseconds: 500, timer: 0 }; // keys move it step by step
  slider.addEventListener("input", () => {
    said.textContent = mark() ?? `${slider.value} / ${slider.max}`;
  });
  slider.addEventListener("change", () => {
    clearTimeout(wait.timer);
    wait.timer = setTimeout(() => slider.form.requestSubmit(), wait.milliseconds);
  });
  slider.form.querySelector("button").hidden = true;
  slider.form.action = "#step";
  if (location.hash === "#step") {
    slider.focus();
  }
}

const wanted = document.querySelector('[name="member"]');
const list = document.querySelector(".people .members");
wanted?.addEventListener("input", () => {
  for (const member of list?.children ?? []) {
    member.hidden = !member.textContent.toLowerCase().includes(wanted.value.trim().toLowerCase());
  }
});

for (const ticket of document.querySelectorAll("[data-address]")) {
  ticket.dataset.text += ` ${location.origin}${ticket.dataset.address}`;
}
