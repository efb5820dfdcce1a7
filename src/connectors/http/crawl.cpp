#include "connectors/http/crawl.hpp"

#include <algorithm>
#include <deque>

#include "data/text.hpp"
#include "net/byte_stream.hpp"
#include "net/city_hash.hpp"
#include "net/url.hpp"

namespace weir::http {
namespace {

// One sequence of pages: of the resource, or of one of its parent's items.
struct Chain {
  Chain(const Pagination& pagination, RequestKey first, std::shared_ptr<const std::string> added_columns,
        const std::filesystem::path& scratch)
      : paginator(pagination, std::move(first)), added(std::move(added_columns)), asked(scratch) {}

  Paginator paginator;
  std::shared_ptr<const std::string> added;
  std::int64_t pages = 0;
  HashIndex asked;             // for which requests
  std::optional<Body> before;  // of the page before
};

// What one item of the parent gives to its children's requests.
struct ParentItem {
  std::map<std::string, std::string> placeholders;
  std::string added;
};

std::string json_of(const ItemField& field) {
  using Kind = documents::Value::Kind;
  if (field.kind == Kind::Null) return "null";
  if (field.kind != Kind::String) return field.text;
  std::string text;
  data::append_json_text(text, field.text);
  return text;
}

// The parent's items, page by page from disk.
class ParentItems {
 public:
  ParentItems(const Resource& child, const Resource& parent, std::shared_ptr<Fetched> fetched)
      : child_(child),
        fetched_(std::move(fetched)),
        sieve_(parent, fetched_->window ? &*fetched_->window : nullptr, ItemSieve::Repeats::LeftOut),
        list_(fetched_->pages),
        pages_(parent) {
    for (const auto& [name, path] : child.parent_fields) add_path(path);
    for (const auto& [name, path] : child.include) add_path(path);
  }

  Result<std::optional<ParentItem>> next() {
    while (ready_.empty()) {
      if (!in_page_) {
        const auto page = WEIR_TRY(list_.next());
        if (!page) return std::optional<ParentItem>{};
        WEIR_TRY(pages_.begin(page->range));
      }
      in_page_ = WEIR_TRY(pages_.step([this](std::string_view item) { return take(item); }));
    }
    auto item = std::move(ready_.front());
    ready_.pop_front();
    return std::optional{std::move(item)};
  }

 private:
  void add_path(const JsonPath& path) { paths_.push_back(path.names().value_or(std::vector<std::string>{})); }

  Result<void> take(std::string_view text) {
    const auto decision = WEIR_TRY(sieve_.decide(parser_, text));
    if (decision.verdict != ItemSieve::Decision::Verdict::Take) return {};
    const auto fields = WEIR_TRY(read_fields(parser_, text, paths_));
    ParentItem item;
    std::size_t at = 0;
    for (const auto& [name, path] : child_.parent_fields) {
      const auto& field = fields[at++];
      // An item that lacks what the child is asked by has no children.
      if (field.kind == documents::Value::Kind::Null) return {};
      item.placeholders[name] = field.text;
    }
    for (const auto& [column, path] : child_.include) {
      item.added += item.added.empty() ? '{' : ',';
      data::append_json_text(item.added, column);
      item.added += ':' + json_of(fields[at++]);
    }
    if (!item.added.empty()) item.added += '}';
    ready_.push_back(std::move(item));
    return {};
  }

  const Resource& child_;
  std::shared_ptr<Fetched> fetched_;
  ItemSieve sieve_;
  documents::JsonParser parser_;
  std::vector<std::vector<std::string>> paths_;
  PageList::Reader list_;
  PageReader pages_;
  bool in_page_ = false;
  std::deque<ParentItem> ready_;
};

std::string quoted_name(const Exchange& exchange) {
  return fmt::format("{} {}", exchange.request.method, exchange.request.url);
}

// One resource on its way to disk.
class ResourceCrawl {
 public:
  ResourceCrawl(const Api& api, const Resource& resource, Recording& recording, Recording* earlier, Network network,
                const std::filesystem::path& hosts, Timeline& timeline, Log& log, std::shared_ptr<Fetched> fetched,
                std::optional<ParentItems> parents)
      : api_(api),
        resource_(resource),
        recording_(recording),
        network_(network),
        log_(log),
        fetcher_(api, recording, earlier, hosts, timeline, log),
        fetched_(std::move(fetched)),
        parents_(std::move(parents)),
        sieve_(resource, fetched_->window ? &*fetched_->window : nullptr, ItemSieve::Repeats::Taken),
        pages_(resource) {
    if (fetched_->window)
      placeholders_ = {{"cursor.from", fetched_->window->from_text()}, {"cursor.to", fetched_->window->to_text()}};
    if (fetched_->window) next_ = fetched_->window;
  }

