// What the reference page can do besides: copy samples, keep the chosen language, show where the reader is.
// Everything on the page works without it.

const LANGUAGE = "zupertry.language";

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const sample of document.querySelectorAll(".sample")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(sample, button));
    sample.querySelector("figcaption").append(button);
  }
}

async function copy(sample, button) {
  await navigator.clipboard.writeText(sample.querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

function keepLanguage() {
  const radios = [...document.querySelectorAll(".tabs > input")];
  const choose = (language) => {
    for (const radio of radios) if (radio.value === language) radio.checked = true;
  };
  const kept = localStorage.getItem(LANGUAGE);
  if (kept) choose(kept);
  for (const radio of radios) {
    radio.addEventListener("change", () => {
      const before = radio.getBoundingClientRect().top;
      localStorage.setItem(LANGUAGE, radio.value);
      choose(radio.value);
      // The samples above may have changed their heights: keep this one where it was.
      scrollBy(0, radio.getBoundingClientRect().top - before);
    });
  }
}

function showPlace() {
  const links = new Map([...document.querySelectorAll(".sidebar a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id));
  let current;
  const update = () => {
    const line = innerHeight / 3;
    const reached = sections.filter((section) => section.getBoundingClientRect().top <= line);
    const link = links.get((reached.at(-1) ?? sections[0]).id);
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "location");
    current = link;
    keepInSight(link);
  };
  addEventListener("scroll", () => requestAnimationFrame(update), { passive: true });
  update();
}

function keepInSight(link) {
  const sidebar = link.closest(".sidebar");
  const [inner, outer] = [link.getBoundingClientRect(), sidebar.getBoundingClientRect()];
  if (inner.top < outer.top) sidebar.scrollTop -= outer.top - inner.top + inner.height;
  if (inner.bottom > outer.bottom) sidebar.scrollTop += inner.bottom - outer.bottom + inner.height;
}

function foldContents() {
  const folded = document.querySelector(".sidebar-folded");
  folded.addEventListener("click", (event) => {
    if (event.target.closest("a")) folded.open = false;
  });
}

addCopyButtons();
keepLanguage();
showPlace();
foldContents();
