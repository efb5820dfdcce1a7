#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/byte_stream.hpp"
#include "net/clickhouse_frame.hpp"
#include "net/http_client.hpp"

// Plain ClickHouse HTTP: https://clickhouse.com/docs/interfaces/http. What a server, a cluster's node and `weir warehouse`
// all speak.
namespace weir::clickhouse {

using Pairs = std::vector<std::pair<std::string, std::string>>;

enum class Compression { None, Lz4 };

struct ClientOptions {
  std::string url = "http://127.0.0.1:8123";  // without user and password
  std::string unix_socket;
  std::string user = "default";
  Secret password;
  std::string database = "default";
  std::string ca_file;
  net::Timeouts timeouts;
  Compression compression = Compression::None;
  Pairs settings;  // ClickHouse's own, sent with every query
};

struct Query {
  std::string sql;
  Pairs settings = {};
  Pairs parameters = {};     // {name:Type} in the text
  std::string session = {};  // queries of one session follow each other and share temporary tables
};

struct ServerInfo {
  int version = 0;  // 26007 is 26.7
  std::string zone;
};

// A query's result under way. What the server says about a failure in the middle of it stands in the stream itself, so
// errors of reading and of decoding go through explain().
class ResultStream final : public net::ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  // The stop token of the reads that follow.
  void use(std::stop_token stop) { stop_ = std::move(stop); }
  // The server's exception when the stream holds one, else the error as it is. Reads what is left of the stream.
  Error explain(Error error);
  const std::string& query_id() const { return query_id_; }
  bool finished() const { return finished_; }

 private:
  friend class Client;
  class Body;
  ResultStream(std::unique_ptr<net::HttpExchange> exchange, std::string query_id, std::string exception_tag,
               Compression compression);

  std::unique_ptr<net::HttpExchange> exchange_;
  std::string query_id_;
  std::string exception_tag_;
  std::stop_token stop_;
  std::string tail_;  // the last bytes of the body, where an exception stands
  std::unique_ptr<Body> body_;
  std::unique_ptr<net::FrameDecoder> frames_;
  bool finished_ = false;
  Result<std::size_t> read_body(std::span<std::byte> buffer);

 public:
  ~ResultStream() override;
};

// An INSERT's data under way.
class InsertStream final : public net::ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override;
  // The server has all rows. Without it the server gives the insert up (whole blocks of it may have landed).
  Result<void> finish() override;
  void use(std::stop_token stop) { stop_ = std::move(stop); }
  ~InsertStream() override;

 private:
  friend class Client;
  class Body;
  InsertStream(std::unique_ptr<net::HttpExchange> exchange, Compression compression);

  std::unique_ptr<net::HttpExchange> exchange_;
  std::stop_token stop_;
  std::unique_ptr<Body> body_;
  std::unique_ptr<net::FrameEncoder> frames_;
};

// Speaks to one server over connections that stay open. Used by one thread at a time; its streams must not outlive it.
class Client {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  // A statement without rows: returns how many it wrote, as far as the server says.
  Result<std::uint64_t> execute(const Query& query, std::stop_token stop);
  // A small result as rows of tab-separated fields, unescaped; NULL is an absent value.
  using Row = std::vector<std::optional<std::string>>;
  Result<std::vector<Row>> rows(const Query& query, std::stop_token stop);
  // A result in Native format.
  Result<std::unique_ptr<ResultStream>> select(const Query& query, std::stop_token stop);
  // The query is an INSERT that ends with FORMAT …; its data follow through the stream.
  Result<std::unique_ptr<InsertStream>> insert(const Query& query, std::stop_token stop);
  // Asks the server to stop a query whose answer nobody waits for. Waits half a second at most.
  void kill(const std::string& query_id);

 private:
  net::HttpRequest request(const Query& query, const Pairs& arguments) const;

  ClientOptions options_;
  net::HttpClient http_;
};

// Clients for several threads. A lease gives its client back when it goes.
class ClientPool : public std::enable_shared_from_this<ClientPool> {
 public:
  explicit ClientPool(ClientOptions options) : options_(std::move(options)) {}

  class Lease {
   public:
    Lease(std::shared_ptr<ClientPool> pool, std::unique_ptr<Client> client)
        : pool_(std::move(pool)), client_(std::move(client)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (client_) pool_->give_back(std::move(client_));
    }
    Client* operator->() const { return client_.get(); }
    Client& operator*() const { return *client_; }

   private:
    std::shared_ptr<ClientPool> pool_;
    std::unique_ptr<Client> client_;
  };

  Lease take();
  const ClientOptions& options() const { return options_; }
  // Asked once, then remembered.
  Result<ServerInfo> server(std::stop_token stop);

 private:
  void give_back(std::unique_ptr<Client> client);

  ClientOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Client>> idle_;
  std::optional<ServerInfo> server_;
};

}  // namespace weir::clickhouse
