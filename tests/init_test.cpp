#include <gtest/gtest.h>

#include <map>

#include "base/file.hpp"
#include "weir_program.hpp"

// `weir init`: a project that is the example's own files, and that is valid.
namespace weir {
namespace {

namespace fs = std::filesystem;
using testing::TestProject;

std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), folder).string()] = read_file(entry.path()).value();
    }
  }
  return files;
}

class InitExample : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, InitExample, ::testing::Values("sales", "astronauts", "spacex", "support"),
                         [](const auto& example) { return std::string{example.param}; });

TEST_P(InitExample, IsMadeAsItIsInTheSources) {
  const TestProject origin(GetParam());  // the example without what runs leave behind
  const TestProject empty;
  const auto made = empty.run({"init", GetParam(), "."});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  auto expected = files_below(origin.folder());
  expected[".gitignore"] = "files/\n.weir/\n";
  EXPECT_EQ(files_below(empty.folder()), expected);

  const auto checked = empty.run({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_NE(checked.out.find(fmt::format("{} is valid", GetParam())), std::string::npos) << checked.out;
  if (std::string_view{GetParam()} == "sales") {
    EXPECT_NE(checked.out.find("12:45:00 +03:00"), std::string::npos) << checked.out;
  }
}

TEST(Init, TouchesNoProjectThatIsThere) {
  const TestProject project;
  project.write("weir.yml", "name: mine\n");
  const auto refused = project.run({"init", "sales", "."});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(read_file(project.folder() / "weir.yml").value(), "name: mine\n");
  EXPECT_FALSE(fs::exists(project.folder() / "pipelines"));
}

TEST(Init, KnowsTheNearestExample) {
  const TestProject empty;
  const auto refused = empty.run({"init", "sale"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("did you mean sales?"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace weir
