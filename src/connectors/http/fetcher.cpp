#include "connectors/http/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "net/byte_stream.hpp"
#include "net/url.hpp"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr int kRedirectsMax = 10;
constexpr std::size_t kTokenBytesMax = std::size_t{1} << 20;
constexpr std::size_t kQuotedBytes = 300;
// How often a place among the requests at once is asked for while there is none.
constexpr milliseconds kPlaceInterval{20};

bool may_pass(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string_view extension_of(const net::Headers& headers) {
  const auto type = headers.find("content-type").value_or("");
  if (type.find("csv") != std::string_view::npos) return "csv";
  if (type.find("ndjson") != std::string_view::npos || type.find("jsonl") != std::string_view::npos) return "jsonl";
  return type.empty() || type.find("json") != std::string_view::npos ? "json" : "data";
}

// The begin of a body, for a message.
std::string begin_of(const Body& body) {
  auto read = read_range(body.range, kQuotedBytes);
  if (!read.ok()) return {};
  auto quoted = std::move(read).value();
  for (auto& c : quoted) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return quoted;
}

}  // namespace

Fetcher::Fetcher(const Api& api, Recording& recording, Recording* earlier, std::filesystem::path hosts,
                 Timeline& timeline, Log& log)
    : api_(api),
      recording_(recording),
      earlier_(earlier),
      hosts_folder_(std::move(hosts)),
      timeline_(timeline),
      log_(log),
      credentials_(api),
      origin_(net::url_origin(api.url)),
      kept_headers_{"content-type", "link", "etag", "last-modified", "date", "x-total-count"},
      transfers_(api.concurrency, api.cookies) {
  for (const auto& resource : api.resources) {
    if (!resource.pagination.header.empty()) kept_headers_.push_back(lower(resource.pagination.header));
  }
}

std::string Fetcher::origin_of(const std::string& url) const {
  // The rest of a URL that begins as the API's own is nothing but a path.
  const bool is_plain = url.starts_with(origin_) && (url.size() == origin_.size() || url[origin_.size()] == '/');
  return is_plain ? origin_ : net::url_origin(url);
}

net::Headers Fetcher::kept_headers(const net::Headers& headers) const {
  net::Headers kept;
  for (const auto& [name, value] : headers.entries()) {
    auto lower_name = lower(name);
    if (std::ranges::find(kept_headers_, lower_name) != kept_headers_.end())
      kept.add(std::move(lower_name), credentials_.redactor().redact(value));
  }
  return kept;
}

std::string Fetcher::text_of(const Job& job) const {
  return credentials_.redactor().redact(fmt::format("{} {}", job.method, job.url));
}

void Fetcher::submit(Request request, Take take) {
  auto job = std::make_unique<Job>();
  job->url = request.key.url;
  job->origin = origin_of(job->url);
  job->method = request.key.method;
  job->body = request.key.body;
  job->request = std::move(request);
  job->take = std::move(take);
  job->due = timeline_.now();
  waiting_.push_back(std::move(job));
}

Result<void> Fetcher::run(const std::function<Result<bool>()>& more, std::stop_token stop) {
  auto ran = make_requests(more, std::move(stop));
  log_waits();
  return ran;
}

Result<void> Fetcher::let_go() {
  for (auto& [origin, host] : hosts_) WEIR_TRY(host.limits.let_go());
  return {};
}

Result<Fetcher::Host*> Fetcher::host_of(const std::string& origin) {
  auto found = hosts_.find(origin);
  if (found == hosts_.end()) {
    auto limits = WEIR_TRY(HostLimits::open(hosts_folder_, origin, api_.concurrency, api_.interval));
    found = hosts_.emplace(origin, Host{std::move(limits)}).first;
  }
  return &found->second;
}

Result<SteadyTime> Fetcher::next_start(const std::string& origin) {
  auto& host = *WEIR_TRY(host_of(origin));
  const auto now = timeline_.now();
  const auto begin = [&](Wait& wait, const std::string& why) {
    if (!wait.since) wait.since = now;
    if (!std::exchange(wait.is_told, true)) log_.info("{}", why);
  };
  const auto end = [&](Wait& wait) {
    if (wait.since) wait.total += now - *wait.since;
    wait.since.reset();
  };
  if (!host.place) {
    host.place = WEIR_TRY(host.limits.take_place(now));
    if (!host.place) {
      begin(host.for_place, fmt::format("waiting for one of {} requests at once to {}: other tasks have them",
                                        api_.concurrency, origin));
      return now + kPlaceInterval;
    }
    end(host.for_place);
  }
  if (!host.start) host.start = WEIR_TRY(host.limits.reserve_start(now));
  if (*host.start > now) {
    begin(host.for_start, fmt::format("waiting for the rate limit of {}: {}", origin, api_.rate_limit));
  } else {
    end(host.for_start);
  }
  return *host.start;
}

