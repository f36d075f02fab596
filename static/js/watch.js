// Keeps a part of the page fresh while it says so: [data-watch] is where its present state is had, every data-seconds.
// The answer takes its place when its data-state is another; one without data-watch ends the watching.

const PATIENCE = 20; // looks at the first pace; later ones are further and further apart
const MOST_SECONDS = 15;

async function look(part, number) {
  const answer = await fetch(part.dataset.watch, { credentials: "same-origin" }).catch(() => null);
  if (answer?.redirected) return location.reload(); // logged out meanwhile
  const fresh = answer?.ok ? parsed(await answer.text()) : null;
  if (fresh && fresh.dataset.state !== part.dataset.state) return change(part, fresh);
  wait(part, number + 1);
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
}

function change(part, fresh) {
  const adopted = document.adoptNode(fresh);
  part.replaceWith(adopted);
  document.getElementById("said").textContent = adopted.dataset.said;
  if (adopted.dataset.watch) wait(adopted, 0);
}

function wait(part, number) {
  const slower = Math.max(1, number - PATIENCE);
  setTimeout(look, Math.min(part.dataset.seconds * slower, MOST_SECONDS) * 1000, part, number);
}

for (const part of document.querySelectorAll("[data-watch]")) wait(part, 0);
