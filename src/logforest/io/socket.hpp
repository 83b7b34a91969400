// A connected, non-blocking stream socket: TCP or Unix, plain or TLS. Every wait goes through
// wait_fd, so that signals work and deadlines hold.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "logforest/io/tls.hpp"
#include "logforest/io/wait.hpp"

namespace logforest::io {

// What went wrong with a socket; its owner turns it into an IoError with the address.
class SocketError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t { Connection, Timeout, Tls };
  SocketError(Kind kind, const std::string& what, bool retryable = true)
      : std::runtime_error(what), kind_(kind), retryable_(retryable) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool retryable() const noexcept { return retryable_; }

 private:
  Kind kind_;
  bool retryable_;
};

struct Endpoint {
  std::string host;
  std::string host_address;  // connected to instead of `host`, which stays the name to verify
  int port = 0;
  std::string unix_path;  // used instead of host and port when not empty
  TlsConfig tls;
};

class Socket {
 public:
  Socket() = default;
  // Connects and, with TLS, shakes hands. Throws SocketError, ConfigError.
  Socket(const Endpoint& endpoint, const Deadline& deadline);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  void close() noexcept;

  // All pieces, in order; empties the span's views on the way.
  void write(std::span<std::string_view> pieces, const Deadline& deadline);
  // At least one byte, or 0 when the deadline has passed.
  [[nodiscard]] std::size_t read(std::span<char> into, const Deadline& deadline);
  // Nothing is owed to us and the peer has not hung up.
  [[nodiscard]] bool quiet() const noexcept;

 private:
  void connect_unix(const Endpoint& endpoint, const Deadline& deadline);
  void connect_tcp(const Endpoint& endpoint, const Deadline& deadline);
  void shake_hands(const Endpoint& endpoint, const Deadline& deadline);
  void write_tls(std::string_view bytes, const Deadline& deadline);
  // Waits for what OpenSSL wants; false when the deadline has passed.
  bool wait_tls(int result, const Deadline& deadline);
  void heed_alert();

  int fd_ = -1;
  TlsHandle tls_;
};

}  // namespace logforest::io