  Result<void> run(std::stop_token stop) {
    auto ran = fetcher_.run([&] { return start_chain(stop); }, stop);
    // What did come is there for the next attempt, however this one ended.
    auto kept = network_ == Network::Used ? recording_.flush() : Result<void>{};
    WEIR_TRY(std::move(ran));
    WEIR_TRY(std::move(kept));
    if (next_) fetched_->cursor = next_->state();
    return {};
  }
  std::uint64_t pages_recorded() const { return pages_recorded_; }
  std::uint64_t discarded() const { return fetched_->shape.discarded(); }

 private:
  Result<bool> start_chain(std::stop_token stop) {
    // Chains that the recording has whole need no request; the next one may.
    while (true) {
      if (stop.stop_requested()) return Error::cancelled();
      std::map<std::string, std::string> placeholders = placeholders_;
      std::string added;
      if (parents_) {
        auto parent = WEIR_TRY(parents_->next());
        if (!parent) return false;
        placeholders.merge(parent->placeholders);
        added = std::move(parent->added);
      } else if (std::exchange(began_, true)) {
        return false;
      }
      std::shared_ptr<const std::string> padded;
      if (!added.empty())
        padded = std::make_shared<const std::string>(added + std::string(documents::kJsonPadding, ' '));
      auto chain = std::make_shared<Chain>(resource_.pagination, WEIR_TRY(first_request(placeholders)),
                                           std::move(padded), recording_.scratch_folder());
      if (WEIR_TRY(go_on(chain, WEIR_TRY(chain->paginator.first()), stop))) return true;
    }
  }

  Result<RequestKey> first_request(const std::map<std::string, std::string>& placeholders) const {
    std::map<std::string, std::string> encoded;
    for (const auto& [name, value] : placeholders) encoded[name] = net::encode_percent(value);
    RequestKey request{.method = resource_.method, .url = {}, .body = {}};
    const auto path = fill_placeholders(resource_.path, encoded);
    if (path.starts_with("http://") || path.starts_with("https://")) {
      request.url = path;
    } else {
      request.url = api_.url + (path.empty() || path.starts_with('/') || path.starts_with('?') ? "" : "/") + path;
    }
    auto query = api_.query;
    for (const auto& [name, value] : resource_.query) query.emplace_back(name, fill_placeholders(value, placeholders));
    auto body = resource_.body.is_null() ? resource_.body : fill_json(resource_.body, placeholders);
    if (resource_.cursor && fetched_->window) {
      WEIR_TRY(add_cursor(resource_.cursor->param, fetched_->window->from_text(), query, body));
      WEIR_TRY(add_cursor(resource_.cursor->end_param, fetched_->window->to_text(), query, body));
    }
    request.url = net::with_query(request.url, query);
    if (!body.is_null()) request.body = weir::to_text(body);
    return request;
  }

  Result<void> add_cursor(const std::string& param, const std::string& value,
                          std::vector<std::pair<std::string, std::string>>& query, Json& body) const {
    if (param.empty() || value.empty()) return {};
    if (resource_.cursor->in == ParameterPlace::Query) {
      query.emplace_back(param, value);
      return {};
    }
    if (body.is_null()) body = Json::object();
    documents::assign(body, WEIR_TRY(documents::parse_json_path(param)), value);
    return {};
  }

  // Follows a chain through recorded pages until one has to be asked for; false when it has ended.
  Result<bool> go_on(const std::shared_ptr<Chain>& chain, std::optional<RequestKey> request, std::stop_token stop) {
    while (request) {
      if (stop.stop_requested()) return Error::cancelled();
      const auto hash = net::city_hash_128(net::as_bytes(fmt::format("{}\n{}", request->url, request->body)));
      if (!WEIR_TRY(chain->asked.put(hash, {}))) {
        log_.warn("{} leads to a page that was read before: {}; stopping there", resource_.name,
                  fetcher_.redactor().redact(request->url));
        return false;
      }
      if (++chain->pages > resource_.pagination.pages_max) {
        return Error::external(Code::ResourceExhausted, "more pages than pages_max: {}", resource_.pagination.pages_max)
            .retry(Retry::Never);
      }
      const auto recorded = WEIR_TRY(recording_.find(*request));
      if (!recorded) {
        if (network_ == Network::Never) {
          return Error::user(Code::NotFound, "the recording has no answer to {} {}{}{}", request->method, request->url,
                             request->body.empty() ? "" : " with the body ", request->body)
              .hint("record again, or ask what was recorded");
        }
        return submit(chain, std::move(*request), stop);
      }
      ++pages_recorded_;
      request = WEIR_TRY(take_page(*chain, *recorded, {}));
    }
    return false;
  }

