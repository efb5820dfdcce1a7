#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "connectors/http/fetcher.hpp"
#include "connectors/http/item_sieve.hpp"
#include "connectors/http/page_list.hpp"
#include "connectors/http/paginator.hpp"

namespace weir::http {

// All that a run has of a resource: pages on disk, and what is inside.
struct Fetched {
  Fetched(documents::Shape known, std::filesystem::path scratch) : pages(std::move(scratch)), shape(std::move(known)) {}

  PageList pages;
  documents::Shape shape;
  std::optional<CursorWindow> window;  // which of the items count; of incremental resources
  Json cursor;                         // where the next run begins; null: none
  std::uint64_t items = 0;
  std::uint64_t rejected = 0;
  std::uint64_t bytes = 0;
};

enum class Network { Used, Never };

// Brings a resource's pages to disk, from wherever an earlier attempt of the run left off: pages that the recording has are
// not asked for again. Pages come side by side for different parents, and one after the other within each.
class Crawler {
 public:
  // `earlier` keeps answers between runs, for conditional requests; null without them.
  // `hosts`: the folder in which the project's tasks share the limits of hosts.
  Crawler(const Api& api, Recording& recording, Recording* earlier, Network network, std::filesystem::path hosts,
          Timeline& timeline, Log& log)
      : api_(api),
        recording_(recording),
        earlier_(earlier),
        network_(network),
        hosts_(std::move(hosts)),
        timeline_(timeline),
        log_(log) {}

  // `given` is a checkpoint's content: {cursor, shape}; null for the first run.
  Result<std::shared_ptr<Fetched>> fetch(const Resource& resource, const Json& given, std::stop_token stop);

 private:
  const Api& api_;
  Recording& recording_;
  Recording* earlier_;
  const Network network_;
  const std::filesystem::path hosts_;
  Timeline& timeline_;
  Log& log_;
};

}  // namespace weir::http
