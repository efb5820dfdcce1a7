#include "documents/shape.hpp"

#include "documents/scalar.hpp"

namespace weir::documents {
namespace {

constexpr int kShapeVersion = 1;

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string{name} : fmt::format("{}.{}", path, name);
}

std::string_view name_of(const ShapeNode& node) {
  return node.path.empty() ? std::string_view{"the document"} : node.path;
}

Json node_to_json(const ShapeNode& node) {
  Json json = {{"kinds", node.kinds.bits()}};
  if (node.kinds.digits_before() != 0) json["digits"] = {node.kinds.digits_before(), node.kinds.digits_behind()};
  if (!node.members.empty()) {
    Json members = Json::object();
    for (const auto& member : node.members) members[member->name] = node_to_json(*member);
    json["members"] = std::move(members);
  }
  if (node.element) json["element"] = node_to_json(*node.element);
  return json;
}

std::unique_ptr<ShapeNode> clone_of(const ShapeNode& node) {
  auto copy = std::make_unique<ShapeNode>();
  copy->name = node.name;
  copy->path = node.path;
  copy->role = node.role;
  copy->treatment = node.treatment;
  copy->stated = node.stated;
  copy->kinds = node.kinds;
  copy->known = node.known;
  for (const auto& member : node.members) copy->members.push_back(clone_of(*member));
  if (node.element) copy->element = clone_of(*node.element);
  return copy;
}

// Says what a document has that contracts forbid. Only looks.
class Checker {
 public:
  explicit Checker(const Rules& rules) : rules_(rules) {}

  Result<void> look(const ShapeNode& node, Value& value, int level) {
    if (violation_ || node.treatment == Treatment::Skip) return {};
    const auto kind = value.kind();
    const bool nested = is_nested(kind);
    if (!nested || is_kept(rules_, node, kind, level)) {
      const auto kinds = ScalarKinds::of(value, rules_.times);
      if (!fits(node, kinds, value)) {
        std::string text;
        WEIR_TRY(value.append_json(text));
        report(rules_.contracts.types, fmt::format("{} does not hold {}", node.type().text(), text.substr(0, 100)),
               node);
      }
      return {};
    }
    if (kind == Value::Kind::List) {
      if (!node.element) {
        if (node.known) report(rules_.contracts.tables, "a new list", node);
        return {};
      }
      return value.elements([&](Value& element) { return look(*node.element, element, level + 1); });
    }
    return value.members([&](std::string_view name, Value& member) -> Result<void> {
      const auto* known = node.find(name);
      if (known != nullptr) return look(*known, member, level + 1);
      if (node.known && !node.members.empty()) {
        const bool is_list = member.kind() == Value::Kind::List;
        report(is_list ? rules_.contracts.tables : rules_.contracts.columns,
               fmt::format("a new {}: {}", is_list ? "list" : "name", name), node);
      }
      return {};
    });
  }

  Result<std::optional<std::string>> outcome() const {
    if (!violation_) return std::optional<std::string>{};
    if (violation_->contract == Contract::DiscardRow) return std::optional{violation_->reason};
    return Error{Fault::User, Code::TypeMismatch, violation_->reason}.hint(
        "the contract is freeze: change it to evolve, discard_row or discard_value, or state the column's type in "
        "columns");
  }

 private:
  struct Violation {
    Contract contract;
    std::string reason;
  };

  void report(Contract contract, std::string what, const ShapeNode& node) {
    if (contract != Contract::Freeze && contract != Contract::DiscardRow) return;
    if (!violation_) violation_ = Violation{contract, fmt::format("{}: {}", name_of(node), what)};
  }

  const Rules& rules_;
  std::optional<Violation> violation_;
};

}  // namespace

ShapeNode* ShapeNode::find(std::string_view member) {
  return const_cast<ShapeNode*>(std::as_const(*this).find(member));
}

const ShapeNode* ShapeNode::find(std::string_view member) const {
  const auto count = members.size();
  auto at = next_ < count ? next_ : 0;
  for (std::size_t tried = 0; tried < count; ++tried) {
    const auto* candidate = members[at].get();
    if (++at == count) at = 0;
    if (!same_name(candidate->name, member)) continue;
    next_ = at;
    return candidate;
  }
  return nullptr;
}

