// Looks again every few seconds whether a payment is decided, and goes on to its page when it is.
// Without scripts the page refreshes itself.

const { looks, mostLooks, seconds } = document.getElementById("state").dataset;

async function look(number) {
  const answer = await fetch(`${location.pathname}?looks=${number}`, { credentials: "same-origin" }).catch(() => null);
  if (answer?.redirected || number >= Number(mostLooks)) {
    location.replace(answer?.redirected ? answer.url : `${location.pathname}?looks=${mostLooks}`);
  } else {
    setTimeout(look, seconds * 1000, number + 1);
  }
}

setTimeout(look, seconds * 1000, Number(looks));
