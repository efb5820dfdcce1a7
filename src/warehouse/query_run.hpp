#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_server.hpp"
#include "warehouse/admission.hpp"
#include "warehouse/engine.hpp"
#include "warehouse/query_log.hpp"
#include "warehouse/reply.hpp"
#include "warehouse/request_options.hpp"
#include "warehouse/sessions.hpp"

namespace weir::warehouse {

// What all requests share.
struct Services {
  Engine& engine;
  Admission& admission;
  Sessions& sessions;
  QueryLog& log;
  const std::filesystem::path& scratch_folder;
};

// One query request from its URL to its answer.
class QueryRun {
 public:
  QueryRun(const Services& services, net::IncomingRequest& request, net::ResponseWriter& response);
  ~QueryRun();

  void run();
  // Answers with an error before anything has run.
  void refuse(const Error& error);

 private:
  Result<void> prepare();
  Result<void> read_statement();
  Result<void> check_read_only();
  Result<void> acquire_connection();
  Result<void> configure_connection();
  Result<void> remember_settings();
  Error explain_setting(Error error);
  enum class Outcome { Good, Failed };
  void release(Outcome outcome);
  void restore_session(Outcome outcome);
  Result<Statistics> execute();
  Result<void> send_result(net::ByteSource& result);
  Result<void> feed_insert(net::ByteSink& sink);
  net::ByteSource& body() { return input_.empty() ? request_.body : *input_.back(); }
  void build_output();
  void add_success_headers();
  void succeed(const Statistics& statistics);
  void fail(const Error& error);
  void write_log();
  net::ByteSink& output() { return output_.empty() ? static_cast<net::ByteSink&>(reply_) : *output_.back(); }

  Services services_;
  net::IncomingRequest& request_;
  net::ResponseWriter& response_;
  Instant began_;
  std::chrono::steady_clock::time_point began_steady_;

  RequestOptions options_;
  std::vector<std::unique_ptr<net::ByteSource>> input_;  // decoders, each reading from the one before
  std::string text_;                                     // the statement, and the first data of an INSERT
  Statement statement_;
  std::string format_;  // of the result, or of the data

  std::optional<Admission::Place> place_;
  std::optional<Sessions::Lease> session_;
  std::optional<ChdbConnection> own_connection_;
  ChdbConnection* connection_ = nullptr;
  std::string restore_sql_;  // puts a session's settings back after the request

  Reply reply_;
  std::vector<std::unique_ptr<net::ByteSink>> output_;  // encoders, each writing to the one before
  Statistics statistics_;
  bool answers_in_frames_ = false;
  int error_code_ = 0;
  std::string logged_text_;
};

}  // namespace weir::warehouse