  Result<bool> submit(const std::shared_ptr<Chain>& chain, RequestKey key, std::stop_token stop) {
    Request request{.key = std::move(key), .headers = {}};
    if (resource_.format == Format::File) {
      request.body_place = BodyFile::Place::Apart;
      request.body_form = BodyFile::Form::AsSent;
    }
    for (const auto& [name, value] : api_.headers) request.headers.add(name, value);
    for (const auto& [name, value] : resource_.headers) request.headers.add(name, value);
    if (!request.headers.find("accept"))
      request.headers.add("Accept", resource_.format == Format::Json ? "application/json" : "*/*");
    if (!request.headers.find("user-agent")) request.headers.add("User-Agent", "weir");
    if (!request.key.body.empty() && !request.headers.find("content-type"))
      request.headers.add("Content-Type", "application/json");
    fetcher_.submit(std::move(request), [this, chain, stop](const Answer& answer) -> Result<void> {
      if (answer.is_redacted && resource_.file_format == "bytes" && answer.exchange.status < 300) {
        return Error::user(Code::Unsupported, "{} holds a secret of the connection, which nothing may keep: {}",
                           resource_.name, fetcher_.redactor().redact(answer.exchange.request.url))
            .hint("download it by a connection without that secret");
      }
      auto next = WEIR_TRY(take_page(*chain, answer.exchange, answer.text));
      WEIR_TRY(go_on(chain, std::move(next), stop));
      return {};
    });
    return true;
  }

  // Takes a page in and says which follows. `text` is the page where it is in memory.
  Result<std::optional<RequestKey>> take_page(Chain& chain, const Exchange& exchange, std::string_view text) {
    const std::optional<RequestKey> none;
    if (exchange.status >= 300 && exchange.status != 304) {
      if (std::ranges::find(resource_.empty_statuses, exchange.status) != resource_.empty_statuses.end()) return none;
      return Error::user(Code::InvalidArgument, "{} answered {}", quoted_name(exchange), exchange.status);
    }
    if (chain.before && chain.before->same_as(exchange.body)) {
      log_.warn("{} gives the same page again: {}; stopping there", resource_.name,
                fetcher_.redactor().redact(exchange.request.url));
      return none;
    }
    if (resource_.format == Format::File) {
      fetched_->bytes += exchange.body.range.bytes;
      WEIR_TRY(fetched_->pages.add({exchange.body.range, {}}));
      return none;
    }
    // What a page that breaks off has counted is taken back: it may come otherwise when it is asked for again.
    const auto next_before = next_;
    const auto items_before = fetched_->items;
    const auto rejected_before = fetched_->rejected;
    auto read = read_page(exchange, text, chain.added.get());
    if (!read.ok()) {
      next_ = next_before;
      fetched_->items = items_before;
      fetched_->rejected = rejected_before;
      auto error = std::move(read).error().while_doing(fetcher_.redactor().redact(
          fmt::format("page {} of {}: {}", chain.pages, resource_.name, quoted_name(exchange))));
      // What no repetition can mend is told apart by who has to act.
      const bool malformed = error.code() == Code::InvalidData && error.message().starts_with("invalid JSON");
      return malformed ? std::move(error).retry(Retry::Later) : std::move(error);
    }
    chain.before = exchange.body;
    fetched_->bytes += exchange.body.range.bytes;
    WEIR_TRY(fetched_->pages.add({exchange.body.range, chain.added}));
    if (read->stops) return none;
    auto next = chain.paginator.next({.envelope = read->envelope.is_null() ? nullptr : &read->envelope,
                                      .headers = &exchange.headers,
                                      .items = read->items});
    if (next.ok() && *next && chain.pages == 1)
      log_.debug("{} is paged by {}", resource_.name, chain.paginator.kind_text());
    // A page without items ends the list, whatever it says about another one.
    if (next.ok() && read->items == 0) return none;
    return next;
  }

  struct ReadPage {
    Json envelope;
    std::uint64_t items = 0;
    bool stops = false;
  };

