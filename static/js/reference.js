// What the reference page can do besides: show where the reader is.
// Everything on the page works without it.

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

showPlace();
foldContents();
