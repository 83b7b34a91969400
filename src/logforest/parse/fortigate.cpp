#include "logforest/parse/fortigate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/time.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

// "<189>" in front, without a header of syslog; -1 when there is none.
int take_priority(std::string_view& line) noexcept {
  if (!line.starts_with('<')) return -1;
  const std::size_t end = line.find('>');
  if (end == npos || end < 2 || end > 4) return -1;
  const auto number = to_int(line.substr(1, end - 1));
  if (!number || *number > 191) return -1;
  line.remove_prefix(end + 1);
  return static_cast<int>(*number);
}

// date=2024-05-01 time=10:00:01 with or without quotes, in this order: how all these logs begin.
bool begins_well(std::string_view line) noexcept {
  take_priority(line);
  if (!line.starts_with("date=")) return false;
  const std::size_t quote = line.size() > 5 && line[5] == '"' ? 1 : 0;
  const std::size_t behind = 5 + 10 + 2 * quote;
  return line.size() > behind + 6 && is_digit(line[5 + quote]) && line[9 + quote] == '-' &&
         line.substr(behind).starts_with(" time=");
}

// Cuts key=value and key="value"; a backslash keeps a quote inside.
class Pairs {
 public:
  explicit Pairs(std::string_view line) noexcept : rest_(line) {}

  // False at the end and at a fault.
  bool next(std::string_view& key, std::string_view& value, bool& escaped) noexcept {
    rest_.remove_prefix(skip_blanks(rest_, 0));
    if (rest_.empty()) return false;
    const std::size_t equals = rest_.find_first_of("= \t\"");
    if (equals == npos || equals == 0 || rest_[equals] != '=') return fail(Reject::NoMatch);
    key = rest_.substr(0, equals);
    rest_.remove_prefix(equals + 1);
    escaped = false;
    std::size_t end = 0;
    if (rest_.starts_with('"')) {
      for (end = 1; end < rest_.size() && rest_[end] != '"'; ++end) {
        if (rest_[end] != '\\') continue;
        escaped = true;
        ++end;
      }
      if (end >= rest_.size()) return fail(Reject::Truncated);
      value = rest_.substr(1, end - 1);
      ++end;
      if (end < rest_.size() && !is_blank(rest_[end])) return fail(Reject::NoMatch);
    } else {
      end = std::min(rest_.find_first_of(" \t"), rest_.size());
      value = rest_.substr(0, end);
    }
    rest_.remove_prefix(end);
    return true;
  }
  [[nodiscard]] Reject fault() const noexcept { return fault_; }

 private:
  bool fail(Reject why) noexcept {
    fault_ = why;
    return false;
  }

  std::string_view rest_;
  Reject fault_ = Reject::None;
};

enum class Use : std::uint8_t {
  Meta,
  Date,
  Time,
  EventTime,
  Zone,
  Level,
  Message,
  Description,
  Device,
  DeviceId,
  Client,
  Remote,
  User,
  Url,
  Method,
  Status,
  Type,
  Subtype,
  Action,
};

struct Known {
  std::string_view key;
  Use use;
};

constexpr std::array<Known, 20> kKnown{
    {{"date", Use::Date},           {"time", Use::Time},
     {"eventtime", Use::EventTime}, {"tz", Use::Zone},
     {"level", Use::Level},         {"pri", Use::Level},
     {"msg", Use::Message},         {"logdesc", Use::Description},
     {"devname", Use::Device},      {"devid", Use::DeviceId},
     {"srcip", Use::Client},        {"remip", Use::Remote},
     {"user", Use::User},           {"url", Use::Url},
     {"httpmethod", Use::Method},   {"httpcode", Use::Status},
     {"type", Use::Type},           {"subtype", Use::Subtype},
     {"action", Use::Action},       {"device_id", Use::DeviceId}}};

Use use_of(std::string_view key) noexcept {
  const auto* const found =
      std::find_if(kKnown.begin(), kKnown.end(), [key](const Known& k) { return k.key == key; });
  return found == kKnown.end() ? Use::Meta : found->use;
}

