#include "documents/tables.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace weir::documents {
namespace {

constexpr auto kValueColumn = "value";
constexpr auto kPositionColumn = "position";
constexpr auto kRowColumn = "_row";

std::string column_name(std::string_view path) {
  std::string name{path};
  std::ranges::replace(name, '.', '_');
  return name;
}

// Not every database compares json: a key of several types is its JSON as text.
data::Type key_type(const data::Type& type) {
  return type.kind == data::Kind::Json ? data::type_of(data::Kind::String) : type;
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('.') + 1); }

struct Candidate {
  std::vector<std::string_view> names;
  const ShapeNode* node;
};

void collect(const ShapeNode& node, std::vector<std::string_view>& names, std::vector<Candidate>& found) {
  if (node.treatment == Treatment::Skip) return;
  if (node.has_column()) found.push_back({names, &node});
  for (const auto& member : node.members) {
    names.push_back(member->name);
    collect(*member, names, found);
    names.pop_back();
  }
}

class TableMaker {
 public:
  explicit TableMaker(const Shape& shape) : shape_(shape) {}

  std::vector<Table> make() {
    find_lists(shape_.root(), {});
    add(nullptr);
    // Found lists stand in the order in which they were seen, parents first.
    for (const auto& list : lists_) add(&list);
    return std::move(tables_);
  }

 private:
  struct FoundList {
    const ShapeNode* node;
    std::string path;
    std::vector<const ShapeNode*> way;  // the lists that lead to it, itself the last
  };

  // The lists below a node; `way` are those that lead to it.
  void find_lists(const ShapeNode& node, const std::vector<const ShapeNode*>& way) {
    if (node.treatment == Treatment::Skip) return;
    if (node.element && has_rows(*node.element)) {
      auto longer = way;
      longer.push_back(&node);
      lists_.push_back({&node, free_path(node.path), longer});
      find_lists(*node.element, longer);
    }
    for (const auto& member : node.members) find_lists(*member, way);
  }

  // Where objects and lists stand at one path, there may be two lists of one path below them.
  std::string free_path(const std::string& path) const {
    auto free = path;
    for (int number = 2; std::ranges::find(lists_, free, &FoundList::path) != lists_.end(); ++number)
      free = fmt::format("{}_{}", path, number);
    return free;
  }

  static bool has_rows(const ShapeNode& element) {
    return element.has_column() || std::ranges::any_of(element.members, [](const auto& member) {
             return member->has_column() || has_rows(*member) || member->element;
           });
  }

  void add(const FoundList* list) {
    Table table;
    table.path = list == nullptr ? std::string{} : list->path;
    table.node = list == nullptr ? &shape_.root() : list->node->element.get();
    taken_.clear();
    list == nullptr ? add_root_key(table) : add_parent_key(table, list->way);
    add_values(table);
    tables_.push_back(std::move(table));
  }

  void put(Table& table, std::string name, data::Type type, data::Nullable nullable, TableColumn column) {
    taken_.insert(name);
    table.schema.fields.push_back({std::move(name), std::move(type), nullable});
    table.columns.push_back(column);
  }

  void add_root_key(Table& table) {
    const auto& key = shape_.rules().key;
    if (key.empty() && !lists_.empty()) {
      put(table, kRowColumn, data::type_of(data::Kind::String), data::Nullable::No,
          {TableColumn::From::Row, nullptr, 0});
    }
    for (const auto& path : key) table.key.push_back(column_name(path));
  }

  void add_parent_key(Table& table, const std::vector<const ShapeNode*>& way) {
    const auto& rules = shape_.rules();
    const auto add_key = [&](std::string name, data::Type type, TableColumn column) {
      table.key.push_back(name);
      put(table, std::move(name), std::move(type), data::Nullable::No, column);
    };
    for (const auto& path : rules.key) {
      const auto* node = find_node(shape_, path);
      const auto type = node == nullptr ? data::type_of(data::Kind::String) : key_type(node->type());
      add_key(fmt::format("{}_{}", rules.name, column_name(path)), type, {TableColumn::From::Key, node, 0});
    }
    if (rules.key.empty()) {
      put(table, rules.name + kRowColumn, data::type_of(data::Kind::String), data::Nullable::No,
          {TableColumn::From::Row, nullptr, 0});
    }
    for (std::size_t level = 0; level < way.size(); ++level) {
      const bool own = level + 1 == way.size();
      const auto name =
          own ? std::string{kPositionColumn} : fmt::format("{}_{}", last_name(way[level]->path), kPositionColumn);
      add_key(name, data::type_of(data::Kind::Int64), {TableColumn::From::Position, nullptr, level});
    }
    if (rules.key.empty()) table.key.clear();
  }

  void add_values(Table& table) {
    std::vector<Candidate> found;
    std::vector<std::string_view> names;
    collect(*table.node, names, found);
    // Shorter paths choose first; the columns stand in the order in which they were seen.
    std::vector<std::size_t> order(found.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return found[i].names.size(); });
    std::vector<std::string> chosen(found.size());
    for (const auto i : order) chosen[i] = choose_name(found[i].names);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool is_key = std::ranges::find(table.key, chosen[i]) != table.key.end() && table.path.empty();
      const auto type = found[i].node->type();
      put(table, chosen[i], is_key ? key_type(type) : type, is_key ? data::Nullable::No : data::Nullable::Yes,
          {TableColumn::From::Node, found[i].node, 0});
    }
  }

  std::string choose_name(const std::vector<std::string_view>& names) {
    if (names.empty()) return first_free(kValueColumn);
    auto name = fmt::format("{}", fmt::join(names, "_"));
    if (!name.empty() && taken_.insert(name).second) return name;
    return first_free(fmt::format("{}", fmt::join(names, "__")));
  }

  std::string first_free(std::string name) {
    if (name.empty()) name = "_";
    auto free = name;
    for (int number = 2; !taken_.insert(free).second; ++number) free = fmt::format("{}_{}", name, number);
    return free;
  }

  const Shape& shape_;
  std::vector<FoundList> lists_;
  std::vector<Table> tables_;
  std::set<std::string> taken_;  // names of the table under way
};

bool find_way(const ShapeNode& from, const ShapeNode* to, std::vector<const ShapeNode*>& way) {
  way.push_back(&from);
  if (&from == to) return true;
  if (from.element && find_way(*from.element, to, way)) return true;
  for (const auto& member : from.members) {
    if (find_way(*member, to, way)) return true;
  }
  way.pop_back();
  return false;
}

}  // namespace

std::vector<Table> tables_of(const Shape& shape) { return TableMaker(shape).make(); }

ColumnForm column_form(const Table& table, std::size_t column) {
  const auto* node = table.columns[column].node;
  if (node == nullptr || node->type().kind != data::Kind::Json) return ColumnForm::Plain;
  return table.schema.fields[column].type.kind == data::Kind::String ? ColumnForm::JsonText : ColumnForm::Json;
}

const ShapeNode* find_node(const Shape& shape, std::string_view path) {
  const auto* node = &shape.root();
  while (node != nullptr && !path.empty()) {
    const auto dot = path.find('.');
    node = node->find(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return node;
}

std::vector<const ShapeNode*> way_to(const Shape& shape, const Table& table) {
  std::vector<const ShapeNode*> way;
  find_way(shape.root(), table.node, way);
  return way;
}

}  // namespace weir::documents
