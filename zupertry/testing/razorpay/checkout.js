// A stand-in for Razorpay's Checkout: the same object and callbacks, and a form that says what it is. No money moves.
// Styles are set one by one through the CSSOM, which a page's Content-Security-Policy does not forbid.
// https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/integration-steps

(() => {
  const api = new URL(document.currentScript.src).origin;

  const BUTTONS = [
    ["pay", "Pay (succeeds)"],
    ["fail", "Payment fails"],
    ["authorise", "Authorise later"],
    ["close", "Close"],
  ];

  function element(tag, text, styles = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(styles)) made.style[name] = value;
    return made;
  }

  function price(minor, currency) {
    return new Intl.NumberFormat("en-IN", { style: "currency", currency }).format(minor / 100);
  }

  async function tell(action, { key, order_id, notes }) {
    const body = new URLSearchParams({ key, order_id, notes: JSON.stringify(notes ?? {}) });
    const answer = await fetch(`${api}/v1/checkout/${action}`, { method: "POST", body });
    return answer.json();
  }

  class Razorpay {
    constructor(options) {
      this.options = options;
      this.listeners = [];
    }

    on(event, listener) {
      if (event === "payment.failed") this.listeners.push(listener);
    }

    open() {
      this.dialog = this.form();
      document.body.append(this.dialog);
      this.dialog.addEventListener("cancel", () => this.dismiss());
      this.dialog.showModal();
    }

    close() {
      this.dialog.remove();
    }

    dismiss() {
      this.close();
      this.options.modal?.ondismiss?.();
    }

    form() {
      const { name, description, amount, currency, prefill, recurring } = this.options;
      const dialog = element("dialog", "", { width: "22rem", padding: "1.5rem", border: "2px dashed #c00" });
      dialog.id = "fake-razorpay";
      dialog.append(
        element("p", "Fake Razorpay. No money moves.", { color: "#c00", fontWeight: "bold", margin: "0 0 1rem" }),
        element("p", `${name}: ${description}`, { margin: "0" }),
        element("p", price(amount, currency), { fontSize: "1.75rem", margin: ".25rem 0" }),
        element("p", `${prefill?.email ?? ""} ${prefill?.contact ?? ""}`, { margin: "0 0 1rem" }),
      );
      if (recurring) dialog.append(element("p", "The card is kept for later charges."));
      this.trouble = element("p", "", { color: "#c00" });
      dialog.append(...BUTTONS.map(([action, label]) => this.button(action, label)), this.trouble);
      return dialog;
    }

    button(action, label) {
      const styles = { display: "block", width: "100%", margin: ".5rem 0", padding: ".5rem", font: "inherit" };
      const made = element("button", label, styles);
      made.type = "button";
      made.dataset.action = action;
      made.addEventListener("click", () => this.click(action));
      return made;
    }

    async click(action) {
      if (action === "close") return this.dismiss();
      const answer = await tell(action, this.options);
      if (answer.error) return this.fail(answer.error);
      if (action === "authorise") return this.dismiss();
      this.close();
      this.options.handler(answer);
    }

    fail(error) {
      this.trouble.textContent = error.description;
      for (const listener of this.listeners) listener({ error });
    }
  }

  window.Razorpay = Razorpay;
})();
