#include "logforest/io/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <new>

#include "logforest/base/error.hpp"

namespace logforest::io {

namespace {

std::string reason_of(unsigned long code) {
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

[[noreturn]] void bad_file(const char* option, const std::string& file) {
  const std::string reason = reason_of(ERR_peek_last_error());
  ERR_clear_error();
  throw ConfigError(std::string("TLS: ") + option + "=" + file + " cannot be used: " + reason);
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

TlsContext make_context(const TlsConfig& config) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  // A key with a passphrase would ask on the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
  if (config.mode == TlsMode::Require) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  } else {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (config.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else if (SSL_CTX_load_verify_locations(context.get(), config.ca_file.c_str(), nullptr) != 1) {
      bad_file("sslrootcert", config.ca_file);
    }
  }
  if (config.cert_file.empty() != config.key_file.empty()) {
    throw ConfigError("TLS: sslcert and sslkey go together; one of them is missing");
  }
  if (!config.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), config.cert_file.c_str()) != 1) {
      bad_file("sslcert", config.cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), config.key_file.c_str(), SSL_FILETYPE_PEM) !=
            1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
      bad_file("sslkey", config.key_file);
    }
  }
  return context;
}

}  // namespace

TlsHandle start_tls(const TlsConfig& config, const std::string& host, int fd) {
  const TlsContext context = make_context(config);
  TlsHandle tls(SSL_new(context.get()));  // keeps the context alive
  if (!tls || SSL_set_fd(tls.get(), fd) != 1) throw std::bad_alloc();
  const bool address = is_address(host);
  // RFC 6066: the server name is never an address.
  if (!address) SSL_set_tlsext_host_name(tls.get(), host.c_str());
  if (config.mode == TlsMode::VerifyFull) {
    SSL_set_hostflags(tls.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM* expected = SSL_get0_param(tls.get());
    const int ok = address ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str())
                           : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
    if (ok != 1 || host.empty()) throw ConfigError("TLS: a host is needed to verify against");
  }
  SSL_set_connect_state(tls.get());
  return tls;
}

TlsFailure tls_failure(const SSL* tls) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (const long verdict = SSL_get_verify_result(tls);
      verdict != X509_V_OK && (SSL_get_verify_mode(tls) & SSL_VERIFY_PEER) != 0) {
    return {std::string("the server's certificate is not trusted: ") +
                X509_verify_cert_error_string(verdict),
            true};
  }
  if (code == 0) return {"connection closed by the server", false};
  const int reason = ERR_GET_REASON(code);
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return {"connection closed by the server", false};
  if (reason == SSL_R_WRONG_VERSION_NUMBER) return {"the server does not speak TLS here", true};
  // Alerts come with the number of the alert above this: the peer has refused us.
  const bool refused = reason >= SSL_AD_REASON_OFFSET;
  return {"TLS: " + reason_of(code), refused};
}

}  // namespace logforest::io
