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
    node.column = mark.column + 1;
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
    merge(open_.back().node);
    check_keys(open_.back().node);
    close();
  }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
  };

  static Node at(const YAML::Mark& mark) {
    Node node;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  Node::Style quoted_style(const YAML::Mark& mark) const {
    const auto position = static_cast<std::size_t>(mark.pos);
    const char first = position < text_.size() ? text_[position] : '"';
    if (first == '|') return Node::Style::Literal;
    return first == '>' ? Node::Style::Folded : Node::Style::Quoted;
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

  void check_keys(Node& map) {
    std::map<std::string_view, const Node*> seen;
    for (const auto& key : map.keys) {
      if (key.kind != Node::Kind::Scalar) {
        mistake(key, fmt::format("a key must be text, not {}", describe(key)),
                "quote a value that starts with {{, or the key itself");
        continue;
      }
      const auto [first, fresh] = seen.try_emplace(key.text, &key);
      if (fresh) continue;
      mistake(key, fmt::format("duplicate key: {}", key.text), fmt::format("it already stands in line {}", first->second->line));
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
    if (value.starts_with("{{") || value.starts_with("{%")) return "quote a text that starts with a template: \"{{ … }}\"";
    const bool bare = !value.starts_with('"') && !value.starts_with('\'') && !value.starts_with('{');
    if (bare && value.find(": ") != std::string_view::npos) return "quote a text that holds a colon and a space";
  }
  if (message.find("end of map") != std::string_view::npos || message.find("end of sequence") != std::string_view::npos ||
      message.find("block") != std::string_view::npos) {
    return "check the indentation and the brackets around this line";
  }
  return "check the quotes, colons and indentation around this line";
}

Error malformed(const std::string& file, std::string_view text, const YAML::Exception& error) {
  const int line = error.mark.is_null() ? 0 : error.mark.line + 1;
  return Error::user(Code::InvalidProject, "malformed YAML: {}", error.msg)
      .hint(hint_for(line_of(text, line), error.msg))
      .at({file, line, line == 0 ? 0 : error.mark.column + 1});
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
  if (const auto number = parse_number<double>(text); number && text.find_first_of("nN") == std::string::npos) return *number;
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
    if (!parser.HandleNextDocument(builder)) return {};
    Node root = builder.take();
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
