// TLS for client sockets over OpenSSL, without blocking calls.
//
// Protocol versions 1.2 and 1.3. The server's certificate is verified unless the caller turns it
// off; what is asked for carries libpq's names, so that Redis and Postgres are set up alike.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace logforest::io {

enum class TlsMode : std::uint8_t {
  Off,
  Require,     // encrypted, the certificate is not looked at
  VerifyCa,    // signed by a known authority
  VerifyFull,  // and made out to the host that was asked for
};

struct TlsConfig {
  TlsMode mode = TlsMode::Off;
  std::string ca_file;    // PEM; empty: the system's authorities
  std::string cert_file;  // PEM, client certificate and its chain; empty: none
  std::string key_file;   // PEM, without a passphrase
};

struct TlsFree {
  void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
  void operator()(SSL* s) const noexcept { SSL_free(s); }
};
using TlsContext = std::unique_ptr<SSL_CTX, TlsFree>;
using TlsHandle = std::unique_ptr<SSL, TlsFree>;

// A session over a connected, non-blocking `fd`, which stays the caller's. Files are read at each
// call: a renewed certificate is used by the next connection. Throws ConfigError (a file is
// missing or no PEM; the message names it).
[[nodiscard]] TlsHandle start_tls(const TlsConfig& config, const std::string& host, int fd);

// Why the last call on `tls` failed, in words; empties OpenSSL's queue of errors.
struct TlsFailure {
  std::string what;
  bool lasting = false;  // verification or the peer's alert: trying again will not help
};
[[nodiscard]] TlsFailure tls_failure(const SSL* tls);

}  // namespace logforest::io
