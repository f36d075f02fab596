// Says so on the page when the browser and the person did not come to a passkey.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.querySelector("[data-passkey-trouble]").hidden = false;
});
