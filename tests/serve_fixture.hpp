#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "net/http_client.hpp"
#include "weir_program.hpp"

namespace weir::testing {

// Looks again and again until it is so: what is waited for is an event in another process.
inline bool eventually(const std::function<bool()>& is_so, std::chrono::seconds longest = std::chrono::seconds{60}) {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // Another process tells nobody here.
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  return true;
}

class Serve : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) const { project_.write(path, text); }
  void SetUp() override { write("weir.yml", "name: served\n"); }
  void TearDown() override { stop(SIGTERM); }

  void start(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"serve", "--json", "--port", "0"});
    started_.emplace(project_.start_until(arguments, [&](const Json& line) {
      if (line.value("event", "") != "serving") return true;
      address_ = line.value("address", "");
      return false;
    }));
  }
  // Asks the REST API.
  Json send(const std::string& method, const std::string& path, const Json& body, const net::Headers& more = {}) {
    net::HttpRequest request;
    request.method = method;
    request.url = address_ + "/api/v1" + path;
    request.headers = more;
    request.headers.add("X-Weir-Request", "1");
    auto answer = net::HttpClient{}.fetch(request, body.is_null() ? std::string{} : to_text(body), {});
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().text());
    if (!answer.ok()) return nullptr;
    status_ = answer->first.status;
    auto json = parse_json(answer->second);
    return json.ok() ? std::move(*json) : Json(answer->second);
  }
  Json get(const std::string& path) { return send("GET", path, nullptr); }
  Json post(const std::string& path, const Json& body = Json::object()) { return send("POST", path, body); }
  // How it ended.
  services::ExitStatus stop(int signal) {
    if (!started_) return {};
    started_->process.signal(signal);
    const auto status = started_->process.wait();
    started_.reset();
    return status;
  }

  std::vector<Json> runs(const std::string& pipeline = {}) const {
    std::vector<std::string> arguments{"runs", "--json", "--limit", "10000"};
    if (!pipeline.empty()) arguments.insert(arguments.end(), {"--pipeline", pipeline});
    const auto told = project_.run(arguments);
    const auto all = parse_json(told.out);
    if (!all.ok() || !all->is_array()) return told.lines();
    return {all->begin(), all->end()};
  }
  std::size_t count(const std::string& pipeline, const std::string& state) const {
    std::size_t found = 0;
    for (const auto& run : runs(pipeline)) found += run.value("state", "") == state ? 1 : 0;
    return found;
  }
  Json run_of(const std::string& id) const { return *parse_json(project_.run({"runs", id, "--json"}).out); }
  std::string text_of(const std::string& path) const { return read_file(project_.folder() / path).value(); }
  std::vector<std::string> lines_of(const std::string& path) const {
    const auto text = read_file(project_.folder() / path);
    std::vector<std::string> lines;
    if (!text.ok()) return lines;
    std::istringstream stream{*text};
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  TestProject project_;
  std::string address_;
  int status_ = 0;  // of the last answer
  std::optional<TestProject::Started> started_;
};

}  // namespace weir::testing
