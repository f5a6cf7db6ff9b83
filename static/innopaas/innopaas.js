// Comforts only: every page works without this file.

// Where the main menu is a strip (narrow screens), the page one is on is in view, also in browsers whose CSS cannot say so.
const here = document.querySelector(".side [aria-current]");
const strip = here?.closest("nav");
if (strip) {
  const [place, frame] = [here.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (place.left < frame.left || place.right > frame.right) strip.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
}

// An open menu closes when one clicks elsewhere or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A form marked data-once is sent once: its buttons are switched off when it goes, and on again when one comes back.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once][data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

// A preset amount (data-amount) fills the amount field named by its fieldset's data-fills.
document.addEventListener("change", (event) => {
  const preset = event.target.closest("[data-amount]");
  const target = preset && document.getElementById(preset.closest("[data-fills]")?.dataset.fills);
  if (!target) return;
  target.value = preset.dataset.amount;
  target.dispatchEvent(new Event("input", { bubbles: true }));
});
document.addEventListener("input", (event) => {
  for (const presets of document.querySelectorAll("[data-fills]")) {
    if (presets.dataset.fills !== event.target.id) continue;
    for (const preset of presets.querySelectorAll("[data-amount]")) preset.checked = preset.dataset.amount === event.target.value.trim();
  }
});

// A card and the wallet have one currency: choosing them takes the choice of another back. And an amount that was filled in for
// one way to pay does not stay for the next one.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.topup");
  if (!form || !["method", "currency"].includes(event.target.name)) return;
  if (["card", "balance"].includes(event.target.value)) {
    const dollars = form.querySelector('[name="currency"][value="USD"]');
    if (dollars) dollars.checked = true;
  }
  const amount = form.querySelector('[name="amount"]');
  const presets = [...form.querySelectorAll("[data-amount]")];
  if (presets.some((preset) => preset.dataset.amount === amount.value.trim())) {
    amount.value = "";
    for (const preset of presets) preset.checked = false;
  }
});

// Ticking one of several means only these; choosing all of them takes the ticks back.
document.addEventListener("change", (event) => {
  const scope = event.target.closest("[data-scope]");
  if (!scope) return;
  if (event.target.type === "checkbox" && event.target.checked) scope.querySelector('[value="some"]').checked = true;
  if (event.target.type === "radio" && event.target.value === "all") {
    for (const tick of scope.querySelectorAll('[type="checkbox"]')) tick.checked = false;
  }
});

// Copy and print buttons are there only where they work.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (navigator.clipboard) button.hidden = false;
}
for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-print]")) window.print();
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.firstChild;
  button.dataset.label ||= label.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return;
  }
  label.textContent = button.dataset.copied;
  setTimeout(() => {
    label.textContent = button.dataset.label;
  }, 2000);
});

// What was to be loaded afterwards and could not be says so; its link stays.
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => { event.target.dataset.failed = "yes"; });
}

// Beside the time of the chosen zone and UTC stands the browser's own, where it is another one.
for (const time of document.querySelectorAll("time[data-reader]")) {
  const at = new Date(time.dateTime);
  const offset = -at.getTimezoneOffset();
  if (Number.isNaN(at.valueOf()) || offset === Number(time.dataset.offset) || offset === 0) continue;
  const shifted = new Date(at.valueOf() + offset * 60000).toISOString();
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const zone = `UTC${offset < 0 ? "−" : "+"}${hours}${minutes ? `:${String(minutes).padStart(2, "0")}` : ""}`;
  const own = document.createElement("span");
  own.textContent = `${shifted.slice(0, 10)} ${shifted.slice(11, 19)} (${zone}, ${time.dataset.reader})`;
  time.append(" · ", own);
}
