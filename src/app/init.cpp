#include <zstd.h>

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

Result<std::string> unpacked(const ExampleFile& file) {
  if (file.bytes_unpacked == 0) return std::string{file.text};
  std::string text(file.bytes_unpacked, '\0');
  const auto size = ZSTD_decompress(text.data(), text.size(), file.text.data(), file.text.size());
  if (ZSTD_isError(size) != 0 || size != text.size()) return Error::bug("a built-in file is damaged: {}", file.path);
  return text;
}

// What to type in the new folder: the pipeline that is called like the example, or what its README says.
std::string next_command(std::string_view example) {
  const auto pipeline = fmt::format("pipelines/{}.yml", example);
  for (const auto& file : example_files()) {
    if (file.example == example && file.path == pipeline) return fmt::format("weir run {}", example);
  }
  return "less README.md";
}

Result<int> init(const Options& options) {
  const auto names = example_names();
  if (!names.contains(options.example)) {
    const auto nearest = nearest_name(options.example, names);
    return Error::user(Code::InvalidArgument, "no such example: {}", options.example)
        .hint(nearest.empty() ? fmt::format("the examples are: {}", fmt::join(names, ", "))
                              : fmt::format("did you mean {}?", nearest));
  }
  const std::filesystem::path folder = options.folder.empty() ? options.example : options.folder;
  if (std::filesystem::exists(folder / "weir.yml")) {
    return Error::user(Code::InvalidArgument, "there is a project already: {}", folder.string())
        .hint("choose another folder");
  }
  for (const auto& file : example_files()) {
    if (file.example != options.example) continue;
    const auto path = folder / file.path;
    WEIR_TRY(make_folder(path.parent_path()));
    WEIR_TRY(write_file(path, WEIR_TRY(unpacked(file))));
  }
  WEIR_TRY(write_file(folder / ".gitignore", "files/\n.weir/\n"));
  std::printf("made %s\nnext: cd %s && weir check && %s\n", folder.c_str(), folder.c_str(),
              next_command(options.example).c_str());
  return kSuccess;
}

}  // namespace

void add_init(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("init", "Makes a new project from a built-in example");
  verb->add_option("example", options->example, "Which example")->required();
  verb->add_option("folder", options->folder, "Where; default: a folder of the example's name");
  verb->footer("Examples:\n  weir init sales\n  weir init spacex my-space");
  verb->callback([options, &outcome] {
    const auto done = init(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