bool is_kept(const Rules& rules, const ShapeNode& node, Value::Kind kind, int level) {
  if (node.treatment == Treatment::Json || level >= rules.levels_max) return true;
  if (node.stated && node.stated->kind == data::Kind::Json) return true;
  if (rules.paths.contains(node.path)) return false;
  return kind == Value::Kind::Object ? level > 0 && rules.objects == Treatment::Json : rules.lists == Treatment::Json;
}

bool fits(const ShapeNode& node, ScalarKinds kinds, const Value& value) {
  if (kinds.only_null()) return true;
  if (node.stated) {
    if (node.stated->kind == data::Kind::Json) return true;
    if (is_nested(value.kind())) return false;
    if (value.kind() == Value::Kind::Other) return false;
    data::ColumnBuilder builder{*node.stated};
    return append_scalar(builder, scalar_of(value)).ok();
  }
  if (!node.known || node.known->only_null()) return true;
  return (*node.known | kinds).type() == node.known->type();
}

Shape::Shape(Rules rules) : rules_(std::move(rules)), root_(make_member({}, {})) { state_types(); }

std::unique_ptr<ShapeNode> Shape::make_member(std::string name, std::string path) const {
  auto node = std::make_unique<ShapeNode>();
  node->name = std::move(name);
  node->path = std::move(path);
  if (const auto rule = rules_.paths.find(node->path); rule != rules_.paths.end()) node->treatment = rule->second;
  if (const auto stated = rules_.types.find(node->path); stated != rules_.types.end()) node->stated = stated->second;
  return node;
}

std::unique_ptr<ShapeNode> Shape::make_element(const ShapeNode& list) const {
  auto node = std::make_unique<ShapeNode>();
  node->path = list.path;
  node->role = ShapeNode::Role::Element;
  if (const auto stated = rules_.types.find(list.path + ".value"); stated != rules_.types.end())
    node->stated = stated->second;
  return node;
}

// A column whose type is stated is there before any document has it. Paths through lists are found when the lists are.
void Shape::state_types() {
  for (const auto& [path, type] : rules_.types) {
    auto* node = root_.get();
    std::string_view rest = path;
    while (node != nullptr && !rest.empty()) {
      const auto dot = rest.find('.');
      const auto name = rest.substr(0, dot);
      rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
      auto* next = node->find(name);
      if (next == nullptr) {
        // Whether a path that goes on is an object or a list is not known yet.
        if (!rest.empty()) break;
        node->members.push_back(make_member(std::string{name}, path));
        next = node->members.back().get();
      }
      next->known = next->known.value_or(ScalarKinds{});
      node->known = node->known.value_or(ScalarKinds{});
      node = next;
    }
  }
}

Shape Shape::clone() const {
  Shape copy{rules_};
  copy.root_ = clone_of(*root_);
  return copy;
}

Result<Shape> Shape::from_json(Rules rules, const Json& json) {
  Shape shape{std::move(rules)};
  try {
    if (json.at("version") != kShapeVersion)
      return Error::user(Code::Unsupported, "documents of another version of Weir");
    const std::function<void(ShapeNode&, const Json&)> fill = [&](ShapeNode& node, const Json& from) {
      const auto digits = from.value("digits", std::vector<int>{0, 0});
      node.kinds = ScalarKinds{from.at("kinds").get<std::uint32_t>(), digits.at(0), digits.at(1)};
      node.known = node.kinds;
      const auto members = from.value("members", Json::object());
      for (const auto& [name, member] : members.items()) {
        auto* inner = node.find(name);
        if (inner == nullptr) {
          node.members.push_back(shape.make_member(name, join(node.path, name)));
          inner = node.members.back().get();
        }
        fill(*inner, member);
      }
      if (from.contains("element")) {
        node.element = shape.make_element(node);
        fill(*node.element, from.at("element"));
      }
    };
    fill(*shape.root_, json.at("root"));
  } catch (const nlohmann::json::exception& error) {
    return Error{Fault::User, Code::InvalidData, fmt::format("not what Weir keeps of documents: {}", error.what())};
  }
  shape.state_types();
  return shape;
}

