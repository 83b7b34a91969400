// What stands between the stamp and the message of an application log's record.
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/parse/app_log.hpp"
#include "logforest/parse/app_log_words.hpp"

namespace logforest::parse::app_words {

// A thread in brackets; "thread:Class@line" as ZooKeeper writes it.
void take_thread(std::string_view inner, AppFields& out) noexcept;

// Reads header fields up to and with the level. `bracketed`: it stood in brackets;
// `before`: what set it off. False: there is no level.
bool read_level(std::string_view s, std::size_t& at, AppFields& out, bool& bracketed,
                Gap& before) noexcept;

// The name at `at` is a logger, told by what follows it: ": ", " : ", " - ", "|", a tab.
struct LoggerContext {
  bool dashed = false;  // fields are set off by " - "
  bool piped = false;   // ... by '|'
  bool tight = false;   // ... by ':' without a blank
  bool wide = false;    // ... by two blanks or more
  bool first = false;   // it stands right behind the level
  bool boxed = false;   // the stamp and the level stand in brackets
  bool always = false;  // this layout always has one (Spark, Hadoop, HDFS)
};

// Reads the header fields behind the level, and the message.
void read_rest(std::string_view s, std::size_t at, bool bracketed, LoggerContext how,
               AppFields& out) noexcept;

}  // namespace logforest::parse::app_words
