// The menu on a phone, and the choice of organisation: Escape and a tap elsewhere close them, as they close any menu.

const OPEN = "details:is(.menu, .switcher)[open]";

function close(menu) {
  menu.open = false;
  menu.querySelector("summary").focus({ preventScroll: true });
}

addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  // One may be open within the other.
  const innermost = [...document.querySelectorAll(OPEN)].at(-1);
  if (innermost) close(innermost);
});

// A tap on what is no link makes no click in Safari on a phone, but it ends a pointer anywhere.
addEventListener("pointerup", (event) => {
  for (const menu of document.querySelectorAll(OPEN)) {
    if (menu.contains(event.target)) continue;
    // What was tapped keeps the focus, if it takes any.
    if (document.activeElement === document.body || menu.contains(document.activeElement)) close(menu);
    else menu.open = false;
  }
});
