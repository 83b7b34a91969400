#include <charconv>

#include "logforest/io/redis_connection.hpp"

namespace logforest::io {

namespace {
std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

int number(std::string_view text, const char* what, int limit) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > limit) {
    throw ConfigError(std::string("Redis URL: the ") + what + " must be a number from 0 to " +
                      std::to_string(limit));
  }
  return value;
}

bool consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

void read_credentials(std::string_view text, RedisConfig& config) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    config.password = percent_decode(text);
    return;
  }
  config.username = percent_decode(text.substr(0, colon));
  config.password = percent_decode(text.substr(colon + 1));
}

TlsMode tls_mode(std::string_view value) {
  if (value == "require") return TlsMode::Require;
  if (value == "verify-ca") return TlsMode::VerifyCa;
  if (value == "verify-full") return TlsMode::VerifyFull;
  throw ConfigError("Redis URL: sslmode must be require, verify-ca or verify-full, not \"" +
                    std::string(value) + "\"");
}

// False when `key` is no option of TLS.
bool read_tls_option(std::string_view key, std::string_view value, RedisConfig& config) {
  Endpoint& to = config.endpoint;
  if (key == "sslmode") {
    to.tls.mode = tls_mode(value);
  } else if (key == "sslrootcert") {
    to.tls.ca_file = percent_decode(value);
  } else if (key == "sslcert") {
    to.tls.cert_file = percent_decode(value);
  } else if (key == "sslkey") {
    to.tls.key_file = percent_decode(value);
  } else {
    return false;
  }
  return true;
}

void read_query(std::string_view query, RedisConfig& config, bool tls) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    if (key == "db") {
      config.database = number(value, "database", 1 << 20);
    } else if (key == "password") {
      config.password = percent_decode(value);
    } else if (key == "username") {
      config.username = percent_decode(value);
    } else if (key == "hostaddr") {
      config.endpoint.host_address = percent_decode(value);
    } else if (!tls && key.starts_with("ssl")) {
      throw ConfigError("Redis URL: " + std::string(key) + " needs rediss:// (TLS)");
    } else if (!read_tls_option(key, value, config)) {
      throw ConfigError("Redis URL: unknown option \"" + std::string(key) +
                        "\" (allowed: db, username, password, hostaddr; with rediss:// also "
                        "sslmode, sslrootcert, sslcert, sslkey)");
    }
  }
}
}  // namespace

RedisConfig parse_redis_url(std::string_view url) {
  RedisConfig config;
  const bool tls = url.starts_with("rediss://");
  if (tls) config.endpoint.tls.mode = TlsMode::VerifyFull;
  std::string_view query;
  if (const std::size_t at = url.find('?'); at != std::string_view::npos) {
    query = url.substr(at + 1);
    url = url.substr(0, at);
  }
  if (consume(url, "unix://")) {
    if (const std::size_t at = url.find('@'); at != std::string_view::npos) {
      read_credentials(url.substr(0, at), config);
      url.remove_prefix(at + 1);
    }
    config.endpoint.unix_path = percent_decode(url);
    if (config.endpoint.unix_path.empty()) throw ConfigError("Redis URL: unix:// needs a path");
  } else if (consume(url, "redis://") || consume(url, "rediss://")) {
    if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
      read_credentials(url.substr(0, at), config);
      url.remove_prefix(at + 1);
    }
    if (const std::size_t slash = url.find('/'); slash != std::string_view::npos) {
      const std::string_view database = url.substr(slash + 1);
      if (!database.empty()) config.database = number(database, "database", 1 << 20);
      url = url.substr(0, slash);
    }
    if (url.starts_with('[')) {
      const std::size_t close = url.find(']');
      if (close == std::string_view::npos) throw ConfigError("Redis URL: \"[\" without \"]\"");
      config.endpoint.host = url.substr(1, close - 1);
      url.remove_prefix(close + 1);
    } else {
      const std::size_t colon = url.find(':');
      if (colon != 0 && !url.empty()) config.endpoint.host = url.substr(0, colon);
      url = colon == std::string_view::npos ? std::string_view{} : url.substr(colon);
    }
    if (consume(url, ":")) config.endpoint.port = number(url, "port", 65535);
  } else {
    throw ConfigError("Redis URL must start with redis://, rediss:// or unix://");
  }
  read_query(query, config, tls);
  return config;
}

}  // namespace logforest::io
