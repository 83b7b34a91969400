#include "logforest/parse/reader.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "logforest/parse/json_framer.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {
namespace {

ParseOptions options(std::string format, int threads = 1, std::size_t chunk = 1 << 22) {
  ParseOptions o;
  o.format = std::move(format);
  o.threads = threads;
  o.chunk_bytes = chunk;
  o.received_us = 1795268312000000;
  return o;
}

std::string messages(const LogBatch& batch) {
  std::string out;
  for (const auto& chunk : batch.chunks) {
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      out += chunk->message[row];
      out += '|';
    }
  }
  return out;
}

TEST(Reader, SameResultForAnyCutAndAnyThreads) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += i % 17 == 3 ? "{\"msg\":\"broken\n" : "{\"msg\":\"m" + std::to_string(i) + "\"}\r\n";
  }
  const LogBatch whole = parse_buffer(text, options("auto"));
  EXPECT_EQ(whole.counts.lines, 300);
  EXPECT_EQ(whole.counts.records + whole.counts.rejected, 300);
  for (const int threads : {1, 2, 4}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      Reader reader(options("auto", threads, 128));
      for (std::size_t at = 0; at < text.size(); at += step) {
        reader.feed(std::string_view(text).substr(at, step));
      }
      const LogBatch batch = reader.finish();
      EXPECT_EQ(messages(batch), messages(whole));
      ASSERT_EQ(batch.rejected->size(), whole.rejected->size());
      for (std::size_t i = 0; i < whole.rejected->size(); ++i) {
        EXPECT_EQ(batch.rejected->line[i], whole.rejected->line[i]);
        EXPECT_EQ(batch.rejected->offset[i], whole.rejected->offset[i]);
      }
    }
  }
}

TEST(Reader, TakesBatchesWhileItReads) {
  Reader reader(options("logfmt", 2, 64));
  std::size_t rows = 0;
  for (int i = 0; i < 1000; ++i) {
    reader.feed("level=info msg=m" + std::to_string(i) + "\n");
    if (reader.ready_rows() >= 10) rows += reader.take(10).num_rows();
  }
  EXPECT_EQ(rows + reader.finish().num_rows(), 1000U);
}

TEST(Reader, AHookSeesEveryChunk) {
  std::atomic<std::size_t> rows{0};
  const auto count = [&](RecordBatch& batch, RejectTable&) { rows += batch.rows; };
  std::string text;
  for (int i = 0; i < 100; ++i) text += "plain line\n";
  EXPECT_EQ(parse_buffer(text, options("plain", 2, 64), count).num_rows(), 100U);
  EXPECT_EQ(rows, 100U);
}

TEST(Reader, AnExceptionOfAHookComesOut) {
  const auto fail = [](RecordBatch&, RejectTable&) { throw ConfigError("no"); };
  const std::string text(1000, '\n');
  EXPECT_THROW(static_cast<void>(parse_buffer(text + "x\n", options("plain", 2, 64), fail)),
               ConfigError);
}

TEST(Registry, BuiltInNamesAreTaken) {
  EXPECT_THROW(register_format({.name = "json", .description = "", .make = {}, .detect = {}}),
               ConfigError);
  EXPECT_THROW(static_cast<void>(parse_buffer("x", options("nope"))), ConfigError);
}

// Detection does not ask the formats of text about lines that are JSON objects.
TEST(Registry, NoFormatOfTextTakesAnObject) {
  const std::string texts[] = {
      "m",
      "2026-03-01 10:00:00,123 INFO [main] com.acme.Pay - paid",
      "I0102 10:00:00.123456 1 main.go:12] started",
      "<34>1 2026-03-01T10:00:00Z host app 1 - - text",
      "<34>Mar  1 10:00:00 host app[1]: text",
      "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] 'GET / HTTP/1.1' 200 5",
      "[Wed Oct 11 14:32:52 2000] [error] [client 192.0.2.1] denied",
      "2026/03/01 10:00:00 [error] 1#1: *1 open() failed, client: 192.0.2.1",
      "date=2024-05-01 time=10:00:01 level=info",
      "2 123456789012 eni-1 10.0.1.7 192.0.2.4 443 51234 6 12 6144 1714557601 1714557660 ACCEPT OK",
      "#Fields: date time c-ip",
      "level=info msg=a",
      "[0.005s][info][gc] Using G1",
  };
  std::vector<std::string> lines = {"{}", "{ }", R"({"a":{"b":[{"c":1}]}} )"};
  for (const std::string& text : texts) {
    for (const std::string& other : texts) {
      lines.push_back("{\"" + text + "\":\"" + other + "\"}");
      lines.push_back("{ \"" + text + "\" : [1, \"" + other + "\"] , \"b\": null }");
    }
  }
  ByteBuffer scratch;
  for (const std::string& line : lines) {
    ASSERT_TRUE(parse::is_json_object(line, scratch)) << line;
    for (const auto& format : parse::all_formats()) {
      if (!format->detect || format->name == "json" || format->name == "logfmt") continue;
      EXPECT_EQ(format->detect({line}), 0) << format->name << ": " << line;
      EXPECT_EQ(format->detect({line, line}), 0) << format->name << ": " << line;
    }
    EXPECT_EQ(parse::detect_format(line).format->name, "json");
  }
  for (const char* none : {"", "{", "{}x", " {}", "[]", "{}{}", "1", "{\"a\":01}"}) {
    EXPECT_FALSE(parse::is_json_object(none, scratch)) << none;
  }
}

TEST(Values, Durations) {
  EXPECT_EQ(duration_ms("12ms", Reading::Milliseconds, true), 12.0);
  EXPECT_EQ(duration_ms("1.5s", Reading::Milliseconds, true), 1500.0);
  EXPECT_EQ(duration_ms("1m2s", Reading::Milliseconds, true), 62000.0);
  EXPECT_EQ(duration_ms("250", Reading::Seconds, true), 250000.0);
  EXPECT_EQ(duration_ms("2500000", Reading::Nanoseconds, false), 2.5);
  EXPECT_FALSE(duration_ms("-1", Reading::Milliseconds, true));
  EXPECT_FALSE(duration_ms("soon", Reading::Milliseconds, true));
  EXPECT_FALSE(duration_ms("12ms", Reading::Milliseconds, false));
}

TEST(Values, Addresses) {
  EXPECT_EQ(ip_part("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(ip_part("10.0.0.1:8080"), "10.0.0.1");
  EXPECT_EQ(ip_part("[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(ip_part("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(ip_part("::"), "::");
  for (const char* text : {"", "10.0.0", "10.0.0.256", "host", "1:2:3", "10.0.0.1x", "1::2::3"}) {
    EXPECT_EQ(ip_part(text), "") << text;
  }
}

TEST(Values, RequestLines) {
  EXPECT_EQ(request_line("GET /a?b=1 HTTP/1.1").path, "/a?b=1");
  EXPECT_EQ(request_line("GET /a?b=1 HTTP/1.1").method, "GET");
  EXPECT_EQ(request_line("/only").path, "/only");
  EXPECT_EQ(request_line("not a request line").path, "");
}

}  // namespace
}  // namespace logforest::parse
