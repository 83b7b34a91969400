#include "logforest/parse/aliases.hpp"

#include <array>
#include <vector>

#include "logforest/base/hash.hpp"

namespace logforest::parse {

namespace {

struct Group {
  Target target;
  Reading reading;
  const char* keys;  // separated by spaces
};

constexpr Group kGroups[] = {
    {Target::Timestamp, Reading::Plain,
     "@timestamp timestamp ts time date datetime eventtime event_time @t asctime timestamp_iso8601 "
     "time_iso8601 time_local timeunixnano time_unix_nano observedtimeunixnano timestampseconds "
     "timestamp.seconds "
     "__realtime_timestamp _source_realtime_timestamp eventtimestamp event_timestamp timemillis "
     "timecreated creationtime timegenerated time_generated date_and_time date_time "
     "requestreceivedtimestamp log_time "
     "logtime receivetimestamp created_time t t.$date timestamp.$date @timestamp.$date "
     "edgestarttimestamp started_at start_time published"},
    {Target::Nanos, Reading::Plain, "timestampnanos timestamp.nanos"},
    {Target::Level, Reading::Plain,
     "level severity lvl log.level log_level loglevel levelname level_name severitytext "
     "severity_text @l priority_name s syslog.severity.name"},
    {Target::Level, Reading::LevelOtel, "severitynumber severity_number"},
    {Target::Level, Reading::LevelSyslog,
     "priority pri syslog.severity.code syslog_severity severity_code"},
    {Target::Level, Reading::LevelPython, "levelno"},
    {Target::Service, Reading::Plain,
     "service service.name service_name servicename application app app_name appname "
     "application_name applicationname loggroup log_group syslog_identifier "
     "kubernetes.container_name "
     "kubernetes.container.name k8s.container.name container_name resource.labels.service_name "
     "resource.labels.container_name labels.app dd.service"},
    {Target::Source, Reading::Plain,
     "source host hostname host.name host_name container container.name _hostname "
     "kubernetes.pod_name kubernetes.pod.name k8s.pod.name pod_name resource.labels.pod_name "
     "resource.labels.instance_id machine machinename computer agent.hostname logstream "
     "log_stream"},
    {Target::Message, Reading::Plain,
     "message msg text event short_message @m @mt log.message textpayload log_message body "
     "displaymessage resultdescription renderedmessage "
     "body.stringvalue"},
    {Target::Message, Reading::InnerLine, "log"},
    {Target::Endpoint, Reading::Plain,
     "endpoint path url.path http.target http.route http.path http.url request_path request_uri "
     "requesturi clientrequesturi uri url requesturl request.uri request.url request.path "
     "http.request.path "
     "requestpath url_path route"},
    {Target::Method, Reading::Plain,
     "method http.method http.request.method request.method request_method requestmethod verb "
     "http_method httpmethod clientrequestmethod"},
    {Target::Status, Reading::Plain,
     "status status_code statuscode http.response.status_code http.status_code http.status "
     "http_status response.status response.status_code response_status http_status_code "
     "response_code responsecode edgeresponsestatus downstreamstatus responsestatus.code"},
    {Target::Duration, Reading::Milliseconds,
     "response_time responsetime duration latency elapsed took response_time_ms duration_ms "
     "durationms latency_ms latencyms elapsed_ms elapsedms responsetime_ms responsetimems took_ms "
     "elapsedmilliseconds duration_millis elapsed_time http.duration_ms time_ms took_millis "
     "request_time_ms request_duration_ms"},
    {Target::Duration, Reading::Seconds,
     "request_time upstream_response_time response_time_s duration_s latency_s elapsed_s "
     "duration_sec duration_seconds elapsed_seconds latency_seconds response_time_seconds "
     "http.server.request.duration request_duration_seconds took_s"},
    {Target::Duration, Reading::Microseconds,
     "response_time_us duration_us durationus latency_us latencyus elapsed_us elapsedus took_us "
     "duration_micros request_time_us"},
    {Target::Duration, Reading::Nanoseconds,
     "event.duration response_time_ns duration_ns durationns durationnanos latency_ns latencyns "
     "elapsed_ns elapsedns took_ns duration_nanos"},
    {Target::Ip, Reading::Plain,
     "client.ip request.client_ip request.remote_ip client_ip clientip client.address "
     "client_address remote_addr remoteaddr remote_ip "
     "remoteip remote_address ip ip_address ipaddress source.ip src_ip srcip http.client_ip "
     "network.client.ip clientaddr client_addr sourceipaddress "
     "calleripaddress client.ipaddress"},
    {Target::User, Reading::Plain,
     "user.id user_id userid user user.username enduser.id usr.id client.user.id "
     "useridentity.username "
     "actor.alternateid"},
    {Target::Trace, Reading::Plain,
     "trace.id trace_id traceid dd.trace_id otel.trace_id trace "
     "logging.googleapis.com/trace"},
    {Target::Span, Reading::Plain,
     "span.id span_id spanid dd.span_id otel.span_id logging.googleapis.com/spanid"},
    {Target::Request, Reading::Plain, "request http.request"},
    {Target::Metadata, Reading::Plain, "metadata"},
    {Target::Event, Reading::EventWhere,
     "eventsource event_source event.provider protopayload.servicename"},
    {Target::Event, Reading::EventWhat,
     "eventname event_name event.action action operationname operation_name operation eventtype "
     "event_type methodname method_name protopayload.methodname detail-type activity activityname "
     "activity_name title summary description messagetemplate"},
    {Target::Event, Reading::EventWhy,
     "errormessage error_message error.message error errmsg err err.message exception "
     "exception.message failurereason failure_reason statusmessage status_message "
     "protopayload.status.message"},
    {Target::Event, Reading::EventCode, "errorcode error_code error.code"},
};

// Containers that only wrap members of the record.
constexpr const char* kTransparent[] = {
    "jsonpayload",         "body",   "attributes",          "resource", "httprequest",
    "resource.attributes", "fields", "instrumentationscope"};

constexpr std::size_t kSlots = 2048;
constexpr std::size_t kLongest = 48;

class Table {
 public:
  Table() {
    entries_.reserve(512);
    slots_.fill(-1);
    for (const Group& group : kGroups) {
      std::string_view keys = group.keys;
      while (!keys.empty()) {
        const std::size_t space = keys.find(' ');
        add(keys.substr(0, space), group.target, group.reading);
        keys = space == std::string_view::npos ? std::string_view{} : keys.substr(space + 1);
      }
    }
    for (const std::string_view key : kTransparent) {
      Alias& alias = entry(key);
      alias.prefix = true;
      alias.transparent = true;
    }
  }

