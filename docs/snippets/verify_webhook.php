<?php
// Verifies Zupertry's webhooks. PHP 8 or newer; nothing to install.

const TOLERANCE_SECONDS = 300;

/**
 * Returns the event, or throws if Zupertry did not send it just now.
 *
 * $body: the bytes as they came in, file_get_contents('php://input'). $headers: the request's, with names in lower
 * case, array_change_key_case(getallheaders()). $secret: the whole "whsec_…".
 */
function verify_webhook(string $body, array $headers, string $secret): array
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        throw new UnexpectedValueException('The webhook is unsigned, or too old');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // While a secret is rotated there are two signatures, and one of them fits.
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $signature) {
        if (hash_equals($expected, $signature)) {
            return json_decode($body, true, flags: JSON_THROW_ON_ERROR);
        }
    }
    throw new UnexpectedValueException("The webhook's signature does not fit");
}

/** Says whether X-Zupertry-Signature, the simpler header, fits the body. It does not tell a replay. */
function verify_signature(string $body, string $signature, string $secret): bool
{
    return hash_equals(hash_hmac('sha256', $body, $secret), $signature);
}
