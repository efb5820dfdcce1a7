#include <cstdio>
#include <filesystem>
#include <set>

#include "app/examples.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "base/file.hpp"
#include "base/nearest.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string example;
  std::string folder;
};

std::set<std::string> example_names() {
  std::set<std::string> names;
  for (const auto& file : example_files()) names.insert(std::string{file.example});
  return names;
}

Result<int> init(const Options& options) {
  const auto names = example_names();
  if (!names.contains(options.example)) {
    const auto nearest = nearest_name(options.example, names);
    return Error::user(Code::InvalidArgument, "no such example: {}", options.example)
        .hint(nearest.empty() ? fmt::format("the examples are: {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", nearest));
  }
  const std::filesystem::path folder = options.folder.empty() ? options.example : options.folder;
  if (std::filesystem::exists(folder / "weir.yml")) {
    return Error::user(Code::InvalidArgument, "there is a project already: {}", folder.string()).hint("choose another folder");
  }
  for (const auto& file : example_files()) {
    if (file.example != options.example) continue;
    const auto path = folder / file.path;
    WEIR_TRY(make_folder(path.parent_path()));
    WEIR_TRY(write_file(path, file.text));
  }
  WEIR_TRY(write_file(folder / ".gitignore", "files/\n.weir/\n"));
  std::printf("made %s\nnext: cd %s && weir check && weir run %s\n", folder.c_str(), folder.c_str(), options.example.c_str());
  return kSuccess;
}

}  // namespace

void add_init(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("init", "Makes a new project from a built-in example");
  verb->add_option("example", options->example, "Which example")->required();
  verb->add_option("folder", options->folder, "Where; default: a folder of the example's name");
  verb->footer("Examples:\n  weir init sales\n  weir init sales my-sales");
  verb->callback([options, &outcome] {
    const auto done = init(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