void Fetcher::log_waits() {
  const auto milliseconds_of = [&](const Wait& wait) {
    const auto total = wait.total + (wait.since ? timeline_.now() - *wait.since : SteadyTime::duration{});
    return format_duration(std::chrono::round<milliseconds>(total));
  };
  for (const auto& [origin, host] : hosts_) {
    if (host.for_place.is_told)
      log_.info("waited {} in all for requests of other tasks to {}", milliseconds_of(host.for_place), origin);
    if (host.for_start.is_told)
      log_.info("waited {} in all for the rate limit of {}", milliseconds_of(host.for_start), origin);
  }
}

Result<void> Fetcher::make_requests(const std::function<Result<bool>()>& more, std::stop_token stop) {
  const auto room = static_cast<std::size_t>(api_.concurrency);
  bool has_more = true;
  while (true) {
    if (stop.stop_requested()) return Error::cancelled();
    while (has_more && waiting_.size() + under_way_.size() < room) has_more = WEIR_TRY(more());
    // What is due starts, as far as its host's limits let it.
    std::optional<SteadyTime> next_due;
    for (std::size_t i = 0; i < waiting_.size() && under_way_.size() < room;) {
      auto due = waiting_[i]->due;
      if (due <= timeline_.now()) {
        if (credentials_.needs_token(timeline_.now())) WEIR_TRY(refresh_token(stop));
        due = WEIR_TRY(next_start(waiting_[i]->origin));
      }
      if (due > timeline_.now()) {
        next_due = std::min(next_due.value_or(due), due);
        ++i;
        continue;
      }
      auto job = std::move(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      WEIR_TRY(start(std::move(job)));
    }
    WEIR_TRY(let_go());
    if (under_way_.empty()) {
      if (waiting_.empty()) {
        if (!has_more) return {};
        continue;
      }
      if (next_due) WEIR_TRY(timeline_.wait_until(*next_due, stop));
      continue;
    }
    auto wake = next_due ? timeline_.wake_at(*next_due) : std::nullopt;
    if (const auto due = recording_.flush_due()) {
      wake = std::min(wake.value_or(*due), *due);
      if (*due <= std::chrono::steady_clock::now()) WEIR_TRY(recording_.flush());
    }
    auto finished = WEIR_TRY(transfers_.wait(wake, stop));
    if (!finished) continue;
    const auto found = under_way_.find(finished->id);
    auto job = std::move(found->second);
    under_way_.erase(found);
    WEIR_TRY(WEIR_TRY(host_of(job->origin))->limits.give_back(job->place, timeline_.now()));
    WEIR_TRY(finish(std::move(job), std::move(*finished)));
  }
}

Result<void> Fetcher::start(std::unique_ptr<Job> job) {
  auto& host = *WEIR_TRY(host_of(job->origin));
  job->place = *std::exchange(host.place, std::nullopt);
  host.start.reset();
  ++job->tries;
  job->file =
      std::make_shared<BodyFile>(recording_, job->request.body_place, job->request.body_form, api_.response_bytes_max,
                                 &credentials_.redactor(), credentials_.secret_bytes_max());
  net::Transfer transfer;
  transfer.method = job->method;
  transfer.url = job->url;
  transfer.body = job->body;
  transfer.headers = job->request.headers;
  if (earlier_ != nullptr) job->unchanged = WEIR_TRY(earlier_->find(job->request.key));
  if (job->unchanged) {
    const auto& headers = job->unchanged->headers;
    if (const auto tag = headers.find("etag")) transfer.headers.add("If-None-Match", std::string{*tag});
    if (const auto date = headers.find("last-modified")) transfer.headers.add("If-Modified-Since", std::string{*date});
  }
  // Credentials are for the API's own host, wherever a redirect or a next link leads.
  if (job->origin == origin_) credentials_.apply(transfer.headers, transfer.url);
  transfer.connect_timeout = api_.connect_timeout;
  transfer.first_byte_timeout = api_.first_byte_timeout;
  transfer.whole_timeout = api_.whole_timeout;
  transfer.body_bytes_max = api_.response_bytes_max;
  transfer.ca_file = api_.ca_file;
  transfer.proxy = api_.proxy;
  transfer.protocol = api_.protocol;
  const auto id = WEIR_TRY(transfers_.start(
      std::move(transfer), [file = job->file](std::span<const std::byte> bytes) { return file->write(bytes); }));
  under_way_.emplace(id, std::move(job));
  return {};
}

Result<void> Fetcher::finish(std::unique_ptr<Job> job, net::FinishedTransfer finished) {
  if (finished.error) {
    if (finished.error->retry() == Retry::Never) return std::move(*finished.error).while_doing(text_of(*job));
    return again(std::move(job), std::move(*finished.error), std::nullopt);
  }
  const auto& response = finished.response;
  if (response.status == 304 && job->unchanged) return take_unchanged(*job);
  if (is_redirect(response.status)) return redirect(std::move(job), response);
  const bool asks_to_wait = response.status == 403 && response.headers.find("retry-after");
  if (may_pass(response.status) || asks_to_wait) {
    auto why = Error::external(response.status == 429 ? Code::ResourceExhausted : Code::Unavailable, "{} answered {}",
                               text_of(*job), response.status);
    return again(std::move(job), std::move(why).native_code(std::to_string(response.status)), retry_after(response));
  }
  if (response.status == 401 && job->token_refusals == 0 && credentials_.refuse_token()) {
    log_.info("{} answered 401: asking for another token", text_of(*job));
    ++job->token_refusals;
    --job->tries;
    waiting_.push_front(std::move(job));
    return {};
  }
  return accept(std::move(job), finished.response);
}

Result<void> Fetcher::accept(std::unique_ptr<Job> job, const net::HttpResponse& response) {
  auto body = job->file->finish(extension_of(response.headers));
  if (!body.ok()) {
    if (body.error().code() != Code::InvalidData) return std::move(body).error();
    return again(std::move(job), std::move(body).error(), std::nullopt);
  }
  const Answer answer{{.request = job->request.key,
                       .status = response.status,
                       .headers = kept_headers(response.headers),
                       .body = std::move(*body),
                       .at = timeline_.wall_clock()},
                      job->file->text(),
                      job->file->is_redacted()};
  auto taken = job->take(answer);
  if (taken.ok()) {
    WEIR_TRY(recording_.add(answer.exchange));
    return keep_for_later(answer.exchange);
  }
  if (taken.error().code() == Code::InvalidArgument && response.status >= 400) {
    WEIR_TRY(recording_.flush());
    return refused(*job, response, begin_of(answer.exchange.body));
  }
  if (taken.error().code() != Code::InvalidData || taken.error().retry() != Retry::Later) return taken;
  return again(std::move(job), std::move(taken).error(), std::nullopt);
}

Result<void> Fetcher::take_unchanged(const Job& job) {
  Answer answer{*job.unchanged};
  answer.exchange.body = WEIR_TRY(recording_.adopt(job.unchanged->body));
  WEIR_TRY(recording_.flush());
  log_.info("{} has not changed since {}", text_of(job), format_instant(job.unchanged->at));
  WEIR_TRY(job.take(answer));
  return recording_.add(answer.exchange);
}

Result<void> Fetcher::keep_for_later(const Exchange& exchange) {
  if (earlier_ == nullptr || exchange.status != 200) return {};
  if (!exchange.headers.find("etag") && !exchange.headers.find("last-modified")) return {};
  auto kept = exchange;
  WEIR_TRY(recording_.flush());
  kept.body = WEIR_TRY(earlier_->adopt(exchange.body));
  return earlier_->add(kept);
}

Result<void> Fetcher::redirect(std::unique_ptr<Job> job, const net::HttpResponse& response) {
  const auto location = response.headers.find("location");
  if (!location || api_.redirects == Redirects::None) return accept(std::move(job), response);
  const auto target = WEIR_TRY(net::resolve_url(job->url, std::string{*location}));
  const auto from = net::url_origin(job->url);
  const auto to = net::url_origin(target);
  if (++job->redirects > kRedirectsMax) {
    return Error::external(Code::Unavailable, "more than {} redirects from {}", kRedirectsMax, job->request.key.url)
        .retry(Retry::Never);
  }
  if (api_.redirects == Redirects::SameHost && from != to) {
    return Error::external(Code::AccessDenied, "{} redirects to another host: {}", from, to)
        .retry(Retry::Never)
        .hint("set redirects: any when that is meant; credentials do not go along");
  }
  if (from.starts_with("https:") && !to.starts_with("https:")) {
    return Error::external(Code::AccessDenied, "{} redirects to a connection without TLS: {}", from, to)
        .retry(Retry::Never);
  }
  if (response.status == 303 || (response.status != 307 && response.status != 308 && job->method == "POST")) {
    job->method = "GET";
    job->body.clear();
  }
  log_.debug("{} redirects to {}", text_of(*job), credentials_.redactor().redact(target));
  job->url = target;
  job->origin = origin_of(target);
  --job->tries;
  waiting_.push_front(std::move(job));
  return {};
}

Result<void> Fetcher::again(std::unique_ptr<Job> job, Error why, std::optional<milliseconds> asked_wait) {
  const auto& policy = api_.retry;
  if (job->tries >= policy.attempts)
    return std::move(why).while_doing(fmt::format("{} ({} tries)", text_of(*job), job->tries));
  double delay = static_cast<double>(policy.delay.count());
  for (int i = 1; i < job->tries; ++i) delay = std::min(delay * 2, static_cast<double>(policy.max_delay.count()));
  delay *= 1 + policy.jitter * (2 * timeline_.random() - 1);
  auto wait = milliseconds{static_cast<std::int64_t>(delay)};
  if (asked_wait) {
    if (*asked_wait > policy.retry_after_max) {
      return std::move(why).while_doing(
          fmt::format("it asks to wait {}, longer than retry_after_max", format_duration(*asked_wait)));
    }
    wait = *asked_wait;
  }
  log_.warn("{}; waiting {}{} before try {} of {}", credentials_.redactor().redact(why.text()), format_duration(wait),
            asked_wait ? " as it asks" : "", job->tries + 1, policy.attempts);
  job->due = timeline_.now() + wait;
  waiting_.push_back(std::move(job));
  return {};
}

// RFC 9110, section 10.2.3: seconds or a date.
std::optional<milliseconds> Fetcher::retry_after(const net::HttpResponse& response) const {
  const auto header = response.headers.find("retry-after");
  if (!header) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), seconds);
  if (error == std::errc{} && end == header->data() + header->size())
    return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, 1'000'000'000)};
  const auto date = net::parse_http_date(std::string{*header});
  if (!date) return std::nullopt;
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(*date - timeline_.wall_clock()));
}

