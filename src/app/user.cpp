#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "ledger/access_store.hpp"
#include "web/password.hpp"

// user: who may use `weir serve`, made on the machine itself, also while it runs.
namespace weir::app {
namespace {

struct Options {
  std::string name;
  std::string role;
  bool json = false;
};

Result<std::unique_ptr<ledger::AccessStore>> open_store() {
  return ledger::AccessStore::open(WEIR_TRY(Workspace::find_folder()) / ".weir");
}

// Does not show what is typed on a terminal.
class HiddenInput {
 public:
  HiddenInput() : hidden_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!hidden_) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~HiddenInput() {
    if (hidden_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  termios before_{};
  bool hidden_;
};

std::string read_line(const char* prompt) {
  std::fputs(prompt, stderr);
  std::string line;
  std::getline(std::cin, line);
  return line;
}

// Typed twice on a terminal; the first line of standard input otherwise. Never an argument, which others could see.
Result<std::string> ask_password_hash() {
  if (!is_terminal(STDIN_FILENO)) {
    std::string line;
    std::getline(std::cin, line);
    return web::hash_password(Secret{std::move(line)});
  }
  const HiddenInput hidden;
  const auto first = read_line("Password: ");
  const auto second = read_line("\nAgain: ");
  std::fputs("\n", stderr);
  if (first != second) return Error::user(Code::InvalidArgument, "the two passwords differ");
  return web::hash_password(Secret{first});
}

Result<int> add(const Options& options) {
  const auto store = WEIR_TRY(open_store());
  const auto role = ledger::parse_role(options.role).value_or(ledger::Role::Viewer);
  if (!WEIR_TRY(store->has_users()) && role != ledger::Role::Admin) {
    return Error::user(Code::InvalidArgument, "the first user has to be an admin")
        .hint(fmt::format("weir user add {} --role admin", options.name));
  }
  if (WEIR_TRY(store->find_user(options.name)))
    return Error::user(Code::AlreadyExists, "there is already a user of that name: {}", options.name);
  WEIR_TRY(store->add_user({.name = options.name,
                            .role = role,
                            .password_hash = WEIR_TRY(ask_password_hash()),
                            .created_at = system_clock().now(),
                            .last_seen_at = {}}));
  WEIR_TRY(store->record(ledger::AuditEntry{.at = system_clock().now(),
                                            .user = "(command line)",
                                            .action = "user.add",
                                            .object = options.name,
                                            .detail = std::string{name(role)}}));
  std::printf("%s may sign in as %s\n", options.name.c_str(), std::string{name(role)}.c_str());
  return kSuccess;
}

Result<int> set_password(const Options& options) {
  const auto store = WEIR_TRY(open_store());
  if (!WEIR_TRY(store->find_user(options.name))) return Error::user(Code::NotFound, "no such user: {}", options.name);
  WEIR_TRY(store->change_user(options.name, {}, WEIR_TRY(ask_password_hash())));
  WEIR_TRY(store->record(ledger::AuditEntry{.at = system_clock().now(),
                                            .user = "(command line)",
                                            .action = "user.change",
                                            .object = options.name,
                                            .detail = "new password"}));
  std::printf("%s has a new password; their sessions have ended\n", options.name.c_str());
  return kSuccess;
}

Result<int> remove(const Options& options) {
  const auto store = WEIR_TRY(open_store());
  WEIR_TRY(store->remove_user(options.name));
  WEIR_TRY(store->record(ledger::AuditEntry{
      .at = system_clock().now(), .user = "(command line)", .action = "user.remove", .object = options.name}));
  std::printf("%s is removed\n", options.name.c_str());
  return kSuccess;
}

Json to_json(const ledger::User& user) {
  return {{"name", user.name},
          {"role", name(user.role)},
          {"created_at", format_instant(user.created_at)},
          {"last_seen_at", user.last_seen_at ? Json(format_instant(*user.last_seen_at)) : Json(nullptr)}};
}

Result<int> list(const Options& options) {
  const auto store = WEIR_TRY(open_store());
  if (options.json) {
    Json users = Json::array();
    for (const auto& user : WEIR_TRY(store->users())) users.push_back(to_json(user));
    std::printf("%s\n", to_text(users).c_str());
    return kSuccess;
  }
  TextTable table{{{"name"}, {"role"}, {"created"}, {"last seen"}}};
  for (const auto& user : WEIR_TRY(store->users())) {
    table.add({{user.name},
               {std::string{name(user.role)}},
               {format_instant(user.created_at)},
               {user.last_seen_at ? format_instant(*user.last_seen_at) : "never"}});
  }
  std::fputs(table.text(0).c_str(), stdout);
  return kSuccess;
}

}  // namespace

void add_user(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("user", "Who may use weir serve: add, list, password, remove");
  verb->require_subcommand(1);
  const auto action = [&](const char* name, const char* summary, Result<int> (*body)(const Options&)) {
    auto* sub = verb->add_subcommand(name, summary);
    sub->callback([options, &outcome, body] {
      const auto done = body(*options);
      outcome.exit_code = done.ok() ? *done : report(done.error());
    });
    return sub;
  };
  auto* adding = action("add", "Adds a user; asks for the password, or reads it from standard input", add);
  adding->add_option("name", options->name, "Their name")->required();
  adding->add_option("--role,-r", options->role, "viewer looks, operator also runs, admin also manages")
      ->default_val("viewer")
      ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  action("password", "Gives a user another password", set_password)
      ->add_option("name", options->name, "Their name")
      ->required();
  action("remove", "Removes a user, with their sessions and tokens", remove)
      ->add_option("name", options->name, "Their name")
      ->required();
  action("list", "Lists the users", list)->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir user add ann --role admin\n  weir user list");
}

}  // namespace weir::app
