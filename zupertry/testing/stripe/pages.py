"""What the buyer sees: the hosted checkout, a bank's challenge, an invoice. All of it says that it is a fake."""

from html import escape

from zupertry.testing.stripe.cards import CARDS
from zupertry.testing.stripe.objects import Object
from zupertry.testing.stripe.payments import Payments

_STYLE = """
body { margin: 0; background: #f6f8fb; color: #1a1f36; font: 16px/1.5 system-ui, sans-serif; }
header { background: #fff3cd; border-bottom: 1px solid #ffe08a; padding: .5rem 1rem; text-align: center; }
main { background: #fff; border: 1px solid #e3e8ee; border-radius: 8px; margin: 2rem auto; max-width: 26rem;
       padding: 1.5rem 2rem 2rem; }
h1 { font-size: 1.25rem; } .amount { font-size: 2rem; font-weight: 600; margin: .5rem 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; } dd { margin: 0; text-align: right; }
button, .button { background: #635bff; border: 0; border-radius: 6px; box-sizing: border-box; color: #fff;
         cursor: pointer; display: block; font: inherit; margin-top: .5rem; padding: .6rem 1rem; text-align: center;
         text-decoration: none; width: 100%; }
.quiet { background: #fff; border: 1px solid #c1c9d2; color: #3c4257; }
.error { background: #fde8e8; border-radius: 6px; color: #9b1c1c; padding: .5rem 1rem; }
"""

_DEBIT = """<p>The bank debit is under way.</p><form method="post">
<button name="debit" value="arrives">Let it arrive</button>
<button class="quiet" name="debit" value="fails">Let it fail</button></form>"""


def checkout_page(account: Payments, session: Object) -> str:
    """Return the hosted page of a checkout, which posts the buyer's choice to itself."""
    intent = account.objects.get(session["payment_intent"] or "", {})
    if session["status"] != "open":
        debit = _DEBIT if intent.get("status") == "processing" else ""
        return _page("Checkout", f"<h1>This checkout is {session['status']}</h1>{debit}")
    asked = account.asked_for(session)
    items = "".join(_item(item, session["currency"]) for item in asked["line_items"])
    keeps = "setup_future_usage" in asked.get("payment_intent_data", {})
    email = account.objects[session["customer"]]["email"] or ""
    kept = "".join(
        f'<button name="kept" value="{method["id"]}">Pay with •••• {method[method["type"]]["last4"]}, kept</button>'
        for method in account.offered(session)
    )
    buttons = kept + "".join(
        f'<button name="card" value="{name}">{escape(card.label)}</button>' for name, card in CARDS.items()
    )
    return _page(
        "Checkout",
        f"<h1>Pay Zupertry</h1>{_error(intent)}"
        f'<p class="amount">{_money(session["amount_total"], session["currency"])}</p>'
        f"<dl>{items}<dt>Tax</dt><dd>{_money(session['total_details']['amount_tax'], session['currency'])}</dd>"
        f"<dt>E-mail</dt><dd>{escape(email)}</dd></dl>"
        f"<p>{'What you pay with is kept for later payments.' if keeps else ''}</p>"
        f'<form method="post">{buttons}</form>'
        f'<a class="button quiet" href="{escape(session["cancel_url"] or "")}">Cancel</a>',
    )


def challenge_page(intent: Object) -> str:
    """Return the page on which the buyer's bank asks whether it is them."""
    if intent["status"] != "requires_action":
        return _page("Your bank", "<h1>There is nothing to confirm</h1>")
    return _page(
        "Your bank",
        "<h1>Your bank asks: is this you?</h1>"
        f'<p class="amount">{_money(intent["amount"], intent["currency"])}</p>'
        '<form method="post"><button name="result" value="complete">Complete</button>'
        '<button class="quiet" name="result" value="fail">Fail</button></form>',
    )


def document_page(document: Object) -> str:
    """Return the page of an invoice or a receipt."""
    number = str(document.get("number", document["id"]))
    amount = int(document["total" if "total" in document else "amount"])
    return _page(
        "Document",
        f"<h1>{escape(document['object'].title())} {escape(number)}</h1>"
        f'<p class="amount">{_money(amount, document["currency"])}</p>',
    )


def message_page(text: str) -> str:
    """Return a page that says one thing."""
    return _page("Checkout", f"<h1>{escape(text)}</h1>")


def _item(item: Object, currency: str) -> str:
    price = item["price_data"]
    amount = int(price["unit_amount"]) * int(item["quantity"])
    return f"<dt>{escape(price['product_data']['name'])}</dt><dd>{_money(amount, currency)}</dd>"


def _error(intent: Object) -> str:
    error = intent.get("last_payment_error")
    return f'<p class="error" role="alert">{escape(error["message"])}</p>' if error else ""


def _money(minor: int, currency: str) -> str:
    return f"{currency.upper()} {minor // 100:,}.{minor % 100:02}"


def _page(title: str, content: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} (fake Stripe)</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        "<body><header>This is a fake Stripe for tests. No money moves.</header>"
        f"<main>{content}</main></body></html>"
    )