Error Fetcher::refused(const Job& job, const net::HttpResponse& response, std::string text) const {
  const auto status = response.status;
  const auto code = status == 401 || status == 403 || status == 407 ? Code::AccessDenied
                    : status == 404 || status == 410                ? Code::NotFound
                                                                    : Code::InvalidArgument;
  auto error = Error{Fault::User, code, fmt::format("{} answered {}: {}", text_of(job), status, text)}.native_code(
      std::to_string(status));
  if (code == Code::AccessDenied) return std::move(error).hint("check the connection's auth");
  if (code == Code::NotFound)
    return std::move(error).hint("check the resource's path; empty_statuses: [404] takes it as nothing there");
  return error;
}

// Tokens never touch the disk: the answer stays in memory.
Result<void> Fetcher::refresh_token(std::stop_token stop) {
  const Credentials::AskToken ask = [&](const std::string& url, const std::string& form) -> Result<std::string> {
    std::string failure;
    for (int tries = 1; tries <= api_.retry.attempts; ++tries) {
      net::HttpTransfers transfers{1, net::Cookies::Ignored};
      net::Transfer transfer;
      transfer.method = "POST";
      transfer.url = url;
      transfer.body = form;
      transfer.headers.add("Content-Type", "application/x-www-form-urlencoded");
      transfer.headers.add("Accept", "application/json");
      transfer.connect_timeout = api_.connect_timeout;
      transfer.first_byte_timeout = api_.first_byte_timeout;
      transfer.whole_timeout = api_.whole_timeout;
      transfer.body_bytes_max = kTokenBytesMax;
      transfer.ca_file = api_.ca_file;
      transfer.proxy = api_.proxy;
      std::string body;
      WEIR_TRY(transfers.start(std::move(transfer), [&body](std::span<const std::byte> bytes) -> Result<void> {
        body += net::as_text(bytes);
        return {};
      }));
      const auto finished = WEIR_TRY(transfers.wait(std::nullopt, stop));
      const bool passes = !finished->error && finished->response.status >= 200 && finished->response.status < 300;
      if (passes) return body;
      failure =
          finished->error ? finished->error->text() : fmt::format("{} answered {}", url, finished->response.status);
      const bool hopeless = !finished->error && !may_pass(finished->response.status);
      if (hopeless) {
        return Error{Fault::User, Code::AccessDenied, fmt::format("no token: {}", failure)}.hint(
            "check the connection's auth");
      }
      const auto wait = retry_after(finished->response).value_or(api_.retry.delay);
      log_.warn("{}; waiting {} before asking for a token again", failure, format_duration(wait));
      WEIR_TRY(timeline_.wait_until(timeline_.now() + wait, stop));
    }
    return Error::external(Code::Unavailable, "no token: {}", failure);
  };
  WEIR_TRY(credentials_.ask_token(ask, timeline_.now()).while_doing("asking for a token"));
  log_.info("got a token for {}", api_.url);
  return {};
}

}  // namespace weir::http
