// Opens Razorpay's Checkout for an order, and sends what it answers to us. The page says what to pay, and for what.
// https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/integration-steps

{
  const button = document.getElementById("pay");
  const form = document.getElementById("answer");
  const message = document.getElementById("message");
  const options = JSON.parse(document.getElementById(button.dataset.optionsId).textContent);

  const say = (text) => (message.textContent = text);

  function send(answer) {
    for (const [name, value] of Object.entries(answer)) {
      if (form.elements[name]) form.elements[name].value = value;
    }
    button.disabled = true;
    say("Thank you. One moment while we check the payment…");
    form.submit();
  }

  function dismissed() {
    if (message.textContent) return; // it says why the payment failed
    say("You closed the form before paying. Should your bank take the money after all, your credits follow.");
  }

  function openCheckout() {
    if (!window.Razorpay) {
      say("Razorpay's form could not be loaded. Nothing was charged. Allow checkout.razorpay.com and reload the page.");
      return;
    }
    say("");
    const checkout = new window.Razorpay({ ...options, handler: send, modal: { ondismiss: dismissed } });
    checkout.on("payment.failed", ({ error }) => say(`${error.description} You can try again.`));
    checkout.open();
  }

  button.addEventListener("click", openCheckout);
  openCheckout();
}
