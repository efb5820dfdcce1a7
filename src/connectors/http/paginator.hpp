#pragma once

#include <optional>
#include <string>

#include "connectors/http/api.hpp"
#include "connectors/http/fetcher.hpp"

namespace weir::http {

// What a page says about the next one.
struct PageFacts {
  const Json* envelope = nullptr;  // what stands around the items; null when that is no JSON object
  const net::Headers* headers = nullptr;
  std::uint64_t items = 0;
};

// Leads from page to page of one sequence. Decides from the pages alone, so that the same pages lead the same way again.
class Paginator {
 public:
  // `pagination` must live as long.
  Paginator(const Pagination& pagination, RequestKey first)
      : pagination_(&pagination), kind_(pagination.kind), current_(std::move(first)) {}
  Paginator(const Paginator&) = delete;
  Paginator& operator=(const Paginator&) = delete;

  // The first page's request: with its offset, number and size.
  Result<RequestKey> first();
  // The request after the page that current() brought; nothing after the last one.
  Result<std::optional<RequestKey>> next(const PageFacts& page);
  const RequestKey& current() const { return current_; }
  // What `auto` turned out to be, for the log.
  std::string kind_text() const;

 private:
  // Sets parameters in the query or in the body.
  Result<RequestKey> with(const RequestKey& request, const std::vector<std::pair<std::string, Json>>& parameters) const;
  Result<std::optional<RequestKey>> follow(const std::string& link) const;
  void detect(const PageFacts& page);
  std::optional<std::string> text_at(const PageFacts& page, const std::optional<JsonPath>& path) const;
  std::optional<std::int64_t> number_at(const PageFacts& page, const std::optional<JsonPath>& path) const;
  bool says_no_more(const PageFacts& page) const;

  const Pagination* pagination_;
  std::optional<Pagination> found_;  // instead, once `auto` has found out how
  Pagination::Kind kind_;
  RequestKey current_;
  std::int64_t offset_ = 0;
  std::int64_t number_ = 0;
};

}  // namespace weir::http
