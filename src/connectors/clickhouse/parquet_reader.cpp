#include "connectors/clickhouse/parquet_reader.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/parquet_footer.hpp"
#include "connectors/clickhouse/parquet_staging.hpp"
#include "connectors/clickhouse/reader.hpp"

namespace weir::clickhouse {
namespace {

using Path = std::filesystem::path;

// Neighbouring row groups go together up to this size, since every journey costs some milliseconds.
constexpr std::uint64_t kChunkBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kGapBytesMax = std::uint64_t{1} << 20;
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

struct ParquetFile {
  Path path;
  Descriptor descriptor;
  ParquetFooter footer;
};

Result<ParquetFile> open_file(const Path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return Error::from_errno(errno, fmt::format("opening file: {}", path.string()));
  auto footer = WEIR_TRY(ParquetFooter::read(file, path));
  return ParquetFile{path, std::move(file), std::move(footer)};
}

bool has_meaning(const ParquetNode& node) { return node.meaning || std::ranges::any_of(node.children, has_meaning); }

// What a column means that ClickHouse reads as `type`; nothing when their shapes differ.
std::optional<data::Type> meant_type(const data::Type& type, const ParquetNode& node) {
  if (!has_meaning(node)) return type;
  if (type.kind == data::Kind::List) {
    // A list is a group with a repeated group with the element; in older files the repeated one is the element itself.
    const auto* element = &node;
    if (!node.children.empty()) {
      if (node.children.size() != 1 || !node.children[0].repeated) return std::nullopt;
      element = &node.children[0];
      if (element->children.size() == 1) element = &element->children[0];
    }
    const auto& item = type.children->front();
    auto meant = meant_type(item.type, *element);
    return meant ? std::optional{data::list_of(std::move(*meant), item.nullable)} : std::nullopt;
  }
  if (type.kind == data::Kind::Struct) {
    if (type.children->size() != node.children.size()) return std::nullopt;
    auto fields = *type.children;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      auto meant = meant_type(fields[i].type, node.children[i]);
      if (!meant) return std::nullopt;
      fields[i].type = std::move(*meant);
    }
    return data::struct_of(std::move(fields));
  }
  if (!node.meaning || !node.children.empty()) return std::nullopt;
  const bool same_kind = data::is_text_like(type.kind) == data::is_text_like(node.meaning->kind);
  const bool fits = data::value_width(type) <= data::value_width(*node.meaning);
  return same_kind && fits ? node.meaning : std::nullopt;
}

std::string hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// The columns as the server reads them: told from a file that has the schema and no rows.
struct ServerColumns {
  std::vector<CatalogColumn> columns;
  std::vector<ReadColumn> read;     // what of them is read back, and how
  std::vector<data::Field> fields;  // with their meanings
};

Result<ServerColumns> server_columns(ClientPool& pool, const ParquetFile& file, const std::vector<std::string>& wanted,
                                     std::stop_token stop) {
  const auto server = WEIR_TRY(pool.server(stop));
  const auto empty = std::string{kParquetMagic} + WEIR_TRY(file.footer.end_of_file(0, 0));
  const auto sql = fmt::format("DESCRIBE TABLE format(Parquet, unhex('{}'))", hex(empty));
  const auto rows = WEIR_TRY(
      pool.take()->rows({.sql = sql, .settings = {{"max_query_size", std::to_string(sql.size() + 1024)}}}, stop));
  std::vector<CatalogColumn> all;
  for (const auto& row : rows) {
    if (row.size() >= 2) all.push_back({row[0].value_or(""), row[1].value_or(""), {}});
  }
  ServerColumns found;
  if (wanted.empty()) found.columns = all;
  for (const auto& name : wanted) {
    const auto column = std::ranges::find(all, name, &CatalogColumn::name);
    if (column == all.end())
      return Error::user(Code::NotFound, "the file has no column: {} ({})", name, file.path.filename().string());
    found.columns.push_back(*column);
  }
  found.read = WEIR_TRY(read_columns(found.columns, server.zone));
  for (const auto& column : found.read) {
    auto field = column.field;
    const auto node = std::ranges::find(file.footer.columns(), field.name, &ParquetNode::name);
    if (node != file.footer.columns().end()) {
      auto type = meant_type(field.type, *node);
      if (!type) {
        return Error::user(Code::Unsupported, "column {} has a shape that Weir does not know: {}", field.name,
                           file.path.filename().string())
            .hint("leave it out with columns: […]");
      }
      field.type = std::move(*type);
    }
    found.fields.push_back(std::move(field));
  }
  return found;
}

class ParquetReader final : public flow::Reader {
 public:
  ParquetReader(std::shared_ptr<ClientPool> pool, ParquetFile file, ServerColumns columns, flow::Limits limits)
      : pool_(std::move(pool)), file_(std::move(file)), columns_(std::move(columns)), limits_(limits) {
    schema_ = std::make_shared<const data::Schema>(data::Schema{columns_.fields});
  }

  Result<void> start(Log& log, std::stop_token stop) {
    std::string list;
    for (const auto& column : columns_.columns) {
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ", quote_name(column.name), column.type);
      names_ += fmt::format("{}{}", names_.empty() ? "" : ", ", quote_name(column.name));
    }
    staging_ = WEIR_TRY(ParquetStaging::create(pool_, list, log, stop));
    return {};
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return bytes_; }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    return next_batch(stop).while_doing(fmt::format("reading Parquet file {}", file_.path.filename().string()));
  }

