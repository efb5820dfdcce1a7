#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Who has to act: the user (project, parameters, rights), the outside world (a server, the network, data of others),
// this machine (disk, memory, a missing program), or us.
enum class Fault { User, External, System, Bug };

// What the engine may do about it. Later: the same call may succeed after a while. Reconnect: only on a new connection.
enum class Retry { Never, Later, Reconnect };

// The closed list of what can go wrong. Tests assert the code, people read the message. docs/errors.md explains each.
enum class Code {
  InvalidProject,   // a mistake in the user's files
  InvalidArgument,  // a mistake on the command line or in a parameter
  InvalidData,      // a row, a document or a file that does not say what it should
  InvalidQuery,     // SQL that the database refuses
  TypeMismatch,     // a value or a column that does not fit its destination
  NotFound,         // a table, file, run or setting that is not there
  AlreadyExists,
  AccessDenied,  // wrong password, missing right
  Unavailable,   // a server that does not answer, a connection that broke
  TimedOut,
  Cancelled,
  Conflict,           // another process holds it, or it changed underneath
  ResourceExhausted,  // disk, memory, descriptors, a server's limits
  CheckFailed,        // the data broke a rule that the user wrote
  Unsupported,        // a combination that Weir refuses on purpose
  Internal,           // a broken promise of our own
};

std::string_view name(Fault fault);
std::string_view name(Retry retry);
std::string_view name(Code code);
std::optional<Fault> parse_fault(std::string_view text);
std::optional<Retry> parse_retry(std::string_view text);
std::optional<Code> parse_code(std::string_view text);

// A position in a file of the user's project. Lines and columns count from 1; 0 means unknown.
struct Place {
  std::string file;  // relative to the project's folder
  int line = 0;
  int column = 0;

  // "pipelines/sales.yml:7:3", as far as it is known.
  std::string text() const;
  bool operator==(const Place&) const = default;
};

// What went wrong, for people and for the engine. The message is a fixed text with its values last, without a trailing
// period. The context is the chain of what was being done, innermost first ("reading table raw_sales", "task load").
// Cheap to move; never holds a secret (see Secret).
class [[nodiscard]] Error {
 public:
  Error(Fault fault, Code code, std::string message);

  template <typename... Args>
  static Error user(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return {Fault::User, code, fmt::format(format, std::forward<Args>(args)...)};
  }
  // External and system errors are worth another attempt unless the connector says otherwise.
  template <typename... Args>
  static Error external(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return Error{Fault::External, code, fmt::format(format, std::forward<Args>(args)...)}.retry(Retry::Later);
  }
  template <typename... Args>
  static Error system(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return Error{Fault::System, code, fmt::format(format, std::forward<Args>(args)...)}.retry(Retry::Later);
  }
  template <typename... Args>
  static Error bug(fmt::format_string<Args...> format, Args&&... args) {
    return {Fault::Bug, Code::Internal, fmt::format(format, std::forward<Args>(args)...)};
  }
  // The message ends with what errno means: "opening file: a.csv: No such file or directory".
  static Error from_errno(int error_number, std::string_view doing);
  static Error cancelled() { return {Fault::User, Code::Cancelled, "cancelled"}; }

  Error&& retry(Retry retry) &&;
  Error&& hint(std::string hint) &&;            // what to do about it
  Error&& at(Place place) &&;                   // the first place given wins: it is the innermost
  Error&& while_doing(std::string context) &&;  // adds the next outer context
  Error&& native_code(std::string native) &&;   // the other side's own code: SQLSTATE, ClickHouse's number

  Fault fault() const { return body_->fault; }
  Code code() const { return body_->code; }
  Retry retry() const { return body_->retry; }
  const std::string& message() const { return body_->message; }
  const std::string& hint() const { return body_->hint; }
  const std::string& native_code() const { return body_->native; }
  const std::optional<Place>& place() const { return body_->place; }
  const std::vector<std::string>& context() const { return body_->context; }

  // One line: "place: message (while …)". Multi-line with fault and hint: explain().
  std::string text() const;
  std::string explain() const;

 private:
  struct Body {
    Fault fault;
    Code code;
    Retry retry = Retry::Never;
    std::string message;
    std::string hint;
    std::string native;
    std::optional<Place> place;
    std::vector<std::string> context;
  };
  std::unique_ptr<Body> body_;

 public:
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error& other) : body_(std::make_unique<Body>(*other.body_)) {}
  Error& operator=(const Error& other) {
    if (this != &other) body_ = std::make_unique<Body>(*other.body_);
    return *this;
  }
  ~Error() = default;
};

}  // namespace weir
