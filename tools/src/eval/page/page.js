"use strict";
// Each viewer shows two versions of a crop: the slider moves the border between them, the button alternates them.
for (const exhibit of document.querySelectorAll(".exhibit")) {
  const viewer = exhibit.querySelector(".viewer");
  const [left, right] = viewer.querySelectorAll("img");
  const slider = viewer.querySelector("input");
  const button = exhibit.querySelector("button");
  const captions = exhibit.querySelectorAll(".sides > *");
  slider.addEventListener("input", () => viewer.style.setProperty("--split", `${slider.value}%`));
  exhibit.querySelectorAll("select").forEach((select, side) => {
    const show = () => {
      const option = select.selectedOptions[0];
      const image = side === 0 ? left : right;
      image.src = option.value;
      image.alt = option.textContent;
      captions[side].textContent = option.dataset.caption;
    };
    select.addEventListener("change", show);
    show();
  });
  let timer = 0;
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    viewer.classList.toggle("flicker", on);
    clearInterval(timer);
    if (on) timer = setInterval(() => viewer.classList.toggle("other"), 600);
  });
}
// One sound at a time; another version starts where the last one was, so that the same moment is compared.
const players = [...document.querySelectorAll(".sound audio")];
for (const player of players) {
  player.addEventListener("play", () => {
    for (const other of players) {
      if (other === player || other.paused) continue;
      if (other.closest(".sound") === player.closest(".sound")) player.currentTime = other.currentTime;
      other.pause();
    }
  });
}
