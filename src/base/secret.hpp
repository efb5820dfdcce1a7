#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

// A password, a token, a URL with either. Prints as *** whatever prints it; reveal() is the only way to its text and is
// called where the text leaves for the server that it belongs to.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

// Replaces every known secret in texts that other programs wrote (a server's error message may repeat a URL). Secrets of
// fewer than four bytes are not searched for: they would blank out ordinary words. Not thread-safe while secrets are added.
class Redactor {
 public:
  void add(const Secret& secret);
  std::string redact(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first, so that a secret inside another never leaves a rest
};

// A random token of letters and digits from the system's generator, for generated passwords.
Secret generate_secret(int length);

}  // namespace weir

template <>
struct fmt::formatter<weir::Secret> : fmt::formatter<std::string_view> {
  auto format(const weir::Secret&, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
