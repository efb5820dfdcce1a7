#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "connectors/http/credentials.hpp"
#include "connectors/http/host_limits.hpp"
#include "connectors/http/recording.hpp"

namespace weir::http {

// A request before credentials.
struct Request {
  RequestKey key;
  net::Headers headers;
  BodyFile::Place body_place = BodyFile::Place::Together;
  BodyFile::Form body_form = BodyFile::Form::Unpacked;
};

struct Answer {
  Exchange exchange;
  std::string_view text = {};  // the body where it is in memory, with kJsonPadding bytes behind it; "" where it is not
  bool is_redacted = false;    // a secret that the body repeated was taken out
};

// Makes the requests of one connection: side by side, within the limits of their hosts, with credentials, along redirects,
// again after what may pass. Every repetition is a line of the log, and of the waits for a limit the first one and their sum.
// One thread at a time.
//
// An API's page is not an attempt of a task: the task would begin again for a page that a server was too busy to send. So
// the repetitions of one request happen here, as an exception from the rule that only the engine retries.
class Fetcher {
 public:
  // Judges an answer. InvalidData with Retry::Later says that the page came in a bad state: it is asked for again.
  using Take = std::function<Result<void>(const Answer&)>;

  // `earlier`: answers of earlier runs, which are asked for by their ETag and Last-Modified and taken where they still hold.
  // `hosts`: the folder in which the project's tasks share the limits of hosts.
  Fetcher(const Api& api, Recording& recording, Recording* earlier, std::filesystem::path hosts, Timeline& timeline,
          Log& log);

  void submit(Request request, Take take);
  // Makes requests until all that were submitted are answered. `more` is called while there is room for another one; it
  // submits one, or returns false when there is none. The first error that cannot be mended ends everything.
  Result<void> run(const std::function<Result<bool>()>& more, std::stop_token stop);

  const Redactor& redactor() const { return credentials_.redactor(); }

 private:
  struct Job {
    Request request;
    Take take;
    std::string url;     // where it is sent: another one after redirects
    std::string origin;  // of the url
    int place = 0;       // of its host's, while it is under way
    std::string method;
    std::string body;
    int tries = 0;
    int redirects = 0;
    int token_refusals = 0;
    SteadyTime due{};
    std::shared_ptr<BodyFile> file;
    std::optional<Exchange> unchanged;  // of an earlier run
  };
  struct Wait {
    std::optional<SteadyTime> since;  // while it lasts
    SteadyTime::duration total{};
    bool is_told = false;  // that there are such waits
  };
  struct Host {
    HostLimits limits;
    std::optional<int> place = {};         // of the next request
    std::optional<SteadyTime> start = {};  // of the next request
    Wait for_place = {};
    Wait for_start = {};
  };

  Result<void> make_requests(const std::function<Result<bool>()>& more, std::stop_token stop);
  Result<Host*> host_of(const std::string& origin);
  // When a request to the host may start, or when to ask again while others have all places.
  Result<SteadyTime> next_start(const std::string& origin);
  // Others may have the places that no request of this task takes at once.
  Result<void> let_go();
  void log_waits();
  std::string origin_of(const std::string& url) const;
  Result<void> start(std::unique_ptr<Job> job);
  Result<void> finish(std::unique_ptr<Job> job, net::FinishedTransfer finished);
  Result<void> accept(std::unique_ptr<Job> job, const net::HttpResponse& response);
  Result<void> take_unchanged(const Job& job);
  // Keeps an answer for the conditional requests of later runs.
  Result<void> keep_for_later(const Exchange& exchange);
  Result<void> redirect(std::unique_ptr<Job> job, const net::HttpResponse& response);
  // Asks again later, or fails with `why` when it was tried often enough.
  Result<void> again(std::unique_ptr<Job> job, Error why, std::optional<std::chrono::milliseconds> asked_wait);
  Result<void> refresh_token(std::stop_token stop);
  Error refused(const Job& job, const net::HttpResponse& response, std::string text) const;
  std::optional<std::chrono::milliseconds> retry_after(const net::HttpResponse& response) const;
  std::string text_of(const Job& job) const;
  // Of an answer's headers, those that say something about the data. Cookies and the like stay out of recordings.
  net::Headers kept_headers(const net::Headers& headers) const;

  const Api& api_;
  Recording& recording_;
  Recording* earlier_;
  const std::filesystem::path hosts_folder_;
  Timeline& timeline_;
  Log& log_;
  Credentials credentials_;
  const std::string origin_;               // of the API
  std::vector<std::string> kept_headers_;  // their names
  net::HttpTransfers transfers_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::map<std::uint64_t, std::unique_ptr<Job>> under_way_;
  std::map<std::string, Host> hosts_;  // by origin
};

}  // namespace weir::http