  Result<ReadPage> read_page(const Exchange& exchange, std::string_view text, const std::string* added) {
    ReadPage page;
    if (text.empty()) {
      WEIR_TRY(pages_.begin(exchange.body.range));
    } else {
      pages_.begin(text);
    }
    while (WEIR_TRY(pages_.step([&](std::string_view item) { return take_item(item, page); }))) {
    }
    if (!pages_.envelope().empty()) {
      auto envelope = parse_json(pages_.envelope());
      if (!envelope.ok())
        return Error{Fault::External, Code::InvalidData, fmt::format("invalid JSON: {}", envelope.error().message())};
      page.envelope = std::move(envelope).value();
    }
    if (!pages_.found()) {
      return Error{Fault::External, Code::InvalidData, "nothing at the path that select names"}.hint(
          "check the resource's select; the answer is kept in the run's recordings");
    }
    if (added != nullptr && page.items != 0) {
      const auto columns = std::string_view{*added}.substr(0, added->size() - documents::kJsonPadding);
      WEIR_TRY(parser_.parse(columns, [&](documents::Value& value) { return fetched_->shape.observe(value); }));
    }
    return page;
  }

  Result<void> take_item(std::string_view item, ReadPage& page) {
    ++page.items;
    auto decision = WEIR_TRY(sieve_.decide(parser_, item));
    if (decision.verdict == ItemSieve::Decision::Verdict::SkipAndStop) page.stops = true;
    if (decision.verdict != ItemSieve::Decision::Verdict::Take) return {};
    auto& shape = fetched_->shape;
    if (shape.rules().contracts.rejects()) {
      std::optional<std::string> reason;
      WEIR_TRY(parser_.parse(item, [&](documents::Value& value) -> Result<void> {
        reason = WEIR_TRY(shape.check(value));
        return {};
      }));
      if (reason) {
        if (fetched_->rejected++ == 0) log_.warn("left out an item of {} by its contract: {}", resource_.name, *reason);
        if (next_) next_->advance(decision.cursor, decision.fingerprint);
        return {};
      }
    }
    WEIR_TRY(parser_.parse(item, [&](documents::Value& value) { return shape.observe(value); }));
    if (next_) next_->advance(decision.cursor, decision.fingerprint);
    ++fetched_->items;
    return {};
  }

  const Api& api_;
  const Resource& resource_;
  Recording& recording_;
  const Network network_;
  Log& log_;
  Fetcher fetcher_;
  std::shared_ptr<Fetched> fetched_;
  std::optional<ParentItems> parents_;
  ItemSieve sieve_;
  documents::JsonParser parser_;
  PageReader pages_;
  std::optional<CursorWindow> next_;  // grows towards the next run's begin
  std::map<std::string, std::string> placeholders_;
  bool began_ = false;
  std::uint64_t pages_recorded_ = 0;
};

}  // namespace

Result<std::shared_ptr<Fetched>> Crawler::fetch(const Resource& resource, const Json& given, std::stop_token stop) {
  std::optional<ParentItems> parents;
  if (!resource.parent.empty()) {
    const auto* parent = api_.find(resource.parent);
    WEIR_CHECK(parent != nullptr);
    parents.emplace(resource, *parent, WEIR_TRY(fetch(*parent, nullptr, stop)));
  }
  auto from = given;
  Descriptor lock;
  if (network_ == Network::Never) {
    from = WEIR_TRY(recording_.fetch_begin(resource.name)).value_or(Json(nullptr));
  } else {
    lock = WEIR_TRY(recording_.lock(resource.name, stop));
    const auto noted = WEIR_TRY(recording_.fetch_begin(resource.name));
    if (!noted || *noted != from) WEIR_TRY(recording_.note_fetch(resource.name, from));
  }
  auto shape = from.is_object() && from.contains("shape")
                   ? WEIR_TRY(documents::Shape::from_json(resource.rules, from.at("shape")))
                   : documents::Shape{resource.rules};
  auto fetched = std::make_shared<Fetched>(std::move(shape), recording_.scratch_folder());
  if (resource.cursor) {
    fetched->window = WEIR_TRY(
        CursorWindow::open(*resource.cursor, from.is_object() ? from.value("cursor", Json(nullptr)) : Json(nullptr)));
  }
  ResourceCrawl crawl{api_,   resource,  recording_, earlier_, network_,
                      hosts_, timeline_, log_,       fetched,  std::move(parents)};
  WEIR_TRY(crawl.run(stop).while_doing(fmt::format("fetching {}", resource.name)));
  log_.info("{} {}: {} items on {} pages, {} bytes{}", network_ == Network::Never ? "replayed" : "fetched",
            resource.name, fetched->items, fetched->pages.size(), fetched->bytes,
            network_ == Network::Used && crawl.pages_recorded() != 0
                ? fmt::format("; {} pages were there already", crawl.pages_recorded())
                : "");
  if (fetched->rejected != 0) {
    log_.warn("{} items of {} are against its contract; the stream {}._rejects has them", fetched->rejected,
              resource.name, resource.name);
  }
  if (crawl.discarded() != 0) log_.warn("left out {} values of {} by its contract", crawl.discarded(), resource.name);
  return fetched;
}

}  // namespace weir::http
