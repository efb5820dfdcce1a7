#include "engine/code_view.hpp"

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace weir::engine {
namespace {

class CodeViewTest : public ::testing::Test {
 protected:
  CodeViewTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-view-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (const auto* path : {"kept/run.sh", "kept/jobs/load.py", "kept/jobs/lib.py", "run.sh", "jobs/load.py"})
      put(path, "old");
    put("jobs/lib.py", "new");
    put("jobs/later.py", "new");
    put("jobs/config.json", "data");
    put("files/a.csv", "data");
  }
  ~CodeViewTest() override { std::filesystem::remove_all(folder_); }
  void put(const std::string& path, std::string_view text) {
    ASSERT_TRUE(make_folder((folder_ / path).parent_path()).ok());
    ASSERT_TRUE(write_file(folder_ / path, text).ok());
  }
  std::vector<std::string> words(const std::string& command) {
    std::vector<std::string> found;
    for (const auto& word : code_words(command, folder_ / "kept"))
      found.push_back(command.substr(word.begin, word.length) + (word.quoted ? " quoted" : ""));
    return found;
  }
  WorkOrder order() {
    WorkOrder order;
    order.run = RunId{"r"};
    order.step = "each/0";
    order.project_folder = folder_;
    order.code_folder = folder_ / "kept";
    return order;
  }

  std::filesystem::path folder_;
};

TEST_F(CodeViewTest, FindsTheFilesThatACommandNames) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words("./run.sh"), Words{"./run.sh"});
  EXPECT_EQ(words("X=1 python jobs/load.py --to out.csv && ./run.sh;true"), (Words{"jobs/load.py", "./run.sh"}));
  EXPECT_EQ(words("sh -c 'jobs/load.py' < \"run.sh\""), (Words{"jobs/load.py quoted", "run.sh quoted"}));
  EXPECT_EQ(words("echo > run.sh; echo >>\"run.sh\" 2> jobs/lib.py"), Words{});
  EXPECT_EQ(words("jobs/later.py files/a.csv jobs/loaded.py /run.sh"), Words{});
}

TEST_F(CodeViewTest, ShowsTheOldFilesAmongWhatIsThereNow) {
  std::filesystem::path place;
  {
    const auto view = CodeView::open(order()).value();
    place = view.folder();
    EXPECT_TRUE(view.differs_from_project());
    EXPECT_EQ(read_file(place / "jobs/lib.py").value(), "old");
    EXPECT_EQ(read_file(place / "jobs/config.json").value(), "data");
    EXPECT_EQ(read_file(place / "files/a.csv").value(), "data");
    EXPECT_FALSE(std::filesystem::exists(place / "jobs/later.py"));
  }
  EXPECT_FALSE(std::filesystem::exists(place));
  EXPECT_EQ(read_file(folder_ / "kept/jobs/lib.py").value(), "old");
  EXPECT_EQ(read_file(folder_ / "files/a.csv").value(), "data");
}

TEST_F(CodeViewTest, IsTheProjectWhileNothingHasChanged) {
  put("jobs/lib.py", "old");
  const auto view = CodeView::open(order()).value();
  EXPECT_FALSE(view.differs_from_project());
  EXPECT_EQ(view.folder(), folder_);
}

// Who watches the project's files knows better than a look at all of them.
TEST_F(CodeViewTest, ComparesNothingWhenTheOrderSaysThatNothingHasChanged) {
  auto unchanged = order();
  unchanged.code_is_current = true;
  const auto view = CodeView::open(WorkOrder::from_json(unchanged.to_json()).value()).value();
  EXPECT_FALSE(view.differs_from_project());
  EXPECT_EQ(view.folder(), folder_);
}

}  // namespace
}  // namespace weir::engine
