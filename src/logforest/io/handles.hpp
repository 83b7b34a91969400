// RAII for the C handles of hiredis and libpq: no other file frees one.
#pragma once

#include <hiredis/hiredis.h>
#include <libpq-fe.h>

#include <memory>

namespace logforest::io {

struct RedisFree {
  void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  void operator()(redisReply* r) const noexcept { freeReplyObject(r); }
};
using RedisReader = std::unique_ptr<redisReader, RedisFree>;
using RedisReply = std::unique_ptr<redisReply, RedisFree>;

struct PgFree {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
  void operator()(PGresult* r) const noexcept { PQclear(r); }
  void operator()(PGcancel* c) const noexcept { PQfreeCancel(c); }
  void operator()(PGnotify* n) const noexcept { PQfreemem(n); }
  void operator()(PQconninfoOption* o) const noexcept { PQconninfoFree(o); }
};
using PgHandle = std::unique_ptr<PGconn, PgFree>;
using PgResult = std::unique_ptr<PGresult, PgFree>;
using PgCancel = std::unique_ptr<PGcancel, PgFree>;
using PgNotify = std::unique_ptr<PGnotify, PgFree>;
using PgOptions = std::unique_ptr<PQconninfoOption, PgFree>;

}  // namespace logforest::io
