#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

#include "documents/item_splitter.hpp"
#include "documents/json_parser.hpp"

// simdjson says what JSON is and what is in it; documents that are made at random, whole and damaged, are put to both.
namespace weir::documents {
namespace {

class Maker {
 public:
  std::string document() {
    std::string text = spaces();
    value(text, 0);
    return text + spaces();
  }
  // Changes, takes away or adds a character.
  std::string damaged(std::string text) {
    constexpr std::string_view kCharacters = "{}[]\",:\\ntf0.-eE1 \x01\x80";
    const auto at = below(text.size());
    switch (below(3)) {
      case 0: text[at] = kCharacters[below(kCharacters.size())]; break;
      case 1: text.erase(at, 1); break;
      default: text.insert(at, 1, kCharacters[below(kCharacters.size())]);
    }
    return text;
  }
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_); }

 private:
  std::string spaces() { return std::string{" \n\t\r  "}.substr(0, below(4) == 0 ? below(6) : 0); }

  void string(std::string& out) {
    static const std::vector<std::string> kParts{
        "a", "name", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00",
        "é", "漢字", "😀",  "{[",   "]}",   ":,",  " ",       "a text that is longer than one block of sixteen bytes"};
    out += '"';
    for (auto parts = below(6); parts > 0; --parts) out += kParts[below(kParts.size())];
    out += '"';
  }

  void value(std::string& out, int level) {
    static const std::vector<std::string> kScalars{"null", "true", "false", "0",      "-0", "12",
                                                   "-7.5", "1e3",  "2E-2",  "1.5e+1", "{}", "[]"};
    const auto kind = below(level < 4 ? 6 : 3);
    if (kind < 2) {
      out += kScalars[below(kScalars.size())];
    } else if (kind == 2) {
      string(out);
    } else {
      const bool is_object = kind < 5;
      out += is_object ? '{' : '[';
      for (std::size_t count = 1 + below(5), i = 0; i < count; ++i) {
        out += (i == 0 ? "" : ",") + spaces();
        if (is_object) {
          string(out);
          out += spaces() + ':' + spaces();
        }
        value(out, level + 1);
        out += spaces();
      }
      out += is_object ? '}' : ']';
    }
  }

  std::mt19937 random_{7};
};

std::string quoted(std::string_view text) { return fmt::format("{}'{}'", text.size(), text); }

void describe(simdjson::dom::element element, std::string& out) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::OBJECT: {
      const simdjson::dom::object object = element.get_object().value();
      out += '{';
      for (const auto field : object) {
        out += quoted(field.key);
        describe(field.value, out);
      }
      out += '}';
      break;
    }
    case Type::ARRAY: {
      const simdjson::dom::array array = element.get_array().value();
      out += '[';
      for (const auto child : array) describe(child, out);
      out += ']';
      break;
    }
    case Type::STRING: out += quoted(element.get_string().value()); break;
    case Type::BOOL: out += element.get_bool().value() ? "t" : "f"; break;
    case Type::NULL_VALUE: out += 'n'; break;
    default: out += fmt::format("#{}", element.get_double().value() + 0.0);
  }
}

Result<void> describe(Value& value, std::string& out) {
  switch (value.kind()) {
    case Value::Kind::Object:
      out += '{';
      WEIR_TRY(value.members([&](std::string_view name, Value& member) {
        out += quoted(name);
        return describe(member, out);
      }));
      out += '}';
      break;
    case Value::Kind::List:
      out += '[';
      WEIR_TRY(value.elements([&](Value& element) { return describe(element, out); }));
      out += ']';
      break;
    case Value::Kind::String: out += quoted(value.text()); break;
    case Value::Kind::Bool: out += value.boolean() ? "t" : "f"; break;
    case Value::Kind::Null: out += 'n'; break;
    default: out += fmt::format("#{}", std::stod(std::string{value.text()}) + 0.0);
  }
  return {};
}

std::string by_simdjson(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(simdjson::padded_string(text)).get(element) != simdjson::SUCCESS) return "refused";
  std::string out;
  describe(element, out);
  return out;
}

std::string by_weir(JsonParser& parser, std::string text) {
  const auto size = text.size();
  // What stands behind the text must not matter.
  text.append(kJsonPadding, '"');
  std::string out;
  const auto parsed =
      parser.parse(std::string_view{text}.substr(0, size), [&](Value& value) { return describe(value, out); });
  return parsed.ok() ? out : "refused";
}

TEST(JsonOracle, WholeAndDamagedDocumentsAreReadAlike) {
  Maker maker;
  JsonParser parser;
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto whole = maker.document();
    ASSERT_NE(by_simdjson(whole), "refused") << whole;
    ASSERT_EQ(by_weir(parser, whole), by_simdjson(whole)) << whole;
    // Half a surrogate pair is U+FFFD to one and a mistake to the other.
    const bool has_pair = whole.find("\\ud83d") != std::string::npos;
    for (int damage = 0; damage < (has_pair ? 0 : 3); ++damage) {
      const auto damaged = maker.damaged(whole);
      const auto expected = by_simdjson(damaged);
      refused += expected == "refused" ? 1 : 0;
      ASSERT_EQ(by_weir(parser, damaged), expected) << damaged;
    }
  }
  EXPECT_GT(refused, 1000);
}

// Values that nobody reads are skipped, however the text is cut into pieces.
TEST(JsonOracle, ItemsAreFoundInPiecesOfAnySize) {
  Maker maker;
  for (int i = 0; i < 400; ++i) {
    std::string text = "[";
    std::vector<std::string> items;
    for (std::size_t count = 1 + maker.below(4), n = 0; n < count; ++n) {
      auto item = maker.document();
      const auto begin = item.find_first_not_of(" \n\t\r");
      item = item.substr(begin, item.find_last_not_of(" \n\t\r") + 1 - begin);
      text += (n == 0 ? "" : " ,") + item;
      items.push_back(std::move(item));
    }
    text += "]";
    const auto size = text.size();
    text.append(kJsonPadding, '{');
    const auto piece = 1 + maker.below(200);
    ItemSplitter splitter{{}, {}};
    std::vector<std::string> found;
    const TakeItem take = [&](std::string_view item) -> Result<void> {
      found.emplace_back(item);
      return {};
    };
    for (std::size_t at = 0; at < size; at += piece) {
      ASSERT_TRUE(splitter.feed(std::string_view{text}.substr(at, std::min(piece, size - at)), take).ok()) << text;
    }
    ASSERT_TRUE(splitter.finish(take).ok()) << text;
    ASSERT_EQ(found, items) << "pieces of " << piece;
  }
}

TEST(JsonOracle, WhatIsNotReadIsSkipped) {
  JsonParser parser;
  std::string names;
  std::string text = R"({"a":{"x":"}\"]","y":[{"z":"\\"}]},"b":[[1],"]"],"c":"d"})";
  const auto size = text.size();
  text.append(kJsonPadding, '}');
  ASSERT_TRUE(parser
                  .parse(std::string_view{text}.substr(0, size),
                         [&](Value& value) {
                           return value.members([&](std::string_view name, Value&) -> Result<void> {
                             names += name;
                             return {};
                           });
                         })
                  .ok());
  EXPECT_EQ(names, "abc");
}

}  // namespace
}  // namespace weir::documents
