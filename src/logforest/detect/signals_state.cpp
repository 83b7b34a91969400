// The file form of what Signals has learned.
#include "logforest/base/container.hpp"
#include "logforest/detect/signals.hpp"

namespace logforest::detect {

namespace {
constexpr std::string_view kKind = "detector state";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
}  // namespace

std::string Signals::save() const {
  ByteWriter out;
  out.put(window_us_);
  out.put(static_cast<std::uint64_t>(max_services_));
  out.put(static_cast<std::uint64_t>(max_templates_));
  out.put(watermark_);
  out.put(closed_below_);
  out.put(records_);
  out.put(late_);
  out.put(static_cast<std::uint64_t>(services_.size()));
  for (const std::string& name : services_) out.put_text(name);
  out.put(static_cast<std::uint64_t>(slots_.size()));
  for (const TemplateSlot& slot : slots_) {
    out.put(slot.service);
    out.put(slot.template_id);
    out.put(slot.level);
    out.put(static_cast<std::uint8_t>(slot.auth_failure));
    out.put_text(slot.example);
    out.put(slot.records);
    out.put(slot.log_ms);
  }
  return seal(kKind, kVersion, out.bytes());
}

Signals Signals::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  const auto window_us = in.get<std::int64_t>();
  const std::size_t max_services = in.get_at_most(kMost);
  const std::size_t max_templates = in.get_at_most(kMost);
  Signals signals(window_us, max_services, max_templates);
  signals.watermark_ = in.get<std::int64_t>();
  signals.closed_below_ = in.get<std::int64_t>();
  signals.records_ = in.get<std::int64_t>();
  signals.late_ = in.get<std::int64_t>();
  const std::size_t services = in.get_at_most(max_services);
  for (std::size_t i = 0; i < services; ++i) {
    if (signals.intern_service(in.get_text()) != static_cast<std::int32_t>(i)) {
      throw ModelError("the data are malformed: a service is there twice");
    }
  }
  const std::size_t slots = in.get_at_most(max_templates);
  for (std::size_t i = 0; i < slots; ++i) {
    TemplateSlot slot;
    slot.service = in.get<std::int32_t>();
    slot.template_id = in.get<std::int64_t>();
    slot.level = in.get<std::uint8_t>();
    slot.auth_failure = in.get_flag();
    slot.example = in.get_text();
    slot.records = in.get<std::int64_t>();
    slot.log_ms = in.get_finite();
    if (slot.service < 0 || static_cast<std::size_t>(slot.service) >= services ||
        slot.level >= kLevelNames.size() || slot.records < 0) {
      throw ModelError("the data are malformed: a template does not fit");
    }
    signals.slot_index_.insert(slot_key(slot.template_id, slot.service),
                               static_cast<std::uint32_t>(i));
    signals.slots_.push_back(std::move(slot));
  }
  in.expect_end();
  return signals;
}

}  // namespace logforest::detect
