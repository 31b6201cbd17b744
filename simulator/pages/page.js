"use strict";
// Ticks the time left. Pages work without this: the instant of expiry is written beside it.
for (const clock of document.querySelectorAll("[data-ticks]")) {
  const end = performance.now() + Number(clock.dataset.left) * 1000;
  const two = (number) => String(number).padStart(2, "0");
  const tick = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    const hours = Math.floor(left / 3600);
    clock.textContent = (hours ? `${hours}:` : "") + `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    clock.classList.toggle("short", left < 60);
    if (left === 0) {
      window.clearInterval(timer);
      window.location.reload();
    }
  };
  const timer = window.setInterval(tick, 1000);
}
// Carries the result back to the payee at once. Without scripts the form's own button does it.
for (const form of document.querySelectorAll("form[data-submits-itself]")) {
  HTMLFormElement.prototype.submit.call(form);
}
// Looks again, while something is waited for, whether it has come. Without scripts the page's own head does it.
for (const waiting of document.querySelectorAll("[data-looks-again]")) {
  window.setTimeout(() => window.location.reload(), Number(waiting.dataset.looksAgain) * 1000);
}
// A domestic card has no CVC.
for (const part of document.querySelectorAll("[data-international]")) {
  const number = document.getElementById("card_number");
  const shown = () => { part.hidden = number.value.replace(/\D/g, "").startsWith("9704"); };
  number.addEventListener("input", shown);
  shown();
}
