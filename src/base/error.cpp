#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir {
namespace {

constexpr std::array<std::pair<Fault, std::string_view>, 4> kFaults{{
    {Fault::User, "user"},
    {Fault::External, "external"},
    {Fault::System, "system"},
    {Fault::Bug, "bug"},
}};

constexpr std::array<std::pair<Retry, std::string_view>, 3> kRetries{{
    {Retry::Never, "never"},
    {Retry::Later, "later"},
    {Retry::Reconnect, "reconnect"},
}};

constexpr std::array<std::pair<Code, std::string_view>, 16> kCodes{{
    {Code::InvalidProject, "invalid_project"},
    {Code::InvalidArgument, "invalid_argument"},
    {Code::InvalidData, "invalid_data"},
    {Code::InvalidQuery, "invalid_query"},
    {Code::TypeMismatch, "type_mismatch"},
    {Code::NotFound, "not_found"},
    {Code::AlreadyExists, "already_exists"},
    {Code::AccessDenied, "access_denied"},
    {Code::Unavailable, "unavailable"},
    {Code::TimedOut, "timed_out"},
    {Code::Cancelled, "cancelled"},
    {Code::Conflict, "conflict"},
    {Code::ResourceExhausted, "resource_exhausted"},
    {Code::CheckFailed, "check_failed"},
    {Code::Unsupported, "unsupported"},
    {Code::Internal, "internal"},
}};

template <typename Enum, std::size_t N>
std::string_view name_in(const std::array<std::pair<Enum, std::string_view>, N>& names, Enum value) {
  for (const auto& [candidate, text] : names) {
    if (candidate == value) return text;
  }
  return "unknown";
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_in(const std::array<std::pair<Enum, std::string_view>, N>& names, std::string_view text) {
  for (const auto& [value, candidate] : names) {
    if (candidate == text) return value;
  }
  return std::nullopt;
}

std::string_view who_acts(Fault fault) {
  switch (fault) {
    case Fault::User: return "in your project or command";
    case Fault::External: return "in a system outside Weir";
    case Fault::System: return "on this machine";
    case Fault::Bug: return "in Weir itself: please report it";
  }
  return "";
}

}  // namespace

std::string_view name(Fault fault) { return name_in(kFaults, fault); }
std::string_view name(Retry retry) { return name_in(kRetries, retry); }
std::string_view name(Code code) { return name_in(kCodes, code); }
std::optional<Fault> parse_fault(std::string_view text) { return value_in(kFaults, text); }
std::optional<Retry> parse_retry(std::string_view text) { return value_in(kRetries, text); }
std::optional<Code> parse_code(std::string_view text) { return value_in(kCodes, text); }

std::string Place::text() const {
  if (line == 0) return file;
  if (column == 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

Error::Error(Fault fault, Code code, std::string message)
    : body_(new Body{.fault = fault,
                     .code = code,
                     .retry = Retry::Never,
                     .message = std::move(message),
                     .hint = {},
                     .native = {},
                     .place = {},
                     .context = {}}) {}

Error Error::from_errno(int error_number, std::string_view doing) {
  const auto make = [&](Fault fault, Code code, Retry retry) {
    return Error{fault, code, fmt::format("{}: {}", doing, std::strerror(error_number))}.retry(retry);
  };
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return make(Fault::User, Code::NotFound, Retry::Never);
    case EACCES:
    case EPERM:
    case EROFS: return make(Fault::User, Code::AccessDenied, Retry::Never);
    case EEXIST: return make(Fault::User, Code::AlreadyExists, Retry::Never);
    case ENOSPC:
    case EDQUOT:
      return make(Fault::System, Code::ResourceExhausted, Retry::Later)
          .hint("free some space on that disk, then retry");
    case EMFILE:
    case ENFILE:
    case ENOMEM: return make(Fault::System, Code::ResourceExhausted, Retry::Later);
    case EADDRINUSE: return make(Fault::System, Code::Conflict, Retry::Later);
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH: return make(Fault::External, Code::Unavailable, Retry::Reconnect);
    case ETIMEDOUT: return make(Fault::External, Code::TimedOut, Retry::Reconnect);
    default: return make(Fault::System, Code::Unavailable, Retry::Later);
  }
}

Error&& Error::retry(Retry retry) && {
  body_->retry = retry;
  return std::move(*this);
}

Error&& Error::hint(std::string hint) && {
  if (body_->hint.empty()) body_->hint = std::move(hint);
  return std::move(*this);
}

Error&& Error::at(Place place) && {
  if (!body_->place) body_->place = std::move(place);
  return std::move(*this);
}

Error&& Error::while_doing(std::string context) && {
  body_->context.push_back(std::move(context));
  return std::move(*this);
}

Error&& Error::native_code(std::string native) && {
  body_->native = std::move(native);
  return std::move(*this);
}

std::string Error::text() const {
  std::string text;
  if (body_->place) text += body_->place->text() + ": ";
  text += body_->message;
  for (const auto& context : body_->context) text += fmt::format(" ({})", context);
  return text;
}

std::string Error::explain() const {
  std::string text = fmt::format("{}\n  where: {}", this->text(), who_acts(body_->fault));
  if (!body_->native.empty()) text += fmt::format("\n  code:  {} ({})", name(body_->code), body_->native);
  if (!body_->hint.empty()) text += fmt::format("\n  hint:  {}", body_->hint);
  return text;
}

}  // namespace weir
