// The playground's form: drop or pick a picture and see it at once. What is chosen last for a picture is what counts.
// Everything can be sent without it; the server checks it all again.

const MOST_BYTES = 10 * 1024 * 1024;
const TYPES = ["image/jpeg", "image/png", "image/webp"];

function setUp(picker) {
  const part = (selector) => picker.querySelector(selector);
  const file = part("input[type=file]");
  const sample = part("input[type=checkbox]");
  const url = part(".field input");
  const drop = part(".drop");
  const preview = part(".drop-preview");
  const message = part(".field-error");

  function show(source) {
    preview.hidden = !source;
    if (source) preview.src = source;
    drop.classList.toggle("filled", Boolean(source));
  }

  function say(text) {
    message.textContent = text;
    picker.classList.toggle("wrong", Boolean(text));
  }

  function forgetOthers(kept) {
    if (kept !== file) file.value = "";
    if (kept !== sample) sample.checked = false;
    if (kept !== url) url.value = "";
    part("input[type=hidden]")?.remove();
    say("");
  }

  // A file that is no picture, whatever its name says, is found out by showing it.
  preview.addEventListener("error", () => {
    if (!file.value) return;
    file.value = "";
    show("");
    say("This file cannot be read as a picture. Send a JPEG, PNG or WebP.");
  });

  function picked() {
    const [chosen] = file.files;
    forgetOthers(file);
    const wrong = chosen && fault(chosen);
    if (wrong) {
      file.value = "";
      say(wrong);
    }
    if (!chosen || wrong) return show("");
    const reader = new FileReader();
    reader.addEventListener("load", () => show(reader.result));
    reader.readAsDataURL(chosen);
  }

  file.addEventListener("change", picked);
  sample.addEventListener("change", () => {
    forgetOthers(sample);
    show(sample.checked ? sample.parentElement.querySelector("img").src : "");
  });
  url.addEventListener("input", () => {
    forgetOthers(url);
    show("");
  });

  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    file.files = one.files;
    picked();
  });
}

function fault(file) {
  if (file.size > MOST_BYTES) return "This file is too large. Send one of at most 10 MB.";
  if (file.type && !TYPES.includes(file.type)) return "This is not a JPEG, PNG or WebP. Send one of these.";
  return "";
}

for (const picker of document.querySelectorAll("[data-picker]")) setUp(picker);

document.getElementById("try").addEventListener("submit", () => {
  const button = document.getElementById("submit");
  button.disabled = true;
  button.querySelector("span").textContent = "Sending…";
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