 private:
  Result<std::optional<flow::Delivery>> next_batch(const std::stop_token& stop) {
    for (;;) {
      if (stop.stop_requested()) return Error::cancelled();
      if (!rows_) {
        while (group_ < file_.footer.groups().size() && file_.footer.groups()[group_].rows == 0) ++group_;
        if (group_ == file_.footer.groups().size()) return std::nullopt;
        WEIR_TRY(send_chunk(stop));
      }
      auto delivery = WEIR_TRY(rows_->next(stop));
      if (delivery) {
        rows_delivered_ += delivery->batch.rows();
        return with_meanings(delivery->batch);
      }
      rows_.reset();
      if (rows_delivered_ != rows_sent_) {
        return Error::external(Code::InvalidData, "ClickHouse gave {} of {} rows back", rows_delivered_, rows_sent_);
      }
    }
  }

  Result<std::optional<flow::Delivery>> with_meanings(const data::Batch& batch) {
    std::vector<data::Column> columns;
    for (std::size_t i = 0; i < batch.columns().size(); ++i) {
      columns.push_back(WEIR_TRY(with_meaning(batch.column(i), schema_->fields[i].type)));
    }
    return flow::Delivery{data::Batch{schema_, std::move(columns), batch.rows()}, std::nullopt};
  }

  // As many of the next groups as lie together and make a chunk; at least one.
  std::size_t chunk_groups() const {
    const auto& groups = file_.footer.groups();
    auto end = group_ + 1;
    while (end < groups.size() && groups[end].begin >= groups[end - 1].end &&
           groups[end].begin - groups[end - 1].end <= kGapBytesMax &&
           groups[end].end - groups[group_].begin <= kChunkBytes) {
      ++end;
    }
    return end - group_;
  }

  Result<void> send_chunk(const std::stop_token& stop) {
    const auto count = chunk_groups();
    const auto& groups = file_.footer.groups();
    if (group_ != 0)
      WEIR_TRY(pool_->take()->execute({.sql = fmt::format("TRUNCATE TABLE {} SYNC", staging_->quoted())}, stop));
    {
      const auto client = pool_->take();
      const auto insert =
          WEIR_TRY(client->insert({.sql = fmt::format("INSERT INTO {} ({}) FORMAT Parquet", staging_->quoted(), names_),
                                   .settings = parquet_insert_settings()},
                                  stop));
      insert->use(stop);
      WEIR_TRY(insert->write(net::as_bytes(kParquetMagic)));
      WEIR_TRY(send_bytes(*insert, groups[group_].begin, groups[group_ + count - 1].end, stop));
      const auto end = WEIR_TRY(file_.footer.end_of_file(group_, count));
      WEIR_TRY(insert->write(net::as_bytes(end)));
      WEIR_TRY(insert->finish());
    }
    for (auto i = group_; i < group_ + count; ++i) rows_sent_ += groups[i].rows;
    group_ += count;
    rows_ = WEIR_TRY(open_reader(pool_,
                                 fmt::format("SELECT {} FROM {} ORDER BY {}", select_list(columns_.read),
                                             staging_->quoted(), quote_name(kRowColumn)),
                                 columns_.columns, limits_, stop));
    return {};
  }

  Result<void> send_bytes(InsertStream& insert, std::uint64_t begin, std::uint64_t end, const std::stop_token& stop) {
    std::vector<std::byte> buffer(kBufferBytes);
    while (begin < end) {
      if (stop.stop_requested()) return Error::cancelled();
      const auto wanted = std::min<std::uint64_t>(buffer.size(), end - begin);
      const auto count = ::pread(file_.descriptor.get(), buffer.data(), wanted, static_cast<off_t>(begin));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error::from_errno(errno, fmt::format("reading file: {}", file_.path.string()));
      if (count == 0)
        return Error::external(Code::Conflict, "the file was cut while it was read: {}", file_.path.string());
      WEIR_TRY(insert.write(std::span{buffer.data(), static_cast<std::size_t>(count)}));
      begin += static_cast<std::uint64_t>(count);
      bytes_ += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  std::shared_ptr<ClientPool> pool_;
  ParquetFile file_;
  ServerColumns columns_;
  flow::Limits limits_;
  data::SchemaPtr schema_;
  std::string names_;
  std::unique_ptr<ParquetStaging> staging_;
  std::size_t group_ = 0;  // the next to send
  std::unique_ptr<flow::Reader> rows_;
  std::uint64_t rows_sent_ = 0;
  std::uint64_t rows_delivered_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<data::Schema> describe_parquet(ClientPool& pool, const Path& path, std::stop_token stop) {
  const auto file = WEIR_TRY(open_file(path));
  return data::Schema{WEIR_TRY(server_columns(pool, file, {}, stop)).fields};
}

Result<std::unique_ptr<flow::Reader>> open_parquet_reader(std::shared_ptr<ClientPool> pool, const Path& path,
                                                          const std::vector<std::string>& columns,
                                                          const flow::Limits& limits, Log& log, std::stop_token stop) {
  auto file = WEIR_TRY(open_file(path));
  auto found = WEIR_TRY(server_columns(*pool, file, columns, stop));
  auto reader = std::make_unique<ParquetReader>(std::move(pool), std::move(file), std::move(found), limits);
  WEIR_TRY(reader->start(log, stop));
  return reader;
}

}  // namespace weir::clickhouse
