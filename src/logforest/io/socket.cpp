#include "logforest/io/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "logforest/base/error.hpp"

namespace logforest::io {

namespace {

using Kind = SocketError::Kind;

constexpr std::size_t kPiecesAtOnce = 64;

struct AddressFree {
  void operator()(addrinfo* a) const noexcept { ::freeaddrinfo(a); }
};
using Addresses = std::unique_ptr<addrinfo, AddressFree>;

int open_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    throw SocketError(Kind::Connection, std::string("no socket: ") + std::strerror(errno));
  return fd;
}

// 0, or errno of the failed connect; ETIMEDOUT when the deadline has passed.
int finish_connect(int fd, const sockaddr* address, socklen_t size, const Deadline& deadline) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (wait_fd(fd, POLLOUT, deadline) == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

[[noreturn]] void cannot_connect(int error) {
  if (error == ETIMEDOUT) throw SocketError(Kind::Timeout, "connect timed out");
  throw SocketError(Kind::Connection, std::string("cannot connect: ") + std::strerror(error));
}

[[noreturn]] void lost(int error) {
  throw SocketError(Kind::Connection, std::string("connection lost: ") + std::strerror(error));
}

int clamp_size(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

Socket::Socket(const Endpoint& endpoint, const Deadline& deadline) {
  try {
    if (endpoint.unix_path.empty()) {
      connect_tcp(endpoint, deadline);
    } else {
      connect_unix(endpoint, deadline);
    }
    if (endpoint.tls.mode != TlsMode::Off) shake_hands(endpoint, deadline);
  } catch (...) {
    close();
    throw;
  }
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    tls_ = std::move(other.tls_);
  }
  return *this;
}

void Socket::close() noexcept {
  // No close_notify: the protocol above says where a reply ends, nothing can be cut short.
  tls_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Socket::connect_unix(const Endpoint& endpoint, const Deadline& deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.unix_path.size() >= sizeof address.sun_path) {
    throw ConfigError("the path of a Unix socket is longer than " +
                      std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, endpoint.unix_path.data(), endpoint.unix_path.size());
  fd_ = open_socket(AF_UNIX);
  const int error =
      finish_connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline);
  if (error != 0) cannot_connect(error);
}

void Socket::connect_tcp(const Endpoint& endpoint, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  const std::string& host = endpoint.host_address.empty() ? endpoint.host : endpoint.host_address;
  addrinfo* raw = nullptr;
  const int failed =
      ::getaddrinfo(host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &raw);
  const Addresses found(raw);
  if (failed != 0)
    throw SocketError(Kind::Connection, std::string("cannot connect: ") + ::gai_strerror(failed));
  int left = 0;
  for (const addrinfo* a = found.get(); a != nullptr; a = a->ai_next) ++left;
  int error = 0;
  for (const addrinfo* a = found.get(); a != nullptr; a = a->ai_next, --left) {
    // An address that does not answer leaves time for the others.
    const auto share = std::chrono::ceil<Milliseconds>(deadline.at() - Clock::now()) / left;
    fd_ = open_socket(a->ai_family);
    error = finish_connect(fd_, a->ai_addr, a->ai_addrlen, Deadline(share));
    if (error == 0) break;
    close();
  }
  if (error != 0) cannot_connect(error);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void Socket::shake_hands(const Endpoint& endpoint, const Deadline& deadline) {
  tls_ = start_tls(endpoint.tls, endpoint.host, fd_);
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) return;
    if (!wait_tls(result, deadline)) throw SocketError(Kind::Timeout, "TLS handshake timed out");
  }
}

bool Socket::wait_tls(int result, const Deadline& deadline) {
  const int system_error = errno;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait_fd(fd_, POLLIN, deadline) != 0;
    case SSL_ERROR_WANT_WRITE:
      return wait_fd(fd_, POLLOUT, deadline) != 0;
    case SSL_ERROR_ZERO_RETURN:
      throw SocketError(Kind::Connection, "connection closed by the server");
    case SSL_ERROR_SYSCALL:
      if (ERR_peek_error() == 0 && system_error != 0) lost(system_error);
      [[fallthrough]];
    default: {
      const TlsFailure failure = tls_failure(tls_.get());
      throw SocketError(failure.lasting ? Kind::Tls : Kind::Connection, failure.what,
                        !failure.lasting);
    }
  }
}

