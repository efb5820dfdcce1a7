#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "documents/value.hpp"

namespace weir::documents {

// A text that is parsed must be readable this many bytes beyond its end; what stands there does not matter.
inline constexpr std::size_t kJsonPadding = 64;
// Values nested deeper are InvalidData: no document that people write comes near.
inline constexpr int kJsonDepthMax = 512;

// Reads JSON documents (RFC 8259) one after the other, reusing its memory. Everything that is read is validated: numbers
// against the grammar, text as UTF-8. \u escapes of half a surrogate pair become U+FFFD. Names may repeat within an object:
// each is handed over. Used by one thread.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;

  // Hands the one value of the text to `take`. InvalidData says what is wrong.
  Result<void> parse(std::string_view text, const TakeElement& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::documents
