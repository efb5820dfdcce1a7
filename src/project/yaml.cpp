#include "project/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace weir::project {
namespace {

// More nodes than any project has: a file whose aliases multiply stops here.
constexpr std::size_t kNodesMax = 200'000;

struct TooManyNodes {};

// yaml-cpp counts bytes; people and editors count characters.
int column_of(std::string_view text, const YAML::Mark& mark) {
  const auto end = std::min(static_cast<std::size_t>(mark.pos), text.size());
  const auto begin = end - std::min(static_cast<std::size_t>(mark.column), end);
  const auto line = text.substr(begin, end - begin);
  const auto continuations = std::ranges::count_if(line, [](char c) { return (c & 0xC0) == 0x80; });
  return mark.column + 1 - static_cast<int>(continuations);
}

// Whether a text in quotes ends, by the rules of its quote.
bool is_closed(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return true;
      ++i;
    }
  }
  return false;
}

std::size_t count(const Node& node) {
  std::size_t total = 1 + node.keys.size();
  for (const auto& item : node.items) total += count(item);
  return total;
}

// Builds the tree from yaml-cpp's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string file, std::string_view text, std::vector<Error>& mistakes)
      : file_(std::move(file)), text_(text), mistakes_(mistakes) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(at(mark), anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = anchors_[anchor];
    grow(count(node));
    // A mistake in a shared value is shown where it is used; its inner nodes keep the place where they are written.
    node.line = mark.line + 1;
    node.column = column_of(text_, mark);
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = at(mark);
    node.kind = Node::Kind::Scalar;
    node.text = value;
    // yaml-cpp tags scalars that are not plain with "!".
    node.style = tag == "!" ? quoted_style(mark) : Node::Style::Plain;
    if (tag == "tag:yaml.org,2002:str" || tag == "!!str") node.style = Node::Style::Quoted;
    leaf(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(at(mark), Node::Kind::List, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(at(mark), Node::Kind::Map, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override {
    Node& map = open_.back().node;
    merge(map);
    if (std::ranges::any_of(map.keys, [](const Node& key) { return key.kind == Node::Kind::Map; })) {
      quote_template(map);
    } else {
      check_keys(map);
    }
    close();
  }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
  };

  Node at(const YAML::Mark& mark) const {
    Node node;
    node.line = mark.line + 1;
    node.column = column_of(text_, mark);
    return node;
  }

  Node::Style quoted_style(const YAML::Mark& mark) {
    const auto position = static_cast<std::size_t>(mark.pos);
    const char first = position < text_.size() ? text_[position] : '"';
    if (first == '|') return Node::Style::Literal;
    if (first == '>') return Node::Style::Folded;
    // yaml-cpp 0.7 takes the rest of the file for a quoted text that never ends.
    if ((first == '"' || first == '\'') && !is_closed(text_.substr(position))) {
      mistake(at(mark), "a quote is opened and never closed", "close it where the text ends");
    }
    return Node::Style::Quoted;
  }

  void grow(std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kNodesMax) throw TooManyNodes{};
  }

  void leaf(Node node, YAML::anchor_t anchor) {
    grow(1);
    if (anchor != 0) anchors_[anchor] = node;
    add(std::move(node));
  }

  void open(Node node, Node::Kind kind, YAML::anchor_t anchor) {
    grow(1);
    node.kind = kind;
    open_.push_back({std::move(node), anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = done.node;
    add(std::move(done.node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Node& parent = open_.back().node;
    const bool key = parent.kind == Node::Kind::Map && parent.keys.size() == parent.items.size();
    (key ? parent.keys : parent.items).push_back(std::move(node));
  }

  // "<<: *shared" or a list of them: keys that the map does not give itself.
  static void merge(Node& map) {
    for (std::size_t i = 0; i < map.keys.size(); ++i) {
      const bool merges = map.keys[i].text == "<<" && map.keys[i].style == Node::Style::Plain;
      if (!merges || (map.items[i].kind != Node::Kind::Map && map.items[i].kind != Node::Kind::List)) continue;
      const Node shared = std::move(map.items[i]);
      map.keys.erase(map.keys.begin() + static_cast<std::ptrdiff_t>(i));
      map.items.erase(map.items.begin() + static_cast<std::ptrdiff_t>(i));
      const auto take = [&](const Node& from) {
        for (std::size_t k = 0; k < from.keys.size(); ++k) {
          if (map.find(from.keys[k].text) != nullptr) continue;
          map.keys.push_back(from.keys[k]);
          map.items.push_back(from.items[k]);
        }
      };
      if (shared.kind == Node::Kind::Map) take(shared);
      if (shared.kind == Node::Kind::List) {
        for (const auto& item : shared.items) take(item);
      }
      return;
    }
  }

  // "from: {{ params.table }}" is a map whose key is a map. It is read as the text that was meant, to go on from there.
  void quote_template(Node& node) {
    mistake(node, "a text that starts with a template needs quotes", "write it as \"{{ … }}\"");
    node.kind = Node::Kind::Scalar;
    node.style = Node::Style::Quoted;
    node.text = "{{ template }}";
    node.keys.clear();
    node.items.clear();
  }

  void check_keys(const Node& map) {
    std::map<std::string_view, const Node*> seen;
    for (const auto& key : map.keys) {
      if (key.kind != Node::Kind::Scalar) {
        mistake(key, fmt::format("a key must be text, not {}", describe(key)), "write a key as one word, or in quotes");
        continue;
      }
      const auto [first, fresh] = seen.try_emplace(key.text, &key);
      if (fresh) continue;
      mistake(key, fmt::format("duplicate key: {}", key.text),
              fmt::format("it already stands in line {}", first->second->line));
    }
  }

  void mistake(const Node& node, std::string message, std::string hint) {
    mistakes_.push_back(Error{Fault::User, Code::InvalidProject, std::move(message)}
                            .hint(std::move(hint))
                            .at({file_, node.line, node.column}));
  }

  std::string file_;
  std::string_view text_;
  std::vector<Error>& mistakes_;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What most often lies behind yaml-cpp's message.
std::string hint_for(std::string_view line, std::string_view message) {
  const auto first = line.find_first_not_of(' ');
  if (first != std::string_view::npos && line[first] == '\t') return "indent with spaces: YAML does not take tabs";
  const auto colon = line.find(": ");
  if (colon != std::string_view::npos) {
    const auto value = line.substr(colon + 2);
    if (value.starts_with("{{") || value.starts_with("{%"))
      return "quote a text that starts with a template: \"{{ … }}\"";
    const bool bare =
        !value.starts_with('"') && !value.starts_with('\'') && !value.starts_with('{') && !value.starts_with('[');
    if (bare && value.find(": ") != std::string_view::npos) return "quote a text that holds a colon and a space";
  }
  if (message.find("end of map") != std::string_view::npos ||
      message.find("end of sequence") != std::string_view::npos || message.find("block") != std::string_view::npos) {
    return "check the indentation and the brackets around this line";
  }
  return "check the quotes, colons and indentation around this line";
}

Error malformed(const std::string& file, std::string_view text, const YAML::Exception& error) {
  const int line = error.mark.is_null() ? 0 : error.mark.line + 1;
  return Error::user(Code::InvalidProject, "malformed YAML: {}", error.msg)
      .hint(hint_for(line_of(text, line), error.msg))
      .at({file, line, line == 0 ? 0 : column_of(text, error.mark)});
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Json scalar_to_json(const Node& node) {
  if (node.style != Node::Style::Plain) return node.text;
  const auto& text = node.text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool numeric = (text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '+' || text[0] == '.';
  if (!numeric) return text;
  if (const auto integer = parse_number<std::int64_t>(text)) return *integer;
  if (const auto number = parse_number<double>(text); number && text.find_first_of("nN") == std::string::npos)
    return *number;
  return text;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size() && i < items.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

Node parse_yaml(const std::string& file, const std::string& text, std::vector<Error>& mistakes) {
  TreeBuilder builder{file, text, mistakes};
  try {
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    Node root;
    if (parser.HandleNextDocument(builder)) root = builder.take();
    if (root.line == 0) root.line = root.column = 1;
    TreeBuilder second{file, text, mistakes};
    if (parser.HandleNextDocument(second)) {
      const Node extra = second.take();
      mistakes.push_back(Error::user(Code::InvalidProject, "a second YAML document in one file")
                             .hint("give it a file of its own")
                             .at({file, extra.line, extra.column}));
    }
    return root;
  } catch (const YAML::Exception& error) {
    mistakes.push_back(malformed(file, text, error));
  } catch (const TooManyNodes&) {
    mistakes.push_back(Error::user(Code::InvalidProject, "the file's aliases grow to more than {} values", kNodesMax)
                           .hint("write less with aliases (*name)")
                           .at({file, 1, 1}));
  }
  return {};
}

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null: return nullptr;
    case Node::Kind::Scalar: return scalar_to_json(node);
    case Node::Kind::List: {
      auto list = Json::array();
      for (const auto& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case Node::Kind::Map: {
      auto map = Json::object();
      for (std::size_t i = 0; i < node.keys.size(); ++i) map[node.keys[i].text] = to_json(node.items[i]);
      return map;
    }
  }
  return nullptr;
}

Node from_json(const Json& json) {
  Node node;
  if (json.is_null()) return node;
  if (json.is_array()) {
    node.kind = Node::Kind::List;
    for (const auto& item : json) node.items.push_back(from_json(item));
  } else if (json.is_object()) {
    node.kind = Node::Kind::Map;
    for (const auto& [key, value] : json.items()) {
      node.keys.push_back(from_json(key));
      node.items.push_back(from_json(value));
    }
  } else {
    node.kind = Node::Kind::Scalar;
    node.style = json.is_string() ? Node::Style::Quoted : Node::Style::Plain;
    node.text = json.is_string() ? json.get<std::string>() : to_text(json);
  }
  return node;
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null: return "nothing";
    case Node::Kind::List: return "a list";
    case Node::Kind::Map: return "a map";
    case Node::Kind::Scalar: break;
  }
  const auto json = scalar_to_json(node);
  if (json.is_boolean()) return "a flag";
  return json.is_number() ? "a number" : "text";
}

}  // namespace weir::project
