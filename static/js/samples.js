// Code samples: a button that copies each, and the language that was chosen last, on every page.
// Everything works without it.

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

addCopyButtons();
keepLanguage();
