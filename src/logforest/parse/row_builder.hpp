// Harmonises the fields of one record into the columns of a batch.
//
// A parser calls begin(), any setters, then the reader calls commit() or the row is abandoned.
// Typed setters are for parsers that know what they have. field_* is for key/value formats: the key
// is looked up in the alias table (@timestamp, ts, time, severity, log.level, msg, service.name,
// ...); unknown keys and values that do not fit their column go to `metadata`, so no type conflict
// ever rejects a record. The first value wins where two aliases name one column, later ones go to
// metadata under their own key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/parse/parser.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::parse {

class RowBuilder {
 public:
  RowBuilder(const ParseOptions& options, RecordBatch& batch);

  void begin();
  // Fills what is missing (time of receipt, level from HTTP status or Info, service <-> source,
  // tenant, created_at), closes metadata and counts the row.
  void commit();
  void abandon();

  // --- typed setters; views need only live for the call -----------------------------------
  void timestamp(std::int64_t us);
  void level(Level value);
  void service(std::string_view value);
  void source(std::string_view value);
  void message(std::string_view value);
  // Appends "\n" + line to the message of the last committed row (multi-line records).
  // False when there is none, or it would grow over max_line_bytes.
  bool continue_message(std::string_view line);
  void endpoint(std::string_view value);
  void method(std::string_view value);
  void status_code(int value);
  void response_time(double milliseconds);
  void ip_address(std::string_view value);
  void user_id(std::string_view value);
  void trace_id(std::string_view value);
  void span_id(std::string_view value);

  // --- metadata: a JSON object built in place ----------------------------------------------
  void meta_text(std::string_view key, std::string_view value);  // value is plain text
  void meta_int(std::string_view key, std::int64_t value);
  void meta_double(std::string_view key, double value);
  void meta_json(std::string_view key, std::string_view json);  // value is valid JSON already

  // --- by key, through the alias table ------------------------------------------------------
  void field_text(std::string_view key, std::string_view value);
  void field_int(std::string_view key, std::int64_t value);
  void field_double(std::string_view key, double value);
  void field_json(std::string_view key, std::string_view json);  // object, array, true, null

  [[nodiscard]] const ParseOptions& options() const noexcept { return options_; }
  [[nodiscard]] RecordBatch& batch() noexcept { return batch_; }

 private:
  const ParseOptions& options_;
  RecordBatch& batch_;
  // further private state is the implementation's
};

}  // namespace logforest::parse
