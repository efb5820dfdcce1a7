#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "base/file.hpp"

// The type tables of the documentation, for the tests that walk them: a row without a case is a failure, and a case without
// a row.
namespace weir::flow::testing {

// "a, b(c, d), e ≤ 5" are a and b(c, d): commas in brackets divide nothing, and a condition is no name.
inline std::set<std::string> split_names(std::string_view cell) {
  std::set<std::string> names;
  std::string name;
  int depth = 0;
  const auto end = [&] {
    const auto first = name.find_first_not_of(' ');
    if (first != std::string::npos && name.find("≤") == std::string::npos)
      names.insert(name.substr(first, name.find_last_not_of(' ') + 1 - first));
    name.clear();
  };
  for (const char letter : cell) {
    if (letter == '(' || letter == '<') ++depth;
    if (letter == ')' || letter == '>') --depth;
    if (letter == ',' && depth == 0) {
      end();
    } else {
      name += letter;
    }
  }
  end();
  return names;
}

// What stands in the first column of the first table below the heading ("## Reading"), taken apart.
inline std::set<std::string> names_in_table(const std::string& document, std::string_view heading) {
  const auto text = read_file(document);
  EXPECT_TRUE(text.ok()) << document;
  std::set<std::string> names;
  auto at = text->find(std::string{heading} + "\n");
  EXPECT_NE(at, std::string::npos) << document << " has no " << heading;
  at = text->find("\n|", at);
  for (int row = 0; at != std::string::npos && text->compare(at, 2, "\n|") == 0; ++row) {
    const auto begin = at + 2;
    if (row >= 2) names.merge(split_names(std::string_view{*text}.substr(begin, text->find(" |", begin) - begin)));
    at = text->find('\n', begin);
  }
  return names;
}

}  // namespace weir::flow::testing
