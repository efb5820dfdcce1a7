#include "connectors/postgres/sink.hpp"

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/load.hpp"
#include "connectors/postgres/receipts.hpp"

namespace weir::postgres {
namespace {

class PostgresSink final : public flow::Sink {
 public:
  PostgresSink(std::shared_ptr<ConnectionPool> pool, std::string default_schema, Log& log)
      : pool_(std::move(pool)), default_schema_(std::move(default_schema)), log_(log) {}

  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest& request, std::stop_token stop) override {
    return open_checked(request, stop).while_doing("opening a load of " + request.table);
  }

  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest& request, const CommitId& commit,
                                            std::stop_token stop) override {
    auto connection = WEIR_TRY(pool_->take(stop));
    return find_receipt(*connection, relation_from(request.table, default_schema_).text(), commit, stop);
  }

 private:
  Result<std::unique_ptr<flow::Load>> open_checked(const flow::WriteRequest& request, std::stop_token stop) {
    auto stage = WEIR_TRY(Stage::reserve(pool_, relation_from(request.table, default_schema_), stop));
    auto plan = WEIR_TRY(plan_load(stage.session(), request, default_schema_, stop));
    WEIR_TRY(ensure_receipts(stage.session(), stop));
    LockPatience patience;
    if (request.options.has("lock_wait")) patience.total = request.options.duration("lock_wait");
    return open_load(pool_, std::move(plan), std::move(stage), patience, log_, stop);
  }

  const std::shared_ptr<ConnectionPool> pool_;
  const std::string default_schema_;
  Log& log_;
};

}  // namespace

std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<ConnectionPool> pool, std::string default_schema, Log& log) {
  return std::make_unique<PostgresSink>(std::move(pool), std::move(default_schema), log);
}

}  // namespace weir::postgres
