#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/error.hpp"

namespace weir {

// A value or the Error that stands in its place. Everything fallible returns one; WEIR_TRY propagates it.
// Reading the value of a failed Result, or the error of a good one, is a bug and stops the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  // Implicit on purpose: `return value;` and `return Error::user(…);` are how a Result is made.
  template <typename U = T>
    requires std::is_constructible_v<T, U&&> && (!std::is_same_v<std::remove_cvref_t<U>, Result>) &&
             (!std::is_same_v<std::remove_cvref_t<U>, Error>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}      // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    WEIR_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    WEIR_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    WEIR_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    WEIR_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    WEIR_CHECK(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

  // The same result with one more outer context on its error.
  Result while_doing(std::string context) && {
    if (ok()) return std::move(*this);
    return std::move(*std::get_if<1>(&state_)).while_doing(std::move(context));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() && { WEIR_CHECK(ok()); }

  const Error& error() const& {
    WEIR_CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    WEIR_CHECK(!ok());
    return std::move(*error_);
  }

  Result while_doing(std::string context) && {
    if (ok()) return {};
    return std::move(*error_).while_doing(std::move(context));
  }

 private:
  std::optional<Error> error_;
};

}  // namespace weir

// Evaluates a Result; on an error returns it from the enclosing function, else yields the value:
//   auto schema = WEIR_TRY(connection.describe(table));
// A statement expression (gcc and clang) keeps the happy path on one line.
#define WEIR_TRY(...) WEIR_TRY_NAMED(WEIR_TRY_NAME(__COUNTER__), __VA_ARGS__)

// A name of its own for each use: one WEIR_TRY may stand inside another.
#define WEIR_TRY_NAME(count) WEIR_TRY_JOIN(weir_try_result_, count)
#define WEIR_TRY_JOIN(prefix, count) prefix##count
#define WEIR_TRY_NAMED(result, ...)                     \
  __extension__({                                       \
    auto result = (__VA_ARGS__);                        \
    if (!result.ok()) return std::move(result).error(); \
    std::move(result).value();                          \
  })