void Socket::write(std::span<std::string_view> pieces, const Deadline& deadline) {
  if (tls_) {
    for (const std::string_view piece : pieces) write_tls(piece, deadline);
    return;
  }
  std::array<iovec, kPiecesAtOnce> parts;
  for (;;) {
    while (!pieces.empty() && pieces.front().empty()) pieces = pieces.subspan(1);
    if (pieces.empty()) return;
    msghdr message{};
    message.msg_iov = parts.data();
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), parts.size()))) {
      parts[message.msg_iovlen++] = {const_cast<char*>(piece.data()), piece.size()};
    }
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      auto left = static_cast<std::size_t>(sent);
      for (std::string_view& piece : pieces) {
        const std::size_t taken = std::min(left, piece.size());
        piece.remove_prefix(taken);
        left -= taken;
        if (left == 0) break;
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_fd(fd_, POLLOUT, deadline) == 0)
        throw SocketError(Kind::Timeout, "timed out while sending");
    } else if (errno != EINTR) {
      lost(errno);
    }
  }
}

void Socket::write_tls(std::string_view bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    ERR_clear_error();
    // OpenSSL has no MSG_NOSIGNAL; Python ignores SIGPIPE.
    const int sent = SSL_write(tls_.get(), bytes.data(), clamp_size(bytes.size()));
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    bool ready = false;
    try {
      ready = wait_tls(sent, deadline);
    } catch (const SocketError& error) {
      if (error.kind() == Kind::Connection) heed_alert();
      throw;
    }
    if (!ready) throw SocketError(Kind::Timeout, "timed out while sending");
  }
}

// In TLS 1.3 a server refuses our certificate after our side of the handshake is done: we learn of
// it when what we send next is reset. Its reason was received before and is still to be read.
void Socket::heed_alert() {
  ERR_clear_error();
  char byte = 0;
  const int got = SSL_read(tls_.get(), &byte, 1);
  if (got > 0 || SSL_get_error(tls_.get(), got) != SSL_ERROR_SSL) return;
  if (const TlsFailure failure = tls_failure(tls_.get()); failure.lasting)
    throw SocketError(Kind::Tls, failure.what, false);
}

std::size_t Socket::read(std::span<char> into, const Deadline& deadline) {
  for (;;) {
    if (tls_) {
      // First what OpenSSL holds already: the socket would stay silent about it.
      ERR_clear_error();
      const int got = SSL_read(tls_.get(), into.data(), clamp_size(into.size()));
      if (got > 0) return static_cast<std::size_t>(got);
      if (!wait_tls(got, deadline)) return 0;
      continue;
    }
    if (wait_fd(fd_, POLLIN, deadline) == 0) return 0;
    const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) throw SocketError(Kind::Connection, "connection closed by the server");
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) lost(errno);
  }
}

bool Socket::quiet() const noexcept {
  if (fd_ < 0) return false;
  pollfd item{fd_, POLLIN, 0};
  const int ready = ::poll(&item, 1, 0);
  if (ready == 0) return tls_ == nullptr || SSL_pending(tls_.get()) == 0;
  if (ready < 0 || tls_ == nullptr) return false;
  // TLS 1.3 sends session tickets whenever it likes: readable need not mean data.
  ERR_clear_error();
  char byte = 0;
  const int got = SSL_peek(tls_.get(), &byte, 1);
  const bool silent = got <= 0 && SSL_get_error(tls_.get(), got) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return silent;
}

}  // namespace logforest::io
