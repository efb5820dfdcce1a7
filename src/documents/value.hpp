#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

namespace weir::documents {

// A function that is called before the call it is passed to returns: a pointer to it, where std::function would allocate
// for every object and list of a document.
template <typename Signature>
class CallRef;
template <typename R, typename... Args>
class CallRef<R(Args...)> {
 public:
  template <typename Call>
    requires(!std::is_same_v<std::remove_cvref_t<Call>, CallRef>)
  CallRef(Call&& call)  // NOLINT(google-explicit-constructor): lambdas are passed as they are
      : target_(const_cast<void*>(static_cast<const void*>(std::addressof(call)))),
        invoke_([](void* target, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<Call>*>(target))(static_cast<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return invoke_(target_, static_cast<Args>(args)...); }

 private:
  void* target_;
  R (*invoke_)(void*, Args...);
};

class Value;
using TakeMember = CallRef<Result<void>(std::string_view name, Value& value)>;
using TakeElement = CallRef<Result<void>(Value& value)>;

// One value of a document, whatever its format. It lives as long as the call that handed it over, and its inside is read at
// most once: by members(), elements() or append_json(). A value that nobody reads is skipped.
class Value {
 public:
  enum class Kind {
    Null,
    Bool,
    Number,  // text()
    String,
    Object,
    List,
    // Of formats whose values have types:
    Integer,   // integer()
    Float,     // real(): also NaN and the infinities
    Decimal,   // text(): "-1.50", "1E+3"; always finite
    Instant,   // integer(): milliseconds since 1970-01-01T00:00 UTC
    ObjectId,  // text(): 24 hexadecimal digits
    Binary,    // text(): the bytes
    Uuid,      // text(): 16 bytes
    Other,     // what no type of a column holds: it has append_json only
  };

  virtual ~Value() = default;
  Kind kind() const { return kind_; }
  // Of a Number, what its reader knows anyhow: up to 15 characters without or with a point, and no exponent.
  enum class Digits { Unknown, Whole, Fraction };
  Digits digits() const { return digits_; }
  virtual bool boolean() const = 0;
  // A number as it was written, a string's characters. Valid until the document has been read; of Decimal and ObjectId as
  // long as the value.
  virtual std::string_view text() const = 0;
  virtual std::int64_t integer() const { return 0; }
  virtual double real() const { return 0; }
  // InvalidData where the inside is malformed or nested too deep; an error of `take` is passed on.
  virtual Result<void> members(const TakeMember& take) = 0;
  virtual Result<void> elements(const TakeElement& take) = 0;
  // Appends the value as JSON on one line, without spaces; its inside is validated on the way.
  virtual Result<void> append_json(std::string& out) = 0;
  // Reads the inside for its mistakes alone.
  virtual Result<void> validate(std::string& scratch) {
    scratch.clear();
    return append_json(scratch);
  }

 protected:
  Value() = default;
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::Null;
  Digits digits_ = Digits::Unknown;
};

inline bool is_nested(Value::Kind kind) { return kind == Value::Kind::Object || kind == Value::Kind::List; }

}  // namespace weir::documents