  [[nodiscard]] const Alias* find(std::string_view key) const noexcept {
    if (key.size() > kLongest) return nullptr;
    char lower[kLongest];
    for (std::size_t i = 0; i < key.size(); ++i) {
      const char c = key[i];
      lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    const std::string_view folded(lower, key.size());
    for (std::size_t i = hash_bytes(folded) % kSlots;; i = (i + 1) % kSlots) {
      if (slots_[i] < 0) return nullptr;
      const Alias& e = entries_[static_cast<std::size_t>(slots_[i])];
      if (e.key == folded) return &e;
    }
  }

 private:
  void add(std::string_view key, Target target, Reading reading) {
    Alias& alias = entry(key);
    alias.target = target;
    alias.reading = reading;
    for (std::size_t dot = key.find('.'); dot != std::string_view::npos;
         dot = key.find('.', dot + 1)) {
      entry(key.substr(0, dot)).prefix = true;
    }
  }

  Alias& entry(std::string_view key) {
    std::size_t i = hash_bytes(key) % kSlots;
    for (; slots_[i] >= 0; i = (i + 1) % kSlots) {
      if (entries_[static_cast<std::size_t>(slots_[i])].key == key) {
        return entries_[static_cast<std::size_t>(slots_[i])];
      }
    }
    slots_[i] = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({});
    entries_.back().key = key;
    return entries_.back();
  }

  std::vector<Alias> entries_;
  std::array<std::int32_t, kSlots> slots_{};
};

}  // namespace

const Alias* find_alias(std::string_view key) noexcept {
  static const Table table;
  return table.find(key);
}

}  // namespace logforest::parse
