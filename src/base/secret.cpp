#include "base/secret.hpp"

#include <algorithm>
#include <random>

namespace weir {
namespace {

constexpr std::size_t kShortestRedacted = 4;

}  // namespace

void Redactor::add(const Secret& secret) {
  const auto& text = secret.reveal();
  if (text.size() < kShortestRedacted || std::ranges::find(secrets_, text) != secrets_.end()) return;
  const auto position = std::ranges::find_if(secrets_, [&](const auto& other) { return other.size() < text.size(); });
  secrets_.insert(position, text);
}

std::string Redactor::redact(std::string_view text) const {
  std::string redacted(text);
  for (const auto& secret : secrets_) {
    for (auto at = redacted.find(secret); at != std::string::npos; at = redacted.find(secret, at + 3)) {
      redacted.replace(at, secret.size(), "***");
    }
  }
  return redacted;
}

Secret generate_secret(int length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
  std::random_device device;  // getrandom(2) on Linux
  std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
  std::string text;
  for (int i = 0; i < length; ++i) text += kAlphabet[pick(device)];
  return Secret{std::move(text)};
}

}  // namespace weir
