#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "serve_fixture.hpp"

// What tasks say while they run, as those see it who look at them then.
namespace weir {
namespace {

using namespace std::chrono_literals;

class ServeLogs : public testing::Serve {
 protected:
  // The live events of one run.
  class Events {
   public:
    Events(const std::string& address, const std::string& run) {
      net::HttpRequest request;
      request.url = address + "/api/v1/events?run=" + run;
      request.timeouts.silence = 60s;
      auto stream = client_.open(request, {});
      EXPECT_TRUE(stream.ok() && (*stream)->response({}).ok());
      if (stream.ok()) stream_ = std::move(*stream);
    }
    // The next log line with this text; null when it does not come.
    Json line(const std::string& text) {
      const auto deadline = std::chrono::steady_clock::now() + 30s;
      // The stream's heartbeats see to it that the time passes.
      while (std::chrono::steady_clock::now() < deadline) {
        for (auto end = read_.find("\n\n"); end != std::string::npos; end = read_.find("\n\n")) {
          const auto event = read_.substr(0, end);
          read_.erase(0, end + 2);
          const auto data = event.find("data: ");
          if (event.find("event: log\n") == std::string::npos || data == std::string::npos) continue;
          auto line = parse_json(event.substr(data + 6));
          if (line.ok() && line->value("text", "") == text) return std::move(*line);
        }
        std::byte buffer[4096];
        const auto got = stream_ ? stream_->read(buffer, {}) : Result<std::size_t>{std::size_t{0}};
        if (!got.ok() || *got == 0) return nullptr;
        read_.append(reinterpret_cast<const char*>(buffer), *got);
      }
      return nullptr;
    }

   private:
    net::HttpClient client_;
    std::unique_ptr<net::HttpExchange> stream_;
    std::string read_;
  };

  void make_gate(const std::string& name) const { ASSERT_EQ(::mkfifo((project_.folder() / name).c_str(), 0600), 0); }
  // Lets a command go on that waits for the gate; waits until it does.
  void open_gate(const std::string& name) const {
    const Descriptor gate{::open((project_.folder() / name).c_str(), O_WRONLY | O_CLOEXEC)};
    ASSERT_TRUE(static_cast<bool>(gate));
  }
};

TEST_F(ServeLogs, ShowACommandsLinesAsTheyArePrinted) {
  write("pipelines/talk.yml",
        "tasks:\n  say: {command: \"cat begin; echo first; cat go; echo second; printf unfinished\"}\n");
  make_gate("begin");
  make_gate("go");
  start();
  const std::string run = post("/pipelines/talk/runs")["id"];
  Events events{address_, run};
  open_gate("begin");
  const auto first = events.line("first");
  ASSERT_TRUE(first.is_object());
  EXPECT_EQ(first["task"], "say");
  EXPECT_EQ(first["line"], 1);
  EXPECT_EQ(first["level"], "info");
  EXPECT_LE(first["at"], format_instant(system_clock().now()));
  // While it runs, those who come only now see the same.
  const auto logs = "/runs/" + run + "/tasks/say/logs";
  const auto so_far = get(logs);
  ASSERT_EQ(so_far["lines"].size(), 1U);
  EXPECT_EQ(so_far["lines"][0]["at"], first["at"]);
  EXPECT_EQ(so_far["complete"], false);
  const auto released_at = format_instant(system_clock().now());
  open_gate("go");
  const auto second = events.line("second");
  const auto unfinished = events.line("unfinished");
  ASSERT_TRUE(unfinished.is_object());
  EXPECT_GE(second["at"], released_at);
  ASSERT_TRUE(testing::eventually([&] { return count("talk", "succeeded") == 1; }));
  const auto all = get(logs);
  ASSERT_EQ(all["lines"].size(), 3U) << all;
  EXPECT_EQ(all["complete"], true);
  for (std::size_t i = 0; const auto& shown : {first, second, unfinished}) {
    for (const auto* key : {"line", "at", "level", "text"}) EXPECT_EQ(all["lines"][i][key], shown[key]) << key;
    ++i;
  }
}

// Beside a server and without one, a run's own terminal hears the same.
TEST_F(ServeLogs, AreTheSameForWhoRunsIt) {
  write("pipelines/talk.yml", "tasks:\n  say: {command: \"echo one; echo two\"}\n");
  const auto said = [&] {
    std::vector<std::string> texts;
    for (const auto& event : project_.run({"run", "talk", "--json"}).lines()) {
      if (event.value("event", "") == "log") texts.push_back(event.value("message", ""));
    }
    return texts;
  };
  EXPECT_EQ(said(), (std::vector<std::string>{"one", "two"}));
  start();
  EXPECT_EQ(said(), (std::vector<std::string>{"one", "two"}));
}

}  // namespace
}  // namespace weir
