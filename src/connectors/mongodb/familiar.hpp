#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/mongodb/bson_check.hpp"
#include "connectors/mongodb/bson_reader.hpp"
#include "documents/shape.hpp"

namespace weir::mongodb {

// Recognises documents that are like those that a shape has observed, in one pass without an allocation: nearly all of a
// collection are. Used by one thread; knows the shape as it was.
class FamiliarDocuments {
 public:
  FamiliarDocuments(const documents::Shape& shape, NulText nul);

  // True: check_document finds nothing, the key has its values, no contract is broken, and the shape would learn nothing
  // from it. False says nothing: look closely.
  bool knows(BsonBytes bytes);

 private:
  struct Node {
    KnownName name;
    documents::ScalarKinds kinds;
    int level = 0;
    bool is_skipped = false;
    bool is_key = false;
    bool is_judged = false;        // its values are held against a type: look closely
    bool keeps_documents = false;  // as json
    bool keeps_arrays = false;
    std::vector<Node> members;
    std::unique_ptr<Node> element;
  };

  Node node_of(const documents::Rules& rules, const documents::ShapeNode& from, int level) const;
  // Each returns where the value ends; null when it is not familiar.
  const std::uint8_t* document(const Node& node, const std::uint8_t* at, const std::uint8_t* limit);
  const std::uint8_t* array(const Node& node, const std::uint8_t* at, const std::uint8_t* limit);
  const std::uint8_t* value(const Node& node, BsonType type, const std::uint8_t* at, const std::uint8_t* limit);
  const std::uint8_t* inner(const Node& node, Inner kind, const std::uint8_t* at, const std::uint8_t* limit);

  const NulText nul_;
  const bool has_text_kinds_;  // texts are looked at for what they say
  std::vector<const documents::ShapeNode*> keys_;
  bool is_usable_ = false;
  std::unique_ptr<Node> root_;
  std::size_t keys_seen_ = 0;  // in the document under way
};

}  // namespace weir::mongodb
