#include "base/log.hpp"

namespace weir {
namespace {

class SilentLog final : public Log {
 public:
  void write(LogLine) override {}
};

}  // namespace

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warn: return "warn";
    case LogLevel::Error: return "error";
  }
  return "unknown";
}

Log& silent_log() {
  static SilentLog log;
  return log;
}

}  // namespace weir