class FortigateParser final : public LineParser {
 public:
  explicit FortigateParser(const ParseOptions& options) : options_(options) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (!begins_well(line)) return {Reject::NoMatch};
    row.begin();
    if (const int priority = take_priority(line); priority >= 0) {
      row.meta_int("facility", priority / 8);
      row.meta_int("severity", priority % 8);
    }
    unescaped_.clear();
    static_cast<void>(unescaped_.room(line.size()));  // views into it stay valid for the row
    Seen seen;
    Pairs pairs(line);
    std::string_view key;
    std::string_view value;
    bool escaped = false;
    std::size_t fields = 0;
    while (pairs.next(key, value, escaped)) {
      if (++fields > options_.max_fields) return {Reject::TooManyFields};
      if (escaped) value = unescape(value);
      take(key, value, seen, row);
    }
    if (pairs.fault() != Reject::None) return {pairs.fault()};
    if (!stamp(seen, row)) return {Reject::InvalidHeader};
    finish(seen, row);
    return {};
  }

 private:
  struct Seen {
    std::string_view date, time, event_time, zone, message, description, device, device_id, client,
        remote, type, subtype, action;
  };

  std::string_view unescape(std::string_view value) {
    const std::size_t begin = unescaped_.size();
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool mark =
          value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == '"' || value[i + 1] == '\\');
      unescaped_.push(value[mark ? ++i : i]);
    }
    return unescaped_.view().substr(begin);
  }

  static void take(std::string_view key, std::string_view value, Seen& seen, RowBuilder& row) {
    if (value.empty() || value == "N/A") return row.meta_text(key, value);
    const auto keep = [&](std::string_view& into, bool shown) {
      if (into.empty()) into = value;
      if (shown) row.meta_text(key, value);
    };
    switch (use_of(key)) {
      case Use::Date:
        return keep(seen.date, false);
      case Use::Time:
        return keep(seen.time, false);
      case Use::EventTime:
        return keep(seen.event_time, false);
      case Use::Zone:
        return keep(seen.zone, false);
      case Use::Message:
        return keep(seen.message, false);
      case Use::Description:
        return keep(seen.description, true);
      case Use::Device:
        return keep(seen.device, false);
      case Use::DeviceId:
        return keep(seen.device_id, true);
      case Use::Client:
        return keep(seen.client, false);
      case Use::Remote:
        return keep(seen.remote, true);
      case Use::Type:
        return keep(seen.type, true);
      case Use::Subtype:
        return keep(seen.subtype, true);
      case Use::Action:
        return keep(seen.action, true);
      case Use::Level:
        return row.field_text("level", value);
      case Use::User:
        return row.field_text("user", value);
      case Use::Url:
        return row.field_text("endpoint", value);
      case Use::Method:
        return row.field_text("method", value);
      case Use::Status:
        return row.field_text("status_code", value);
      case Use::Meta:
        return row.meta_text(key, value);
    }
  }

  // The event's own count of seconds (or ns) is exact; else date and time in the device's zone.
  // False when there is a time that is none.
  static bool stamp(const Seen& seen, RowBuilder& row) {
    if (!seen.event_time.empty() && all_digits(seen.event_time)) {
      if (const auto exact = parse_time(seen.event_time, row.time_context());
          exact && exact->length == seen.event_time.size()) {
        row.timestamp(exact->us);
        return true;
      }
    }
    if (seen.date.size() != 10 || seen.time.size() < 8 || seen.time.size() > 18 ||
        seen.zone.size() > 6) {
      return false;
    }
    std::array<char, 40> text{};
    char* p = std::copy(seen.date.begin(), seen.date.end(), text.data());
    *p++ = 'T';
    p = std::copy(seen.time.begin(), seen.time.end(), p);
    if (seen.zone.size() >= 5 && (seen.zone[0] == '+' || seen.zone[0] == '-'))
      p = std::copy(seen.zone.begin(), seen.zone.end(), p);
    const std::string_view whole(text.data(), static_cast<std::size_t>(p - text.data()));
    const auto time = parse_time(whole, row.time_context());
    if (!time || time->length != whole.size()) return false;
    row.timestamp(time->us);
    return true;
  }

  void finish(const Seen& seen, RowBuilder& row) {
    row.service("fortigate");
    const std::string_view device = seen.device.empty() ? seen.device_id : seen.device;
    if (!device.empty()) row.source(device);
    const std::string_view ip = seen.client.empty() ? seen.remote : seen.client;
    if (is_ip(ip)) {
      row.ip_address(ip);
    } else if (!seen.client.empty()) {
      row.meta_text("srcip", seen.client);
    }
    if (!seen.message.empty()) return row.message(seen.message);
    if (!seen.description.empty()) return row.message(seen.description);
    message_.clear();
    for (const std::string_view word : {seen.type, seen.subtype, seen.action}) {
      if (word.empty()) continue;
      if (!message_.view().empty()) message_.push(' ');
      message_.append(word);
    }
    row.message(message_.view());
  }

  const ParseOptions& options_;
  ByteBuffer unescaped_;
  ByteBuffer message_;
};

double detect(const std::vector<std::string_view>& lines) {
  if (lines.empty()) return 0;
  const auto mine = std::count_if(lines.begin(), lines.end(), begins_well);
  return static_cast<double>(mine) / static_cast<double>(lines.size());
}

}  // namespace

Format fortigate_format() {
  Format format;
  format.name = "fortigate";
  format.description = "Fortinet's key=value logs (date=... time=...)";
  format.make = [](const ParseOptions& options) {
    return std::make_unique<FortigateParser>(options);
  };
  format.detect = detect;
  format.rank = 70;
  format.first_bytes.reset();
  format.first_bytes.set('<').set('d');
  return format;
}

}  // namespace logforest::parse
