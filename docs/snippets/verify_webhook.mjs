// Verifies Zupertry's webhooks. Node 18 or newer; nothing to install.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;

function same(expected, given) {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/**
 * Returns the event, or throws if Zupertry did not send it just now.
 * body: the bytes as they came in (a Buffer), before any JSON parser saw them.
 * headers: the request's, with names in lower case. secret: the whole "whsec_…".
 */
export function verifyWebhook(body, headers, secret) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!id || !signatures || !(age <= TOLERANCE_SECONDS)) {
    throw new Error("The webhook is unsigned, or too old");
  }
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  // While a secret is rotated there are two signatures, and one of them fits.
  const fits = (signature) => same(Buffer.from(`v1,${expected}`), Buffer.from(signature));
  if (!signatures.split(" ").some(fits)) {
    throw new Error("The webhook's signature does not fit");
  }
  return JSON.parse(body);
}

/** Says whether X-Zupertry-Signature, the simpler header, fits the body. It does not tell a replay. */
export function verifySignature(body, signature, secret) {
  const expected = createHmac("sha256", secret).update(body).digest("hex");
  return same(Buffer.from(expected), Buffer.from(signature ?? ""));
}
