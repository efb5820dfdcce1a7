#include "connectors/mongodb/live_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "services/process.hpp"

namespace weir::mongodb::live {
namespace {

struct Server {
  std::string url;
  std::optional<services::Process> process;
};

// The first line that it prints is its URL.
std::string first_line(int fd) {
  std::string line;
  pollfd waiting{fd, POLLIN, 0};
  while (::poll(&waiting, 1, 120'000) > 0) {
    char letter = 0;
    if (::read(fd, &letter, 1) <= 0) return {};
    if (letter == '\n') return line;
    line += letter;
  }
  return {};
}

Server start() {
  if (const char* url = std::getenv("WEIR_TEST_MONGODB_URL"); url != nullptr && *url != '\0') return {url, {}};
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return {};
  const Descriptor reading{pipe_ends[0]};
  const Descriptor writing{pipe_ends[1]};
  services::ProcessSpec spec;
  spec.program = WEIR_SOURCE_DIR "/tools/mongodb/serve";
  spec.stdout_fd = writing.get();
  spec.stderr_fd = STDERR_FILENO;
  auto process = services::Process::spawn(spec);
  if (!process.ok()) return {};
  auto url = first_line(reading.get());
  if (url.empty()) return {};
  return {std::move(url), std::move(process).value()};
}

const Server& server() {
  static const Server kStarted = start();
  return kStarted;
}

bson_t* parse(const std::string& json) {
  bson_error_t error;
  auto* parsed =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), &error);
  if (parsed == nullptr) throw std::runtime_error(json + ": " + error.message);
  return parsed;
}

Document document_of(const std::string& json) {
  auto* parsed = parse(json);
  Document document{*parsed};
  bson_destroy(parsed);
  return document;
}

}  // namespace

const std::string& server_url() { return server().url; }
bool is_stand_in() { return server().process.has_value(); }

TestDatabase::TestDatabase() {
  static std::atomic<int> count = 0;
  name_ = fmt::format("weir_test_{}_{}", ::getpid(), ++count);
  session_ = std::move(Session::open(address_from(context().connection.settings).value())).value();
}

TestDatabase::~TestDatabase() { static_cast<void>(session_->write(Document{}.add("dropDatabase", 1), {})); }

std::string TestDatabase::url() const {
  const auto& url = server_url();
  const auto hosts = url.find("://") + 3;
  const auto slash = url.find('/', hosts);
  const auto options = url.find('?', hosts);
  const auto rest = options == std::string::npos ? std::string{} : url.substr(options);
  return url.substr(0, std::min({slash, options, url.size()})) + "/" + name_ + rest;
}

flow::OpenContext TestDatabase::context(const Json& more) const {
  Json settings = {{"url", url()}};
  settings.update(more);
  return {.connection = {"mongo", "mongodb", Settings{std::move(settings)}}, .project_folder = "."};
}

void TestDatabase::insert(const std::string& collection, const std::vector<std::string>& documents) {
  for (const auto& json : documents) insert(collection, document_of(json).bytes());
}

void TestDatabase::insert(const std::string& collection, BsonBytes document) {
  const auto handle = collection_of(*session_, collection);
  bson_t raw;
  ASSERT_TRUE(bson_init_static(&raw, document.data(), document.size()));
  bson_error_t error;
  Document options;
  options.add("validate", false);
  ASSERT_TRUE(mongoc_collection_insert_one(handle.get(), &raw, options.get(), nullptr, &error)) << error.message;
}

void TestDatabase::run(const std::string& command) {
  const auto ran = session_->write(document_of(command), {});
  ASSERT_TRUE(ran.ok()) << ran.error().text();
}

std::vector<std::string> TestDatabase::documents(const std::string& collection) {
  std::vector<std::string> found;
  auto cursor = session_->find(collection, {}, Document{}.add("sort", Document{}.add("_id", 1)), {}).value();
  while (const auto bytes = cursor.next({}).value()) {
    bson_t raw;
    if (!bson_init_static(&raw, bytes->data(), bytes->size())) break;
    char* text = bson_as_relaxed_extended_json(&raw, nullptr);
    found.emplace_back(text);
    bson_free(text);
  }
  return found;
}

std::vector<std::string> TestDatabase::collections() {
  std::vector<std::string> names;
  auto cursor = session_->list_collections({}, {}).value();
  while (const auto bytes = cursor.next({}).value()) names.push_back(Document::from(*bytes).text("name"));
  std::ranges::sort(names);
  return names;
}

}  // namespace weir::mongodb::live
