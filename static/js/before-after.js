// <before-after>: two pictures on top of each other, and a range input that says how much of the first is shown.
// Keys, touch and screen readers work as the browser gives them to any range.

class BeforeAfter extends HTMLElement {
  connectedCallback() {
    const range = this.querySelector("input");
    const show = () => this.style.setProperty("--at", `${range.value}%`);
    range.addEventListener("input", show);
    show();
  }
}

customElements.define("before-after", BeforeAfter);
