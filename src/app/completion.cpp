#include <cstdio>

#include "app/verbs.hpp"

namespace weir::app {
namespace {

// One function for bash and zsh (through bashcompinit): verbs first, then the names that the project knows.
constexpr const char* kBash = R"bash(_weir() {
  local word="${COMP_WORDS[COMP_CWORD]}" verb="${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "init check plan run serve backfill build test compile runs logs retry cancel query services doctor schema completion" -- "$word"))
    return
  fi
  case "$verb" in
    plan|run|backfill) COMPREPLY=($(compgen -W "$(ls pipelines 2>/dev/null | sed -n 's/\.ya\{0,1\}ml$//p')" -- "$word")) ;;
    schema) COMPREPLY=($(compgen -W "weir pipeline generator properties" -- "$word")) ;;
    services) COMPREPLY=($(compgen -W "up down status" -- "$word")) ;;
    init) COMPREPLY=($(compgen -W "sales" -- "$word")) ;;
  esac
}
complete -F _weir weir
)bash";

}  // namespace

void add_completion(CLI::App& app, Outcome& outcome) {
  auto shell = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("completion", "Prints a shell's completion script");
  verb->add_option("shell", *shell, "Which shell")->required()->check(CLI::IsMember({"bash", "zsh"}));
  verb->footer("Examples:\n  weir completion bash > /etc/bash_completion.d/weir");
  verb->callback([shell, &outcome] {
    if (*shell == "zsh") std::fputs("autoload -U +X bashcompinit && bashcompinit\n", stdout);
    std::fputs(kBash, stdout);
    outcome.exit_code = 0;
  });
}

}  // namespace weir::app