Json Shape::to_json() const { return {{"version", kShapeVersion}, {"root", node_to_json(*root_)}}; }

void Shape::add(const Shape& other) { add(*root_, *other.root_); }

void Shape::add(ShapeNode& node, const ShapeNode& other) {
  node.kinds.add(other.kinds);
  for (const auto& member : other.members) {
    auto* own = node.find(member->name);
    if (own == nullptr) {
      node.members.push_back(make_member(member->name, member->path));
      own = node.members.back().get();
    }
    add(*own, *member);
  }
  if (!other.element) return;
  if (!node.element) node.element = make_element(node);
  add(*node.element, *other.element);
}

Result<std::optional<std::string>> Shape::check(Value& document) const {
  Checker checker{rules_};
  WEIR_TRY(checker.look(*root_, document, 0));
  return checker.outcome();
}

Result<void> Shape::observe(Value& document) { return observe(*root_, document, 0); }

// Keeps the kind of a value that becomes one cell. A nested one is read to its end, so that all of it is validated.
Result<void> Shape::observe_kept(ShapeNode& node, Value& value) {
  const auto kinds = ScalarKinds::of(value, rules_.times);
  if (kinds.bits() == ScalarKinds::kNested) WEIR_TRY(value.validate(scratch_));
  const bool is_pinned = node.stated || (node.known && rules_.contracts.types != Contract::Evolve);
  if (is_pinned && !fits(node, kinds, value)) {
    if (rules_.contracts.types == Contract::DiscardValue) {
      ++discarded_;
      return {};
    }
    return Error{Fault::External, Code::TypeMismatch,
                 fmt::format("{} does not hold the value at {}: {}", node.type().text(), name_of(node),
                             plain_text(scalar_of(value)).substr(0, 100))}
        .hint("state another type in columns, or set contract: {types: discard_row} or discard_value");
  }
  if (const auto all = node.kinds | kinds; all != node.kinds) {
    node.kinds = all;
    ++growth_;
  }
  return {};
}

Result<ShapeNode*> Shape::add_member(ShapeNode& node, std::string_view name) {
  if (node.members.size() >= rules_.columns_max) {
    return Error::user(Code::ResourceExhausted, "more than {} names at {}", rules_.columns_max, name_of(node))
        .hint("names that are data do not make columns: set nested: {paths: {<path>: json}}");
  }
  node.members.push_back(make_member(std::string{name}, join(node.path, name)));
  ++growth_;
  return node.members.back().get();
}

Result<void> Shape::observe(ShapeNode& node, Value& value, int level) {
  if (node.treatment == Treatment::Skip) return {};
  const auto kind = value.kind();
  const bool nested = is_nested(kind);
  if (!nested || is_kept(rules_, node, kind, level)) return observe_kept(node, value);
  const auto& contracts = rules_.contracts;
  if (kind == Value::Kind::List) {
    // A list within a list has no name to make a table of.
    if (node.role == ShapeNode::Role::Element) return observe_kept(node, value);
    if (!node.element) {
      if (node.known && contracts.tables == Contract::DiscardValue) {
        ++discarded_;
        return {};
      }
      node.element = make_element(node);
      ++growth_;
    }
    return value.elements([&](Value& element) { return observe(*node.element, element, level + 1); });
  }
  return value.members([&](std::string_view name, Value& member) -> Result<void> {
    if (auto* found = node.find(name)) return observe(*found, member, level + 1);
    if (node.known && !node.members.empty()) {
      const auto contract = member.kind() == Value::Kind::List ? contracts.tables : contracts.columns;
      if (contract == Contract::DiscardValue) {
        ++discarded_;
        return {};
      }
    }
    return observe(*WEIR_TRY(add_member(node, name)), member, level + 1);
  });
}

}  // namespace weir::documents
