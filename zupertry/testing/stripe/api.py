"""The endpoints, with the parameters that each takes: https://docs.stripe.com/api"""

import re
from collections.abc import Callable
from typing import Any

from zupertry.testing.stripe.account import list_of
from zupertry.testing.stripe.errors import RefusedError, missing
from zupertry.testing.stripe.forms import Params
from zupertry.testing.stripe.objects import Object, new_customer, new_object, tax_on, update_customer
from zupertry.testing.stripe.payments import Payments

Handler = Callable[..., Object]
_LISTED = "limit starting_after ending_before created"
_CUSTOMER = "name email phone address metadata"
_routes: list[tuple[str, re.Pattern[str], set[str], set[str], Handler]] = []


def dispatch(account: Payments, method: str, path: str, params: Params) -> Object:
    """Answer one request. Raises `RefusedError`: for an address, an object or a parameter that there is not."""
    for verb, pattern, takes, needs, handler in _routes:
        match = pattern.fullmatch(path)
        if match and verb == method:
            _check(params, takes, needs)
            with account.lock:
                return account.answer(handler(account, params, *match.groups()), params)
    raise RefusedError(404, f"Unrecognized request URL ({method}: {path}).")


def _check(params: Params, takes: set[str], needs: set[str]) -> None:
    for name in params.keys() - takes - needs - {"expand"}:
        raise RefusedError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name in needs - params.keys():
        raise RefusedError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)


def _route(verb: str, path: str, takes: str = "", needs: str = "") -> Callable[[Handler], Handler]:
    """Have the decorated function answer `path`, where `{}` stands for an id that it is called with."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(path.replace("{}", "([^/]+)"))
        _routes.append((verb, pattern, set(takes.split()), set(needs.split()), handler))
        return handler

    return register


@_route("POST", "/v1/customers", _CUSTOMER)
def _create_customer(account: Payments, params: Params) -> Object:
    return account.add(new_customer(params, livemode=account.livemode))


@_route("POST", "/v1/customers/{}", _CUSTOMER)
def _update_customer(account: Payments, params: Params, reference: str) -> Object:
    customer = account.get("customer", reference)
    update_customer(customer, params)
    return customer


@_route("GET", "/v1/customers/{}")
def _retrieve_customer(account: Payments, params: Params, reference: str) -> Object:
    return account.get("customer", reference)


@_route("GET", "/v1/customers/{}/tax_ids", _LISTED)
def _list_tax_ids(account: Payments, params: Params, customer: str) -> Object:
    account.get("customer", customer, "customer")
    return list_of(f"/v1/customers/{customer}/tax_ids", account.all("tax_id", customer=customer), params)


@_route("POST", "/v1/customers/{}/tax_ids", needs="type value")
def _create_tax_id(account: Payments, params: Params, customer: str) -> Object:
    account.get("customer", customer, "customer")
    if params["type"] == "eu_vat" and not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{2,12}", params["value"]):
        raise RefusedError(400, "Invalid value for eu_vat.", code="tax_id_invalid", param="value")
    tax_id = new_object(
        "txi",
        "tax_id",
        livemode=account.livemode,
        country=params["value"][:2],
        customer=customer,
        type=params["type"],
        value=params["value"],
    )
    return account.add(tax_id)


@_route("DELETE", "/v1/customers/{}/tax_ids/{}")
def _delete_tax_id(account: Payments, params: Params, customer: str, reference: str) -> Object:
    if account.get("tax_id", reference)["customer"] != customer:
        raise missing("tax_id", reference)
    del account.objects[reference]
    return {"id": reference, "object": "tax_id", "deleted": True}


@_route(
    "POST",
    "/v1/checkout/sessions",
    takes="client_reference_id cancel_url metadata payment_intent_data invoice_creation automatic_tax adaptive_pricing "
    "customer_update saved_payment_method_options",
    needs="mode customer line_items success_url",
)
def _create_session(account: Payments, params: Params) -> Object:
    return account.make_session(params)


@_route("GET", "/v1/checkout/sessions", f"{_LISTED} payment_intent customer")
def _list_sessions(account: Payments, params: Params) -> Object:
    return list_of("/v1/checkout/sessions", _filtered(account, "checkout.session", params), params)


@_route("GET", "/v1/checkout/sessions/{}")
def _retrieve_session(account: Payments, params: Params, reference: str) -> Object:
    return account.get("checkout.session", reference)


@_route("POST", "/v1/checkout/sessions/{}/expire")
def _expire_session(account: Payments, params: Params, reference: str) -> Object:
    return account.expire(reference)


@_route(
    "POST",
    "/v1/payment_intents",
    takes="payment_method description off_session confirm return_url metadata hooks",
    needs="amount currency customer",
)
def _create_intent(account: Payments, params: Params) -> Object:
    return account.make_intent(params)


@_route("GET", "/v1/payment_intents", f"{_LISTED} customer")
def _list_intents(account: Payments, params: Params) -> Object:
    return list_of("/v1/payment_intents", _filtered(account, "payment_intent", params), params)


@_route("GET", "/v1/payment_intents/{}")
def _retrieve_intent(account: Payments, params: Params, reference: str) -> Object:
    return account.get("payment_intent", reference)


@_route("POST", "/v1/payment_intents/{}/confirm", takes="payment_method return_url off_session")
def _confirm_intent(account: Payments, params: Params, reference: str) -> Object:
    return account.confirm(account.get("payment_intent", reference), params)


@_route("POST", "/v1/payment_intents/{}/cancel", takes="cancellation_reason")
def _cancel_intent(account: Payments, params: Params, reference: str) -> Object:
    return account.cancel(account.get("payment_intent", reference), params.get("cancellation_reason"))


@_route("GET", "/v1/charges/{}")
def _retrieve_charge(account: Payments, params: Params, reference: str) -> Object:
    return account.get("charge", reference)


@_route("GET", "/v1/refunds", f"{_LISTED} charge payment_intent")
def _list_refunds(account: Payments, params: Params) -> Object:
    return list_of("/v1/refunds", _filtered(account, "refund", params), params)


@_route("GET", "/v1/disputes", f"{_LISTED} charge payment_intent")
def _list_disputes(account: Payments, params: Params) -> Object:
    return list_of("/v1/disputes", _filtered(account, "dispute", params), params)


@_route("GET", "/v1/payment_methods/{}")
def _retrieve_method(account: Payments, params: Params, reference: str) -> Object:
    return account.get("payment_method", reference, "payment_method")


@_route("POST", "/v1/payment_methods/{}/detach")
def _detach_method(account: Payments, params: Params, reference: str) -> Object:
    return account.detach(reference)


@_route("POST", "/v1/tax/calculations", needs="currency customer line_items")
def _calculate_tax(account: Payments, params: Params) -> Object:
    account.get("customer", params["customer"], "customer")
    net = sum(int(item["amount"]) for item in params["line_items"])
    calculation = new_object(
        "taxcalc",
        "tax.calculation",
        livemode=account.livemode,
        amount_total=net + tax_on(net),
        currency=params["currency"],
        customer=params["customer"],
        tax_amount_exclusive=tax_on(net),
        tax_amount_inclusive=0,
    )
    return account.add(calculation)


def _filtered(account: Payments, kind: str, params: Params) -> list[Object]:
    wanted: dict[str, Any] = {name: params[name] for name in ("charge", "customer", "payment_intent") if name in params}
    return account.all(kind, **wanted)
