// The file form of what Signals has learned.
#include "logforest/base/byte_io.hpp"
#include "logforest/detect/signals.hpp"

namespace logforest::detect {

namespace {
constexpr std::string_view kMagic = "LFSG0001";
constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
}  // namespace

std::string Signals::save() const {
  StateWriter out(kMagic);
  out.number(window_us_);
  out.number(static_cast<std::uint64_t>(max_services_));
  out.number(static_cast<std::uint64_t>(max_templates_));
  out.number(watermark_);
  out.number(closed_below_);
  out.number(records_);
  out.number(late_);
  out.number(static_cast<std::uint64_t>(services_.size()));
  for (const std::string& name : services_) out.text(name);
  out.number(static_cast<std::uint64_t>(slots_.size()));
  for (const TemplateSlot& slot : slots_) {
    out.number(slot.service);
    out.number(slot.template_id);
    out.number(slot.level);
    out.number(static_cast<std::uint8_t>(slot.auth_failure));
    out.text(slot.example);
    out.number(slot.records);
    out.number(slot.log_ms);
  }
  return out.finish();
}

Signals Signals::load(std::string_view bytes) {
  StateReader in(bytes, kMagic, "detector state");
  const auto window_us = in.number<std::int64_t>();
  const std::size_t max_services = in.count(kMost);
  const std::size_t max_templates = in.count(kMost);
  Signals signals(window_us, max_services, max_templates);
  signals.watermark_ = in.number<std::int64_t>();
  signals.closed_below_ = in.number<std::int64_t>();
  signals.records_ = in.number<std::int64_t>();
  signals.late_ = in.number<std::int64_t>();
  const std::size_t services = in.count(max_services);
  for (std::size_t i = 0; i < services; ++i) {
    if (signals.intern_service(in.text()) != static_cast<std::int32_t>(i)) {
      in.fail("a service is there twice");
    }
  }
  const std::size_t slots = in.count(max_templates);
  for (std::size_t i = 0; i < slots; ++i) {
    TemplateSlot slot;
    slot.service = in.number<std::int32_t>();
    slot.template_id = in.number<std::int64_t>();
    slot.level = in.number<std::uint8_t>();
    slot.auth_failure = in.flag();
    slot.example = in.text();
    slot.records = in.number<std::int64_t>();
    slot.log_ms = in.finite();
    if (slot.service < 0 || static_cast<std::size_t>(slot.service) >= services ||
        slot.level >= kLevelNames.size() || slot.records < 0) {
      in.fail("a template does not fit");
    }
    signals.slot_index_.insert(slot_key(slot.template_id, slot.service),
                               static_cast<std::uint32_t>(i));
    signals.slots_.push_back(std::move(slot));
  }
  in.expect_end();
  return signals;
}

}  // namespace logforest::detect
