# Verifies Zupertry's webhooks. Ruby 3 or newer; nothing to install.
require "json"
require "openssl"

TOLERANCE_SECONDS = 300

# Returns the event, or raises ArgumentError if Zupertry did not send it just now.
#
# body: the bytes as they came in, request.raw_post in Rails. headers: the request's, with names in lower case.
# secret: the whole "whsec_…".
def verify_webhook(body, headers, secret)
  id, timestamp = headers.values_at("webhook-id", "webhook-timestamp").map(&:to_s)
  unless timestamp.match?(/\A\d+\z/) && (Time.now.to_i - timestamp.to_i).abs <= TOLERANCE_SECONDS
    raise ArgumentError, "The webhook is unsigned, or too old"
  end

  key = secret.delete_prefix("whsec_").unpack1("m")
  digest = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)
  expected = "v1,#{[digest].pack("m0")}"
  # While a secret is rotated there are two signatures, and one of them fits.
  signatures = headers["webhook-signature"].to_s.split
  unless signatures.any? { |signature| same?(expected, signature) }
    raise ArgumentError, "The webhook's signature does not fit"
  end

  JSON.parse(body)
end

# Says whether X-Zupertry-Signature, the simpler header, fits the body. It does not tell a replay.
def verify_signature(body, signature, secret)
  same?(OpenSSL::HMAC.hexdigest("SHA256", secret, body), signature)
end

def same?(expected, given)
  expected.bytesize == given.bytesize && OpenSSL.fixed_length_secure_compare(expected.b, given.b)
end
