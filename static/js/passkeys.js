// Says so on the page when the browser and the person did not come to a passkey.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.querySelector("[data-passkey-trouble]").hidden = false;
});

// Enter in the passkey's name does what the button does. What allauth's script sends raises no such event.
const add = document.getElementById("passkey_add");
add?.form.addEventListener("submit", (event) => {
  event.preventDefault();
  add.click();
});
